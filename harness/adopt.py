"""From first measurements to baselines: rows of role `measured`, with provenance, added to the card they are of."""

import datetime
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from harness import cards, gates
from harness.card_promises import SPEEDS
from harness.cards import ModelCard
from harness.errors import CardError, UsageError
from harness.gates import rounds, speed
from harness.gates.promises import REFERENCE_RUNTIMES
from harness.history import keys
from harness.results import Case, Entry, Measure, Measurement, Result, Verdict
from harness.runs import numbered_entries, read_run
from harness.units import PLAIN, SHARE, more_is_better, written

PROMISED = "promised already"
OWN_THRESHOLD = "its check has a threshold of its own"


@dataclass(frozen=True)
class Adoption:
    """A measurement and the `[[baseline]]` it becomes: TOML values by key, for the card file at `path`."""

    case: Case
    path: Path
    row: Mapping[str, str]

    @property
    def identity(self) -> tuple[object, ...]:
        """Everything but the number and where it comes from: two such rows would contradict each other."""
        return self.path, *((key, value) for key, value in self.row.items() if key not in ("value", "source"))

    @property
    def lines(self) -> tuple[str, ...]:
        """The row as the lines of a card."""
        return ("[[baseline]]", *(f"{key} = {value}" for key, value in self.row.items()))


@dataclass(frozen=True)
class Refusal:
    """A measurement that becomes no baseline, and why."""

    case: Case
    reason: str


def card_folders(run: Path) -> tuple[Path, ...]:
    """Return the card folders that a recorded run was given; raises UsageError for a folder that is no run's."""
    words = [str(word) for word in read_run(run).get("options", ())]
    return tuple(Path(after) for word, after in pairwise(words) if word == "--cards")


def examine(run: Path, known: Mapping[str, ModelCard], today: datetime.date) -> tuple[Adoption | Refusal, ...]:
    """Return what becomes of each entry of a run, judged by the cards as they are now.

    Raises UsageError for a folder that is no run's.
    """
    decided: list[Adoption | Refusal] = []
    taken: set[tuple[object, ...]] = set()
    for line, entry in numbered_entries(run).items():
        case = entry.result.case
        reason = _refused(entry.result, known.get(case.model), today)
        if reason:
            decided.append(Refusal(case, reason))
            continue
        made = _adoption(entry, known[case.model], f"{run.resolve().name}/results.jsonl", line)
        twice = made.identity in taken
        taken.add(made.identity)
        decided.append(Refusal(case, "another row of this run says the same") if twice else made)
    return tuple(decided)


def choose(decided: Sequence[Adoption | Refusal], wanted: str) -> tuple[Adoption | Refusal, ...]:
    """Return those of one case: by node id, `test_check[case-id]`, key or case id; UsageError where there is none."""
    name = wanted.rpartition("::")[2]
    found = tuple(one for one in decided if name in (one.case.test_name, one.case.key, one.case.id))
    if not found:
        choices = ", ".join(dict.fromkeys(one.case.test_name for one in decided)) or "nothing: the run has no result"
        raise UsageError(f"--case {wanted}", "expected a case of this run", repr(wanted), f"choose from {choices}")
    return found


