"""Faults on demand: which rules the variable may hold, where they apply, and what they do to outputs."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator import faults
from harness.emulator.faults import MEANINGS, TOOLS, VARIABLE, Faults
from harness.errors import UsageError


def test_nothing_is_wrong_without_the_variable(tmp_path: Path) -> None:
    assert faults.active("msame", environ={}) == Faults()


def test_a_fault_without_a_place_is_everywhere() -> None:
    environ = {VARIABLE: "oom"}

    assert all("oom" in faults.active(tool, 3, environ) for tool in TOOLS)


def test_a_fault_may_be_limited_to_a_tool_and_a_device() -> None:
    environ = {VARIABLE: "hang@msame:1, slow-start=0.5@atc"}

    assert "hang" in faults.active("msame", 1, environ)
    assert "hang" not in faults.active("msame", 0, environ)
    assert "hang" not in faults.active("benchmark", 1, environ)
    assert faults.active("atc", environ=environ).slow_start_s == 0.5


def test_a_counted_fault_strikes_that_invocation_of_that_tool_only(tmp_path: Path) -> None:
    environ = {VARIABLE: "oom@msame#2", "OMGATE_EMULATE_ROOT": str(tmp_path)}

    other = faults.active("benchmark", environ=environ)
    struck = ["oom" in faults.active("msame", environ=environ) for _ in range(4)]

    assert "oom" not in other
    assert struck == [False, True, False, False]


@pytest.mark.parametrize("text", ["hag", "oom@masme", "oom@", "oom#", "oom#x", "oom:0:1", "@msame", "oom@msame@atc"])
def test_a_rule_that_cannot_be_read_is_refused_with_the_variables_name(text: str) -> None:
    with pytest.raises(UsageError, match=VARIABLE):
        faults.active("msame", environ={VARIABLE: text})


def test_a_misspelt_fault_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'hang'"):
        faults.parse("hagn")


@given(st.sampled_from(sorted(MEANINGS)), st.sampled_from(TOOLS), st.integers(0, 255), st.integers(1, 999))
def test_every_part_of_a_rule_is_read_back(fault: str, tool: str, device: int, count: int) -> None:
    (rule,) = faults.parse(f"{fault}@{tool}:{device}#{count}")

    assert rule.applies(tool, device, count)
    assert not rule.applies(tool, device + 1, count)
    assert not rule.applies(tool, device, count + 1)


@given(st.text(max_size=40))
def test_any_text_is_rules_or_a_usage_error(text: str) -> None:
    try:
        rules = faults.parse(text)
    except UsageError:
        return
    assert all(rule.fault in MEANINGS for rule in rules)


def test_a_corrupt_output_has_every_bit_inverted() -> None:
    spoilt = Faults(frozenset({"corrupt-output"})).spoil(np.array([[0, 1], [-1, 7]], np.int32))

    np.testing.assert_array_equal(spoilt, [[-1, -2], [0, -8]])


@pytest.mark.parametrize(("made", "came"), [("float32", "float16"), ("float16", "float32"), ("int64", "float32")])
def test_an_output_of_the_wrong_size_comes_in_another_width(made: str, came: str) -> None:
    spoilt = Faults(frozenset({"wrong-size"})).spoil(np.ones(3, made))

    assert spoilt.dtype == came


def test_a_truncated_file_ends_in_the_middle_and_a_stale_one_is_of_yesterday(tmp_path: Path) -> None:
    cut, stale = tmp_path / "cut", tmp_path / "stale"
    for path in (cut, stale):
        path.write_bytes(b"12345678")

    Faults(frozenset({"truncated-output"})).harm(cut)
    Faults(frozenset({"stale-results"})).harm(stale)

    assert cut.read_bytes() == b"1234"
    assert stale.read_bytes() == bytes(8)
    assert stale.stat().st_mtime < time.time() - 80_000


def test_without_a_fault_outputs_and_files_stay_as_they_are(tmp_path: Path) -> None:
    path, array = tmp_path / "file", np.ones(2, np.float32)
    path.write_bytes(b"12")

    Faults().harm(path)

    assert Faults().spoil(array) is array
    assert path.read_bytes() == b"12"


def test_a_slow_start_waits_that_long(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    Faults(frozenset({"slow-start"}), 2.5).start()
    Faults().start()

    assert slept == [2.5]


def test_a_hang_sleeps_again_whenever_it_wakes(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(_: float) -> None:
        woken.append(1)
        if len(woken) == 3:
            raise KeyboardInterrupt

    woken: list[int] = []
    monkeypatch.setattr(time, "sleep", sleep)

    with pytest.raises(KeyboardInterrupt):
        Faults(frozenset({"hang"})).hang()
    assert len(woken) == 3
