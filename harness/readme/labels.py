"""What a label says: a header, a row's first cell, a heading. Every label is read alike."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

from harness.readme.quantities import LABEL_UNIT, Unit, label_unit
from harness.readme.rows import Kind
from harness.readme.vocabulary import Found, Vocabulary, fold

LONGEST = 240
GENERAL = ("NPU", "GPU", "CPU")
# A chip's number is no batch: `310 batch1`.
BATCH = re.compile(
    r"(?<![a-z])(?:batch[ _-]{0,3}sizes?|batch|bs)\s{0,3}(?:[=:_-]|为|取|是|of|设为|设置为)?"
    r"\s{0,3}(\d{1,5})(?![\d.]|\s?[x*×]\s?\d)"
    r"|(?<![\d.a-z])(?!(?:310|710|910|3090)(?!\d))(\d{1,5})\s?-?(?:batch(?:[ _-]?size)?|bs)(?![a-z])",
    re.IGNORECASE,
)
_SHORT_BATCH = re.compile(r"\(?b(\d{1,4})\)?", re.IGNORECASE)
_FOUR_CHIPS = re.compile(r"\s?[*x×]\s?4(?!\d)|单卡|整卡|/\s?card", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PLAIN = re.compile(r"[\s()\[\]{}<>*#:;,.!?'\"`|/\\_~=+-]+")
# A chip and the next word without a blank between them: `T4Throughput`.
_JOINED = re.compile(r"(?<=[A-Z\d])(?=(?:Throughput|Performance|Latency|Accuracy|Precision)(?![a-z]))")
# A metric only where it stands alone and in capitals: else it is a word like another.
_ALONE = {"IS": "is"}
# The two sides of a similarity are no owners of the figure: `om与onnx余弦相似度` is the OM model's.
_BETWEEN = re.compile(r"与|和|跟|对比|(?<![a-z])(?:with|vs|to|and|between)(?![a-z])", re.IGNORECASE)
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_AVERAGES = frozenset(("test", "val", "eval", "avg", "mean", "average", "overall", "final", "best", "om", "npu", "gpu"))


@dataclass(frozen=True)
class Facts:
    """What a label states; an empty field is not stated.

    `whole` tells that the label is nothing but the name of its `part`; `rest` is what no word explains.
    """

    text: str = ""
    chips: tuple[str, ...] = ()
    printed_chip: str = ""
    card: bool = False
    batch: int | None = None
    metrics: tuple[str, ...] = ()
    kind: Kind | Literal[""] = ""
    unit: Unit | None = None
    roles: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()
    variants: tuple[str, ...] = ()
    part: str = ""
    whole: bool = False
    ratio: str = ""
    rest: str = ""
    numbers: tuple[str, ...] = field(default=())

    @cached_property
    def chip(self) -> str:
        """The one chip that is named; of a general and a special name the special one (`GPU V100`)."""
        special = [chip for chip in self.chips if chip not in GENERAL]
        named = list(dict.fromkeys(special or self.chips))
        return named[0] if len(named) == 1 else ""

    @property
    def is_value(self) -> bool:
        """Tell whether the label is that of figures."""
        return bool(self.kind or self.metrics or self.unit or self.ratio)

    @property
    def is_known(self) -> bool:
        """Tell whether any word of the label was understood."""
        return bool(self.is_value or self.chips or self.batch or self.roles or self.part or "best" in self.marks)


class Labels:
    """Reads labels with a vocabulary; the same label is read once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.words = vocabulary
        self.read = lru_cache(maxsize=4096)(self._read)

    def _read(self, text: str) -> Facts:
        plain = _JOINED.sub(" ", fold(text).strip())
        if plain.strip("*") in _ALONE:
            return Facts(text=plain, metrics=(_ALONE[plain.strip("*")],), kind="accuracy")
        if not plain or len(plain) > LONGEST:
            return Facts(text=plain[:LONGEST], rest=plain[:LONGEST])
        ratio = self._ratio(plain)
        if ratio:
            marks, variants = self._marks(plain), self._variants(plain)
            return Facts(text=plain, ratio=ratio, kind="ratio", variants=variants, marks=marks)
        return self._facts(plain)

    def _facts(self, text: str) -> Facts:
        batch, left = _batch(text)
        metrics, left = self._metrics(left)
        unit = label_unit(left)
        chips = self.words.chips.find(left)
        part, whole = self._part(text)
        kinds = {found.name for found in self.words.kinds.find(left)}
        return Facts(
            text=text,
            chips=tuple(found.name for found in chips),
            printed_chip=_printed(left, chips),
            card=_FOUR_CHIPS.search(left) is not None,
            batch=batch,
            metrics=metrics,
            kind=_kind(kinds, metrics, unit),
            unit=unit,
            roles=self._roles(left, metrics),
            marks=self._marks(text),
            variants=self._variants(text),
            part=part,
            whole=whole,
            rest=self._rest(left),
            numbers=tuple(_NUMBER.findall(self.words.chips.masked(left))),
        )

    def _metrics(self, text: str) -> tuple[tuple[str, ...], str]:
        """Return the metrics named in a text, and the text without them."""
        names, left, end = [], [], 0
        for found in self.words.metrics.find(text):
            start, stop = _identifier(text, found.start, found.end)
            if start < end:
                continue
            widened = (start, stop) != (found.start, found.end)
            names.append(metric_name(text[start:stop], found.name) if widened else found.name)
            left.append(text[end:start])
            end = stop
        return tuple(dict.fromkeys(names)), " ".join([*left, text[end:]])

    def _ratio(self, text: str) -> str:
        """Return the two sides of a label such as `310P/T4` or `310P-AOE/310`, as printed, or nothing."""
        core = _BRACKETS.sub("", text).strip(" *:")
        sides = core.split("/")
        if len(sides) == 2 and all(self._is_side(side) for side in sides):
            return core
        found = [one.name for one in self.words.parts.find(core)]
        return core if "ratio" in found and not self.words.metrics.has(core) else ""

    def _is_side(self, text: str) -> bool:
        known = self.words.chips.has(text) or any(one.name == "reference" for one in self.words.roles.find(text))
        return known and not self.words.metrics.has(text) and len(text) < 40

    def _roles(self, text: str, metrics: Sequence[str]) -> frozenset[str]:
        roles = frozenset(found.name for found in self.owners(text))
        compared = "cosine similarity" in metrics and _BETWEEN.search(text)
        return roles - {"reference", "training"} if compared else roles

    def owners(self, text: str) -> list[Found]:
        """Return the words that say whose figures they are; beside an Ascend chip `onnx` is how it was made."""
        found = self.words.roles.find(text)
        if "onnx" in text.lower() and any(one.name.startswith("Ascend") for one in self.words.chips.find(text)):
            return [one for one in found if not text[one.start : one.end].lower().startswith("onnx")]
        return list(found)

    def _marks(self, text: str) -> frozenset[str]:
        return frozenset(found.name for found in self.words.labels.find(text))

    def _variants(self, text: str) -> tuple[str, ...]:
        found = [one for one in self.words.labels.find(text) if one.name == "variant"]
        return tuple(dict.fromkeys(text[one.start : one.end].lower() for one in found))

    def _part(self, text: str) -> tuple[str, bool]:
        """Return what the label names, and whether it is nothing but that name."""
        core = _BRACKETS.sub("", text).strip(" *:#.")
        whole = self.words.parts.whole(core)
        if whole:
            return whole, True
        if any(found.name == "difference" for found in self.words.labels.find(core)):
            return "ignored", True
        found = self.words.parts.find(core)
        return (found[0].name if found else ""), False

    def _rest(self, text: str) -> str:
        for lexicon in (self.words.chips, self.words.kinds, self.words.roles, self.words.labels, self.words.parts):
            text = lexicon.masked(text)
        return _PLAIN.sub(" ", _NUMBER.sub(" ", LABEL_UNIT.sub(" ", text))).strip()