def write(path: Path, adoptions: Iterable[Adoption]) -> None:
    """Append rows to a card, whose text stays as it is; it is read again as a card before it takes the old one's place.

    Raises CardError where the card with its new rows is none, UsageError where the file cannot be written.
    """
    target = path.resolve()
    # Not *.toml: another process that loads the folder's cards must not find it.
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(_extended(target.read_bytes(), adoptions))
        shutil.copymode(target, temporary)
        cards.load(temporary)
        temporary.replace(target)
    except CardError as error:
        where = error.where.replace(str(temporary), str(path))
        raise CardError(where, error.what, error.got, "nothing was written") from error
    except OSError as error:
        raise UsageError(str(path), "expected a card that can be written", error.strerror or str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _extended(card: bytes, adoptions: Iterable[Adoption]) -> bytes:
    """Return a card's bytes with rows at the end, in its own line ends."""
    end = b"\r\n" if b"\r\n" in card else b"\n"
    lines = [line for adoption in adoptions for line in ("", *adoption.lines)]
    missing_end = b"" if not card or card.endswith(b"\n") else end
    return card + missing_end + b"".join(line.encode() + end for line in lines)


def _refused(result: Result, card: ModelCard | None, today: datetime.date) -> str:
    """Return why a measurement becomes no baseline, or an empty string."""
    case = result.case
    if card is None:
        return f"there is no card {case.model}; give its folder with --cards"
    if case.check not in ("accuracy", *SPEEDS):
        return OWN_THRESHOLD
    if case.emulated:
        return "measured on an emulated chip, which a card promises nothing of"
    if case.weights != "card":
        what = "seeded weights" if case.weights == "seeded" else "other weights"
        return f"measured with {what}, which a card promises nothing of"
    verdict = gates.judge(result, card, today)
    if any(one.target is not None and one.name in ("absolute", *SPEEDS) for one in verdict.judgements):
        return PROMISED
    if not _is_first(verdict, case):
        return f"{verdict.outcome} {verdict.code}: {verdict.reason}"
    return _unfit(result) or _undirected(result, card)


def _is_first(verdict: Verdict, case: Case) -> bool:
    """Tell whether nothing but a promise was missing; an accuracy may have met its pairing, which is no number."""
    met = case.check == "accuracy" and verdict.outcome == "PASS" and verdict.code == "met"
    return met or (verdict.outcome == "NO_BASELINE" and verdict.code == "no-promise")


def _unfit(result: Result) -> str:
    """Return why a sound measurement does not say what a card's number would, or an empty string."""
    case, samples, measurement = result.case, result.samples, result.measurement
    if case.check == "accuracy":
        whole = samples is not None and samples.whole
        return "" if whole else "measured on a part of the data set; run it without --samples"
    # A card says nothing of runtimes: its speeds are of the one that is gated.
    if case.runtime in REFERENCE_RUNTIMES:
        return "the speed of the reference is no chip's speed"
    if case.threads != 1:
        return f"measured with {case.threads} threads, and a card's speeds are of one"
    if measurement is None or speed.disturbed(measurement):
        why = "no round was timed" if measurement is None else speed.disturbed(measurement)
        return f"{why}, so the machine was not quiet; run it again"
    if case.chip == "cpu" and speed.canary_scale(measurement, case.check) is None:
        return "no canary was timed, and a processor's speed is counted in it"
    return ""


def _undirected(result: Result, card: ModelCard) -> str:
    """Return why an accuracy that is no share cannot be a floor or a ceiling, or an empty string."""
    head = result.measures[0] if result.case.check == "accuracy" else None
    if head is None or head.unit == SHARE or _direction(head, card) is not None:
        return ""
    return f"nobody says whether more of {head.name} is better; add a [[baseline]] of it with higher_is_better"


def _direction(measure: Measure, card: ModelCard) -> bool | None:
    """Return whether more of a measure is better, by the card's other rows of it, else by its name."""
    said = (row.higher_is_better for row in card.baseline if row.metric == measure.name)
    return next(said, more_is_better(measure.name))


def _adoption(entry: Entry, card: ModelCard, file: str, line: int) -> Adoption:
    result = entry.result
    case, measurement = result.case, result.measurement
    row = {"chip": _quoted(case.chip), "batch": str(case.batch)}
    if measurement is not None and case.check in SPEEDS:
        facts, text = _speed(measurement, case)
    else:
        facts, text = _accuracy(result, card)
    row |= facts
    row |= {key: _quoted(value) for key, value in _circumstances(result).items() if value}
    row["source"] = f"{{ file = {_quoted(file)}, line = {line}, text = {_quoted(text)} }}"
    return Adoption(case, card.path, row)


def _accuracy(result: Result, card: ModelCard) -> tuple[dict[str, str], str]:
    """Return the row's number by the README's protocol, its unit and direction where it is no share, and its text."""
    measure = result.measures[0]
    # Six decimals always: the last one printed bounds the tolerance from below.
    number = f"{measure.value:.6f}"
    facts = {"metric": _quoted(measure.name), "protocol": _quoted(measure.protocol), "value": number}
    if measure.unit != SHARE:
        facts |= {"unit": _quoted(measure.unit or PLAIN), "higher_is_better": json.dumps(_direction(measure, card))}
    return {**facts, "role": _quoted("measured")}, f"{number} on {measure.n} samples"


def _speed(measurement: Measurement, case: Case) -> tuple[dict[str, str], str]:
    """Return the row's number in the unit that the gate compares in, and its text."""
    raw = rounds.reading(measurement, case.check)
    plain = written(raw, speed.RAW_UNITS[case.check])
    scale = speed.canary_scale(measurement, case.check) if case.chip == "cpu" else None
    unit = speed.RAW_UNITS[case.check] if scale is None else speed.CANARY_UNITS[case.check]
    value = raw * (1.0 if scale is None else scale)
    text = plain if scale is None else f"{written(value, unit)} ({plain})"
    facts = {"metric": _quoted(case.check), "value": repr(float(f"{value:.4g}")), "unit": _quoted(unit)}
    return {**facts, "role": _quoted("measured")}, text


def _circumstances(result: Result) -> dict[str, str]:
    """Return what makes the number comparable; a field without a value is left out of the row."""
    measurement = result.measurement
    return {
        "definition": measurement.definition if measurement else "",
        "inputs": measurement.inputs if measurement else "",
        "condition": result.case.condition,
        "toolchain": keys.toolchain(result),
    }


def _quoted(text: str) -> str:
    """Return a TOML string; JSON's escapes are TOML's, but for the delete character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
