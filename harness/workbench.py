"""What every check works with: the cards, the store, the user's folders, and where a run's files go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harness import needs
from harness.artifacts import Artifact
from harness.build import Builder
from harness.cards import ModelCard
from harness.datasets import open_dataset, subset
from harness.measure import TimePlan
from harness.preprocess import compile_steps, network_input
from harness.results import Case
from harness.runtimes import get
from harness.runtimes.isolated import Isolated
from harness.runtimes.protocol import Runtime, Session, SessionOptions
from harness.stream import Feed

TORCH = "torch-cpu"
PLAIN = "ort-plain"


@dataclass(frozen=True)
class Workbench:
    """The means of one run; `samples` bounds how many of a data set are used (None = all)."""

    cards: Mapping[str, ModelCard]
    builder: Builder
    run_dir: Path
    places: needs.Places = field(default_factory=needs.Places)
    weights: str = "card"
    samples: int | None = None
    npu_device: str = ""
    isolate: bool = False
    time_plan: TimePlan = field(default_factory=TimePlan)
    progress: Callable[[str, int, int], None] = lambda what, done, total: None

    def card(self, case: Case) -> ModelCard:
        """Return the card of a case."""
        return self.cards[case.model]

    def artifact(self, case: Case) -> Artifact:
        """Build, or take from the store, what the case's runtime opens."""
        card = self.card(case)
        if case.runtime == TORCH:
            return self.builder.torch(card, self.weights)
        return self.builder.onnx(card, case.batch, self.weights)

    def reference(self, case: Case) -> Case:
        """Return the case that runs the card's own framework, which parity compares with.

        A model that exists as an ONNX file only is compared with itself, run as it is written (`ort-plain`).
        """
        if self.card(case).source.framework == "onnx":
            return case.model_copy(update={"runtime": PLAIN, "chip": "cpu"})
        return case.model_copy(update={"runtime": TORCH, "chip": "cpu", "batch": 1})

    def runtime(self, name: str) -> Runtime:
        """Return a runtime, in a child process of its own when the run asked for that."""
        runtime = get(name)
        return Isolated(runtime) if self.isolate and name.startswith("ort-") else runtime

    def open(self, case: Case, artifact: Artifact) -> Session:
        """Open an artifact for a case; raises RunError."""
        runtime = self.runtime(case.runtime)
        workdir = self.run_dir / "work" / case.key
        options = SessionOptions(batch=case.batch, workdir=workdir, threads=case.threads)
        return runtime.open(artifact, self.device_of(case), options)

    def device_of(self, case: Case) -> str:
        """Return the device that a case runs on and leases: `cpu`, `cuda`, `npu:0`."""
        if case.runtime == "ort-cann":
            return f"npu:{self.npu_device or '0'}"
        return "cuda" if case.runtime == "ort-cuda" else "cpu"

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
        transform = compile_steps(card.preprocess, f"{card.path}: preprocess")
        return Feed(dataset, tuple(ids), partial(network_input, transform, card.input[0]))

    def reporter(self, what: str, total: int) -> Callable[[int], None]:
        """Return a function that reports how many of `total` are done."""
        return lambda done: self.progress(what, done, total)
