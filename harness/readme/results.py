"""From a README to its typed rows: the tables' first, then what sentences, code and logs say beyond them."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from harness.errors import UsageError
from harness.readme import document, logs, markdown, vocabulary
from harness.readme.document import Document
from harness.readme.figures import Cells
from harness.readme.finder import Finder, Found, SameBatches
from harness.readme.labels import GENERAL, Labels
from harness.readme.redact import redact
from harness.readme.rows import Notice, Parsed, Row, Where

# A score in the name of a file of weights is believed where it is so near to a promised one.
NEAR_PROMISE = 0.03
# So many chips and batches are compared before a figure in the text counts as said already.
MOST_COMPARED = 64
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
        """Return the rows of a README's text in the order of its lines, and notices."""
        with _uncollected():
            parsed = self._parsed(text)
        for kept in (self.labels.read, self.cells.read, markdown.plain):
            if kept.cache_info().currsize > MOST_KEPT:
                kept.cache_clear()
        return parsed

    def _parsed(self, text: str) -> Parsed:
        parts = document.read(text)
        found = self.finder.find(parts)
        rows = sorted((_redacted(row) for row in _joined(found, parts)), key=lambda row: row.where.line)
        notices = [Notice(line=one.line, text=redact(one.text)) for one in found.notices]
        notices += [Notice(line=row.where.line, text=f"uncertain: {row.reason}") for row in rows if not row.certain]
        notices += [Notice(line=line, text=text) for line, text in parts.unread]
        if not rows:
            notices.append(Notice(line=0, text="no results found"))
        return Parsed(rows=tuple(rows), notices=tuple(dict.fromkeys(notices)))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Do without the collector of cycles, which rows have none of: it took a third of the time of a huge README."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _joined(found: Found, parts: Document) -> list[Row]:
    """Return the rows of all places without those that repeat or are overruled: a table says more than a sentence."""
    rows = _distinct(found.tables)
    rows += _beyond(_distinct(found.texts), rows)
    rows += _claims(found.claims, rows)
    rows += _beyond(_distinct(found.evaluations), rows)
    rows += _beyond(_distinct(found.code), rows)
    rows = [*_spread(rows, found.same), *found.classes]
    rows += _averages(found.averages, rows)
    rows += _of_weights(parts, rows)
    return list(_with_commands(_told_apart(rows, found.names), found))


def _distinct(rows: Iterable[Row]) -> list[Row]:
    """Return the rows without those that say the same of the same again, on another line."""
    kept: dict[object, Row] = {}
    for row in rows:
        first = kept.setdefault((row.identity, row.value), row)
        if first is not row and first.where.line == row.where.line:
            kept[len(kept)] = row
    return list(kept.values())


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
            seen = self._metrics.setdefault((row.kind, row.role, _loose(row.metric)), set())
            if len(seen) < MOST_COMPARED:
                seen.add((row.chip, row.batch, row.condition, row.where.line))

    def covers(self, row: Row) -> bool:
        """Tell whether the value is there for a chip and batch that may be the same, or the metric on a later line.

        What a sentence sums up before a table, the table says better; what stands behind it, it says as well.
        """
        values = self._values.get((row.kind, row.role, row.value), set())
        if any(_may_be(row.chip, chip) and row.batch in (None, batch) for chip, batch in values):
            return True
        names = {_loose(row.metric), "acc"} if row.kind == "accuracy" else {row.metric}
        seen = [one for name in names for one in self._metrics.get((row.kind, row.role, name), ())]
        return any(
            _may_be(row.chip, chip) and row.batch in (None, batch) and row.condition in ("", condition)
            for chip, batch, condition, line in seen
            if row.where.line < line
        )


def _loose(metric: str) -> str:
    return "acc" if metric == "accuracy" else metric


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
    """Yield the averages of tools' logs: references where the README states a latency, else what there is."""
    stated = any(row.kind == "latency" and row.role == "promise" for row in rows)
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


def _told_apart(rows: list[Row], names: Mapping[int, str]) -> list[Row]:
    """Return the rows; those of several tables that differ in nothing but their number get their table's name.

    What then still contradicts an earlier row is uncertain.
    """
    first: dict[object, Row] = {}
    clashing: dict[object, list[Row]] = {}
    identities = [row.identity for row in rows]
    for row, identity in zip(rows, identities, strict=True):
        other = first.setdefault(identity, row)
        if other.value != row.value:
            clashing.setdefault(identity, [other]).append(row)
    added = {identity: _difference(clash, names) for identity, clash in clashing.items()}
    named = (_named(row, added.get(one, ""), names) for row, one in zip(rows, identities, strict=True))
    first, told = {}, []
    for row in named:
        other = first.setdefault(row.identity, row)
        if other.value != row.value and row.certain:
            row = row.changed(certain=False, reason=f"line {other.where.line} states another number for the same")
        told.append(row)
    return told


def _difference(rows: list[Row], names: Mapping[int, str]) -> str:
    """Return what tells rows of tables apart: their `column`, their table's `name`, or nothing."""
    lines: dict[int, set[str]] = {}
    for row in rows:
        lines.setdefault(row.where.line, set()).add(row.where.column)
    if any(len(columns) > 1 for columns in lines.values()):
        return "column"
    return "name" if len({names.get(line, "") for line in lines}) > 1 else ""


def _named(row: Row, difference: str, names: Mapping[int, str]) -> Row:
    """Return a row of a table with its column's header, or its table's name, as a condition."""
    if not difference or not row.where.column:
        return row
    added = row.where.column if difference == "column" else names.get(row.where.line, "")
    return row.changed(condition=", ".join(one for one in (row.condition, added) if one)) if added else row


def _with_commands(rows: list[Row], found: Found) -> Iterator[Row]:
    """Yield the rows; a promise without a chip gets that of the ATC commands, where no other is printed."""
    chip = found.commands.chip
    printed = {row.chip for row in rows if row.role == "promise" and row.chip and row.kind != "ratio"} - {"NPU"}
    for row in rows:
        if chip and not row.chip and row.role == "promise" and row.kind != "ratio" and printed <= {chip}:
            yield row.changed(chip=chip)
        else:
            yield row


def _redacted(row: Row) -> Row:
    """Return a row without secrets in any of its texts."""
    texts = (row.model, row.dataset, row.condition, row.metric, row.cls, row.printed_chip)
    cut = tuple(map(redact, texts))
    text, column = redact(row.where.text), redact(row.where.column)
    if cut == texts and (text, column) == (row.where.text, row.where.column):
        return row
    where = row.where.model_copy(update={"text": text, "column": column})
    return row.changed(**dict(zip(_TEXTS, cut, strict=True)), where=where)


_TEXTS = ("model", "dataset", "condition", "metric", "cls", "printed_chip")
