"""From a README to its typed rows: the tables' first, then what sentences, code and logs say beyond them."""

import gc
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from harness.errors import UsageError
from harness.readme import document, logs, markdown, vocabulary
from harness.readme.clashes import told_apart
from harness.readme.document import Document
from harness.readme.figures import Cells
from harness.readme.finder import Finder, Found, SameBatches
from harness.readme.labels import GENERAL, Labels
from harness.readme.redact import may_hide, redact
from harness.readme.rows import Notice, Parsed, Row, Where

# A score in the name of a file of weights is believed where it is so near to a promised one.
NEAR_PROMISE = 0.03
# So many chips and batches are compared before a figure in the text counts as said already.
MOST_COMPARED = 64
# An Ascend 310 card (Atlas 300) has four chips; a README rounds what they reach together.
CHIPS_OF_A_CARD = 4
ROUNDED = 1e-3
_NOWHERE = ("", 0)
# A notice is for somebody to read. The reasons of all rows stand in the rows.
MOST_DOUBTS = 1000
# READMEs have some hundred texts, and many in common. Of one with more nothing is kept: it would be no use to others.
MOST_KEPT = 1000


def parse(source: Path | bytes, synonyms: Path | None = None) -> Parsed:
    """Return the rows and notices of a README, a file or its bytes; `synonyms` is a TOML file that adds words.

    Nothing in it is executed and no link is followed. Raises UsageError for a file that cannot be read.
    """
    return _parser(synonyms).parse(document.decode(_bytes(source)))


