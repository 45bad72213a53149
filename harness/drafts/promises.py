"""A README's rows as the rows of a draft: what is filled in from around them, and what is left to a person."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.cards import Baseline, Expect, Ratio, canonical_chip
from harness.readme.baselines import stated
from harness.readme.rows import Row

SPEEDS = ("throughput", "latency", "unsupported")
_CHIP = re.compile(r"Ascend\d{3}\w{0,8}")
_PLAIN = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Around:
    """What the rest of the README says where a row does not: chips, the batch of the ATC command, the model's name."""

    chips: tuple[str, ...] = ()
    batch: int | None = None
    model: str = ""


@dataclass(frozen=True)
class Stated:
    """A row of the card, and what was added to it; `asks` tells that a person has to confirm that."""

    row: Baseline | Expect | Ratio
    note: str = ""
    asks: bool = False


@dataclass(frozen=True)
class Promises:
    """The rows of a draft, and those left out, each as `line N: text: why`."""

    stated: tuple[Stated, ...] = ()
    left: tuple[str, ...] = ()
    batches: tuple[int, ...] = field(default=(1,))


def chips(rows: Iterable[Row], soc_versions: Iterable[str | None]) -> tuple[str, ...]:
    """Return the Ascend chips that promises or ATC commands name, in their order; variables name none."""
    promised = (part for row in rows if row.role == "promise" for part in row.chip.split("/"))
    named = [canonical_chip(name) for name in (*promised, *filter(None, soc_versions))]
    return tuple(dict.fromkeys(name for name in named if _CHIP.fullmatch(name)))


def model_of(rows: Iterable[Row], names: Sequence[str]) -> str:
    """Return which of a README's models a file or command is of, by the longest name in its own; else an empty text.

    `names` are those of the file and of the command, the more telling first.
    """
    models = sorted({row.model for row in rows if _plain(row.model)}, key=lambda model: (-len(_plain(model)), model))
    fitting = (model for name in names for model in models if _plain(model) in _plain(name))
    return next(fitting, "")


def gather(rows: Sequence[Row], file: str, around: Around) -> Promises:
    """Return what a card can state of the rows; the README is named `file` in it."""
    several = len({row.model for row in rows if row.model}) > 1
    found: list[Stated] = []
    left: list[str] = []
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        made = _stated(row, file, around, several=several)
        reason = made if isinstance(made, str) else _repeats(made.row, seen)
        if isinstance(made, str) or reason:
            left.append(f"line {row.where.line}: {row.where.text.strip()[:80]}: {reason}")
        else:
            found.append(made)
    return Promises(tuple(found), tuple(left), _batches([one.row for one in found], around))


def _stated(row: Row, file: str, around: Around, *, several: bool) -> Stated | str:
    """Return a row as the card's, or why it is none."""
    if not row.certain:
        return row.reason or "it is not clear what it means"
    filled, note, asks = _filled(row, around) if row.role == "promise" else (row, "", False)
    if several and row.model and row.model != around.model:
        condition = ", ".join(filter(None, (f"model={row.model}", row.condition)))
        filled = filled.model_copy(update={"condition": condition})
    made = stated(filled, file)
    return Stated(made, note, asks) if made is not None else _no_place(filled)


def _no_place(row: Row) -> str:
    """Return why a card cannot state a row: its shares lie between 0 and 1, its ratios have two sides."""
    if row.kind != "accuracy":
        return f"a card has no row for such a {row.kind}"
    return f"a card has no row for {row.metric} of {row.value} {row.unit}: a share lies between 0 and 1, or 0 and 100 %"


def _filled(row: Row, around: Around) -> tuple[Row, str, bool]:
    """Return a promise with its chip and batch, what of that is said elsewhere, and whether it has to be confirmed."""
    if row.kind not in SPEEDS:  # an accuracy holds for any chip where none is named, and for any batch
        return row.model_copy(update={"chip": "" if row.chip == "NPU" else row.chip}), "", False
    added: dict[str, object] = {}
    notes, asks = [], False
    if row.chip in ("", "NPU") and around.chips:
        asks = len(around.chips) > 1
        added["chip"] = around.chips[0]
        notes.append(f"no chip is printed beside it: {around.chips[0]} is {'one' if asks else 'all'} that is named")
    if row.batch is None:
        added["batch"] = around.batch or 1
        asks = asks or around.batch is None
        notes.append("no batch is printed beside it: " + (f"the ATC command's {around.batch}" if around.batch else "1"))
    return row.model_copy(update=added), "; ".join(notes), asks


def _repeats(row: Baseline | Expect | Ratio, seen: set[tuple[object, ...]]) -> str:
    """Return why a row adds nothing to those before it, or an empty string; remembers it."""
    if isinstance(row, Baseline):
        place = (*row.identity, row.role)
        exact = row.value if row.role == "reference" else ""
        identity: tuple[object, ...] = (*place, exact)
    elif isinstance(row, Expect):
        identity = (row.chip, row.batch, row.check, row.outcome)
    else:
        identity = (row.numerator, row.denominator, row.at_least, row.within, row.role)
    if identity in seen:
        return "the card has this place already"
    seen.add(identity)
    return ""


def _batches(rows: Sequence[Baseline | Expect | Ratio], around: Around) -> tuple[int, ...]:
    """Return the batch sizes that are promised, in order; else that of the ATC command, else 1."""
    found = {row.batch for row in rows if isinstance(row, Baseline) and row.role == "promise"}
    found |= {row.batch for row in rows if isinstance(row, Expect)}
    sizes = sorted(size for size in found if isinstance(size, int))
    return tuple(sizes) or (around.batch or 1,)


def _plain(name: str) -> str:
    return _PLAIN.sub("", name.rpartition("/")[2].removesuffix(".onnx").lower())
