"""Reading a recording again: a parser that changed, a fact that differs, and a check that failed are told."""

from dataclasses import replace

import pytest

from harness.ascend import msame_text
from harness.selftest import probes, readings, replay
from harness.selftest.probes import Statement
from harness.selftest.recording import Check, Transcript
from tests.harness.selftest.recorded import of

GOOD = Transcript(name="msame-damaged", tool="msame", text="[ERROR] load model from file failed\n", end="exit code 1")


def kept(transcript):
    return transcript.model_copy(update={"reading": readings.read(transcript)})


def test_what_is_read_as_it_was_recorded_differs_in_nothing():
    recording = of(kept(GOOD))

    assert replay.differences(recording, probes.statements(recording)) == ()


def test_an_average_that_is_no_number_is_no_difference():
    transcript = Transcript(name="msame-folder", tool="msame", text="Inference average time : -nan ms\n", end="x")

    assert replay.differences(of(kept(transcript))) == ()


def test_a_parser_that_reads_otherwise_is_told(monkeypatch):
    recording = of(kept(GOOD))
    monkeypatch.setattr(msame_text, "parse", lambda text: ())

    (line, *_) = replay.differences(recording)

    assert line.startswith('msame-damaged: parsed was read as [{"rounds_ms": [], ')
    assert line.endswith(", now as []")


def test_a_reading_that_was_changed_is_told():
    changed = kept(GOOD).model_copy(update={"reading": {**readings.read(GOOD), "kind": "oom"}})

    assert replay.differences(of(changed)) == ('msame-damaged: kind was read as "oom", now as "tool-failed"',)


def test_what_is_read_otherwise_is_told_where_it_is_and_not_hidden_behind_what_is_alike(monkeypatch):
    good = Transcript(name="msame-folder", tool="msame", text="Inference time: 16.333ms\n" * 40, end="exit code 0")
    recording = of(kept(good))
    parse = msame_text.parse
    monkeypatch.setattr(msame_text, "parse", lambda text: tuple(replace(one, finished=True) for one in parse(text)))

    (line, *_) = replay.differences(recording)

    assert line == "msame-folder: parsed[0].finished was read as false, now as true"


def test_a_conclusion_that_was_another_is_told():
    was = Statement("msame-load-failure", "differs", "exit code 0, no error")

    (line,) = replay.differences(of(kept(GOOD)), [was])

    assert line == (
        "msame-load-failure: differs (exit code 0, no error) when it was recorded, "
        "now confirmed (exit code 1, [ERROR] load model from file failed)"
    )


@pytest.mark.parametrize("fields", [{"notes": {"om-mode": "0644"}}, {"checks": (Check(name="a", ok=False, text="b"),)}])
def test_what_differs_from_the_contract_or_did_not_work_is_told(fields):
    (line,) = replay.differences(of(kept(GOOD), **fields))

    assert line in ("DIFFERS om-file-mode: assumed mode 0600, found mode 0644", "FAILED a: b")


@pytest.mark.parametrize(
    ("transcript", "expected"),
    [
        (Transcript(name="a", tool="atc", text="ATC run success, welcome to the next use.\n"), ["parsed", "verdict"]),
        (Transcript(name="smi-info", tool="npu-smi", argv=("npu-smi", "info")), ["parsed", "refused"]),
        (Transcript(name="file-version.info", tool="file", text="Version=24.1.rc3\n"), ["parsed"]),
    ],
)
def test_a_reading_holds_what_the_parser_of_the_tool_finds_or_why_it_refused(transcript, expected):
    found = readings.read(transcript)

    for key in expected:
        assert key in found
        found = found[key]
    assert found
