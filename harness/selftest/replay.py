"""A recording read again: with the parsers of today, against its own readings and against what is taken for granted."""

import json
from collections.abc import Iterator, Sequence

from harness.ascend.facts import fact
from harness.selftest import probes, readings
from harness.selftest.probes import Statement
from harness.selftest.recording import Recording, Transcript

SHOWN = 160


def differences(recording: Recording, recorded: Sequence[Statement] = ()) -> tuple[str, ...]:
    """Return in words what is read otherwise than it was recorded, and what is otherwise than assumed.

    `recorded` are the statements that were made when it was recorded.
    """
    found = probes.statements(recording)
    now = {one.id: one for one in found}
    return (
        *(line for transcript in recording.transcripts for line in _reread(transcript)),
        *(line for one in recorded for line in _restated(one, now)),
        *(
            f"DIFFERS {one.id}: assumed {fact(one.id).assumed}, found {one.found}"
            for one in found
            if one.state == "differs"
        ),
        *(f"FAILED {check.name}: {check.text}" for check in recording.checks if not check.ok),
    )


def _reread(transcript: Transcript) -> Iterator[str]:
    for place, was, now in _changed(transcript.reading, readings.read(transcript)):
        yield f"{transcript.name}: {place or 'it'} was read as {_short(was)}, now as {_short(now)}"


def _changed(was: object, now: object, place: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield where two JSON values differ, as far down as they are alike: the place, and both values there."""
    if _canonical(was) == _canonical(now):
        return
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted({*was, *now}):
            yield from _changed(was.get(key), now.get(key), f"{place}.{key}".lstrip("."))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, pair in enumerate(zip(was, now, strict=True)):
            yield from _changed(*pair, f"{place}[{number}]")
    else:
        yield place, was, now


def _restated(was: Statement, now: dict[str, Statement]) -> Iterator[str]:
    one = now.get(was.id)
    if one is None:
        yield f"{was.id}: {was.state} when it was recorded, no fact of today"
    elif (one.state, one.found) != (was.state, was.found):
        yield f"{was.id}: {was.state} ({was.found}) when it was recorded, now {one.state} ({one.found})"


def _canonical(value: object) -> str:
    # As text, because nan is not equal to itself.
    return json.dumps(value, sort_keys=True)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