def metric_name(printed: str, canonical: str) -> str:
    """Return a metric's name: canonical, or as printed where it is part of a longer one (`ACC_svhn_mnist`)."""
    words = [word for word in re.split(r"[_-]", printed.lower()) if word and word not in _AVERAGES]
    kept = "_".join(words)
    if words and words[0].isdigit():  # `1_Dice` and `2_Dice` are two metrics.
        return printed.lower()
    return canonical if len(words) <= 1 or len(printed) <= len(canonical) + 2 or not kept.isascii() else printed.lower()


def _printed(text: str, chips: Sequence[Found]) -> str:
    """Return how the chip is printed: of a general and a special name the special one."""
    special = [found for found in chips if found.name not in GENERAL] or chips
    return text[special[0].start : special[0].end].strip(" _-") if special else ""


def _identifier(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a metric's place over the Latin words that `_` or `-` joins to it."""
    before = re.search(r"(?:[A-Za-z0-9]+[_-])+$", text[max(0, start - 60) : start])
    after = re.match(r"(?:[_-][A-Za-z][A-Za-z0-9]*)+", text[end : end + 60])
    return start - (len(before.group()) if before else 0), end + (after.end() if after else 0)


def _batch(text: str) -> tuple[int | None, str]:
    match = BATCH.search(text) or _SHORT_BATCH.fullmatch(text)
    if not match:
        return None, text
    number = int(match[1] or match[match.lastindex or 1])
    return number or None, f"{text[: match.start()]} {text[match.end() :]}"


def _kind(kinds: set[str], metrics: tuple[str, ...], unit: Unit | None) -> Kind | Literal[""]:
    if unit and unit.kind in ("throughput", "latency"):
        return unit.kind
    if "latency" in kinds and "accuracy" not in kinds:
        return "latency"
    if metrics or "accuracy" in kinds:
        return "accuracy" if "throughput" not in kinds or metrics else ""
    return "throughput" if "throughput" in kinds else ""
