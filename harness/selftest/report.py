"""A self-test for people and for programs: what works, what is as assumed, what differs, and what was not looked at."""

from collections.abc import Iterator
from typing import Any

from harness.ascend.facts import fact
from harness.selftest import probes
from harness.selftest.probes import Statement
from harness.selftest.recording import SCHEMA, Check, Recording

WIDTH = 10
EMULATED = "emulated: what is confirmed below is confirmed on the emulator only, and proves nothing of a real host"


def passed(recording: Recording) -> bool:
    """Tell whether everything works and nothing differs."""
    works = bool(recording.checks) and all(check.ok for check in recording.checks)
    return works and all(found.state != "differs" for found in probes.statements(recording))


def text(recording: Recording) -> str:
    """Return the whole report as lines."""
    return "\n".join(_lines(recording))


def document(recording: Recording) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {
        "schema": SCHEMA,
        "emulated": recording.emulated,
        "chip": recording.chip,
        "npu": recording.npu,
        "cann": recording.cann,
        "driver": recording.driver,
        "tools": dict(recording.tools),
        "checks": [check.model_dump() for check in recording.checks],
        "facts": [
            {**probes.as_json(found), "says": fact(found.id).says, "assumed": fact(found.id).assumed}
            for found in probes.statements(recording)
        ],
        "passed": passed(recording),
    }


def summary(recording: Recording) -> str:
    """Return the report's last line."""
    return _summary(recording, probes.statements(recording))


def _lines(recording: Recording) -> Iterator[str]:
    versions = f"CANN {recording.cann or 'unknown'}, driver {recording.driver or 'unknown'}"
    yield f"self-test of NPU {recording.npu}, {versions}"
    if recording.emulated:
        yield EMULATED
    yield from ("", "what has to work")
    yield from (_check(check) for check in recording.checks)
    found = probes.statements(recording)
    for state, title in _titles(recording.emulated).items():
        of_state = [one for one in found if one.state == state]
        if of_state:
            yield from ("", f"{title}: {len(of_state)}")
            yield from (_fact(one) for one in of_state)
    yield from ("", _summary(recording, found))


def _titles(emulated: bool) -> dict[str, str]:
    return {
        "differs": "facts that are not as assumed",
        "confirmed": "facts proven by emulation only" if emulated else "facts confirmed on this host",
        "not-probed": "facts that nothing here has proven",
    }


def _check(check: Check) -> str:
    return _indented(f"{'ok' if check.ok else 'FAILED':<{WIDTH}} {check.name}: {check.text}")


def _fact(found: Statement) -> str:
    assumed = fact(found.id).assumed
    match found.state:
        case "differs":
            line = f"{'DIFFERS':<{WIDTH}} {found.id}: assumed {assumed}, found {found.found}"
        case "confirmed":
            line = f"{'confirmed':<{WIDTH}} {found.id}: {found.found}"
        case _:
            line = f"{'not probed':<{WIDTH}} {found.id}: {found.found}"
    return _indented(line)


def _indented(line: str) -> str:
    return line.rstrip().replace("\n", f"\n{'':<{WIDTH}} ")


def _summary(recording: Recording, found: tuple[Statement, ...]) -> str:
    broken = sum(not check.ok for check in recording.checks)
    counts = {state: sum(one.state == state for one in found) for state in ("confirmed", "differs", "not-probed")}
    works = f"{len(recording.checks) - broken} of {len(recording.checks)} checks work"
    facts = f"{counts['confirmed']} confirmed, {counts['differs']} differ, {counts['not-probed']} not probed"
    return f"{works}; of {len(found)} facts {facts}"
