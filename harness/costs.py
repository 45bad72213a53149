"""What cases will cost: seconds, bytes, ATC and NPU minutes, from earlier nights, else from what the README prints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal, NamedTuple, get_args

from harness.cards import Baseline, ModelCard, canonical_chip
from harness.results import SCRIPTS, Case, Entry

Origin = Literal["history", "readme", "guess"]
REFERENCE_IMAGES = 8
"""Fixed inputs of parity, and images of batch consistency at either batch size (docs/gates.md)."""
CONSISTENCY_IMAGES = 32
ROUNDS = 7
"""The fewest runs of a speed case: 2 to warm up and 5 rounds (docs/gates.md)."""
TIMED_S = 2.0
NIGHTS = 7
"""Durations are the median of so many nights: one bad night moves nothing, a change of speed is there in four."""
# What follows is for cases that were never run: read off the shipped cards on a quiet 2-core machine, and good for the
# order of magnitude only.
START_S = 0.1
SECONDS_PER_MEGAPIXEL = 0.02
FLOP_PER_S = 5e10
PIXELS_PER_CELL = 256  # a convolution's weights work once per so many pixels: 4 GMAC for ResNet-50's 25 M at 224 × 224
NPU_IMAGES_PER_S = 100.0
EXPORT_S = 4.0
EXPORT_BYTES_PER_S = 2e7
ATC_S = 60.0
WEIGHTS_BYTES = 1e8
BYTES_PER_WEIGHT = 4
# The network's state, its export and the gated file are kept; an OM in half precision is half as large again.
COPIES, OM_COPIES = 3.0, 3.5


class Past(NamedTuple):
    """One earlier night of a case: when and how it ended, where its seconds went, and what it was made from.

    `run_s` leaves out what was built for the store (`build_s`, `build_bytes`) and waiting. `atc_s` is how long ATC took
    for its OM, on whatever night. `source` digests all that the artifact is made from, `artifact` its bytes.
    """

    at: str
    outcome: str
    run_s: float
    build_s: float = 0.0
    build_bytes: float = 0.0
    atc_s: float = 0.0
    artifact: str = ""
    source: str = ""
    samples: int = 0


@dataclass(frozen=True)
class Outlook:
    """What is known beside the cards.

    `pasts` and `sources` (today's digest) are by case key, the oldest night first; `held` are the digests of the
    artifacts in the store, `weights_bytes` the checkpoints' sizes by model, `samples` how many were asked for.
    """

    pasts: Mapping[str, Sequence[Past]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    weights_bytes: Mapping[str, int] = field(default_factory=dict)
    chips_per_card: Mapping[str, int] = field(default_factory=dict)
    samples: int | None = None


class Cost(NamedTuple):
    """The prediction for one case; `build_*` and `atc_s` are of what it finds unbuilt, `artifact` names that."""

    run_s: float
    build_s: float
    build_bytes: float
    atc_s: float
    artifact: str
    on_npu: bool
    origin: Origin

    @property
    def seconds(self) -> float:
        """The whole case, on a free device."""
        return self.run_s + self.build_s


class Totals(NamedTuple):
    """The sum over cases run one after another; `gigabytes` is what is added to the store."""

    hours: float = 0.0
    gigabytes: float = 0.0
    atc_minutes: float = 0.0
    npu_minutes: float = 0.0
    origins: Mapping[str, int] = {}


def past(entry: Entry) -> Past | None:
    """Return what an entry tells of a case's costs, or None where the case never ran to an end of its own."""
    result = entry.result
    if result.status == "not_run" or entry.verdict.outcome == "NOT_RUN" or not result.started_at:
        return None
    build_s, waiting_s = (result.spent.get(name, 0.0) for name in ("build_s", "waiting_s"))
    recipe = result.artifact.get("recipe") or {}
    return Past(
        at=result.started_at,
        outcome=entry.verdict.outcome,
        run_s=max(0.0, result.seconds - build_s - waiting_s),
        build_s=build_s,
        build_bytes=result.spent.get("build_bytes", 0.0),
        atc_s=_number(recipe.get("seconds")) if recipe.get("kind") == "om" else 0.0,
        artifact=str(result.artifact.get("digest", "")),
        source=result.digests.get("source", ""),
        samples=result.samples.used if result.samples else 0,
    )


def predict(cases: Sequence[Case], cards: Mapping[str, ModelCard], outlook: Outlook) -> dict[Case, Cost]:
    """Return what each case will cost when they run in this order: of cases that share an artifact the first builds it.

    A case that was run before takes as long as the median of its last nights. An artifact that was built before takes
    as long again, if what it is made from has changed or it is no longer in the store. The others go by the README's
    rates, or by guesses.
    """
    costs: dict[Case, Cost] = {}
    known = _builds(cases, outlook)
    begun: set[str] = set()
    for case in cases:
        if case.check == "ratio":  # it is made of what the others measured
            costs[case] = Cost(0.0, 0.0, 0.0, 0.0, "", on_npu=False, origin="readme")
            continue
        artifact = artifact_of(case)
        cost = _run_before(case, outlook) or _guessed(case, cards[case.model], outlook)
        build = known.get(artifact) or _guessed_build(case, cards[case.model], outlook)
        build = _NONE if artifact in begun else build
        costs[case] = cost._replace(build_s=build.seconds, build_bytes=build.bytes, atc_s=build.atc_s)
        begun.add(artifact)
    return costs


def artifact_of(case: Case) -> str:
    """Return the name of what a case opens: cases of one name share it.

    What a repository's scripts export is another file than omgate's own, and so is the OM that is made of it.
    """
    kind = "onnx" if case.runtime.startswith("ort-") else "host" if case.on_host else f"om {case.chip}"
    name = f"{kind} {case.model} bs{case.batch} {case.weights} {case.precision}"
    return f"{name} {SCRIPTS}" if case.condition == SCRIPTS else name


def is_changed(case: Case, pasts: Sequence[Past], outlook: Outlook) -> bool:
    """Tell whether what a case is made from is not what it was last time; unknown is no change."""
    now, then = outlook.sources.get(case.key, ""), pasts[-1].source if pasts else ""
    return bool(now and then and now != then)


def total(costs: Iterable[Cost]) -> Totals:
    """Return the sums of predictions."""
    rows = list(costs)
    return Totals(
        hours=sum(row.seconds for row in rows) / 3600,
        gigabytes=sum(row.build_bytes for row in rows) / 1e9,
        atc_minutes=sum(row.atc_s for row in rows) / 60,
        npu_minutes=sum(row.run_s for row in rows if row.on_npu) / 60,
        origins={name: count for name in get_args(Origin) if (count := _count(rows, name))},
    )


def _count(rows: Sequence[Cost], origin: str) -> int:
    return sum(row.origin == origin for row in rows)


class _Build(NamedTuple):
    seconds: float
    bytes: float
    atc_s: float


_NONE = _Build(0.0, 0.0, 0.0)


def _builds(cases: Iterable[Case], outlook: Outlook) -> dict[str, _Build]:
    """Return what will be built of each artifact that is known from earlier nights, nothing where it is still there."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if outlook.pasts.get(case.key):
            groups.setdefault(artifact_of(case), []).append(case)
    return {name: _build_again(group, outlook) for name, group in groups.items()}


def _build_again(group: Sequence[Case], outlook: Outlook) -> _Build:
    """Return what cases of one artifact built when it was new last, whichever of them came first."""
    series = [outlook.pasts[case.key] for case in group]
    changed = any(is_changed(case, outlook.pasts[case.key], outlook) for case in group)
    last = max((pasts[-1] for pasts in series), key=lambda one: one.at)
    # What a framework runs is no file of the store.
    gone = last.artifact not in outlook.held and not artifact_of(group[0]).startswith("host ")
    if not changed and not gone:
        return _NONE
    built = [one for pasts in series for one in pasts if one.build_s]
    source = max(built, key=lambda one: one.at).source if built else ""
    atc_s = next((one.atc_s for pasts in series for one in reversed(pasts) if one.atc_s), 0.0) * _real_npu(group[0])
    return _Build(
        max(atc_s, sum(max((one.build_s for one in pasts if one.source == source), default=0.0) for pasts in series)),
        sum(max((one.build_bytes for one in pasts if one.source == source), default=0.0) for pasts in series),
        atc_s,
    )


def _run_before(case: Case, outlook: Outlook) -> Cost | None:
    recent = outlook.pasts.get(case.key, ())[-NIGHTS:]
    if not recent:
        return None
    run_s = median(one.run_s * _share(one, case, outlook) for one in recent)
    return Cost(run_s, *_NONE, artifact_of(case), _real_npu(case), "history")


def _share(one: Past, case: Case, outlook: Outlook) -> float:
    """Return how many times as many samples are asked for now; only accuracy takes time for each."""
    now = outlook.samples
    return now / one.samples if now and one.samples and case.check == "accuracy" else 1.0


def _guessed(case: Case, card: ModelCard, outlook: Outlook) -> Cost:
    rate = _printed_rate(case, card, outlook.chips_per_card)
    on_cpu_s = _on_cpu_s(card, outlook)
    image_s = 1 / rate if rate else on_cpu_s if case.on_host else 1 / NPU_IMAGES_PER_S
    run_s = START_S + _images_s(case, card, outlook, (image_s, _prepare_s(card), on_cpu_s))
    return Cost(run_s, *_NONE, artifact_of(case), _real_npu(case), "readme" if rate else "guess")


def _guessed_build(case: Case, card: ModelCard, outlook: Outlook) -> _Build:
    """Return what a new artifact takes: its export, ATC, and where accuracy is scored the reference's answers."""
    size = _weights_bytes(card, outlook)
    atc_s = ATC_S * _real_npu(case)
    seconds = EXPORT_S + size / EXPORT_BYTES_PER_S + atc_s
    if case.check == "accuracy" and case.condition != SCRIPTS:
        seconds += _samples(card, outlook) * (_on_cpu_s(card, outlook) + _prepare_s(card))
    return _Build(seconds, size * (COPIES if case.on_host else OM_COPIES), atc_s)


def _weights_bytes(card: ModelCard, outlook: Outlook) -> float:
    stated = card.weights.bytes if card.weights else None
    return outlook.weights_bytes.get(card.name) or stated or WEIGHTS_BYTES


def _on_cpu_s(card: ModelCard, outlook: Outlook) -> float:
    weights = _weights_bytes(card, outlook) / BYTES_PER_WEIGHT
    return 2 * weights * _pixels(card) / PIXELS_PER_CELL / FLOP_PER_S


def _prepare_s(card: ModelCard) -> float:
    return SECONDS_PER_MEGAPIXEL * _pixels(card) / 1e6


def _images_s(case: Case, card: ModelCard, outlook: Outlook, each: tuple[float, float, float]) -> float:
    """Return the seconds that a check's images take: to infer here, to prepare, to infer on the host."""
    image_s, prepare_s, on_cpu_s = each
    if case.check == "accuracy":
        return _samples(card, outlook) * (image_s + prepare_s)
    if case.check == "batch-consistency":
        return CONSISTENCY_IMAGES * 2 * (image_s + prepare_s)
    if case.check == "parity":
        return REFERENCE_IMAGES * (image_s + on_cpu_s + prepare_s)
    return max(TIMED_S, ROUNDS * case.batch * image_s)


def _samples(card: ModelCard, outlook: Outlook) -> int:
    return min(outlook.samples or card.dataset.count, card.dataset.count)


def _printed_rate(case: Case, card: ModelCard, chips_per_card: Mapping[str, int]) -> float:
    """Return the images/s that the card's source prints for this chip at the nearest batch size, 0 if it does not."""
    rows = [row for row in card.baseline if row.metric == "throughput" and row.unit in ("images/s", "fps")]
    here = [row for row in rows if canonical_chip(row.chip) == canonical_chip(case.chip)]
    if not here or case.on_host:
        return 0.0
    nearest = min(here, key=lambda row: abs(_batch(row) - case.batch))
    return nearest.value / (chips_per_card.get(nearest.chip, 1) if nearest.scope == "card" else 1)


def _batch(row: Baseline) -> int:
    return row.batch if isinstance(row.batch, int) else 1


def _pixels(card: ModelCard) -> int:
    """Return height × width of the first input: its two largest sizes."""
    sizes = sorted(size for size in card.input[0].shape if isinstance(size, int))
    return sizes[-1] * sizes[-2] if len(sizes) > 1 else 1


def _real_npu(case: Case) -> bool:
    return not case.emulated and (case.runtime == "ort-cann" or not case.on_host)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
