"""A zoo's repository with scripts of its own, and the card that names them, written by hand.

80 samples of three numbers, of which the largest is the prediction; 57 labels agree with it: 57 / 80 = 71.25 %.
"""

from pathlib import Path

SAMPLES, RIGHT = 80, 57
EXPORT = """
import sys
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

factor = numpy_helper.from_array(np.float32([2.0]), "factor")
graph = helper.make_graph(
    [helper.make_node("Mul", ["x", "factor"], ["y"])], "toy",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])], [factor])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
onnx.save(model, sys.argv[1])
print("weights", open(sys.argv[2]).read())
"""
PREPROCESS = """
import sys
from pathlib import Path
import numpy as np

source, target, labels = map(Path, sys.argv[1:4])
labels.mkdir(exist_ok=True)
truth = (source / "labels.txt").read_text().split()
for number, label in enumerate(truth):
    x = np.zeros(3, np.float32)
    x[number % 3] = 1.0 + number
    x.tofile(target / f"img_{number:03d}.bin")
    (labels / f"img_{number:03d}.txt").write_text(label)
"""
POSTPROCESS = """
import sys
from pathlib import Path
import numpy as np

results, labels = map(Path, sys.argv[1:3])
right = total = 0
for path in sorted(labels.glob("*.txt")):
    scores = np.fromfile(results / f"{path.stem}_0.bin", np.float32)
    right += int(scores.argmax() == int(path.read_text()))
    total += 1
print(f"top1: {100 * right / total:.2f} %")
"""
CARD = """
name = "toyzoo"
family = "toyzoo"
classes = 3
chips = ["Ascend310P3"]

[source]
url = "https://example.org/toyzoo"
framework = "onnx"

[weights]
file = "toy.txt"

[[input]]
name = "x"
dtype = "float32"
shape = ["N", 3]

[[output]]
name = "y"
index = 0
dtype = "float32"
shape = ["N", 3]
scored = true

[dataset]
kind = "none"
count = 80

[metric]
name = "top1"
protocol = "as-printed"

[[baseline]]
chip = "Ascend310P3"
batch = 1
metric = "top1"
value = 71.25
unit = "%"
role = "promise"
source = { file = "README.md", line = 9, text = "71.25%" }

[script]
repository = "cv/Toy"
dataset = "toyset"

[script.export]
argv = ["python3.7", "tools/export.py", "{model}", "{weights}"]

[script.preprocess]
argv = ["python3", "preprocess.py", "{dataset}", "{inputs}", "{output}/labels"]
inputs = ["preprocess.py"]
outputs = ["{output}/labels"]

[script.postprocess]
argv = ["python3", "postprocess.py", "{results}", "{output}/labels"]
metric = { pattern = "top1: ([0-9.]+) %", unit = "%" }
"""


def write(folder: Path, edit: tuple[str, str] = ("", ""), **scripts: str) -> Path:
    """Write `zoo/cv/Toy`, `data/toyset`, and `models/toyzoo/card.toml`; return the card's path.

    `edit` replaces one text of the card, `scripts` whole scripts by name.
    """
    texts = {"export": EXPORT, "preprocess": PREPROCESS, "postprocess": POSTPROCESS, **scripts}
    repository = folder / "zoo" / "cv" / "Toy"
    (repository / "tools").mkdir(parents=True)
    for name, text in texts.items():
        (repository / ("tools" if name == "export" else "") / f"{name}.py").write_text(text, encoding="utf-8")
    data = folder / "data" / "toyset"
    data.mkdir(parents=True)
    labels = [number % 3 if number < RIGHT else (number + 1) % 3 for number in range(SAMPLES)]
    (data / "labels.txt").write_text(" ".join(map(str, labels)), encoding="utf-8")
    path = folder / "models" / "toyzoo" / "card.toml"
    path.parent.mkdir(parents=True)
    assert edit[0] in CARD
    path.write_text(CARD.replace(*edit, 1) if edit[0] else CARD, encoding="utf-8")
    (path.parent / "toy.txt").write_text("seven", encoding="utf-8")
    return path
