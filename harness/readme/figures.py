"""The figures of a table's cell or of a sentence: each number with its unit and the name that is printed beside it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from harness.readme.labels import BATCH, metric_name
from harness.readme.quantities import UNIT, Unit, unit_of
from harness.readme.vocabulary import Vocabulary, fold

State = Literal["empty", "ditto", "memory", "unsupported", "words", "figures"]
LONGEST = 600
MOST_NUMBERS = 40

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d)\.?)(?:\s?(?:\*|×|x)?\s?(?:e|10\^)\s?-?\d{1,3})?"
# What may follow a number without a blank and is no unit of ours: decibels, a product. Anything else makes it a name.
_GLUED = re.compile(r"d[Bb](?![A-Za-z])|[x×*]\s?\d|[eE](?![A-Za-z])")
_COUNTED = re.compile(
    r"\s?(?:[kKwW万]\s)?\s?(?:张|类|个|epochs?|classes|(?:条|[kK]?\s?images?|pictures?|pics?|samples?)(?!\s?/))"
)
# COCO's range of thresholds, and a picture's size: conditions, not figures.
_THRESHOLDS = re.compile(r"[\[(]?0?\.\d+\s?:\s?0?\.\d+[\])]?|\d{2,5}\s?[x×*]\s?\d{2,5}", re.IGNORECASE)
_IOU = re.compile(r"@?\s?[\[(]?\s?iou\s?[=:]\s?0?\.\d+(?:\s?:\s?0?\.\d+)?\s?[\])]?(?=\D*\d)", re.IGNORECASE)
_PARTICLES = re.compile(r"[为是约达到的在上下了和与即既时可得以:]*")
_PLAIN_NUMBER = re.compile(r"(\d{1,7}(?:\.\d{1,20})?)(?:\s?(%|fps|FPS|ms))?")
_PLAIN_UNITS = {text: unit_of(match) for text in ("%", "fps", "FPS", "ms") if (match := UNIT.fullmatch(text))}
_TOKEN = re.compile(
    rf"""(?P<spread>(?:±|\+/-|\+-)\s?\d+(?:\.\d+)?%?)
    |(?P<range>~(?=\s?\d))
    |(?P<number>(?<![A-Za-z\d.@_])[-+]?(?=[\d.]){_NUMBER})
    |(?P<sign>[:=])
    |(?P<times>[*×](?=\s?\d)|(?<=\d)[xX](?=\s?\d)|(?<=\d\s)[xX](?=\s\d))
    |(?P<bar>[/|,;\n])
    |(?P<open>[(\[{{])|(?P<close>[)\]}}])
    |(?P<word>[A-Za-z_][\w.@-]*|[\u3400-\u9fff]+)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Figure:
    """One number as a cell prints it: value in its unit (durations in ms), own name, batch, and what is doubtful.

    `loose` is a second number with nothing but a blank before it: another metric's, or a spread.
    """

    value: float
    unit: Unit | None = None
    name: str = ""
    known: bool = False
    loose: bool = False
    batch: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Reading:
    """What a cell says; `named` tells that every figure has its own name."""

    state: State
    figures: tuple[Figure, ...] = ()

    @property
    def named(self) -> bool:
        """Tell whether each figure has a name of its own."""
        return bool(self.figures) and all(figure.name for figure in self.figures)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    value: float = 0.0
    unit: Unit | None = None
    known: bool = False


