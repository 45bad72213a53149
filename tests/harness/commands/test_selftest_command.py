"""`omgate selftest` and `omgate capture`: what they print, how they end, and what they refuse before any work."""

import json
import os

import pytest

from harness import capture, cli, devices, toolchain
from harness.selftest import rounds
from harness.selftest.recording import Check
from tests.harness.selftest.recorded import good_recording


@pytest.fixture(autouse=True)
def host(tmp_path, monkeypatch):
    """A host without Ascend; whatever is run there has been recorded before."""
    monkeypatch.setattr(devices, "LEASES", tmp_path / "leases")
    monkeypatch.setattr(toolchain, "INSTALLED", tmp_path / "usr")
    for name in [name for name in os.environ if name.startswith(("OMGATE_", "ASCEND_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OMGATE_CACHE_DIR", str(tmp_path / "cache"))
    recording = good_recording()  # made once, before `record` is replaced
    monkeypatch.setattr(rounds, "record", lambda toolchain, plan: recording)
    monkeypatch.chdir(tmp_path)


def red():
    return good_recording().model_copy(update={"checks": (Check(name="msame: x", ok=False, text="broken"),)})


def test_a_good_host_ends_green_and_a_bad_one_red(capsys, monkeypatch):
    assert cli.main(["selftest", "--npu", "--emulate"]) == 0
    assert "21 of 21 checks work; of 44 facts 39 confirmed, 0 differ, 5 not probed" in capsys.readouterr().out

    monkeypatch.setattr(rounds, "record", lambda toolchain, plan: red())
    assert cli.main(["selftest", "--npu", "--emulate"]) == 1
    assert "FAILED     msame: x: broken" in capsys.readouterr().out


def test_the_report_as_json_has_every_check_and_fact(capsys):
    assert cli.main(["selftest", "--npu", "--emulate", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["emulated"], document["passed"]) == (1, True, True)
    assert {"id", "state", "found", "says", "assumed"} == set(document["facts"][0])
    assert all(check["ok"] for check in document["checks"])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["selftest"], "--npu, or --replay BUNDLE"),
        (["selftest", "--npu"], "or add --emulate"),
        (["capture"], "or add --emulate"),
        (["selftest", "--npu", "--emulate", "--npu-device", "7"], "there are: 0 (Ascend310P3"),
        (["selftest", "--npu", "--emulate", "--chip", "cpu"], "--chip: expected an Ascend chip"),
        (["selftest", "--npu", "--emulate", "--seconds", "0"], "--seconds: expected a number above 0"),
        (["selftest", "--npu", "--emulate", "--seconds", "nan"], "--seconds: expected a number above 0"),
        (["selftest", "--npu", "--replay", "b.tar.gz"], "--replay: expected it alone"),
        (["selftest", "--replay", "b.tar.gz"], "no such file"),
        (["capture", "--emulate", "--output", "no/where.tar.gz"], "make the folder"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(arguments, text, capsys, tmp_path):
    assert cli.main(arguments) == 4

    assert text in capsys.readouterr().err


def test_a_capture_says_what_is_inside_and_to_look_before_sharing(capsys, tmp_path):
    assert cli.main(["capture", "--emulate", "--output", "b.tar.gz"]) == 0

    out = capsys.readouterr().out
    assert "  transcripts/atc-batch1.txt (" in out
    assert "  transcripts/file-version.cfg.txt (" in out
    assert "look before you share it: " in out
    assert capture.read(tmp_path / "b.tar.gz").recording.emulated
    assert cli.main(["capture", "--emulate", "--output", "b.tar.gz"]) == 4
    assert "one that does" in capsys.readouterr().err


def test_a_replayed_bundle_is_green_as_long_as_it_is_read_alike(capsys, monkeypatch):
    cli.main(["capture", "--emulate", "--output", "b.tar.gz"])
    capsys.readouterr()
    assert cli.main(["selftest", "--replay", "b.tar.gz"]) == 0
    assert capsys.readouterr().out.endswith("CANN 8.0.RC3, emulated\nnothing differs\n")

    monkeypatch.setattr("harness.ascend.codes.first_code", lambda text: "E1")
    assert cli.main(["selftest", "--replay", "b.tar.gz", "--json"]) == 1
    assert any("code was read as" in line for line in json.loads(capsys.readouterr().out)["differences"])
