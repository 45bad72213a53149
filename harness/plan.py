"""Which cases there are: what the cards promise, what carries its own threshold, and what is promised by nobody."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness import ascend_host, cards, gates, needs, om_build, runtimes, scripts
from harness.card_promises import SPEEDS
from harness.cards import CHECKS, Check, ModelCard
from harness.chips import chip_of
from harness.errors import MissingNeedError, UsageError, closest
from harness.results import SCRIPTS, Case
from harness.runtimes import OM_RUNTIMES
from harness.selection import Lack, Plan, Selection
from harness.workbench import REFERENCES

# What runs when no runtime is asked for: one that is on every machine, and two that tell by a skip that they could run.
DEFAULT_RUNTIMES = ("ort-cpu", "ort-cuda", "ort-cann")
NPU_RUNTIMES = ("ort-cann", *OM_RUNTIMES)
NO_NPU = MissingNeedError(
    "npu", "expected an Ascend NPU", "none asked for", "run on an NPU host, or rehearse with --emulate", need="device"
)


def make(selection: Selection) -> Plan:
    """Plan the cases of a selection; raises UsageError for a requested thing that is unknown or cannot run."""
    known = {card.name: card for card in cards.load_all(selection.card_folders)}
    _check_names(selection, known)
    chosen = [known[name] for name in selection.models] if selection.models else list(known.values())
    lacks = list(_missing_runtimes(selection))
    absent = {lack.name for lack in lacks}
    names = [name for name in selection.runtimes or DEFAULT_RUNTIMES if name not in absent]
    promised: list[Case] = []
    unpromised: list[Case] = []
    weights = weights_name(selection.weights)
    scripted: list[Case] = []
    for card in chosen:
        pairs = tuple(_pairs(card, names, selection))
        for case in _candidates(card, pairs, selection, weights):
            (promised if _exists(card, case) else unpromised).append(case)
        scripted += _scripted(card, pairs, selection, weights)
    promised, unpromised = (
        [case for case in some if not scripts.replaced(known[case.model], case)] for some in (promised, unpromised)
    )
    cases = promised + (scripted if selection.run_scripts else [])
    ready, card_lacks = _split_by_needs(known, cases + (unpromised if selection.unpromised else []), selection)
    on_request = () if selection.run_scripts else tuple(scripted)
    plan = Plan(known, tuple(ready), tuple(unpromised), tuple(lacks + card_lacks), on_request)
    _check_requests(selection, plan)
    return plan


def accuracy_batch(card: ModelCard, chip: str) -> int:
    """Return the one batch size at which a whole data set is scored on a chip: the promised one, else the first."""
    promised = [row for row in card.baseline if row.is_accuracy and row.role != "reference"]
    here = [row for row in promised if row.chip == chip] or promised
    batches = [row.batch for row in here if isinstance(row.batch, int)]
    return batches[0] if batches else card.batches[0]


def _check_names(selection: Selection, known: dict[str, ModelCard]) -> None:
    for name in selection.models:
        if name not in known:
            hint = closest(name, list(known)) or f"known: {', '.join(sorted(known))}"
            raise UsageError("--model", "unknown model", repr(name), hint)
    for name in selection.runtimes:
        runtimes.get(name)
    for check in selection.checks:
        if check not in CHECKS:
            raise UsageError(
                "--check", "unknown check", repr(check), closest(check, list(CHECKS)) or f"known: {', '.join(CHECKS)}"
            )
    if selection.chips:
        _check_chips(selection, known)


def _check_chips(selection: Selection, known: dict[str, ModelCard]) -> None:
    # A GPU is named by its driver, and by no card until somebody promises something for it.
    here = {chip_of(name) for name in selection.runtimes or DEFAULT_RUNTIMES if name not in OM_RUNTIMES}
    here |= set(selection.host.chips) if selection.host else set()
    chips = {"cpu", "any"} | here | {chip for card in known.values() for chip in card.chips}
    for chip in selection.chips:
        if chip not in chips:
            hint = closest(chip, sorted(chips)) or f"known: {', '.join(sorted(chips))}"
            raise UsageError("--chip", "unknown chip", repr(chip), hint)


def _missing_runtimes(selection: Selection) -> Iterator[Lack]:
    if not selection.runtimes or set(selection.runtimes) & set(OM_RUNTIMES):
        yield from _missing_npu(selection)
    for name in selection.runtimes or DEFAULT_RUNTIMES:
        reason = runtimes.get(name, selection.host.toolchain if selection.host else None).missing()
        if reason is None:
            continue
        if name in selection.runtimes:
            raise UsageError(f"--runtime {name}", "expected a runtime that can run here", reason)
        what, _, remedy = reason.partition("; ")
        yield Lack(name, MissingNeedError(name, what, do=remedy))


def _missing_npu(selection: Selection) -> Iterator[Lack]:
    """Yield what keeps the NPU gates from running; asked for by runtime or chip, it is a UsageError."""
    lack = NO_NPU if selection.host is None else selection.host.lack
    if lack is None:
        return
    asked = [f"--runtime {name}" for name in selection.runtimes if name in OM_RUNTIMES]
    asked += [f"--chip {chip}" for chip in selection.chips if chip.startswith("Ascend")]
    if asked:
        raise UsageError(asked[0], lack.what, lack.got, lack.do)
    yield Lack("npu", lack, platform="npu")


def _pairs(card: ModelCard, names: Sequence[str], selection: Selection) -> Iterator[tuple[str, str]]:
    """Yield each runtime and chip that the card runs on here and the selection admits."""
    found = [(name, chip_of(name)) for name in names if name not in OM_RUNTIMES]
    if selection.host is not None:
        found += ascend_host.pairs(card, selection.host, [name for name in selection.runtimes if name in names])
    for name, chip in found:
        if (not selection.chips or chip in selection.chips) and not _is_foreign(name, card):
            yield name, chip


def _candidates(
    card: ModelCard, pairs: Iterable[tuple[str, str]], selection: Selection, weights: str
) -> Iterator[Case]:
    """Yield every case of a card that the selection admits, promised or not."""
    for pair in pairs:
        case = _case(card, pair, selection, weights)
        for check in selection.checks or CHECKS:
            for batch in _batches(card, check, case.chip, selection):
                yield case.model_copy(update={"check": check, "batch": batch})


def _scripted(card: ModelCard, pairs: Iterable[tuple[str, str]], selection: Selection, weights: str) -> Iterator[Case]:
    """Yield every accuracy through the card's own scripts that the selection admits."""
    if card.script is None or "accuracy" not in (selection.checks or CHECKS):
        return
    for pair in pairs:
        case = _case(card, pair, selection, weights)
        sizes = scripts.batches(card, case.runtime, case.chip, accuracy_batch(card, case.chip))
        for batch in _asked(sizes, selection):
            made = scripts.script_case(card, case.model_copy(update={"batch": batch}))
            yield from (made,) if made else ()


