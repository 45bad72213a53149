"""The command `omgate`: what its commands print, and how they end."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import __version__, cards, cli, lint, train
from harness.results import Measure

CARD = """
name = "street"
family = "street"
classes = 3
chips = ["Ascend310P3"]
batches = [1, 4]

[source]
url = "https://example.org/street"
commit = "0123456789abcdef0123456789abcdef01234567"
framework = "torch"

[[input]]
name = "image"
dtype = "float32"
shape = ["N", 3, 64, 128]

[[output]]
name = "logits"
index = 0
dtype = "float32"
shape = ["N", 3]
scored = true

[dataset]
kind = "imagenet"
count = 4

[[preprocess]]
step = "resize"
params = { width = 128, height = 64, filter = "bilinear" }

[[preprocess]]
step = "scale"

[[preprocess]]
step = "chw"

[metric]
name = "top1"
protocol = "by-name"

[[baseline]]
chip = "Ascend310P3"
batch = 4
metric = "throughput"
value = 31.20
unit = "images/s"
role = "promise"
definition = "ais_bench"
inputs = "zero"
source = { file = "zoo/README.md", line = 8, text = "31.20" }

[[baseline]]
chip = "any"
batch = "unstated"
metric = "top1"
value = 81.13
unit = "%"
role = "reference"
condition = "paper"
source = { file = "zoo/README.md", line = 3, text = "81.13%" }

[[ratio]]
name = "310P/310"
numerator = { chip = "Ascend310P3", batch = "best", metric = "throughput" }
denominator = { chip = "Ascend310", batch = "best", metric = "throughput" }
at_least = 1.606
source = { file = "zoo/README.md", line = 9, text = "1.606" }

[[expect]]
chip = "Ascend310P3"
batch = 4
check = "latency"
outcome = "oom"
memory_mib_at_most = 24576
source = { file = "zoo/README.md", line = 10, text = "out of memory" }

