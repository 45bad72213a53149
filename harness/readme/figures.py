"""The figures of a table's cell or of a sentence: each number with its unit and the name that is printed beside it."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from harness.readme.grouping import Figure, Token, grouped
from harness.readme.labels import BATCH, metric_name
from harness.readme.quantities import UNIT, unit_of
from harness.readme.vocabulary import Vocabulary, fold

State = Literal["empty", "ditto", "memory", "unsupported", "words", "figures"]
LONGEST = 600
# No result is so large; such a number is a name, or more than a computer's numbers hold.
LARGEST = 1e12

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d)\.?)(?:\s?(?:\*|×|x)?\s?(?:e|10\^)\s?[-+]?\d{1,3})?"
# What may follow a number without a blank and is no unit of ours: decibels, a product. Anything else makes it a name.
_GLUED = re.compile(r"(?:d[Bb]|mm|cm|px)(?![A-Za-z])|[x×*]\s?\d|[eE](?![A-Za-z])")
_COUNTED = re.compile(
    r"\s?(?:[kKwW万]\s)?\s?(?:张|类|个|epochs?|classes|(?:条|[kK]?\s?images?|pictures?|pics?|samples?)(?!\s?/))"
)
# COCO's range of thresholds, and a picture's size: conditions, not figures.
_THRESHOLDS = re.compile(r"[\[(]?0?\.\d+\s?:\s?0?\.\d+[\])]?|\d{2,5}\s?[x×*]\s?\d{2,5}", re.IGNORECASE)
_IOU = re.compile(r"@?\s?[\[(]?(?<![a-z])iou\s?=\s?0?\.(?:50?\s?:\s?0?\.95|50?|75)(?![\d%])\s?[\])]?", re.IGNORECASE)
# What a machine has, not what it reaches.
_HARDWARE = re.compile(r"\d\s?(?:[GM]Hz|cores?|核)(?![A-Za-z])", re.IGNORECASE)
# `Atlas 300-3010`, `Atlas 800I A2`: a product, whose number is no figure.
_PRODUCT = re.compile(
    r"(?<![a-z])atlas[ _-]{0,3}\d{3,4}[a-z]{0,4}(?:[ -](?:\d{4}|[a-z]\d?|pro|duo)(?![\w.%]))*", re.IGNORECASE
)
_PARTICLES = re.compile(r"[为是约达到的在上下了和与即既时可得以所故则均都各仅分别:]*")
# What most cells hold: a number, perhaps with a name before it. Both are read at once.
PLAIN = re.compile(r"(?:([A-Za-z][A-Za-z0-9]*) ?[:=] ?)?(\d{1,7}(?:\.\d{1,20})?)(?: ?(%|fps|FPS|ms))?")
_PLAIN_UNITS = {text: unit_of(match) for text in ("%", "fps", "FPS", "ms") if (match := UNIT.fullmatch(text))}
_TOKEN = re.compile(
    rf"""(?P<spread>(?:±|\+/-|\+-)\s?\d+(?:\.\d+)?%?)
    |(?P<range>~(?=\s?\d))
    |(?P<number>(?<![A-Za-z\d.@_])[-+]?(?=[\d.]){_NUMBER})
    |(?P<sign>[:=])
    |(?P<times>[*×](?=\s?\d)|(?<=\d)[xX](?=\s?\d)|(?<=\d\s)[xX](?=\s\d))
    |(?P<bar>[/|,;\n])
    |(?P<open>[(\[{{])|(?P<close>[)\]}}])
    |(?P<word>[A-Za-z_][A-Za-z\d_.@-]*|[\u3400-\u9fff]+)""",
    re.VERBOSE,
)


class Reading(NamedTuple):
    """What a cell says; `named` tells that every figure has its own name."""

    state: State
    figures: tuple[Figure, ...] = ()

    @property
    def named(self) -> bool:
        """Tell whether each figure has a name of its own."""
        return bool(self.figures) and all(figure.name for figure in self.figures)


class Cells:
    """Reads cells with a vocabulary; the same text is read once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.words = vocabulary
        self.read = lru_cache(maxsize=4096)(self._read)

    def _read(self, text: str) -> Reading:
        plain = fold(text).strip().strip("*`").strip()
        if simple := self.simple(plain):
            return simple
        state = self._state(plain)
        if state:
            return Reading(state)
        parts = _by_batch(_without_names(plain))
        figures = tuple(figure for batch, part in parts for figure in self._figures(batch, part))
        return Reading("figures" if figures else "words", figures)

    def simple(self, plain: str) -> Reading | None:
        """Return what a cell says that holds one plain number, perhaps with a metric's name before it, else None."""
        found = PLAIN.fullmatch(plain)
        name = self.words.metrics.whole(found[1]) if found and found[1] else ""
        if not found or (found[1] and name in ("", "iou")):  # An IoU may be a threshold.
            return None
        figure = Figure(float(found[2]), _PLAIN_UNITS.get(found[3]), name, bool(name))
        return Reading("figures", (figure,))

    def _figures(self, batch: int | None, text: str) -> list[Figure]:
        tokens = list(self.tokens(text))
        if not any(token.kind == "number" for token in tokens):
            return []
        return [figure._replace(batch=batch) if batch else figure for figure in grouped(tokens)]

    def _state(self, plain: str) -> State | None:
        known = self.words.cells.get(plain.lower())
        if not plain or known == "empty":
            return "empty"
        if known == "ditto":
            return "ditto"
        is_address = plain.lower().startswith(("http:", "https:"))
        if len(plain) > LONGEST or is_address or _HARDWARE.search(plain) or _THRESHOLDS.fullmatch(plain):
            return "words"
        found = {one.name for one in self.words.states.find(plain)}
        if "memory" in found:
            return "memory"
        return "unsupported" if "unsupported" in found else None

    def tokens(self, text: str) -> Iterator[Token]:
        """Yield names, numbers with their units, and the signs between them."""
        end = 0
        for found in self.words.metrics.find(text):
            if found.start < end:
                continue
            start, stop = _widened(text, found.start, found.end)
            widened = stop - start > found.end - found.start
            yield from self._between(text[end : max(start, end)])
            yield Token("name", metric_name(text[start:stop], found.name) if widened else found.name, known=True)
            end = stop
        yield from self._between(text[end:])

    def _between(self, text: str) -> Iterator[Token]:
        place = 0
        while match := _TOKEN.search(text, place):
            place = match.end()
            kind = match.lastgroup or ""
            if kind == "number":
                token, place = _number(text, match)
                yield from token
            elif kind != "word":
                yield Token(kind, match.group())
            elif not self._is_filler(match["word"]):
                yield Token("name", match["word"])

    def _is_filler(self, word: str) -> bool:
        """Tell whether a word names no figure: words of the vocabulary, particles, units, and anything long."""
        if len(word) > (24 if word.isascii() else 12) or UNIT.fullmatch(word):
            return True
        for lexicon in (self.words.labels, self.words.kinds, self.words.roles, self.words.chips):
            word = lexicon.masked(word)
        return not word.strip() or _PARTICLES.fullmatch(word.strip()) is not None


