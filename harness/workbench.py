"""What every check works with: the cards, the store, the user's folders, and where a run's files go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness import needs, npus
from harness.artifacts import Artifact
from harness.ascend_host import AscendHost
from harness.build import Builder
from harness.cards import ModelCard
from harness.datasets import open_dataset, subset
from harness.measure import TimePlan
from harness.npus import Npu
from harness.preprocess import compile_steps, network_input
from harness.preprocess.prepared import prepared_input
from harness.results import Case
from harness.runtimes import OM_RUNTIMES, get
from harness.runtimes.isolated import Isolated
from harness.runtimes.protocol import Runtime, Session, SessionOptions
from harness.stream import Feed

REFERENCES = {"torch": "torch-cpu", "tensorflow": "tf-cpu"}
"""The runtime that is a framework itself."""
PLAIN = "ort-plain"


@dataclass(frozen=True)
class Workbench:
    """The means of one run; `samples` bounds how many of a data set are used (None = all).

    With `sequential`, accuracy stops as soon as enough samples were scored to decide; `cases` is how many cases of
    accuracy the whole run has, which share its error.
    `turn` is this worker's number: workers take the NPUs of a host in turn. `stored` are folders of earlier runs.
    `tool_timeout_s` bounds each call of a runtime. `noise` is, by a case's key, the standard deviation of its readings
    from run to run, as a share.
    """

    cards: Mapping[str, ModelCard]
    builder: Builder
    run_dir: Path
    places: needs.Places = field(default_factory=needs.Places)
    weights: str = "card"
    samples: int | None = None
    sequential: bool = False
    cases: int = 1
    npu_device: str = ""
    host: AscendHost | None = None
    turn: int = 0
    stored: tuple[Path, ...] = ()
    isolate: bool = False
    time_plan: TimePlan = field(default_factory=TimePlan)
    tool_timeout_s: float = 600.0
    noise: Mapping[str, float] = field(default_factory=dict)
    progress: Callable[[str, int, int], None] = lambda what, done, total: None

    def card(self, case: Case) -> ModelCard:
        """Return the card of a case.

        Where noise (seeded weights) or half precision is compared, a detector's card keeps the outputs before its
        post-processing: non-maximum suppression makes other detections for the last bit of a score. An OM that is
        brought has the outputs that it has.
        """
        card = self.cards[case.model]
        if case.check != "parity":
            return card
        rounded = case.precision != "fp32" and not self.builder.brings_om(card, case.batch, case.chip)
        return _before_postprocessing(card) if self.weights == "seeded" or rounded else card

    def fed(self, case: Case) -> ModelCard:
        """Return the card of a case with the inputs and the preprocessing that its artifact is fed with.

        They are the network's own, but for an OM that AIPP makes take pictures: then they are those of `[atc]`.
        """
        card = self.card(case)
        return card.fed_to_om if case.runtime in OM_RUNTIMES else card

    def has_aipp(self, case: Case) -> bool:
        """Tell whether the case's artifact is an OM that takes something else than the network does."""
        atc = self.cards[case.model].atc
        return case.runtime in OM_RUNTIMES and atc is not None and bool(atc.input)

    def artifact(self, case: Case) -> Artifact:
        """Build, or take from the store, what the case's runtime opens."""
        card = self.card(case)
        if case.runtime in OM_RUNTIMES:
            return self.builder.om(card, case.batch, case.chip, self.weights)
        if case.runtime == REFERENCES["torch"]:
            return self.builder.torch(card, self.weights)
        if case.runtime == REFERENCES["tensorflow"]:
            return self.builder.frozen(card, case.batch, self.weights)
        return self.builder.onnx(card, case.batch, self.weights)

    def reference(self, case: Case) -> Case:
        """Return the case that runs the card's own framework, which parity compares with.

        A model that exists as an ONNX file only is compared with itself, run as it is written (`ort-plain`).
        """
        framework = self.card(case).source.framework
        if framework == "onnx":
            return case.model_copy(update={"runtime": PLAIN, "chip": "cpu"})
        return case.model_copy(update={"runtime": REFERENCES[framework], "chip": "cpu", "batch": 1})

    def runtime(self, name: str) -> Runtime:
        """Return a runtime, in a child process of its own when the run asked for that."""
        runtime = get(name, self.host.toolchain if self.host else None)
        return Isolated(runtime) if self.isolate and name.startswith("ort-") else runtime

    def open(self, case: Case, artifact: Artifact, outfmt: str = "", calls: int = 1) -> Session:
        """Open an artifact for a case; raises RunError.

        `outfmt` is the format of a tool's files, by default the runtime's own; a call of it that does the work of
        `calls` ordinary ones has as much more time.
        """
        runtime = self.runtime(case.runtime)
        workdir = self.run_dir / "work" / case.key
        options = SessionOptions(
            batch=case.batch,
            workdir=workdir,
            threads=case.threads,
            timeout_s=self.tool_timeout_s * calls,
            canary=self._canary(case),
            outfmt=outfmt,
        )
        return runtime.open(artifact, self.device_of(case), options)

    def device_of(self, case: Case) -> str:
        """Return the device that a case runs on, as its runtime names it: `cpu`, `cuda`, `npu:0`."""
        npu = self.npu_of(case)
        if npu is not None:
            return f"npu:{npu.runtime_id}"
        if case.runtime == "ort-cann":
            return f"npu:{self.npu_device or '0'}"
        return "cuda" if case.runtime == "ort-cuda" else "cpu"

    def lease_of(self, case: Case) -> str:
        """Return the name of the device that a case leases: an NPU's never changes with its numbering."""
        npu = self.npu_of(case)
        return self.device_of(case) if npu is None else npu.key

    def toolchain_of(self, case: Case) -> dict[str, Any]:
        """Return what a result says of the Ascend toolchain; nothing where the case does not use one."""
        return self.host.toolchain.describe() if self.host is not None and case.runtime in OM_RUNTIMES else {}

    def npu_of(self, case: Case) -> Npu | None:
        """Return the NPU that a case runs on, or None; raises MissingNeedError when none of its chip is fit for use."""
        if case.runtime not in OM_RUNTIMES or self.host is None:
            return None
        return npus.choose(self.host.npus, case.chip, self.npu_device, self.turn)

    def _canary(self, case: Case) -> Path | None:
        """Return the small OM that is timed beside a case on an NPU."""
        if case.check not in ("throughput", "latency") or case.runtime not in OM_RUNTIMES:
            return None
        return self.builder.canary_om(case.chip).path

    def feed(self, card: ModelCard, count: int | None = None) -> Feed:
        """Return the card's preprocessed, labelled data: the first `count` of it, or what the run asked for.

        Raises MissingNeedError when the data set is not there, DataError when it is not what the card declares.
        """
        missing = needs.data(card, self.places)
        if missing is not None:
            raise missing
        root = self.builder.dataset(card) if card.dataset.generator else needs.data_root(card, self.places)
        dataset = open_dataset(Path(str(root)), card.dataset, card.class_count)
        wanted = count if count is not None else self.samples
        ids = dataset.ids if wanted is None else subset(dataset, wanted)
        if card.dataset.kind == "prepared":
            return Feed(dataset, tuple(ids), partial(prepared_input, card.input[0]))
        transform = compile_steps(card.preprocess, f"{card.path}: preprocess")
        return Feed(dataset, tuple(ids), partial(network_input, transform, card.input[0]))

    def reporter(self, what: str, total: int) -> Callable[[int], None]:
        """Return a function that reports how many of `total` are done."""
        return lambda done: self.progress(what, done, total)


def _before_postprocessing(card: ModelCard) -> ModelCard:
    """Return a detector's card with exactly those outputs kept that the OM does not keep, if there are any."""
    if card.metric.name != "map" or all(output.om for output in card.output):
        return card
    return card.model_copy(update={"output": tuple(one.model_copy(update={"om": not one.om}) for one in card.output)})