[[waiver]]
chip = "any"
batch = "any"
check = "latency"
owner = "A. Person"
reason = "slow driver"
link = "https://example.org/1"
expires = 2999-01-31
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one card, sound but for what a test changes."""
    (tmp_path / "models/street").mkdir(parents=True)
    (tmp_path / "models/street/card.toml").write_text(CARD, encoding="utf-8")
    (tmp_path / "models/street/network.py").write_text("def build(*, width=8):\n    ...\n", encoding="utf-8")
    return tmp_path / "models"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("WEIGHTS_DIR", "DATA_DIR", "CACHE_DIR"):
        monkeypatch.delenv(f"OMGATE_{name}", raising=False)


def ended(capsys, *arguments: object) -> tuple[int, list[str], str]:
    """Return the exit code, the lines printed, and what went to stderr."""
    code = cli.main([str(one) for one in arguments])
    printed = capsys.readouterr()
    return code, printed.out.splitlines(), printed.err


def test_help_names_every_command_and_version_is_the_packages(capsys):
    code, lines, _ = ended(capsys, "--help")

    assert code == 0
    assert {line.split()[0] for line in lines if line.startswith("  ")} == set(cli.COMMANDS)
    assert ended(capsys, "--version") == (0, [f"omgate {__version__}"], "")


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_explains_itself(capsys, name):
    code, lines, _ = ended(capsys, name, "--help")

    assert code == 0
    assert lines[0].startswith(f"usage: omgate {name}")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "omgate: omgate: expected a command, got nothing; one of gate, plan"),
        (["lst"], "omgate: omgate: unknown command, got 'lst'; did you mean 'list'?"),
        (["list", "--card"], "omgate: omgate list: unrecognized arguments: --card; see omgate list --help"),
        (["show"], "omgate: omgate show: the following arguments are required: NAME; see omgate show --help"),
        (["show", "icnett"], "omgate: --model: unknown model, got 'icnett'; did you mean 'icnet'?"),
        (
            ["validate", "icnett"],
            "omgate: NAME|PATH: expected a card's name or file, got 'icnett'; did you mean 'icnet'?",
        ),
        (
            ["list", "--cards", "nowhere"],
            "omgate: --cards nowhere: expected model folders with *.toml cards, got no such folder",
        ),
        (
            ["doctor", "--data-dir", "nowhere"],
            "omgate: --data-dir (or $OMGATE_DATA_DIR): expected a folder, got 'nowhere'",
        ),
        (["cache", "lss"], "omgate: omgate cache: argument action: invalid choice: 'lss'"),
        (
            ["cache", "prune", "--days", "-1"],
            "omgate: omgate cache: argument --days: expected a number of at least 0, got '-1'",
        ),
        (["cache", "prune", "--days", "nan"], "omgate: omgate cache: argument --days: expected a number of at least 0"),
        (["cache", "ls", "--days", "3"], "omgate: omgate cache: --days and --keep-mib are for prune"),
        (["data", "check", "icnet", "--to", "x"], "omgate: omgate data: --to is for make"),
        (["data", "make", "icnet", "--to", "x"], "omgate: --to: expected a card whose data is generated, got 'icnet'"),
        (["train", "icnet", "--out", "."], "omgate: --out .: expected a file that does not exist yet"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_4(capsys, monkeypatch, tmp_path, arguments, expected):
    monkeypatch.chdir(tmp_path)

    code, lines, errors = ended(capsys, *arguments)

    assert (code, lines) == (4, [])
    assert errors.startswith(expected)
    assert errors.count("\n") == 1


def test_a_variable_that_names_no_folder_is_wrong_usage_too(capsys, monkeypatch):
    monkeypatch.setenv("OMGATE_WEIGHTS_DIR", "/nowhere/at/all")

    code, _, errors = ended(capsys, "doctor")

    assert code == 4
    assert "--weights-dir (or $OMGATE_WEIGHTS_DIR): expected a folder, got '/nowhere/at/all'" in errors


def test_list_prints_one_aligned_line_per_card(capsys, folder):
    code, lines, _ = ended(capsys, "list", "--cards", folder)

    street = next(line for line in lines if line.startswith("street"))
    assert code == 0
    assert street.split("  ")[0] == "street"
    assert street.split() == ["street", "imagenet", "4", "top1", "by-name", "Ascend310P3", "1,4", "3", "no"]
    assert len(lines) == 1 + len(cards.names()) + 1
    assert lines[0].index("data") == street.index("imagenet")


def test_show_prints_facts_and_promises_with_their_places(capsys, folder):
    code, lines, _ = ended(capsys, "show", "street", "--cards", folder)

    text = "\n".join(lines)
    assert code == 0
    assert "Ascend310P3  bs4  throughput  31.20 images/s  ais_bench, zero inputs  README.md:8" in text
    assert "any  unstated  top1  81.13%  paper  README.md:3" in text
    assert "310P/310  throughput Ascend310P3 best batch / throughput Ascend310 best batch  ≥ 1.606" in text
    assert "Ascend310P3  bs4  latency  oom  on up to 24576 MiB  README.md:10" in text
    assert "until 2999-01-31" in text
    assert "resize(width=128, height=64, filter=bilinear) → scale → chw" in text


@pytest.mark.parametrize("name", ["icnet", "intrada-deeplabv2", "resnest50"])
def test_show_prints_every_number_of_a_shipped_card(capsys, name):
    _, lines, _ = ended(capsys, "show", name)

    words = " ".join(lines).replace("%", " ").split()
    assert all(f"{row.value:.{row.decimals}f}" in words for row in cards.get(name).baseline if row.decimals)


def test_a_broken_card_is_one_red_line(capsys, folder):
    (folder / "street/card.toml").write_text(CARD.replace("count = 4", 'count = "4"'), encoding="utf-8")

    code, lines, errors = ended(capsys, "list", "--cards", folder)

    assert (code, lines) == (1, [])
    assert errors == f"omgate: {folder}/street/card.toml: dataset.count: expected an integer, got '4'\n"


def test_lint_prints_marks_and_is_red_only_when_strict(capsys):
    code, lines, _ = ended(capsys, "lint", "resnest50")

    marks = lint.marks(cards.get("resnest50"))
    assert code == 0
    assert lines == [*(f"resnest50: {mark.where}: {mark.rule}: {mark.text}" for mark in marks), "1 mark on 1 card"]
    assert ended(capsys, "lint", "resnest50", "--strict")[0] == 1


def test_strict_lint_of_a_card_without_marks_is_green(capsys, folder):
    code, lines, _ = ended(capsys, "lint", "street", "--strict", "--cards", folder)

    assert (code, lines) == (0, ["0 marks on 1 card"])


def test_cache_lists_verifies_and_prunes_the_store(capsys, tmp_path):
    from harness.artifacts import Recipe, Store

    recipe = Recipe(kind="note", producer="test", version="1")
    entry = Store(tmp_path).get_or_build(recipe, "note.txt", lambda path: path.write_text("x" * 2**20) and None)
    here = ("--cache-dir", tmp_path)

    assert ended(capsys, "cache", "ls", *here)[:2] == (0, [f"{recipe.key[:12]}  note  note.txt  1.0 MiB  0.0 days",
                                                           "1 entry, 1.0 MiB"])  # fmt: skip
    assert ended(capsys, "cache", "verify", *here)[0] == 0
    entry.path.chmod(0o644)
    entry.path.write_text("y", encoding="utf-8")
    code, lines, _ = ended(capsys, "cache", "verify", *here)
    assert code == 1
    assert "not the recorded one" in lines[0]
    assert ended(capsys, "cache", "prune", "--keep-mib", "0", *here)[1][-1] == "removed 1 entry, 1.0 MiB"
    assert ended(capsys, "cache", "ls", *here)[1] == ["0 entries, 0.0 MiB"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A data folder with four labelled pictures in ImageNet's layout."""
    from PIL import Image

    root = tmp_path / "data/imagenet"
    (root / "val").mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(root / f"val/p{number}.png")
    lines = [f"p{number}.png {number % 3}\n" for number in range(4)]
    (root / "val_label.txt").write_text("".join(lines), encoding="utf-8")
    return tmp_path / "data"


