"""From a folder of outputs and a tool's summaries to results: what a gate would have measured, measured elsewhere."""

import datetime
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import ascend_host, environment, gates, om_build
from harness.ascend.ais_bench_summary import parse_summary
from harness.cards import Check, ModelCard
from harness.checks import accuracy
from harness.errors import DataError, OmgateError, RunError, UsageError
from harness.packing import commands
from harness.packing.manifest import MANIFEST, RUN_KIND, SUMMARY, Manifest
from harness.preprocess import digest as steps_digest
from harness.results import Case, Entry, Failure, Result
from harness.scoring import folder, summaries
from harness.scoring.folder import Found, Wanted
from harness.scoring.names import Unit
from harness.scoring.returned import Returned, labels_of
from harness.scoring.summaries import Timing
from harness.stream import Feed
from harness.workbench import Workbench

Facts = dict[str, Any]
OLDEST_SUMMARY = "sumary.json"
"""How ais_infer spells it, beside the outputs."""


@dataclass(frozen=True)
class Order:
    """What is to be judged: a folder of outputs of a card's model on a chip, and summaries of the tool.

    `weights` is the case's: `card`, `seeded` or a checkpoint's sha256. `pack` is where the manifest lies.
    """

    card: ModelCard
    folder: Path
    chip: str
    batch: int
    tool: str = ""
    summaries: tuple[Path, ...] = ()
    inputs: str = ""
    weights: str = "card"
    emulated: bool = False
    manifest: Manifest | None = None
    pack: Path | None = None

    def case(self, runtime: str, check: Check) -> Case:
        """Return the case that a run here would have been."""
        return Case(
            model=self.card.name,
            runtime=runtime,
            chip=self.chip,
            batch=self.batch,
            check=check,
            weights=self.weights,
            precision=ascend_host.precision_of(self.card),
            emulated=self.emulated,
        )


@dataclass(frozen=True)
class Script:
    """What a pack's run.py wrote beside its outputs, and where; empty for outputs of a tool."""

    path: Path | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def results(order: Order, bench: Workbench) -> tuple[Result, ...]:
    """Return the accuracy of the outputs and, where a summary tells it, the speed; what breaks is in the results.

    Raises UsageError for what is asked, MissingNeedError without the data set.
    """
    feed, units, others = _asked(order, bench)
    timed = order.pack / commands.TIMING if order.pack else None
    numbers, outputs = _numbers(order.folder, units), len(order.card.kept_outputs)
    found = _found(order, Wanted(units, outputs, others, order.tool, numbers, timed))
    script = _script(found) if isinstance(found, Found) else Script()
    timing = _timing(order, found, script)
    tool = _runtime(order, found, timing, script)

    def accurate() -> Facts:
        if not isinstance(found, Found):
            raise timing if isinstance(timing, RunError) else found
        specs, rows = order.card.kept_outputs, order.manifest.rows if order.manifest else 1
        returned = Returned(order.folder, found, units, specs, rows, _digests(script))
        return _scored(order.case(tool, "accuracy"), bench, feed, returned)

    made = [_result(order, order.case(tool, "accuracy"), script, accurate)]
    if timing is not None:
        made += _speeds(order, timing, script, tool)
    return tuple(made)


def judged(result: Result, card: ModelCard, today: datetime.date) -> Entry:
    """Return a result with its verdict, as a gate gives it."""
    return Entry(result=result, verdict=gates.judge(result, card, today))


def _asked(order: Order, bench: Workbench) -> tuple[Feed, tuple[Unit, ...], tuple[Unit, ...]]:
    """Return the samples to score, the files that hold them, and files that may lie beside these."""
    feed, manifest = bench.feed(order.card), order.manifest
    if manifest is None:
        asked = set(feed.ids)
        others = [sample_id for sample_id in feed.dataset.ids if sample_id not in asked]
        return feed, folder.unit_of(feed.ids), folder.unit_of(others)
    if bench.samples is not None:
        raise UsageError("--samples", "no use for it with a pack, whose manifest names the samples", str(bench.samples))
    packed = set(manifest.ids)
    ids = tuple(sample_id for sample_id in feed.ids if sample_id in packed)
    ours = (feed.dataset.digest(), steps_digest(order.card.fed_to_om.preprocess))
    if len(ids) != len(manifest.ids) or ours != (manifest.data_sha256, manifest.preprocess_sha256):
        what = "expected the data set and the preprocessing that were packed"
        raise UsageError(MANIFEST, what, "others here", "give the same --data-dir and card, or pack and run again")
    return replace(feed, ids=ids), tuple(Unit(file.name, file.ids) for file in manifest.files), ()


