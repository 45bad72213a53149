"""From a run's folder to the report's data: every text made fit to be shown, every number written once."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.cards import CHECKS, ModelCard
from harness.outcomes import INFRA_CODES
from harness.render import table
from harness.report.document import (
    STATES,
    CasePart,
    FailurePart,
    HistoryPart,
    PastPart,
    RunReport,
    SharedDifference,
    SincePart,
    State,
)  # fmt: skip
from harness.report.numbers import judgement, measure, timing
from harness.report.shown import shown, shown_words
from harness.results import Entry, Failure, Result, Verdict
from harness.runs import read_entries, read_run
from harness.units import ABSENT

LOG_BYTES = 8192
LOG_LINES = 40
NOT_LOOKED = "no history was looked at: give --history DB, or set $OMGATE_HISTORY"
_STATE: dict[str, State] = {
    "FAIL": "red",
    "INCONCLUSIVE": "undecided",
    "NOT_RUN": "not-run",
    "NO_BASELINE": "unpromised",
    "PASS": "green",
}


@dataclass(frozen=True)
class Past:
    """What was before a run, by the keys of its cases: results over time, and what differs; `note` is what to know."""

    histories: Mapping[str, HistoryPart] = field(default_factory=dict)
    since: Mapping[str, SincePart] = field(default_factory=dict)
    note: str = NOT_LOOKED


class Run(NamedTuple):
    """A run's folder as it was read: what was asked, and the entries with what each is called in a report."""

    folder: Path
    document: Mapping[str, Any]
    named: Sequence[tuple[str, Entry]]


def load(folder: Path) -> Run:
    """Return what is in a run's folder; raises UsageError where it is none."""
    return Run(folder, read_run(folder), keyed(read_entries(folder)))


def read(folder: Path, cards: Mapping[str, ModelCard]) -> RunReport:
    """Return the report of a run's folder, without what was before it; raises UsageError where it is none."""
    return report(load(folder), cards, Past())


def report(run: Run, cards: Mapping[str, ModelCard], past: Past) -> RunReport:
    """Return a run as data, each case with what was before it."""
    document = run.document
    plan = [str(node).rpartition("::")[2] for node in document.get("plan") or ()]
    whole = shlex.join(shown_words([str(word) for word in document.get("argv") or ()]))
    again = {name: _run_case(run.folder, name) for name in plan}
    cases = tuple(_case(*one, run.folder, again.get(one[1].result.case.test_name, whole), past) for one in run.named)
    states, outcomes = Counter(case.state for case in cases), Counter(case.outcome for case in cases)
    return RunReport(
        run=shown(run.folder.resolve().name),
        started_at=shown(str(document.get("started_at", ""))),
        command=whole,
        environment=flat(document.get("environment") or {}),
        counts={state: states[state] for state in STATES if states[state]},
        outcomes={outcome: outcomes[outcome] for outcome in sorted(outcomes)},
        planned=len(plan),
        lacks=flat(document.get("lacks") or {}),
        past=_past(past),
        readme=_readme((entry for _, entry in run.named), cards),
        cases=cases,
    )


def _past(past: Past) -> PastPart:
    """Return what differs for the run as a whole, that of most cases first."""
    counted = Counter(one for since in past.since.values() for one in since.differences)
    shared = (SharedDifference(**dict(one), cases=count) for one, count in counted.most_common())
    compared = sum(not since.lack for since in past.since.values())
    return PastPart(note=past.note, compared=compared, differences=tuple(shared))


def keyed(entries: Iterable[Entry]) -> list[tuple[str, Entry]]:
    """Return the entries in the order of a report, each with what it is called there.

    That is its case's key, with a number after it where the case was run more than once.
    """
    seen: Counter[str] = Counter()
    found = []
    for entry in _ordered(entries):
        key = entry.result.case.key
        seen[key] += 1
        found.append((f"{key}-{seen[key]}" if seen[key] > 1 else key, entry))
    return found


def _readme(entries: Iterable[Entry], cards: Mapping[str, ModelCard]) -> dict[str, tuple[tuple[str, ...], ...]]:
    by_model: dict[str, list[Entry]] = {}
    for entry in entries:
        by_model.setdefault(entry.result.case.model, []).append(entry)
    kinds = {name: cards[name].dataset.kind if name in cards else "" for name in by_model}
    rows = {name: table.readme_rows(mine, kinds[name]) for name, mine in by_model.items()}
    return {shown(name): tuple(tuple(map(shown, row)) for row in mine) for name, mine in rows.items()}


