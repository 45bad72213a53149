"""`omgate validate`: what it finds in cards whose every table is well formed."""

import hashlib
from pathlib import Path

import pytest

from harness import cli

CARD = r"""
name = "street"
family = "street"
classes = ["road", "car", "sky"]
chips = ["Ascend310P3"]
batches = [1, 4]

[source]
url = "https://example.org/street"
framework = "torch"

[weights]
file = "street.pth"
prefix = "abc123"

[network]
width = 8

[[input]]
name = "image"
dtype = "float32"
shape = ["N", 3, 64, 128]
layout = "NCHW"

[[output]]
name = "logits"
index = 0
dtype = "float32"
shape = ["N", 3, 64, 128]
scored = true

[[output]]
name = "half"
index = 1
dtype = "float32"
shape = ["N", 3, 32, 64]
om = false

[dataset]
kind = "cityscapes"
count = 10

[[preprocess]]
step = "resize"
params = { width = 128, height = 64, filter = "bilinear" }

[[preprocess]]
step = "scale"

[[preprocess]]
step = "chw"

[metric]
name = "miou"
protocol = "dataset"

[atc]
framework = 5
input_format = "NCHW"
out_nodes = "Resize_1:0"
flags = { log = "debug" }

[atc.source]
file = "README.md"
text = '''atc --framework=5 --model=a.onnx --output=a_bs${bs} --out_nodes="Resize_1:0" --input_format=NCHW \
--input_shape="image: ${bs},3,64,128" --log=debug --soc_version=Ascend${chip_name}'''

[[baseline]]
chip = "Ascend310P3"
batch = 1
metric = "miou"
class = "road"
protocol = "dataset"
value = 0.689
role = "promise"
source = { file = "README.md", line = 7, text = "0.689" }

[[expect]]
chip = "Ascend310P3"
batch = 4
check = "any"
outcome = "oom"
source = { file = "README.md", line = 9, text = "out of memory" }
"""
NETWORK = "def build(*, layers=(1, 1), width=8):\n    raise AssertionError('validate runs no network')\n"


@pytest.fixture
def validated(tmp_path: Path, capsys, monkeypatch):
    """Return a function that writes a card with one change and gives the exit code and lines of `validate`."""
    monkeypatch.delenv("OMGATE_WEIGHTS_DIR", raising=False)
    (tmp_path / "network.py").write_text(NETWORK, encoding="utf-8")

    def validate(old: str = "", new: str = "", *more: object) -> tuple[int, list[str]]:
        assert old in CARD
        path = tmp_path / "card.toml"
        path.write_text(CARD.replace(old, new, 1) if old else CARD, encoding="utf-8")
        code = cli.main(["validate", str(path), *map(str, more)])
        return code, [line.removeprefix(f"{path}: ") for line in capsys.readouterr().out.splitlines()]

    return validate


