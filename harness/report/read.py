"""From a run's folder to the report's data: every text made fit to be shown, every number written once."""

import math
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.cards import CHECKS, ModelCard
from harness.outcomes import INFRA_CODES
from harness.render import table
from harness.report.document import (
    STATES,
    CasePart,
    FailurePart,
    JudgementPart,
    MeasurePart,
    RunReport,
    State,
    TimingPart,
)  # fmt: skip
from harness.report.shown import shown, shown_words
from harness.results import Entry, Failure, Judgement, Measure, Measurement, Result, Verdict
from harness.runs import read_entries, read_run
from harness.units import ABSENT, points, written

LOG_BYTES = 8192
LOG_LINES = 40
_STATE: dict[str, State] = {
    "FAIL": "red",
    "INCONCLUSIVE": "undecided",
    "NOT_RUN": "not-run",
    "NO_BASELINE": "unpromised",
    "PASS": "green",
}


def read(folder: Path, cards: Mapping[str, ModelCard]) -> RunReport:
    """Return the report of a run's folder; raises UsageError where it is none."""
    document, named = read_run(folder), keyed(read_entries(folder))
    entries = [entry for _, entry in named]
    plan = [str(node).rpartition("::")[2] for node in document.get("plan") or ()]
    argv = [str(word) for word in document.get("argv") or ()]
    whole = shlex.join(shown_words(argv))
    again = {name: _run_case(folder, name) for name in plan}
    commands = [again.get(entry.result.case.test_name, whole) for entry in entries]
    cases = tuple(_case(*one, folder, command) for one, command in zip(named, commands, strict=True))
    states, outcomes = Counter(case.state for case in cases), Counter(case.outcome for case in cases)
    return RunReport(
        run=shown(folder.resolve().name),
        started_at=shown(str(document.get("started_at", ""))),
        command=whole,
        environment=flat(document.get("environment") or {}),
        counts={state: states[state] for state in STATES if states[state]},
        outcomes={outcome: outcomes[outcome] for outcome in sorted(outcomes)},
        planned=len(plan),
        readme=_readme(entries, cards),
        cases=cases,
    )


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


def _case(key: str, entry: Entry, folder: Path, command: str) -> CasePart:
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
        measures=tuple(_measure(one) for one in result.measures),
        timing=_timing(result.measurement) if result.measurement else None,
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
    )


def _decided(verdict: Verdict) -> dict[str, Any]:
    """Return what a case shows of its verdict; the first judgement's numbers are the headline."""
    judgements = tuple(_judgement(one) for one in verdict.judgements)
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


def _judgement(one: Judgement) -> JudgementPart:
    return JudgementPart(
        name=shown(one.name),
        outcome=one.outcome,
        target=one.target,
        target_text=written(one.target, one.unit),
        observed=one.observed,
        observed_text=written(one.observed, one.unit),
        interval=one.interval,
        interval_text=_interval(one),
        tolerance=one.tolerance,
        tolerance_text=_tolerance(one),
        unit=shown(one.unit),
        p=one.p,
        origin=shown(one.origin),
        note=shown(one.note),
    )


def _interval(one: Judgement) -> str:
    """Return the interval of a judgement: of a paired one it is that of the loss, in points."""
    if one.interval is None:
        return ABSENT
    if one.name == "paired":
        return f"loss {points(one.interval[0])} to {points(one.interval[1])}"
    return interval_text(one.interval, one.unit)


def interval_text(interval: tuple[float, float] | None, unit: str) -> str:
    """Return an interval with its unit once, a dash for none."""
    if interval is None:
        return ABSENT
    low, high = (written(end, unit) for end in interval)
    named = low.partition(" ")[2]
    return f"{low.removesuffix(f' {named}') if named and high.endswith(f' {named}') else low} to {high}"


def _tolerance(one: Judgement) -> str:
    """Return how much was allowed: points of an accuracy, per cent of a speed."""
    if one.tolerance is None or not math.isfinite(one.tolerance):
        return ABSENT
    return points(one.tolerance) if one.unit == "fraction" else f"{100 * one.tolerance:g} %"


def _measure(one: Measure) -> MeasurePart:
    return MeasurePart(
        name=shown(one.name),
        protocol=shown(one.protocol),
        value=one.value,
        value_text=written(one.value, one.unit),
        interval=one.interval,
        interval_text=interval_text(one.interval, one.unit),
        unit=shown(one.unit),
        n=one.n,
    )


def _timing(one: Measurement) -> TimingPart:
    return TimingPart(
        definition=shown(one.definition),
        statistic=shown(one.statistic),
        inputs=shown(one.inputs),
        threads=one.threads,
        rounds_ms=one.rounds_ms,
        tool_value=one.tool_value,
        canary_before_ms=one.canary_before_ms,
        canary_after_ms=one.canary_after_ms,
        occupants=tuple(shown(name) for name in one.occupants),
    )


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
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - LOG_BYTES))
        text = stream.read().decode("utf-8", errors="replace")
    return shown("\n".join(text.splitlines()[-LOG_LINES:]))


def facts(result: Result) -> dict[str, str]:
    """Return what the case ran with and the run as a whole did not: toolchain, artifact, digests, flags."""
    recipe = result.artifact.get("recipe") or {}
    named = {name: recipe.get(name) for name in ("kind", "producer", "version", "chip") if isinstance(recipe, Mapping)}
    found = flat({"toolchain": result.toolchain, "artifact": named, "digest": result.digests})
    return {**found, **({"flags": shown(", ".join(result.flags))} if result.flags else {})}