def _case(card: ModelCard, pair: tuple[str, str], selection: Selection, weights: str) -> Case:
    """Return a case of a runtime on a chip, of whatever check and batch size."""
    on_npu = pair[0] in OM_RUNTIMES
    return Case(
        model=card.name,
        runtime=pair[0],
        chip=pair[1],
        batch=card.batches[0],
        check="accuracy",
        weights=weights,
        precision=ascend_host.precision_of(card) if on_npu else "fp32",
        threads=selection.threads,
        emulated=on_npu and selection.emulates,
    )


def _is_foreign(runtime: str, card: ModelCard) -> bool:
    """Tell whether a runtime is a framework, and another one than the card's."""
    return runtime in REFERENCES.values() and runtime != REFERENCES.get(card.source.framework)


def _batches(card: ModelCard, check: Check, chip: str, selection: Selection) -> Iterable[int]:
    """Return the batch sizes of a check: accuracy runs at one, batch consistency compares the others with it."""
    everywhere = card.batches
    if selection.weights == "seeded":  # full size at batch 1, and where the card expects it to break
        expected = {row.batch for row in card.expect if row.chip == chip}
        everywhere = tuple(batch for batch in everywhere if batch == everywhere[0] or batch in expected)
    if check == "ratio":
        everywhere = gates.ratio_batches(card, chip)
    elif check == "accuracy":
        everywhere = tuple(dict.fromkeys((accuracy_batch(card, chip), *gates.accuracy_sides(card, chip))))
    elif check == "batch-consistency":
        everywhere = tuple(batch for batch in everywhere if batch != accuracy_batch(card, chip))
    return _asked(everywhere, selection)


def _asked(sizes: tuple[int, ...], selection: Selection) -> tuple[int, ...]:
    """Return the batch sizes that the selection admits; those that nobody promises on request only."""
    if not selection.batches:
        return sizes
    return tuple(batch for batch in selection.batches if selection.unpromised or batch in sizes)


def _exists(card: ModelCard, case: Case) -> bool:
    """Tell whether a case stands on a promise or on a threshold of its own (DESIGN: a case is a promise)."""
    if case.weights == "seeded":
        return case.check in ("parity", *SPEEDS)
    return gates.has_promise(card, case)


