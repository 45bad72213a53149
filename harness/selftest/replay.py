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
    was, now = transcript.reading, readings.read(transcript)
    if _canonical(was) == _canonical(now):
        return
    keys = sorted({*was, *now}) if isinstance(was, dict) else []
    changed = [key for key in keys if _canonical(was.get(key)) != _canonical(now.get(key))]
    for key in changed:
        yield f"{transcript.name}: {key} was read as {_short(was.get(key))}, now as {_short(now.get(key))}"
    if not changed:
        yield f"{transcript.name}: was read as {_short(was)}, now as {_short(now)}"


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