def _number(text: str, match: re.Match[str]) -> tuple[list[Token], int]:
    """Return a number with the unit behind it, or nothing where it counts things or begins a name; and its end."""
    place, value = match.end(), _value(match["number"])
    if value >= LARGEST:
        return [Token("count", match["number"])], place
    unit = UNIT.match(text, place + (1 if text[place : place + 1] == " " else 0))
    if unit:
        return [Token("number", match["number"], value, unit_of(unit))], unit.end()
    if counted := _COUNTED.match(text, place):
        return [Token("count", match["number"])], counted.end()
    if text[place : place + 1] == "_":
        return [], place
    if text[place : place + 1].isascii() and text[place : place + 1].isalpha() and not _GLUED.match(text, place):
        return [], place
    return [Token("number", match["number"], value)], place


def _value(text: str) -> float:
    plain = re.sub(r"[\s,]", "", text).rstrip(".")
    plain = re.sub(r"[*×x]?(?:10\^|e)", "e", plain, flags=re.IGNORECASE)
    return float(plain)


def _by_batch(text: str) -> list[tuple[int | None, str]]:
    """Return a cell's parts by the batch that stands before each: `bs1: 120fps, bs4: 300fps`."""
    matches = [one for one in BATCH.finditer(text) if re.search(r"\d", text[: one.start()] + text[one.end() :])]
    if len(matches) < 2 or text[: matches[0].start()].strip():
        batch = int(matches[0][1] or matches[0][2]) or None if matches else None
        return [(batch, BATCH.sub(" ", text) if matches else text)]
    ends = [*(one.start() for one in matches[1:]), len(text)]
    return [(int(one[1] or one[2]) or None, text[one.end() : end]) for one, end in zip(matches, ends, strict=True)]


def _without_names(text: str) -> str:
    """Return a text without what only looks like a name and its figure: `IoU=0.50:0.95`, `Atlas 300`."""
    low = text.lower()
    text = _PRODUCT.sub(" ", text) if "atlas" in low else text
    return _IOU.sub(" ", text) if "iou" in low else text


def _widened(text: str, start: int, end: int) -> tuple[int, int]:
    before = re.search(r"(?<![A-Za-z0-9.])(?:[A-Za-z][A-Za-z0-9]*[_-]|\d{1,3}_)$", text[max(0, start - 40) : start])
    after = re.match(r"(?:[_-][A-Za-z][A-Za-z0-9]*)+", text[end : end + 40])
    return start - (len(before.group()) if before else 0), end + (after.end() if after else 0)
