"""The self-test on an emulated host: what it says of a good one, and of each thing that can be wrong."""

import dataclasses

import pytest

from harness import npus, runtimes
from harness.ascend import smi_text
from harness.ascend.facts import FACTS
from harness.selftest import probes, report, rounds
from harness.selftest.bench import Bench
from tests.harness.selftest.recorded import good_recording, record, toolchain_at

REAL_ONLY = {"smi-bus-id-stable", "smi-old-error-first"}
"""An emulated chip is on no bus, and this npu-smi is not of 2020."""


def states(recording):
    return {one.id: one.state for one in probes.statements(recording)}


def only(toolchain, *tools):
    """Return a toolchain that has these tools alone."""
    kept = {name: command for name, command in toolchain.tools.items() if name in ("atc", "npu-smi", *tools)}
    return dataclasses.replace(toolchain, tools=kept)


def failed(recording):
    return {check.name: check.text for check in recording.checks if not check.ok}


def test_on_a_good_host_every_runtime_works_and_every_fact_that_can_be_probed_is_as_assumed():
    recording = good_recording()

    assert failed(recording) == {}
    assert {check.name.partition(":")[0] for check in recording.checks} >= set(runtimes.OM_RUNTIMES)
    unseen = {fact.id for fact in FACTS if fact.not_probed} | REAL_ONLY
    assert states(recording) == {fact.id: "not-probed" if fact.id in unseen else "confirmed" for fact in FACTS}
    assert report.passed(recording)


def test_the_emulators_report_says_that_it_proves_nothing_of_a_real_host():
    lines = report.text(good_recording()).splitlines()

    assert lines[1].startswith("emulated: what is confirmed below is confirmed on the emulator only")
    assert any(line.startswith("facts proven by emulation only: ") for line in lines)
    assert any(line.startswith("not probed load-oom-signature: would need to take the whole memory") for line in lines)


@pytest.mark.parametrize(
    ("fault", "tool", "check", "text"),
    [
        ("corrupt-output", "msame", "right values at batch 1", "sample 0: expected [0., 1., 2., 3.]"),
        ("wrong-size", "ais_bench", "right values at batch 4", "bytes"),
        ("truncated-output", "benchmark", "right values at batch 4", "bytes"),
        ("stale-results", "msame", "right values at batch 1", "older than its input"),
        ("exit-0", "benchmark", "right values at batch 1", "tool-failed: "),
        ("oom", "msame", "right values at batch 1", "oom: "),
    ],
)
def test_a_runner_that_is_broken_is_told(tmp_path, fault, tool, check, text):
    recording = record(only(toolchain_at(tmp_path, f"{fault}@{tool}"), tool), tmp_path)

    assert text in failed(recording)[f"{tool}: {check}"]
    assert not report.passed(recording)


def test_a_tool_that_hangs_is_started_once(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.selftest.bench.TOOL_S", 5.0)

    recording = record(only(toolchain_at(tmp_path, "hang@msame"), "msame"), tmp_path)

    assert recording.transcript("msame-folder").end == "no end within 5 s"
    assert "msame-damaged" not in [one.name for one in recording.transcripts]
    assert failed(recording)["msame: right values at batch 1"] == ("not run: an earlier msame did not end within 5 s")


def test_after_a_lost_device_no_runner_is_started_and_the_device_is_told(tmp_path):
    recording = record(only(toolchain_at(tmp_path, "device-lost@msame"), "msame"), tmp_path)

    assert failed(recording)["msame: right values at batch 1"].startswith("device-lost: ")
    assert failed(recording)["msame: right values at batch 4"] == "not run: the NPU was lost before"
    assert failed(recording)["the NPU is as well as before"] == "health Critical"


def test_an_atc_that_writes_nothing_is_told_and_nothing_is_run(tmp_path):
    recording = record(toolchain_at(tmp_path, "no-om@atc"), tmp_path)

    assert failed(recording)["atc builds an OM at batch 1"] == "exit code 0, its word is success, no OM"
    assert "no probe_bs4.om" in failed(recording)["atc builds an OM at batch 4"]
    assert states(recording)["msame-numbering"] == "not-probed"
    assert not report.passed(recording)


def test_an_atc_that_fails_with_exit_code_0_differs(tmp_path):
    recording = record(only(toolchain_at(tmp_path, "exit-0@atc")), tmp_path)

    assert states(recording)["atc-exit-code-on-failure"] == "differs"
    assert "DIFFERS    atc-exit-code-on-failure: assumed another exit code than 0, found exit code 0" in report.text(
        recording
    )


def test_tools_that_are_not_there_are_no_failure_and_their_facts_are_not_probed(tmp_path):
    recording = record(only(toolchain_at(tmp_path), "msame"), tmp_path)

    assert failed(recording) == {}
    found = {one.id: one for one in probes.statements(recording)}
    assert found["benchmark-numbering-from-1"].state == "not-probed"
    assert found["benchmark-numbering-from-1"].found == "benchmark is not there"


def test_what_is_not_reached_in_time_is_told(tmp_path):
    recording = record(only(toolchain_at(tmp_path), "msame"), tmp_path, seconds=0.01)

    assert "not reached within 0.01 s" in failed(recording)["atc"]


def test_an_atc_that_is_killed_at_work_is_recorded_with_no_verdict():
    recording = good_recording()

    assert recording.note("killed") == "while it was at work"
    assert "ATC run" not in recording.transcript("atc-killed").text


def test_a_table_with_a_process_in_it_is_recorded():
    table = smi_text.parse_info(good_recording().transcript("smi-info-held").text)

    assert [(one.npu_id, one.chip_id) for one in table.processes] == [(0, 0)]


@pytest.mark.parametrize(
    ("vendor", "state", "found"),
    [
        ("0x19e5\n", "confirmed", "0000:01:00.0: vendor 0x19e5"),
        ("0x8086\n", "differs", "0000:01:00.0: vendor 0x8086"),
        ("", "differs", "0000:01:00.0: no PCI device of that address"),
    ],
)
def test_the_bus_id_is_looked_for_among_the_hosts_pci_devices(tmp_path, monkeypatch, vendor, state, found):
    devices = tmp_path / "devices"
    (devices / "0000:01:00.0").mkdir(parents=True)
    (devices / "0000:01:00.0" / "vendor").write_text(vendor)
    monkeypatch.setattr(rounds, "PCI_DEVICES", devices)
    taken_for_real = dataclasses.replace(only(toolchain_at(tmp_path)), emulated=False)
    seen = npus.listing(taken_for_real)
    bench = Bench(taken_for_real, seen[0], tmp_path)

    bench.invoke("smi-info", "npu-smi", ["info"])
    rounds.look_at_bus(bench)

    statement = {one.id: one for one in probes.statements(bench.recording())}["smi-bus-id-stable"]
    assert (statement.state, statement.found) == (state, found)