def test_data_make_writes_a_manifest_that_data_check_compares(capsys, tmp_path, folder, pictures):
    from PIL import Image

    here = ("street", "--cards", folder, "--data-dir", pictures, "--cache-dir", tmp_path / "cache")
    manifest = tmp_path / "cache/manifests/street.json"

    code, lines, _ = ended(capsys, "data", "make", *here)
    assert (code, lines) == (0, [f"{pictures}/imagenet: 4 samples", f"manifest {manifest}"])
    assert ended(capsys, "data", "check", *here)[:2] == (
        0,
        [f"{pictures}/imagenet: 4 samples, agrees with {manifest}"],
    )
    Image.new("RGB", (8, 6), (9, 9, 9)).save(pictures / "imagenet/val/p2.png")
    code, lines, _ = ended(capsys, "data", "check", *here)
    assert (code, lines[0]) == (1, "differing: p2")


def test_data_check_without_a_manifest_says_how_to_make_one(capsys, tmp_path, folder, pictures):
    here = ("street", "--cards", folder, "--data-dir", pictures, "--cache-dir", tmp_path / "cache")

    code, _, errors = ended(capsys, "data", "check", *here)

    assert code == 4
    assert "expected a manifest, got nothing; make it from a good copy of the data: omgate data make" in errors


def test_data_that_is_absent_is_one_red_line(capsys, tmp_path, folder):
    code, _, errors = ended(capsys, "data", "make", "street", "--cards", folder, "--cache-dir", tmp_path)

    assert code == 1
    assert errors.startswith("omgate: street: data set imagenet, got nothing; pass --data-dir")


def test_generated_data_go_to_a_new_folder_when_asked(capsys, tmp_path, folder):
    params = "height = 32, width = 32, count = 20, seed = 1, cycles = [1, 2], hue = 900, phase = 900, stripes = 20"
    params += ", noise = 10, ink = [100, 256], occlusion = 0"
    made = CARD.replace("count = 4", f'count = 20\ngenerator = "digits"\ngenerator_params = {{ {params} }}')
    (folder / "street/card.toml").write_text(made.replace("classes = 3", "classes = 10"), encoding="utf-8")
    target, manifest = tmp_path / "new", tmp_path / "manifest.json"

    here = ("street", "--cards", folder, "--to", target, "--manifest", manifest)
    code, lines, errors = ended(capsys, "data", "make", *here)

    assert (code, errors) == (0, "")
    assert lines == [f"{target}: 20 samples", f"manifest {manifest}"]
    assert len(list((target / "val").iterdir())) == 20
    assert ended(capsys, "data", "make", *here)[0] == 4


def test_train_prints_the_lines_for_the_card(capsys, monkeypatch, tmp_path):
    def trained(card, out, say):
        say(f"training {card.name}")
        out.write_bytes(b"abc")
        return Measure(name="miou", protocol="dataset", value=0.7, n=10)

    monkeypatch.setattr(train, "train", trained)
    monkeypatch.chdir(tmp_path)

    code, lines, _ = ended(capsys, "train", "icnet")

    # sha256 of "abc" from FIPS 180-2, appendix B.1
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (code, lines) == (0, ["training icnet", f'sha256 = "{digest}"', "bytes = 3"])
    assert (tmp_path / "icnet.safetensors").read_bytes() == b"abc"


def test_ctrl_c_is_exit_code_2_without_a_traceback(capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cards, "load_all", interrupted)

    assert ended(capsys, "list") == (2, [], "omgate: interrupted\n")


def test_a_reader_that_stops_early_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    errors = process.stderr.read()
    process.stderr.close()

    assert (process.wait(), errors) == (0, b"")


def test_list_imports_nothing_heavy():
    code = "import sys; from harness.cli import main; main(['list']); print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"numpy", "torch", "onnx", "onnxruntime", "PIL", "pytest"} & set(done.stdout.split())


def test_the_command_works_from_another_folder(tmp_path):
    clone = Path(cli.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    python = shutil.which(sys.executable) or sys.executable

    done = subprocess.run(
        [python, "-m", "harness.cli", "validate"], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert done.returncode == 0
    assert all(line.startswith("ok ") for line in done.stdout.splitlines())


def test_a_polite_request_to_end_is_an_interrupt_so_that_it_can_tidy_up(tmp_path: Path) -> None:
    waits = (
        "import sys, time; from harness import cli; from harness.commands import list as command\n"
        "def run(given):\n"
        "    try:\n"
        "        print('ready', flush=True); time.sleep(60)\n"
        "    finally:\n"
        "        print('tidy')\n"
        "command.run = run\n"
        "sys.exit(cli.main(['list']))"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command, pipe = [sys.executable, "-c", waits], subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        output, errors = process.communicate(timeout=30)

    assert (process.returncode, output, errors) == (2, "tidy\n", "omgate: interrupted\n")


def test_a_caller_of_the_command_keeps_its_own_ways_to_end() -> None:
    before = signal.getsignal(signal.SIGTERM)

    cli.main(["--version"])

    assert signal.getsignal(signal.SIGTERM) is before
