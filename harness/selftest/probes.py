"""What a recording proves of each fact that is taken for granted: it holds, it is otherwise, or nothing can be told."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from harness.ascend.facts import FACTS
from harness.errors import OmgateError
from harness.selftest import atc_probes, runner_probes, smi_probes
from harness.selftest.recording import NotProbed, Recording

Probe = Callable[[Recording], tuple[bool, str]]
"""Whether a fact is as assumed, and what was found; raises NotProbed where the recording cannot tell."""

PROBES: Mapping[str, Probe] = {**atc_probes.PROBES, **runner_probes.PROBES, **smi_probes.PROBES}
State = Literal["confirmed", "differs", "not-probed"]


@dataclass(frozen=True)
class Statement:
    """What a recording says of one fact: `found` is what was seen, or why nothing was."""

    id: str
    state: State
    found: str


def statements(recording: Recording) -> tuple[Statement, ...]:
    """Return what a recording says of every fact, in their order."""
    return tuple(_statement(fact.id, fact.not_probed, recording) for fact in FACTS)


def _statement(fact_id: str, not_probed: str, recording: Recording) -> Statement:
    if not_probed:
        return Statement(fact_id, "not-probed", not_probed)
    try:
        holds, found = PROBES[fact_id](recording)
    except NotProbed as reason:
        return Statement(fact_id, "not-probed", str(reason))
    except OmgateError as error:  # a text that no parser reads is not what was assumed
        return Statement(fact_id, "differs", f"{error.what}, got {error.got}")
    return Statement(fact_id, "confirmed" if holds else "differs", found)


def as_json(found: Statement) -> dict[str, str]:
    """Return a statement as JSON values."""
    document: dict[str, str] = json.loads(json.dumps(vars(found)))
    return document
