"""What a result is known by: the same on every host, and nothing of the host's name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.history import keys
from harness.results import Entry
from tests.harness.history.nights import HOST, case_of, entry

OUTCOMES = {"path": "outcomes/a.npz", "sha256": "0" * 64, "kind": "top-k"}


@given(fps=st.floats(0.01, 1e6), night=st.integers(0, 9999), word=st.text(max_size=5))
def test_the_digest_survives_a_journey_through_json(fps, night, word):
    given_entry = entry(night, fps, future={"kept": word})

    again = Entry.model_validate_json(keys.document(given_entry).text)
    assert keys.document(again) == keys.document(given_entry)


def test_the_digest_is_of_what_was_measured_and_not_of_where_the_outcomes_lie():
    moved = {**OUTCOMES, "path": "outcomes/b.npz"}

    assert keys.document(entry(outcomes=OUTCOMES)).digest == keys.document(entry(outcomes=moved)).digest
    other = {**OUTCOMES, "sha256": "1" * 64}
    assert keys.document(entry(outcomes=OUTCOMES)).digest != keys.document(entry(outcomes=other)).digest
    assert keys.document(entry(fps=100.0)).digest != keys.document(entry(fps=100.1)).digest


def test_nan_is_kept_as_it_is():
    found = keys.document(entry(seconds=float("nan")))

    assert keys.document(Entry.model_validate_json(found.text)) == found


@pytest.mark.parametrize(
    "change",
    [{"cpu": "Another"}, {"cores": 4}, {"memory_mib": 32_000}, {"system": "Linux x86_64"}, {"device": "Ascend310"}],
)
def test_another_machine_has_another_fingerprint(change):
    assert keys.machine({**HOST, **change}) != keys.machine(HOST)


@pytest.mark.parametrize("change", [{"commit": "c"}, {"python": "3.12"}, {"memory_mib": 65_190}, {"npu": {"t": 60}}])
def test_the_same_machine_keeps_its_fingerprint(change):
    assert keys.machine({**HOST, **change}) == keys.machine(HOST)
    assert re.fullmatch(r"[0-9a-f]{16}", keys.machine(HOST))


def test_a_machine_of_which_nothing_is_known_has_a_fingerprint_too():
    assert keys.machine({}) != keys.machine(HOST)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, "CANN 8.0.RC1, driver 23.0.0"),
        ({"toolchain": {"name": "CANN", "version": "7.0.0"}}, "CANN 7.0.0"),
        ({"toolchain": {}, "case": case_of(runtime="ort-cpu")}, "onnxruntime 1.20.0"),
        ({"toolchain": {}, "case": case_of(runtime="tf-cpu")}, "tensorflow-cpu 2.16.1"),
        ({"toolchain": {}, "case": case_of(runtime="other")}, ""),
    ],
)
def test_a_toolchain_is_named_with_its_version(facts, expected):
    packages = {"onnxruntime": "1.20.0", "tensorflow-cpu": "2.16.1"}
    result = entry(environment={**HOST, "packages": packages}, **facts).result

    assert keys.toolchain_and_driver(result) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T04:05:06+00:00", "2026-03-01T04:05:06Z"),
        ("2026-03-01T04:05:06Z", "2026-03-01T04:05:06Z"),
        ("2026-02-28T22:05:06-06:00", "2026-03-01T04:05:06Z"),
        ("2026-03-01", "2026-03-01T00:00:00Z"),
    ],
)
def test_times_are_utc_to_the_second(text, expected):
    assert keys.moment(text) == expected


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, ""),
        ({"case": case_of(emulated=True)}, "emulated"),
        ({"toolchain": {"name": "CANN", "emulated": True}}, "emulated"),
        ({"case": case_of(weights="seeded")}, "of seeded weights"),
        ({"case": case_of(weights="a" * 64)}, ""),
        ({"status": "not_run"}, "not run"),
        ({"status": "error"}, ""),
        ({"started_at": ""}, "without a time"),
    ],
)
def test_only_what_real_devices_did_with_real_weights_has_a_place(facts, why):
    assert keys.left_out(entry(**facts).result) == why
