"""A card that promises nothing, and a speed measured of it, for the tests of adopting."""

CARD = """# A comment that stays.
name = "toy"
family = "toy"
classes = 3
chips = ["Ascend310P3"]
batches = [1, 4]

[source]
url = "https://example.org/toy"
framework = "torch"

[[input]]
name = "x"
dtype = "float32"
shape = ["N", 3, 8, 8]

[[output]]
name = "y"
index = 0
dtype = "float32"
shape = ["N", 3]
scored = true

[dataset]
kind = "imagenet"
count = 10

[metric]
name = "top1"
protocol = "by-name"
"""

# Batch 4 in 2 ms is 2000 images/s; a canary of 10 ms fits 20 of them, and one run is a fifth of it.
ROUNDS = {"definition": "wall", "statistic": "median", "batch": 4, "rounds_ms": (2.0,) * 9}
QUIET = {**ROUNDS, "canary_before_ms": 11.0, "canary_after_ms": 10.0}