def state_of(verdict: Verdict) -> State:
    """Return what a reader has to do with a verdict; broken infrastructure is red as a failed gate is."""
    if verdict.outcome == "FAIL" and verdict.waived_by:
        return "waived"
    return "red" if verdict.code in INFRA_CODES else _STATE[verdict.outcome]


def flat(facts: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Return nested facts as one level, `packages numpy` for a name within a name, each as it may be shown."""
    found: dict[str, str] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{before}{name} "))
        elif value not in (None, "", [], ()):
            found[shown(f"{before}{name}")] = shown(str(value))
    return found


def _ordered(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries by model, as they were planned, then by runtime, chip, check and batch."""
    found = list(entries)
    position = {name: at for at, name in enumerate(dict.fromkeys(entry.result.case.model for entry in found))}

    def place(entry: Entry) -> tuple[object, ...]:
        case = entry.result.case
        return position[case.model], case.runtime, case.chip, case.weights, CHECKS.index(case.check), case.batch

    return sorted(found, key=place)


def _run_case(folder: Path, name: str) -> str:
    """Return the command that repeats a case, from the clone or from the folder that holds the runs."""
    resolved = folder.resolve()
    kept = 3 if resolved.parts[-3:-1] == ("reports", "runs") else 1
    return shlex.join(["omgate", "run-case", shown("/".join(resolved.parts[-kept:])), shown(name)])


def _case(key: str, entry: Entry, folder: Path, command: str, past: Past) -> CasePart:
    result, case = entry.result, entry.result.case
    names = ("id", "model", "runtime", "chip", "weights", "precision", "condition")
    named: dict[str, Any] = {name: shown(getattr(case, name)) for name in names}
    return CasePart(
        key=key,
        **named,
        **_decided(entry.verdict),
        test=shown(case.test_name),
        batch=case.batch,
        check=case.check,
        emulated=case.emulated,
        seeded=case.weights == "seeded",
        measures=tuple(measure(one) for one in result.measures),
        timing=timing(result.measurement) if result.measurement else None,
        worst=tuple(shown(one) for one in result.worst),
        samples_text=_samples(result),
        outcomes_file=shown(result.outcomes.path) if result.outcomes else "",
        outcomes_kind=shown(result.outcomes.kind) if result.outcomes else "",
        failure=_failure(result.error, folder) if result.error else None,
        missing=shown(result.missing),
        facts=facts(result),
        reproduce=command,
        started_at=shown(result.started_at),
        seconds=result.seconds,
        history=past.histories.get(key),
        since=past.since.get(key),
    )


def _decided(verdict: Verdict) -> dict[str, Any]:
    """Return what a case shows of its verdict; the first judgement's numbers are the headline."""
    judgements = tuple(judgement(one) for one in verdict.judgements)
    return {
        "state": state_of(verdict),
        "outcome": verdict.outcome,
        "code": verdict.code,
        "reason": shown(verdict.reason),
        "waived_by": shown(verdict.waived_by),
        "measured_text": judgements[0].observed_text if judgements else ABSENT,
        "promised_text": judgements[0].target_text if judgements else ABSENT,
        "judgements": judgements,
    }


def _samples(result: Result) -> str:
    if result.samples is None:
        return ""
    whole = "the whole set" if result.samples.whole else "a subset"
    return f"{result.samples.used} of {result.samples.declared} samples, {whole}"


def _failure(error: Failure, folder: Path) -> FailurePart:
    return FailurePart(
        kind=error.kind,
        stage=shown(error.stage),
        tool=shown(error.tool),
        code=shown(error.code),
        message=shown(error.message),
        log=shown(error.log),
        log_tail=log_tail(folder, error.log),
    )


def log_tail(folder: Path, log: str) -> str:
    """Return the last lines of a log below the run's folder; a path that leads out of it is not read."""
    if not log:
        return ""
    root = folder.resolve()
    path = (root / log).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        return ""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - LOG_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return shown("\n".join(text.splitlines()[-LOG_LINES:]))


def facts(result: Result) -> dict[str, str]:
    """Return what the case ran with and the run as a whole did not: toolchain, artifact, digests, flags."""
    recipe = result.artifact.get("recipe") or {}
    named = {name: recipe.get(name) for name in ("kind", "producer", "version", "chip") if isinstance(recipe, Mapping)}
    found = flat({"toolchain": result.toolchain, "artifact": named, "digest": result.digests})
    return {**found, **({"flags": shown(", ".join(result.flags))} if result.flags else {})}
