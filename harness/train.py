"""Trains a card's network on generated pictures, as the shipped tiny weights were: seeded, on one thread.

The architecture is the family's `network.py`, the inputs go through the card's own preprocessing, and the family's
`train.py` holds the schedule and the loss. The same machine and PyTorch give the same weights again; others give
weights that score about the same.
"""

import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.cards import ModelCard
from harness.datasets import digits, open_dataset
from harness.errors import CardError, UsageError, WeightsError
from harness.metrics import make_scorer
from harness.networks import build_network
from harness.preprocess import compile_steps, network_input
from harness.results import Measure
from harness.samples import Array, Outputs

if TYPE_CHECKING:
    import torch

Say = Callable[[str], None]
WARM_UP = 0.2
"""The share of all steps in which the learning rate rises."""
WEIGHT_DECAY = 0.01
TRAIN_SEEDS = 1000
"""Added to the schedule's seed for the training pictures, so that they share no noise with the validation ones."""


@dataclass(frozen=True)
class Lesson:
    """What a family's `train.py` says: the schedule, and `loss(outputs, target)` over the network's output tuple."""

    loss: Callable[[tuple["torch.Tensor", ...], "torch.Tensor"], "torch.Tensor"]
    examples: int
    epochs: int
    batch: int
    learning_rate: float
    seed: int


def train(card: ModelCard, out: Path, say: Say) -> Measure:
    """Train the card's network, write its weights as float16 safetensors to `out`, and return what they score.

    `say` gets a line of progress now and then. The score is that of the written (rounded) weights on the card's
    validation data, by the card's protocol. Raises UsageError for a card without generated data or an `out` that cannot
    be written, CardError for a faulty `train.py`, and WeightsError for weights that float16 cannot hold; then nothing
    is written.
    """
    if not card.dataset.generator:
        raise UsageError(f"train {card.name}", "expected a card whose data is generated", "none", "see omgate list")
    lesson = read_lesson(card)
    _make_folder(out)
    with _reproducible(lesson.seed):
        network = build_network(card)
        _fit(network, lesson, _Pool.of(card, lesson), say)
        state = _rounded(network)
        measure = score(card, network)
    _write(state, out)
    say(f"{measure.name} ({measure.protocol}) {measure.value:.4f} on {measure.n} samples; wrote {out}")
    return measure


def score(card: ModelCard, network: "torch.nn.Module") -> Measure:
    """Return the card's metric of a network, by the README's protocol, on freshly generated validation data."""
    import torch

    scorer = make_scorer(card)
    transform = compile_steps(card.preprocess)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        digits.generate(card.dataset.generator, card.dataset.generator_params, Path(folder))
        dataset = open_dataset(Path(folder), card.dataset, card.class_count)
        for sample_id in dataset.ids:
            sample = network_input(transform, card.input[0], dataset.picture(sample_id))
            outputs = network(torch.from_numpy(sample.arrays[0][None]))
            kept = tuple(outputs[output.index][0].numpy() for output in card.kept_outputs)
            scorer.add(Outputs(sample_id, kept), dataset.target(sample_id))
    return scorer.measures()[0]


def read_lesson(card: ModelCard) -> Lesson:
    """Return the schedule and the loss in `train.py` beside the card; raises CardError naming what is missing."""
    path = card.path.parent / "train.py"
    module = _module(path)
    names = ("loss", "EXAMPLES", "EPOCHS", "BATCH", "LEARNING_RATE", "SEED")
    missing = [name for name in names if not hasattr(module, name)]
    if missing:
        raise CardError(str(path), f"expected {', '.join(names)}", f"no {', '.join(missing)}")
    return Lesson(*(getattr(module, name) for name in names))


@dataclass(frozen=True)
class _Pool:
    """The training pictures, undecoded by preprocessing until a batch asks for them."""

    examples: tuple[digits.Example, ...]
    transform: Callable[[Array], Array]

    @classmethod
    def of(cls, card: ModelCard, lesson: Lesson) -> "_Pool":
        params = {**card.dataset.generator_params, "count": lesson.examples}
        found = digits.examples(card.dataset.generator, params, TRAIN_SEEDS + lesson.seed)
        return cls(tuple(found), compile_steps(card.preprocess))

    def batches(self, size: int) -> Iterator[tuple["torch.Tensor", "torch.Tensor"]]:
        """Yield all full batches of one epoch in random order: inputs float32, targets int64."""
        import torch

        order = torch.randperm(len(self.examples)).tolist()
        for start in range(0, len(order) - size + 1, size):
            drawn = [self.examples[number] for number in order[start : start + size]]
            inputs = np.stack([self.transform(example.pixels) for example in drawn])
            targets = np.stack([np.asarray(example.target, dtype=np.int64) for example in drawn])
            yield torch.from_numpy(inputs), torch.from_numpy(targets)


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Give the body one thread and its own random numbers, and the caller its own again."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def _fit(network: "torch.nn.Module", lesson: Lesson, pool: _Pool, say: Say) -> None:
    """Train in place: AdamW, and one cycle of the learning rate (Smith 2018)."""
    import torch
    from torch.optim import AdamW
    from torch.optim.lr_scheduler import OneCycleLR

    optimizer = AdamW(network.parameters(), lesson.learning_rate, weight_decay=WEIGHT_DECAY)
    steps = lesson.epochs * (lesson.examples // lesson.batch)
    rate = OneCycleLR(optimizer, lesson.learning_rate, total_steps=steps, pct_start=WARM_UP)
    started = time.monotonic()
    network.train()
    for epoch in range(1, lesson.epochs + 1):
        total = 0.0
        for inputs, targets in pool.batches(lesson.batch):
            loss = lesson.loss(network(inputs), targets)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            rate.step()
            total += loss.item()
        mean = total / (lesson.examples // lesson.batch)
        say(f"epoch {epoch} of {lesson.epochs}: loss {mean:.3f}, {time.monotonic() - started:.0f} s")
    network.eval()


def _rounded(network: "torch.nn.Module") -> dict[str, Any]:
    """Round the network's floating tensors to float16 in place, and return them as such."""
    state = {name: _half(tensor).contiguous() for name, tensor in network.state_dict().items()}
    overflown = [name for name, tensor in state.items() if not tensor.isfinite().all()]
    if overflown:
        raise WeightsError("train", "expected weights that float16 can hold", overflown[0], "lower the learning rate")
    network.load_state_dict({name: tensor.to(network.state_dict()[name].dtype) for name, tensor in state.items()})
    return state


def _half(tensor: "torch.Tensor") -> "torch.Tensor":
    return tensor.half() if tensor.is_floating_point() else tensor


def _write(state: dict[str, Any], out: Path) -> None:
    from safetensors.torch import save

    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_bytes(save(state))
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"--out {out}", "expected a file that can be written", str(error)) from error


def _make_folder(out: Path) -> None:
    """Refuse a place that cannot be written before minutes of training, not after."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}", "expected a folder that can be made", str(error)) from error
    if out.is_dir() or not os.access(out.parent, os.W_OK):
        raise UsageError(f"--out {out}", "expected a file in a folder that can be written", "a folder, or no right to")


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"omgate_train_{path.parent.name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise CardError(str(path), "expected the family's training schedule and loss", "no such file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError) as error:
        raise CardError(str(path), "expected a module that can be imported", str(error)) from error
    return module