class Cells:
    """Reads cells with a vocabulary; the same text is read once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.words = vocabulary
        self.read = lru_cache(maxsize=4096)(self._read)

    def _read(self, text: str) -> Reading:
        plain = fold(text).strip().strip("*`").strip()
        number = _PLAIN_NUMBER.fullmatch(plain)
        if number:
            return Reading("figures", (Figure(float(number[1]), _PLAIN_UNITS.get(number[2])),))
        state = self._state(plain)
        if state:
            return Reading(state)
        parts = _by_batch(_without_iou(plain))
        figures = tuple(figure for batch, part in parts for figure in self._figures(batch, part))
        return Reading("figures" if figures else "words", figures)

    def _figures(self, batch: int | None, text: str) -> list[Figure]:
        tokens = list(self._tokens(text))
        if not any(token.kind == "number" for token in tokens):
            return []
        return [replace(figure, batch=batch) for figure in _grouped(_calculated(tokens))]

    def _state(self, plain: str) -> State | None:
        known = self.words.cells.get(plain.lower())
        if not plain or known == "empty":
            return "empty"
        if known == "ditto":
            return "ditto"
        if len(plain) > LONGEST or _THRESHOLDS.fullmatch(plain) or plain.lower().startswith(("http:", "https:")):
            return "words"
        found = {one.name for one in self.words.states.find(plain)}
        if "memory" in found:
            return "memory"
        return "unsupported" if "unsupported" in found else None

    def _tokens(self, text: str) -> Iterator[_Token]:
        """Yield names, numbers with their units, and the signs between them."""
        end = 0
        for found in self.words.metrics.find(text):
            if found.start < end:
                continue
            start, stop = _widened(text, found.start, found.end)
            widened = stop - start > found.end - found.start
            yield from self._between(text[end : max(start, end)])
            yield _Token("name", metric_name(text[start:stop], found.name) if widened else found.name, known=True)
            end = stop
        yield from self._between(text[end:])

    def _between(self, text: str) -> Iterator[_Token]:
        place = 0
        while match := _TOKEN.search(text, place):
            place = match.end()
            kind = match.lastgroup or ""
            if kind == "number":
                token, place = _number(text, match)
                yield from token
            elif kind != "word":
                yield _Token(kind, match.group())
            elif not self._is_filler(match["word"]):
                yield _Token("name", match["word"])

    def _is_filler(self, word: str) -> bool:
        """Tell whether a word names no figure: words of the vocabulary, particles, units, and anything long."""
        if len(word) > (24 if word.isascii() else 12) or UNIT.fullmatch(word):
            return True
        for lexicon in (self.words.labels, self.words.kinds, self.words.roles, self.words.chips):
            word = lexicon.masked(word)
        return not word.strip() or _PARTICLES.fullmatch(word.strip()) is not None


def _number(text: str, match: re.Match[str]) -> tuple[list[_Token], int]:
    """Return a number with the unit behind it, or nothing where it counts things or begins a name; and its end."""
    place = match.end()
    unit = UNIT.match(text, place + (1 if text[place : place + 1] == " " else 0))
    if unit:
        return [_Token("number", match["number"], _value(match["number"]), unit_of(unit))], unit.end()
    if counted := _COUNTED.match(text, place):
        return [_Token("count", match["number"])], counted.end()
    if text[place : place + 1].isascii() and text[place : place + 1].isalpha() and not _GLUED.match(text, place):
        return [], place
    return [_Token("number", match["number"], _value(match["number"]))], place


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


def _without_iou(text: str) -> str:
    """Return a text without IoU thresholds (`IoU=0.50:0.95`), where other numbers remain."""
    left = _IOU.sub(" ", text)
    return left if re.search(r"\d", left) else text


def _widened(text: str, start: int, end: int) -> tuple[int, int]:
    before = re.search(r"[A-Za-z][A-Za-z0-9]*[_-]$", text[max(0, start - 40) : start])
    after = re.match(r"(?:[_-][A-Za-z][A-Za-z0-9]*)+", text[end : end + 40])
    return start - (len(before.group()) if before else 0), end + (after.end() if after else 0)


def _calculated(tokens: Sequence[_Token]) -> list[_Token]:
    """Return the tokens with `60.5x4=242` and `1000/(2.5/1)=400` as their results, without shapes and spreads."""
    kept: list[_Token] = []
    for i, token in enumerate(tokens):
        if token.kind == "sign" and _ends_calculation(tokens, i):
            while kept and kept[-1].kind in ("number", "times", "bar", "open", "close"):
                kept.pop()
        elif token.kind not in ("spread", "count") and not (token.kind == "number" and _is_bracketed_spread(tokens, i)):
            kept.append(token)
    return [token for i, token in enumerate(kept) if not _is_factor(kept, i)]


def _is_factor(tokens: Sequence[_Token], i: int) -> bool:
    """Tell whether a number is part of a product without a result: a shape such as `1*224*224*3`."""
    around = [token.kind for token in (*tokens[max(0, i - 1) : i], *tokens[i + 1 : i + 2])]
    return tokens[i].kind == "number" and "times" in around


def _ends_calculation(tokens: Sequence[_Token], i: int) -> bool:
    if tokens[i].text != "=" or i + 1 >= len(tokens) or tokens[i + 1].kind != "number" or i == 0:
        return False
    before = tokens[max(0, i - 6) : i]
    return before[-1].kind in ("number", "close") and any(token.kind in ("times", "bar") for token in before)


def _is_bracketed_spread(tokens: Sequence[_Token], i: int) -> bool:
    """Tell whether a number stands alone in brackets right behind another: `0.752(0.140)`."""
    kinds = [token.kind for token in tokens[max(0, i - 2) : i + 2]]
    return kinds == ["number", "open", "number", "close"] and tokens[i - 2].unit == tokens[i].unit


def _grouped(tokens: Sequence[_Token]) -> list[Figure]:
    """Join names and numbers: `top1: 70.5 top5: 90.2`, `70.5/Top1 90.2/Top5`, `psnr/ssim: 31.5/0.948`."""
    runs = _runs([token for token in tokens if token.kind in ("name", "number", "range", "bar", "sign")])
    if not runs or sum(len(run) for kind, run in runs if kind == "number") > MOST_NUMBERS:
        return []
    figures: list[Figure] = []
    leading = runs[0][0] == "name"
    for i, (kind, run) in enumerate(runs):
        if kind != "number":
            continue
        before, behind = runs[i - 1][1] if i else [], runs[i + 1][1] if i + 1 < len(runs) else []
        # `on ImageNet 81.13% top-1`: only the word behind the number is a metric.
        turned = leading and not _has_known(before) and _has_known(behind) and i + 2 >= len(runs)
        leads = leading and not turned
        figures += _named(run, before if leads else behind, leads)
    return figures


def _has_known(tokens: Sequence[_Token]) -> bool:
    return any(token.known for token in tokens)


def _runs(tokens: Sequence[_Token]) -> list[tuple[str, list[_Token]]]:
    runs: list[tuple[str, list[_Token]]] = []
    dash = ""
    for token in tokens:
        if token.kind in ("bar", "sign", "range"):
            dash = token.kind if token.kind == "range" else token.text
            continue
        if token.kind == "number" and dash == "range" and runs and runs[-1][0] == "number":
            runs[-1][1].append(replace(token, kind="upper"))
        elif runs and runs[-1][0] == token.kind:
            _extend(runs[-1][1], token, dash)
        else:
            runs.append((token.kind, [token]))
        dash = ""
    return runs


def _extend(run: list[_Token], token: _Token, dash: str) -> None:
    """Add a token to a run of its kind: unknown words with a blank between them are one name."""
    if token.kind == "name" and not dash and not token.known and not run[-1].known:
        run[-1] = replace(run[-1], text=f"{run[-1].text} {token.text}")
    else:
        run.append(replace(token, kind="loose") if token.kind == "number" and not dash else token)


def _named(numbers: Sequence[_Token], names: Sequence[_Token], leading: bool) -> list[Figure]:
    """Return the figures of a run of numbers beside a run of names."""
    lower = [number for number in numbers if number.kind != "upper"]
    reason = "a range; its first number is given" if len(lower) < len(numbers) else ""
    if len(names) == len(lower):
        chosen = list(names)
    elif names and len(lower) == 1:
        chosen = [names[-1] if leading else names[0]]
    elif names and leading and lower[1].kind == "loose":
        lower, chosen, reason = lower[:1], [names[-1]], "more numbers than names; the first is given"
    else:
        chosen = []
    figures = [_figure(number, reason) for number in lower]
    if not chosen:
        return figures
    return [
        replace(figure, loose=False, name=name.text.strip("_.-@"), known=name.known)
        for figure, name in zip(figures, chosen, strict=True)
    ]


def _figure(number: _Token, reason: str) -> Figure:
    unit = number.unit
    value = _exact(number.value, unit.factor if unit else 1.0)
    return Figure(value=value, unit=unit, reason=reason, loose=number.kind == "loose")


def _exact(value: float, factor: float) -> float:
    """Return a product without the noise of binary fractions: 0.0006 s are 0.6 ms."""
    return value if factor == 1.0 else float(f"{value * factor:.12g}")
