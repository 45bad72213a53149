"""`omgate build`: OMs for chips and batch sizes, what is printed of them, and what is refused before any work."""

import hashlib
import os
from pathlib import Path

import pytest

from harness import cli, devices, toolchain
from tests.harness.convert.fake_atc import WORKS, script
from tests.harness.test_om_build import card_of

WARNS = WORKS + "\nsay('W11001: Op [a] does not hit the library.')"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A host without Ascend and a card of a model there, in one folder."""
    monkeypatch.setattr(devices, "LEASES", tmp_path / "leases")
    monkeypatch.setattr(toolchain, "INSTALLED", tmp_path / "usr")
    for name in [name for name in os.environ if name.startswith(("OMGATE_", "ASCEND_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    card_of(tmp_path)
    return tmp_path


@pytest.fixture
def use(folder, monkeypatch):
    """Return a function that makes the stand-in with some behaviour this host's ATC."""
    return lambda body: monkeypatch.setenv("OMGATE_ATC", str(script(folder / "bin" / "atc", body)))


def build(folder: Path, *arguments: str) -> int:
    return cli.main(["build", "toy", "--cards", str(folder), "--cache-dir", str(folder / "cache"), *arguments])


def oms(folder: Path) -> list[Path]:
    return sorted((folder / "cache" / "store").glob("*/*/*.om"))


def test_an_om_is_built_and_told_about(folder, use, capsys):
    use(WARNS)

    assert build(folder, "--chip", "310P", "--batch-size", "4") == 0

    (om,) = oms(folder)
    printed = capsys.readouterr().out
    assert f"toy at batch 4 for Ascend310P3: {om}" in printed
    assert f'sha256 = "{hashlib.sha256(om.read_bytes()).hexdigest()}"' in printed
    assert "--input_shape=x:4,3,8,8" in printed
    assert "W11001: Op [a] does not hit the library." in printed
    assert " s by CANN of an unknown version, force_fp16" in printed


def test_every_chip_is_built_at_every_batch_size_once(folder, use, capsys):
    use(WORKS)

    assert build(folder, "--chip", "310P,Ascend310", "--chip", "310P3", "--batch-size", "1,4", "--batch-size", "4") == 0

    heads = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines() if line.startswith("toy at")]
    assert heads == [f"toy at batch {size} for {soc}" for soc in ("Ascend310P3", "Ascend310") for size in (1, 4)]
    assert len(oms(folder)) == 4


def test_one_that_fails_is_red_and_keeps_none_of_the_others_from_being_built(folder, use, capsys):
    use("if flags['output'] == 'toy_bs1':\n    say(FAILED, 'E19999: Inner Error!')\n    sys.exit(255)\n" + WORKS)

    assert build(folder, "--chip", "310P", "--batch-size", "1,4") == 1

    printed = capsys.readouterr()
    assert "toy at batch 4" in printed.out
    assert "E19999" in printed.err
    (log,) = (folder / "cache" / "logs").glob("*.log")
    assert str(log) in printed.err
    assert "Traceback" not in printed.err


def test_the_om_can_be_written_to_a_file_that_nobody_else_may_write(folder, use, capsys):
    use(WORKS)
    target = folder / "out" / "toy_bs1.om"

    assert build(folder, "--chip", "310P", "--output", str(target)) == 0

    assert target.read_bytes() == oms(folder)[0].read_bytes()
    assert target.stat().st_mode & 0o777 == 0o600
    assert str(target) in capsys.readouterr().out
    assert [path.name for path in target.parent.iterdir()] == ["toy_bs1.om"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--chip", "cpu"], "expected an Ascend chip"),
        (["--chip", "310P", "--batch-size", "0"], "--batch-size: expected 1 or more"),
        (["--chip", "310P", "--batch-size", "four"], "--batch-size: expected 1 or more"),
        (["--chip", "310P", "--batch-size", "1,4", "--output", "x.om"], "expected one OM"),
        (["--chip", "310P,310", "--output", "x.om"], "expected one OM"),
        (["--chip", "310P", "--dry-run", "--output", "x.om"], "expected one OM"),
        (["--chip", "310P", "--output", "x.onnx"], "and .om at the end"),
        (["--chip", "310P", "--output", "my model.om"], "expected letters, digits"),
        (["--chip", "310P", "--output", "card.toml/x.om"], "expected a folder to write to"),
        (["--nonsense"], "--nonsense"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_built(folder, use, monkeypatch, capsys, arguments, reason):
    use("open(os.path.expanduser('~/ran'), 'w')\n" + WORKS)
    monkeypatch.chdir(folder)

    assert build(folder, *arguments) == 4

    assert reason in capsys.readouterr().err
    assert not (folder / "ran").exists()


def test_without_a_chip_those_of_the_card_are_built(folder, use, capsys):
    use(WORKS)

    assert build(folder) == 0
    assert "toy at batch 1 for Ascend310P3" in capsys.readouterr().out


def test_a_card_of_no_chip_needs_one_to_be_named(folder, use, capsys):
    use(WORKS)
    card = folder / "card.toml"
    card.write_text(card.read_text().replace('chips = ["Ascend310P3"]', ""))

    assert build(folder) == 4
    assert "--chip: expected a chip" in capsys.readouterr().err


def test_an_existing_file_is_not_written_over(folder, use, capsys):
    use(WORKS)
    (folder / "mine.om").write_text("mine")

    assert build(folder, "--chip", "310P", "--output", str(folder / "mine.om")) == 4

    assert (folder / "mine.om").read_text() == "mine"


def test_a_setting_that_points_nowhere_is_wrong_usage(folder, monkeypatch, capsys):
    monkeypatch.setenv("OMGATE_ATC", "/nowhere/atc")

    assert build(folder, "--chip", "310P") == 4
    assert "OMGATE_ATC" in capsys.readouterr().err


def test_without_atc_the_remedy_is_told(folder, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    assert build(folder, "--chip", "310P") == 1
    assert "set OMGATE_TOOLKIT_ROOT" in capsys.readouterr().err


def test_a_dry_run_prints_the_command_and_runs_nothing(folder, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    assert build(folder, "--chip", "310P", "--batch-size", "4", "--dry-run") == 0

    expected = f"atc --framework=5 --model={folder}/toy.onnx --output=toy_bs4 --input_shape=x:4,3,8,8 --log=error"
    assert capsys.readouterr().out == f"{expected} --soc_version=Ascend310P3\n"
    assert oms(folder) == []


def test_an_emulated_om_needs_no_ascend_at_all(folder, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    assert build(folder, "--chip", "310P", "--batch-size", "4", "--emulate") == 0

    printed = capsys.readouterr().out
    assert "emulated" in printed
    assert b"Ascend310P3" in oms(folder)[0].read_bytes()


def test_the_help_explains_every_option(capsys):
    assert cli.main(["build", "--help"]) == 0

    printed = capsys.readouterr().out
    for option in ("--chip", "--batch-size", "--weights", "--emulate", "--output", "--dry-run", "--cache-dir"):
        assert option in printed
