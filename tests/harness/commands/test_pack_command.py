"""`omgate pack`: what is printed, and what cannot be packed."""

import os

import pytest

from harness import cli, toolchain
from tests.harness.scoring import colours


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host without Ascend, with a card, its model and its data."""
    monkeypatch.setattr(toolchain, "INSTALLED", tmp_path / "usr")
    for name in [name for name in os.environ if name.startswith(("OMGATE_", "ASCEND_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    colours.write(tmp_path)
    return tmp_path


def pack(host, *arguments):
    places = ["--cards", host, "--data-dir", host / "data", "--cache-dir", host / "cache"]
    return cli.main(["pack", "toy", *map(str, places), *map(str, arguments)])


def test_what_to_do_with_it_is_printed(host, capsys):
    assert pack(host, "--chip", "310P", "--output", host / "out") == 0

    printed = capsys.readouterr().out.splitlines()
    told = f"{host}/out: toy at batch 1 for Ascend310P3, 10 samples, without an OM, as no ATC is here"
    assert printed[0] == told
    assert "  python3 -m ais_bench --model model.om --device 0 --batchsize 1 " in "\n".join(printed)
    assert printed[-1] == f"copy it back and run here: omgate score toy {host}/out"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "out"], "required: --chip"),
        (["--chip", "310P"], "required: --output"),
        (["--chip", "cpu", "--output", "out"], "expected an Ascend chip"),
        (["--chip", "310P", "--output", "out", "--batch-size", "0"], "at least 1"),
        (["--chip", "310P", "--output", "out", "--tool", "acl"], "invalid choice"),
        (["--chip", "310P", "--output", "out", "--weights", "none.pt"], "card, seeded or a checkpoint file"),
        (["--chip", "310P", "--output", "out", "--om", "none.om"], "--om none.om: expected an OM"),
        (["--chip", "310P", "--output", "data"], "new or empty folder"),
        (["--chip", "310P", "--output", "no/out"], "a folder that exists"),
        (["--chip", "310P", "--output", "out", "--samples", "11"], "at most 10"),
        (["--chip", "310P", "--output", "out", "--data-dir", "none"], "expected a folder, got 'none'"),
    ],
)
def test_what_cannot_be_packed_is_wrong_usage_and_leaves_nothing(host, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(host)
    before = set(host.iterdir())

    assert pack(host, *arguments) == 4

    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed
    assert set(host.iterdir()) - before <= {host / "cache"}


def test_the_data_set_is_needed(host, capsys):
    assert cli.main(["pack", "toy", "--cards", str(host), "--chip", "310P", "--output", str(host / "out")]) == 4

    assert "pass --data-dir" in capsys.readouterr().err
