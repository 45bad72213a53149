"""From the names, numbers and signs of a cell to its figures: which name belongs to which number."""

from collections.abc import Sequence
from typing import NamedTuple

from harness.readme.quantities import Unit

MOST_NUMBERS = 40
MANY = "a row of numbers behind one name; the first is given"


class Figure(NamedTuple):
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


class Token(NamedTuple):
    """A piece of a cell: a name, a number with its unit, a sign between them."""

    kind: str
    text: str
    value: float = 0.0
    unit: Unit | None = None
    known: bool = False


def _calculated(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens with `60.5x4=242` and `1000/(2.5/1)=400` as their results, without shapes and spreads."""
    kept: list[Token] = []
    for i, token in enumerate(tokens):
        if token.kind == "sign" and _ends_calculation(tokens, i):
            while kept and kept[-1].kind in ("number", "times", "bar", "open", "close"):
                kept.pop()
        elif token.kind not in ("spread", "count") and not _is_aside(tokens, i):
            kept.append(token)
    return [token for i, token in enumerate(kept) if not _is_factor(kept, i)]


def _is_factor(tokens: Sequence[Token], i: int) -> bool:
    """Tell whether a number is part of a product without a result: a shape such as `1*224*224*3`."""
    around = [token.kind for token in (*tokens[max(0, i - 1) : i], *tokens[i + 1 : i + 2])]
    return tokens[i].kind == "number" and "times" in around


def _ends_calculation(tokens: Sequence[Token], i: int) -> bool:
    if tokens[i].text != "=" or i + 1 >= len(tokens) or tokens[i + 1].kind != "number" or i == 0:
        return False
    before = tokens[max(0, i - 6) : i]
    return before[-1].kind in ("number", "close") and any(token.kind in ("times", "bar") for token in before)


def _is_aside(tokens: Sequence[Token], i: int) -> bool:
    """Tell whether a token stands in brackets behind what it belongs to: a spread, a variant as in `mIoU (SS)`."""
    if tokens[i].kind == "name":
        first = next((k for k in range(i, 0, -1) if not _is_strange(tokens[k])), i)
        last = next((k for k in range(i, len(tokens)) if not _is_strange(tokens[k])), i)
        kinds = [tokens[first].kind, tokens[last].kind]
        return first < i < last and kinds == ["open", "close"] and tokens[first - 1].known
    kinds = [token.kind for token in tokens[max(0, i - 2) : i + 2]]
    return kinds == ["number", "open", "number", "close"] and tokens[i - 2].unit == tokens[i].unit


def _is_strange(token: Token) -> bool:
    return token.kind == "name" and not token.known


def grouped(tokens: Sequence[Token]) -> list[Figure]:
    """Join names and numbers: `top1: 70.5 top5: 90.2`, `70.5/Top1 90.2/Top5`, `psnr/ssim: 31.5/0.948`."""
    runs = _runs([token for token in _calculated(tokens) if token.kind in ("name", "number", "range", "bar", "sign")])
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


def _has_known(tokens: Sequence[Token]) -> bool:
    return any(token.known for token in tokens)


def _runs(tokens: Sequence[Token]) -> list[tuple[str, list[Token]]]:
    runs: list[tuple[str, list[Token]]] = []
    dash = ""
    for token in tokens:
        if token.kind in ("bar", "sign", "range"):
            dash = token.kind if token.kind == "range" else token.text
            continue
        if token.kind == "number" and dash == "range" and runs and runs[-1][0] == "number":
            runs[-1][1].append(token._replace(kind="upper"))
        elif runs and runs[-1][0] == token.kind:
            _extend(runs[-1][1], token, dash)
        else:
            runs.append((token.kind, [token]))
        dash = ""
    return runs


def _extend(run: list[Token], token: Token, dash: str) -> None:
    """Add a token to a run of its kind: unknown words with a blank between them are one name."""
    if token.kind == "name" and not dash and not token.known and not run[-1].known:
        run[-1] = run[-1]._replace(text=f"{run[-1].text} {token.text}")
    else:
        run.append(token._replace(kind="loose") if token.kind == "number" and not dash else token)


def _named(numbers: Sequence[Token], names: Sequence[Token], leading: bool) -> list[Figure]:
    """Return the figures of a run of numbers beside a run of names."""
    lower = [number for number in numbers if number.kind != "upper"]
    reason = "a range; its first number is given" if len(lower) < len(numbers) else ""
    if len(names) == len(lower):
        chosen = list(names)
    elif names and len(lower) == 1:
        behind = next((name for name in names[:2] if name.known), names[0])
        chosen = [names[-1] if leading else behind]
    elif names and leading and lower[1].kind == "loose":
        reason = "more numbers than names; the first is given" if len(lower) == 2 else MANY
        lower, chosen = lower[:1], [names[-1]]
    else:
        chosen = []
    figures = [_figure(number, reason) for number in lower]
    if not chosen:
        return figures
    return [
        figure._replace(loose=False, name=name.text.strip("_.-@"), known=name.known)
        for figure, name in zip(figures, chosen, strict=True)
    ]


def _figure(number: Token, reason: str) -> Figure:
    unit = number.unit
    value = _exact(number.value, unit.factor if unit else 1.0)
    return Figure(value=value, unit=unit, reason=reason, loose=number.kind == "loose")


def _exact(value: float, factor: float) -> float:
    """Return a product without the noise of binary fractions: 0.0006 s are 0.6 ms."""
    return value if factor == 1.0 else float(f"{value * factor:.12g}")
