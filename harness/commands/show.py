"""Show one card: its facts, and every promise with the place where it is printed."""

from collections.abc import Iterator, Sequence

from harness import cards
from harness.cards import Baseline, ModelCard, OutputSpec, Place, Ratio, RatioSide, Step, TensorSpec
from harness.commands import arguments
from harness.commands.list import table


def run(given: Sequence[str]) -> int:
    """Print a card; an unknown name is a UsageError."""
    parser = arguments.parser("show", __doc__)
    parser.add_argument("name", metavar="NAME", help="a card's name, as `omgate list` prints it")
    arguments.add_cards(parser)
    options = parser.parse_args(given)
    card = cards.get(options.name, options.cards)
    print(f"{card.name}  ({card.path})")
    for line in table(_facts(card)):
        print(f"  {line}")
    for title, rows in _promises(card).items():
        if rows:
            print(f"\n{title}")
            for line in table(rows):
                print(f"  {line}")
    return 0


def _facts(card: ModelCard) -> Iterator[tuple[str, str]]:
    commit = f" @ {card.source.commit}" if card.source.commit else ""
    yield (
        "source",
        f"{card.source.url}{commit} ({card.source.framework}, {card.source.license or 'licence not stated'})",
    )
    if card.source.readme:
        yield "readme", card.source.readme
    if card.weights:
        digest = card.weights.sha256 or card.weights.prefix
        yield "weights", f"{card.weights.file}{f' (sha256 {digest}…)' if digest else ''}"
        yield "", card.weights.url or "no public source"
    for tensor in card.input:
        yield "input", _tensor(tensor)
    for output in card.output:
        yield "output", _tensor(output)
    made = f", made by {card.dataset.generator}" if card.dataset.generator else ""
    yield "data", f"{card.dataset.kind} {card.dataset.split}, {card.dataset.count} pictures{made}"
    yield "classes", str(card.class_count)
    yield "preprocess", " → ".join(_step(step) for step in card.preprocess) or "none"
    yield (
        "metric",
        " ".join([card.metric.name, card.metric.protocol, *(f"{k}={v}" for k, v in card.metric.params.items())]),
    )
    if card.atc and card.atc.source:
        yield "atc", card.atc.source.text
    if card.environment:
        yield "environment", ", ".join(f"{name} {version}" for name, version in card.environment.items())
    yield "tools", ", ".join(card.tools) or "-"


def _tensor(tensor: TensorSpec) -> str:
    sizes = ", ".join(map(str, tensor.shape))
    text = f"{tensor.name} {tensor.dtype} [{sizes}] {tensor.layout}".rstrip()
    if isinstance(tensor, OutputSpec):
        text += ", scored" if tensor.scored else ""
        text += "" if tensor.om else ", not in the OM"
    return text


def _step(step: Step) -> str:
    given = ", ".join(f"{name}={value}" for name, value in step.params.items())
    return f"{step.step}({given})" if given else step.step


def _promises(card: ModelCard) -> dict[str, list[tuple[str, ...]]]:
    roles = {"promises": "promise", "references (never gated)": "reference", "measured here": "measured"}
    groups = {title: [_baseline(row) for row in card.baseline if row.role == role] for title, role in roles.items()}
    groups["ratios"] = [_ratio(ratio) for ratio in card.ratio]
    groups["expected failures"] = [
        (one.chip, f"bs{one.batch}", one.check, one.outcome, _condition(one.memory_mib_at_most), _place(one.source))
        for one in card.expect
    ]
    groups["waivers"] = [
        (one.chip, f"bs{one.batch}", one.check, one.owner, f"until {one.expires}", one.reason, one.link)
        for one in card.waiver
    ]
    return groups


def _baseline(row: Baseline) -> tuple[str, ...]:
    unit = row.unit if row.unit == "%" else f" {row.unit}".rstrip()
    number = f"{row.value:.{row.decimals}f}" if row.decimals is not None else f"{row.value:g}"
    details = [row.protocol, row.definition, f"{row.inputs} inputs" if row.inputs else "", row.condition]
    details += ["per card"] if row.scope == "card" else []
    batch = f"bs{row.batch}" if isinstance(row.batch, int) else row.batch
    return row.chip, batch, row.metric, f"{number}{unit}", ", ".join(filter(None, details)), _place(row.source)


def _ratio(ratio: Ratio) -> tuple[str, ...]:
    bound = f"≥ {ratio.at_least:g}" if ratio.at_least is not None else f"= {ratio.within:g} ± {ratio.tolerance or 0:g}"
    sides = f"{_side(ratio.numerator)} / {_side(ratio.denominator)}"
    return ratio.name, sides, bound, ratio.role, _place(ratio.source)


def _side(side: RatioSide) -> str:
    batch = f"bs{side.batch}" if isinstance(side.batch, int) else f"{side.batch} batch"
    return f"{side.metric} {side.chip} {batch}{' per card' if side.scope == 'card' else ''}"


def _condition(memory_mib: int | None) -> str:
    return f"on up to {memory_mib} MiB" if memory_mib else "always"


def _place(place: Place) -> str:
    name = place.file.rpartition("/")[2]
    return f"{name}:{place.line}" if place.line else name