def _numbers(root: Path, units: tuple[Unit, ...]) -> Mapping[str, int] | None:
    """Return the number of each unit by the summary that ais_infer leaves beside its outputs, or None without one."""
    files = sorted(root.rglob(OLDEST_SUMMARY))
    if len(files) != 1:
        return None
    try:
        listed = parse_summary(files[0].read_text(encoding="utf-8", errors="replace")).files
    except (OSError, RunError):
        return None
    numbers = {Path(sides[0][0]).stem: int(key) for key, sides in listed.items() if sides[0] and key.isdecimal()}
    names = {unit.name for unit in units}
    return numbers if names & set(numbers) else None


def _found(order: Order, wanted: Wanted) -> Found | DataError:
    try:
        return folder.find(order.folder, wanted)
    except DataError as error:
        return error


def _script(found: Found) -> Script:
    path = found.folders[0] / SUMMARY
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Script()
    ours = isinstance(facts, dict) and facts.get("kind") == RUN_KIND
    return Script(path, facts) if ours else Script()


def _digests(script: Script) -> Mapping[str, list[str]]:
    files = script.facts.get("files", {})
    return files if isinstance(files, dict) else {}


def _timing(order: Order, found: Found | DataError, script: Script) -> Timing | RunError | None:
    """Return what the summaries say, those given or the pack's own, or how the tool failed."""
    paths = order.summaries
    if not paths and script.path is not None:
        paths = (script.path,)
    elif not paths and order.manifest and order.pack and isinstance(found, Found):
        paths = commands.timings(order.pack, found.naming.scheme.tool, order.manifest.timed)
    try:
        return summaries.read(paths, order.batch, order.inputs) if paths else None
    except RunError as error:
        return error


def _runtime(order: Order, found: Found | DataError, timing: Timing | RunError | None, script: Script) -> str:
    """Return the runtime that the outputs are of: asked for, of run.py, recognised, or the likeliest."""
    if order.tool:
        return order.tool
    if script.path is not None:
        return "aclruntime"
    if isinstance(found, Found):
        return found.naming.scheme.tool
    if isinstance(timing, Timing):
        return timing.runtime or timing.tool
    return order.manifest.tool if order.manifest else next(iter(order.card.tools), "ais_bench")


def _scored(case: Case, bench: Workbench, feed: Feed, returned: Returned) -> Facts:
    card = bench.card(case)
    returned.require_sizes()
    found = accuracy.scored(case, bench, labels_of(feed), returned)
    whole = len(feed.ids) == len(feed.dataset.ids)
    facts = accuracy.told(case, replace(bench, samples=None if whole else len(feed.ids)), feed, found)
    facts["digests"] = {"data": feed.dataset.digest(), "preprocess": steps_digest(card.fed_to_om.preprocess)}
    reason = accuracy.unpaired(case, bench)
    if not reason:
        try:
            return {**facts, "paired": accuracy.paired(case, bench, feed, found[1])}
        except OmgateError as error:  # the reference's own trouble takes nothing from what was scored
            reason = str(error)
    return {**facts, "unpaired": reason}


def _speeds(order: Order, timing: Timing | RunError, script: Script, tool: str) -> list[Result]:
    """Return the throughput, and the latency where the card promises one."""
    runtime = (timing.runtime or timing.tool) if isinstance(timing, Timing) else tool
    throughput, latency = order.case(runtime, "throughput"), order.case(runtime, "latency")
    cases = [throughput, latency] if gates.has_promise(order.card, latency) else [throughput]

    def timed(case: Case) -> Facts:
        if isinstance(timing, RunError):
            raise timing
        return {"measurement": timing.measurement(case.check, case.batch)}

    return [_result(order, case, script, lambda case=case: timed(case)) for case in cases]  # type: ignore[misc]


def _result(order: Order, case: Case, script: Script, measure: Callable[[], Facts]) -> Result:
    """Return a result; where it was measured is not where it is scored, so the environment says both by name."""
    started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    facts: Facts = {"status": "measured"}
    try:
        facts |= measure()
    except RunError as error:
        facts = _failed(error, kind=error.kind, stage=error.stage, log=error.log, code=error.code)
    except DataError as error:
        facts = _failed(error, kind="data", stage="read")
    model = order.manifest.model if order.manifest else None
    return Result(
        case=case,
        toolchain=(model.toolchain if model else {}) or om_build.UNKNOWN,
        artifact={"digest": model.sha256, "recipe": {"kind": "packed", **model.model_dump()}} if model else {},
        environment={"scored_on": environment.describe(), "measured_on": script.facts.get("environment", {})},
        started_at=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 3),
        **facts,
    )


def _failed(error: OmgateError, **details: str) -> Facts:
    return {"status": "error", "error": Failure.model_validate({"message": str(error), **details})}
