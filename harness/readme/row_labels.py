"""What the labels of a table's row say: its chip, batch, model and data set, and the conditions that tell it apart."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from harness.readme.columns import Column
from harness.readme.grid import Cell
from harness.readme.labels import BATCH, Facts, Labels
from harness.readme.meaning import RowLabels
from harness.readme.vocabulary import fold

LABELLING = frozenset(("label", "chip", "batch", "model", "dataset", "condition", "framework"))
INHERITED = LABELLING - {"batch"}
SHORT = 24
# So many rows' labels are kept for rows below that repeat them.
LATELY = 1024
LONGEST_NAME = 120
_COUNTED = r"(?:张|images?|pictures?|pics?|samples?|条|个|videos?)?"
_COUNT = re.compile(rf"\s*[\d,.]+\s?[kKwW万]?\s?{_COUNTED}\s*", re.IGNORECASE)
_SHAPE = re.compile(r"\s*\[?\(?(?:[A-Za-z_]\w*\s?:\s?)?(\d{1,4})((?:\s?[*x×,]\s?\d{1,5}){2,4})\]?\)?\s*")
_ONE_NUMBER = re.compile(r"\D{0,12}?(\d{1,5})\D{0,12}")


class RowReader:
    """Reads the labels of rows with a vocabulary; what a ditto mark or a gap stands for comes from the row above."""

    def __init__(self, labels: Labels, columns: Sequence[Column]) -> None:
        self.labels, self.columns = labels, columns
        self._labelling = [column for column in columns if column.part in LABELLING]
        self._above: dict[int, str] = {}
        self._labels = lru_cache(maxsize=LATELY)(self._read)

    def read(self, cells: Sequence[Cell]) -> RowLabels:
        """Return what the labels of the next row say; rows with the same labels get the same object."""
        best = self.has_best([cell.text for cell in cells])
        return self._labels(best, *(self._filled(one, cells[one.index].text, best) for one in self._labelling))

    def _read(self, best: bool, *texts: str) -> RowLabels:
        labels = RowLabels(best=best)
        for column, text in zip(self._labelling, texts, strict=True):
            if text:
                labels = self._with(labels, column, text)
        return labels

    def has_best(self, texts: Sequence[str]) -> bool:
        """Tell whether one of a row's cells says that its figures are the best."""
        has = self.labels.words.best.has
        return has("\n".join(texts)) and any(
            len(text) < SHORT and has(text) and not self.labels.read(text).metrics for text in texts
        )

    def _filled(self, column: Column, text: str, best: bool) -> str:
        ditto = self.labels.words.cells.get(fold(text).strip().lower()) == "ditto"
        gap = column.part in INHERITED - {"label"} and not text.strip() and not best
        if gap or (ditto and text):
            text = self._above.get(column.index, "")
        self._above[column.index] = text
        return text

    def _with(self, labels: RowLabels, column: Column, text: str) -> RowLabels:
        """Return a row's labels with what one more cell says."""
        facts = self.labels.read(text)
        if column.part in ("dataset", "condition") and facts.metrics:
            labels = replace(labels, facts=(*labels.facts, Facts(metrics=facts.metrics, kind="accuracy")))
        if column.part == "dataset":
            name = text.strip()[:LONGEST_NAME]
            if _COUNT.fullmatch(text):
                return replace(labels, conditions=(*labels.conditions, name))
            return replace(labels, dataset=name)
        if column.part in ("condition", "framework"):
            return _with_condition(labels, column, text, facts)
        if column.part == "batch":
            number = _ONE_NUMBER.fullmatch(facts.text)
            batch = facts.batch or (int(number[1]) or None if number else None)
            return replace(labels, batch=batch or labels.batch)
        return _with_name(labels, column, facts)


def _with_condition(labels: RowLabels, column: Column, text: str, facts: Facts) -> RowLabels:
    """Return a row's labels with a condition; the first number of a picture's shape is the batch."""
    roles = (Facts(roles=facts.roles),) if facts.roles and column.part != "framework" else ()
    shape = _batch_of_shape(text) if "shape" in column.header.lower() and labels.batch is None else None
    entry = f"{column.header.strip()}={text.strip()}" if column.header else text.strip()
    return replace(
        labels,
        facts=(*labels.facts, *roles),
        conditions=(*labels.conditions, entry[:LONGEST_NAME]),
        batch=labels.batch or shape,
    )


def _with_name(labels: RowLabels, column: Column, facts: Facts) -> RowLabels:
    """Return a row's labels with a cell that may name a chip, a batch, a metric, a role or a model."""
    is_model = column.part == "model" or (column.facts.part == "model" and column.part == "label")
    name = _without_batch(facts)
    understood = facts.chips or facts.metrics or facts.kind or facts.roles or facts.ratio
    names_metric = bool(facts.rest) and not understood and not is_model and column.part != "chip"
    of_model = is_model and not facts.roles and not facts.chips and facts.is_value
    return replace(
        labels,
        facts=(*labels.facts, replace(facts, metrics=(), kind="", unit=None) if of_model else facts),
        conditions=(*labels.conditions, *facts.variants),
        chip=facts.chip or labels.chip,
        printed_chip=facts.printed_chip or labels.printed_chip,
        batch=labels.batch or facts.batch,
        model=name if is_model and facts.rest else labels.model,
        name=name if names_metric else labels.name,
        card=labels.card or facts.card,
        best=labels.best or ("best" in facts.marks and len(name) < SHORT),
    )


def _batch_of_shape(text: str) -> int | None:
    """Return the first number of a picture's shape (1*224*224*3), where the others show that it is the batch."""
    match = _SHAPE.fullmatch(text.strip("` "))
    if not match:
        return None
    first, others = int(match[1]), [int(number) for number in re.findall(r"\d+", match[2])]
    pictures = len(others) == 3 and (others[-1] in (1, 3) or others[0] in (1, 3))
    return first if first and (first == 1 or pictures) else None


def _without_batch(facts: Facts) -> str:
    """Return a label's text without the batch in it: `ToyNet(bs16)` is ToyNet."""
    text = BATCH.sub("", facts.text) if facts.batch else facts.text
    return text.replace("()", "").strip(" ,;:_-")[:LONGEST_NAME]
