"""A README of a toy network and the promises of its card, for the tests that lay the two side by side."""

from tests.harness.toy_card import CARD

README = """# ToyNet

The network is described elsewhere.

| 芯片型号 | Batch Size | 数据集 | 精度 | 性能 |
| :---: | :---: | --- | --- | ---: |
| Ascend310P3 | 1 | toyset | top1: 70.50% | 120.5 |
| Ascend310P3 | 4 | toyset | | **300.25 fps** |
| Ascend310P3 | 8 | toyset | 内存不足 | |
"""

PROMISES = """
[[baseline]]
chip = "Ascend310P3"
batch = 1
metric = "top1"
protocol = "by-name"
value = 70.50
unit = "%"
role = "promise"
source = { file = "README.md", line = 7, column = "精度", text = "top1: 70.50%" }

[[baseline]]
chip = "Ascend310P3"
batch = 1
metric = "throughput"
value = 120.5
unit = "images/s"
role = "promise"
definition = "ais_bench"
source = { file = "README.md", line = 7, column = "性能", text = "120.5" }

[[baseline]]
chip = "Ascend310P3"
batch = 4
metric = "throughput"
value = 300.25
unit = "images/s"
role = "promise"
definition = "ais_bench"
source = { file = "README.md", line = 8, column = "性能", text = "300.25 fps" }

[[expect]]
chip = "Ascend310P3"
batch = 8
check = "any"
outcome = "oom"
source = { file = "README.md", line = 9, column = "精度", text = "内存不足" }
"""

PROMISING = CARD.replace("batches = [1, 4]", "batches = [1, 4, 8]") + PROMISES