def test_a_sound_card_is_ok(validated, tmp_path):
    assert validated() == (0, [f"ok {tmp_path}/card.toml"])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'step = "scale"',
            'step = "scal"',
            "preprocess[1].step: expected the name of a preprocessing step, got 'scal'",
        ),
        ("width = 128", "width = 64", "preprocess: expected the steps to give the input 'image'"),
        ("index = 1", "index = 2", "output: expected the indices 0 to 1, got [0, 2]"),
        ('["road", "car", "sky"]', '["road", "car"]', "output: expected an axis of 2 classes, got ['N', 3, 64, 128]"),
        (
            'shape = ["N", 3, 64, 128]\nscored',
            'shape = ["N", 3]\nscored',
            "output: expected 4 axes of the output that miou scores",
        ),
        (
            'kind = "cityscapes"',
            'kind = "imagenet"',
            "dataset.kind: expected cityscapes or tfrecord or prepared or none for miou, got imagenet",
        ),
        (
            'name = "miou"\nprotocol = "dataset"',
            'name = "miou"\nprotocol = "runing-mean"',
            "metric.protocol: expected dataset or running-mean, got 'runing-mean'; did you mean 'running-mean'?",
        ),
        (
            "count = 10",
            'count = 10\ngenerator = "digit"',
            "dataset.generator: unknown generator, got 'digit'; did you mean",
        ),
        (
            "count = 10",
            'count = 10\ngenerator = "digit-scenes"\ngenerator_params = { widht = 3 }',
            "dataset.generator_params.widht: unknown key",
        ),
        ("framework = 5", "framework = 3", "atc.framework: expected 5 for torch, got 3"),
        (
            'input_format = "NCHW"',
            'input_format = "NHWC"',
            "atc.input_format: expected the layout NCHW of the inputs, got 'NHWC'",
        ),
        (
            'out_nodes = "Resize_1:0"',
            'out_nodes = "Resize_2:0"',
            "atc.out_nodes: expected 'Resize_1:0' as in the printed command, got 'Resize_2:0'",
        ),
        (
            'out_nodes = "Resize_1:0"',
            'precision_mode = "force_fp16"\nout_nodes = "Resize_1:0"',
            "atc.precision_mode: expected '' as in the printed command, got 'force_fp16'",
        ),
        ('{ log = "debug" }', "{}", "atc.flags: expected {'log': 'debug'} as in the printed command, got {}"),
        (
            'name = "image"',
            'name = "input"',
            "input: expected the names ['image'] of the printed --input_shape, got ['input']",
        ),
        ("image: ${bs},3,64,128", "image: ${bs},3,64,64", "input[0].shape: expected ${bs},3,64,64 as in --input_shape"),
        ("image: ${bs},3,64,128", "image: 2,3,64,128", "input[0].shape: expected 2,3,64,128 as in --input_shape"),
        ("image: ${bs},3,64,128", "image: 4,3,64", "input[0].shape: expected 4,3,64 as in --input_shape"),
        ("--log=debug", '--log="debug', "atc.source.text: expected a command line, got No closing quotation"),
        (
            'metric = "miou"\nclass',
            'metric = "mioo"\nclass',
            (
                "baseline[0].metric: expected one of miou, pixacc, meanacc, fwiou, iou, throughput, latency, ratio, "
                "got 'mioo'"
            ),
        ),
        (
            'class = "road"',
            'class = "raod"',
            "baseline[0].class: expected one of the card's classes, got 'raod'; did you mean 'road'?",
        ),
        (
            'protocol = "dataset"\nvalue',
            'protocol = "running-mean"\nvalue',
            "baseline[0].protocol: expected a protocol that is measured, got 'running-mean'",
        ),
        ("batch = 1", "batch = 2", "baseline[0].batch: expected one of batches [1, 4], got 2"),
        (
            '"Ascend310P3"\nbatch = 1',
            '"Ascend310"\nbatch = 1',
            "baseline[0].chip: expected one of chips ['Ascend310P3'], got 'Ascend310'; did you mean 'Ascend310P3'?",
        ),
        ("batch = 4\n", "batch = 8\n", "expect[0].batch: expected one of batches [1, 4], got 8"),
        (
            '"Ascend310P3"\nbatch = 4',
            '"Ascend310"\nbatch = 4',
            "expect[0].chip: expected one of chips ['Ascend310P3'], got 'Ascend310'",
        ),
        ("width = 8", "widht = 8", "network.widht: unknown argument of build in network.py; did you mean 'width'?"),
        ('prefix = "abc123"', 'prefix = "XYZ"', "weights.prefix: expected text that matches"),
    ],
)
def test_a_contradiction_is_a_red_line_with_its_place(validated, old, new, expected):
    code, lines = validated(old, new)

    assert code == 1
    assert lines[0].startswith(expected)


def test_every_finding_of_a_card_is_told_at_once(validated):
    code, lines = validated("[1, 4]", "[2]")

    assert code == 1
    assert [line.partition(":")[0] for line in lines] == ["baseline[0].batch", "expect[0].batch"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "source.framework: expected network.py beside a torch card"),
        ("def make():\n    ...\n", "expected a function build(**arguments), got none"),
        ("def build(:\n", "expected Python source"),
    ],
)
def test_a_network_that_cannot_be_built_is_found_without_running_it(validated, tmp_path, text, expected):
    path = tmp_path / "network.py"
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")

    code, lines = validated()

    assert code == 1
    assert expected in lines[0]


def test_weights_that_are_there_must_have_the_declared_digest(validated, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/street.pth").write_bytes(b"other")
    prefix = hashlib.sha256(b"other").hexdigest()[:6]

    assert validated('"abc123"', '"abc123"') == (0, [f"ok {tmp_path}/card.toml"])
    code, lines = validated("", "", "--weights-dir", tmp_path / "weights")
    assert code == 1
    assert "expected a sha256 of abc123" in lines[0]
    assert validated('"abc123"', f'"{prefix}"', "--weights-dir", tmp_path / "weights")[0] == 0


def test_a_folder_is_validated_whole_and_equal_names_are_found(tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.toml").write_text(CARD, encoding="utf-8")
        (tmp_path / name / "network.py").write_text(NETWORK, encoding="utf-8")

    code = cli.main(["validate", str(tmp_path)])

    lines = capsys.readouterr().out.splitlines()
    assert code == 1
    assert lines[0] == f"ok {tmp_path}/a/card.toml"
    assert "expected a name of its own, got 'street', also in" in lines[1]


@pytest.mark.parametrize("name", ["icnet", "intrada-deeplabv2", "resnest50"])
def test_the_shipped_full_size_cards_are_sound(capsys, name):
    assert cli.main(["validate", name]) == 0
    assert capsys.readouterr().out.endswith("card.toml\n")


def test_a_file_that_is_not_there_is_a_red_line(capsys, tmp_path):
    assert cli.main(["validate", str(tmp_path / "none.toml")]) == 1
    assert "expected a readable TOML file" in capsys.readouterr().out
    assert cli.main(["validate", str(tmp_path)]) == 4