def _bytes(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except OSError as error:
        raise UsageError(str(source), "expected a README file", error.strerror or str(error)) from error


@lru_cache(maxsize=4)
def _parser(synonyms: Path | None) -> "Parser":
    return Parser(vocabulary.read(synonyms))


class Parser:
    """Parses READMEs with one vocabulary."""

    def __init__(self, words: vocabulary.Vocabulary) -> None:
        self.labels, self.cells = Labels(words), Cells(words)
        self.finder = Finder(self.labels, self.cells)

    def parse(self, text: str) -> Parsed:
        """Return the rows of a README's text in the order of its lines, and notices.

        It does without the collector of cycles, which rows have none of: that took half of the time of a huge README.
        """
        was_on = gc.isenabled()
        gc.disable()
        try:
            return self._parsed(text)
        finally:
            self._forget()
            if was_on:
                gc.enable()

    def _forget(self) -> None:
        for kept in (self.labels.read, self.cells.read, markdown.plain):
            if kept.cache_info().currsize > MOST_KEPT:
                kept.cache_clear()

    def _parsed(self, text: str) -> Parsed:
        parts = document.read(text)
        found = self.finder.find(parts)
        rows = sorted((_redacted(row) for row in _joined(found, parts)), key=lambda row: row.where.line)
        notices = [Notice(line=one.line, text=redact(one.text)) for one in found.notices]
        notices += _doubts(rows)
        notices += [Notice(line=line, text=text) for line, text in parts.unread]
        if not rows:
            notices.append(Notice(line=0, text="no results found"))
        return Parsed(rows=tuple(rows), notices=tuple(dict.fromkeys(notices)))


def _doubts(rows: Iterable[Row]) -> Iterator[Notice]:
    """Yield a notice for each row that is uncertain; of more than anybody reads, only that there are more."""
    doubtful = [row for row in rows if not row.certain]
    for row in doubtful[:MOST_DOUBTS]:
        yield Notice(line=row.where.line, text=f"uncertain: {row.reason}")
    if len(doubtful) > MOST_DOUBTS:
        yield Notice(line=0, text=f"{len(doubtful) - MOST_DOUBTS} more rows are uncertain, each with its reason")


def _joined(found: Found, parts: Document) -> list[Row]:
    """Return the rows of all places without those that repeat or are overruled: a table says more than a sentence."""
    rows = _distinct(found.tables, found.places)
    rows += _beyond(_of_chips(_distinct(found.texts)), rows)
    rows += _claims(found.claims, rows)
    rows += _beyond(_distinct(found.evaluations), rows)
    rows += _beyond(_of_chips(_distinct(found.code), rows), rows)
    rows = [*_spread(rows, found.same), *found.classes]
    rows += _averages(found.averages, rows)
    rows += _of_weights(parts, rows)
    told, left_out = told_apart(rows, {line: name for line, (name, _) in found.places.items()})
    if left_out:
        text = f"{left_out} rows state other numbers for the same as earlier ones, and are left out"
        found.notices.append(Notice(line=0, text=text))
    return list(_with_commands(told, found))


def _distinct(rows: Iterable[Row], places: Mapping[int, tuple[str, int]] = MappingProxyType({})) -> list[Row]:
    """Return the rows without those that say the same of the same again, on another line.

    Rows of one table speak of different things, and so do tables with different names; `places` holds for each line
    of a table its name and first line.
    """
    kept: dict[object, Row] = {}
    for row in rows:
        line = row.where.line
        first = kept.setdefault((row.identity, row.value, places.get(line, _NOWHERE)[0]), row)
        if first is not row and _is_beside(first.where.line, line, places):
            kept[len(kept)] = row
    return list(kept.values())


def _is_beside(line: int, other: int, places: Mapping[int, tuple[str, int]]) -> bool:
    """Tell whether two lines are the same, or of the same table."""
    return line == other or (line in places and places[line][1] == places.get(other, _NOWHERE)[1])


def _beyond(rows: Iterable[Row], others: Iterable[Row]) -> list[Row]:
    """Return the rows of which the others say nothing."""
    candidates = list(rows)
    said = _Said(others if candidates else ())
    return [row for row in candidates if not said.covers(row)]


class _Said:
    """What rows say, to look up whether one more says anything new."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._values: dict[object, set[tuple[str, int | None]]] = {}
        self._metrics: dict[object, set[tuple[str, int | None, str, int]]] = {}
        for row in rows:
            same = self._values.setdefault((row.kind, row.role, row.value), set())
            if len(same) < MOST_COMPARED:
                same.add((row.chip, row.batch))
            seen = self._metrics.setdefault((row.kind, row.role, _loose(row)), set())
            if len(seen) < MOST_COMPARED:
                seen.add((row.chip, row.batch, row.condition, row.where.line))

    def covers(self, row: Row) -> bool:
        """Tell whether the value is there for a chip and batch that may be the same, or the metric on a later line.

        What a sentence sums up before a table, the table says better; what stands behind it, it says as well.
        """
        values = self._values.get((row.kind, row.role, row.value), set())
        if any(_may_be(row.chip, chip) and row.batch in (None, batch) for chip, batch in values):
            return True
        names = {_loose(row), row.metric, "acc"} if row.kind == "accuracy" else {row.metric}
        seen = [one for name in names for one in self._metrics.get((row.kind, row.role, name), ())]
        return any(
            _may_be(row.chip, chip) and row.batch in (None, batch) and row.condition in ("", condition)
            for chip, batch, condition, line in seen
            if row.where.line < line
        )


def _of_chips(rows: Sequence[Row], others: Iterable[Row] = ()) -> Iterator[Row]:
    """Yield rows without the tool's rates of one chip of which the README states what the card's four reach."""
    rates = (row for row in (*rows, *others) if row.kind == "throughput" and row.scope == "card")
    cards = [row.value for row in rates if row.value]
    for row in rows:
        rate = row.value if row.kind == "throughput" and "throughputrate" in row.where.text.lower() else None
        if not rate or not any(math.isclose(CHIPS_OF_A_CARD * rate, card, rel_tol=ROUNDED) for card in cards):
            yield row


def _loose(row: Row) -> str:
    """Return a metric's name; an accuracy of a table without a name may be any."""
    return "acc" if row.metric == "accuracy" and row.where.column else row.metric


def _may_be(chip: str, other: str) -> bool:
    return chip == other or not chip or not other or (chip in GENERAL and other not in GENERAL)


def _spread(rows: Iterable[Row], same: Iterable[SameBatches]) -> Iterator[Row]:
    """Yield the rows, with an accuracy once for each batch for which a sentence below it says that it holds."""
    stated = list(same)
    for row in rows:
        line = row.where.line
        batches = next((one.batches for one in stated if one.first <= line <= one.last), ()) if stated else ()
        if not batches or row.kind != "accuracy" or row.batch or row.role == "reference" or row.where.column:
            yield row
            continue
        yield from (row.model_copy(update={"batch": batch}) for batch in batches)


def _averages(averages: list[Row], rows: list[Row]) -> Iterator[Row]:
    """Yield the averages of tools' logs: references where the README states what a run takes, else what there is.

    What one image of several takes is no such statement.
    """
    latencies = (row for row in rows if row.kind == "latency" and row.role == "promise")
    stated = any("per image" not in row.condition or row.batch in (None, 1) for row in latencies)
    for row in _distinct(averages):
        if stated:
            yield row.model_copy(update={"role": "reference"})
        else:
            yield row.model_copy(update={"certain": False, "reason": "stands only in a tool's log"})


def _claims(claims: list[Row], rows: list[Row]) -> Iterator[Row]:
    """Yield what the model's description claims, where a promise is of that metric, on a data set that it names."""
    promised = [one for one in rows if one.role == "promise" and one.kind == "accuracy" and one.dataset]
    sets = {(one.metric, _plain(one.dataset)) for one in promised}
    for row in _distinct(claims) if sets else ():
        if any(metric == row.metric and name in _plain(row.where.text) for metric, name in sets):
            yield row.model_copy(update={"condition": "as the description says", "chip": "", "printed_chip": ""})


def _plain(text: str) -> str:
    return "".join(text.lower().split())


def _of_weights(parts: Document, rows: list[Row]) -> Iterator[Row]:
    """Yield the score in the name of a file of weights, where it is near to the only accuracy that is promised."""
    promised = [row for row in rows if row.kind == "accuracy" and row.role == "promise" and row.value is not None]
    if len({row.metric for row in promised}) != 1:
        return
    target = (promised[0].value or 0.0) / (100.0 if promised[0].unit == "%" else 1.0)
    for line, name, score in logs.checkpoints(parts.lines):
        if abs(score - target) <= NEAR_PROMISE:
            yield Row(
                kind="accuracy",
                metric=promised[0].metric,
                value=score,
                unit="fraction",
                role="reference",
                condition="training side",
                certain=False,
                reason="the number in the name of the weights' file",
                where=Where(line=line, text=name),
            )


def _with_commands(rows: list[Row], found: Found) -> Iterator[Row]:
    """Yield the rows; a promise for no chip or some NPU gets that of the ATC commands, where no other is printed."""
    chip = found.commands.chip
    printed = {row.chip for row in rows if row.role == "promise" and row.chip and row.kind != "ratio"} - {"NPU"}
    for row in rows:
        if chip and row.chip in ("", "NPU") and row.role == "promise" and row.kind != "ratio" and printed <= {chip}:
            yield row.changed(chip=chip)
        else:
            yield row


def _redacted(row: Row) -> Row:
    """Return a row without secrets in any of its texts."""
    texts = (row.model, row.dataset, row.condition, row.metric, row.cls, row.printed_chip)
    where = row.where
    if not may_hide("\n".join((*texts, where.text, where.column))):
        return row
    clean, text, column = tuple(map(redact, texts)), redact(where.text), redact(where.column)
    if clean == texts and (text, column) == (where.text, where.column):
        return row
    where = row.where.model_copy(update={"text": text, "column": column})
    return row.changed(**dict(zip(_TEXTS, clean, strict=True)), where=where)


_TEXTS = ("model", "dataset", "condition", "metric", "cls", "printed_chip")