def weights_name(choice: str) -> str:
    """Return the name of weights that a case carries: `card`, `seeded`, or the sha256 of a checkpoint file."""
    if choice in ("card", "seeded"):
        return choice
    from harness.artifacts import file_sha256

    path = Path(choice)
    if not path.is_file():
        raise UsageError("--weights", "expected card, seeded or a checkpoint file", repr(choice))
    return file_sha256(path)


def _split_by_needs(
    known: dict[str, ModelCard], cases: Sequence[Case], selection: Selection
) -> tuple[list[Case], list[Lack]]:
    """Part the cases that can run from those that lack something; one Lack per card and need."""
    ready: list[Case] = []
    lacking: dict[tuple[str, str], tuple[MissingNeedError, list[Case]]] = {}
    found: dict[tuple[str, Check, str, bool], MissingNeedError | None] = {}
    for case in cases:
        card = known[case.model]
        key = (case.model, case.check, case.condition, _brings_om(card, case, selection))
        if key not in found:
            found[key] = _missing(card, case, selection)
        reason = found[key]
        if reason is None:
            ready.append(case)
        else:
            lacking.setdefault((case.model, reason.need), (reason, []))[1].append(case)
    lacks = [
        Lack(model, reason, tuple(kept), known[model].nightly) for (model, _need), (reason, kept) in lacking.items()
    ]
    return ready, lacks


def _missing(card: ModelCard, case: Case, selection: Selection) -> MissingNeedError | None:
    brings_om = _brings_om(card, case, selection)
    if case.condition == SCRIPTS:
        return scripts.missing(card, selection.weights, selection.places, brings_om)
    return needs.for_check(card, case.check, selection.weights, selection.places, brings_om)


def _brings_om(card: ModelCard, case: Case, selection: Selection) -> bool:
    if case.runtime not in OM_RUNTIMES:
        return False
    return selection.om is not None or om_build.of_card(card, case.batch, case.chip) is not None


def _check_requests(selection: Selection, plan: Plan) -> None:
    """Raise UsageError for a requested model that lacks something, or a request that no runnable case answers."""
    for lack in plan.lacks:
        if lack.name in selection.models and not _is_partial(lack, plan):
            raise UsageError(f"--model {lack.name}", f"expected {lack.reason.what}", "nothing", lack.reason.do)
    most = max((plan.cards[case.model].dataset.count for case in plan.cases), default=0)
    if selection.samples is not None and plan.cases and selection.samples > most:
        raise UsageError(f"--samples {selection.samples}", f"expected at most {most}, the largest data set selected")
    if selection.npu_device and not any(case.runtime in NPU_RUNTIMES for case in plan.cases):
        raise UsageError(f"--npu-device {selection.npu_device}", "no selected case runs on an NPU", "", "add --runtime")
    if selection.run_scripts and not any(case.condition == SCRIPTS for case in plan.cases):
        raise _no_scripts(plan)
    requests: tuple[tuple[str, str, tuple[object, ...]], ...] = (
        ("--model", "model", selection.models),
        ("--chip", "chip", selection.chips),
        ("--batch-size", "batch", selection.batches),
        ("--check", "check", selection.checks),
    )
    for option, attribute, wanted in requests:
        answered = {getattr(case, attribute) for case in plan.cases}
        for value in wanted:
            if value not in answered:
                raise _unanswered(option, attribute, value, plan)


def _is_partial(lack: Lack, plan: Plan) -> bool:
    """Tell whether only the accuracy of a card without a data set cannot run, and something else of it can."""
    others = any(case.model == lack.name for case in plan.cases)
    return others and lack.reason.need == "data" and plan.cards[lack.name].dataset.kind == "none"


def _no_scripts(plan: Plan) -> UsageError:
    what = "expected a case with script steps that can run here"
    for lack in plan.lacks:
        if any(case.condition == SCRIPTS for case in lack.cases):
            return UsageError("--run-scripts", what, f"{lack.reason.what} missing", lack.reason.do)
    return UsageError("--run-scripts", what, "none", "add a [script] table to a card: see docs/cards.md")


def _unanswered(option: str, attribute: str, value: object, plan: Plan) -> UsageError:
    where = f"{option} {value}"
    for lack in plan.lacks:
        if any(getattr(case, attribute) == value for case in lack.cases):
            return UsageError(
                where, "expected something that can run here", f"{lack.reason.what} missing", lack.reason.do
            )
    if any(getattr(case, attribute) == value for case in plan.on_request):
        return UsageError(where, "expected a request to run its scripts", "", "add --run-scripts: it runs their code")
    if any(getattr(case, attribute) == value for case in plan.unpromised):
        return UsageError(where, "no card promises it", "", "add --unpromised to run it all the same")
    return UsageError(where, "no case of this selection has it", "", "see `omgate plan`")
