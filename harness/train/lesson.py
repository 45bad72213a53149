"""What a family's `train.py` says, the pictures that are trained on, and how trained weights are rounded."""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from harness import tf_networks
from harness.cards import ModelCard
from harness.datasets import digits
from harness.errors import CardError, MissingNeedError, WeightsError
from harness.networks import FRAMEWORKS
from harness.preprocess import compile_steps
from harness.samples import Array
from harness.weights import State

Say = Callable[[str], None]
WARM_UP = 0.2
"""The share of all steps in which the learning rate rises."""
WEIGHT_DECAY = 0.01
TRAIN_SEEDS = 1000
"""Added to the schedule's seed for the training pictures, so that they share no noise with the validation ones."""
SCHEDULE = ("EXAMPLES", "EPOCHS", "BATCH", "LEARNING_RATE", "SEED")


@dataclass(frozen=True)
class Lesson:
    """What a family's `train.py` says: the schedule, and its loss.

    PyTorch: `loss(outputs, target)` over the network's output tuple and the batch's targets. TensorFlow:
    `loss(network, image, variable, answers)` builds the network in training, and `truth(network, targets)` turns the
    targets of a batch into the arrays that `answers` are placeholders of.
    """

    loss: Callable[..., Any]
    truth: Callable[..., tuple[Array, ...]] | None
    examples: int
    epochs: int
    batch: int
    learning_rate: float
    seed: int

    @property
    def steps(self) -> int:
        """How many batches there are in an epoch."""
        return self.examples // self.batch


def read_lesson(card: ModelCard) -> Lesson:
    """Return the schedule and the loss in `train.py` beside the card; raises CardError naming what is missing."""
    path = card.path.parent / "train.py"
    if card.source.framework == "tensorflow":
        tf_networks.tensorflow()  # quietly; the family's own import would let it log
    module = _module(path)
    functions = ("loss", "truth") if card.source.framework == "tensorflow" else ("loss",)
    missing = [name for name in (*functions, *SCHEDULE) if not hasattr(module, name)]
    if missing:
        expected = ", ".join((*functions, *SCHEDULE))
        raise CardError(str(path), f"expected {expected}", f"no {', '.join(missing)}")
    return Lesson(module.loss, getattr(module, "truth", None), *(getattr(module, name) for name in SCHEDULE))


@dataclass(frozen=True)
class Pool:
    """The training pictures, not preprocessed until a batch asks for them."""

    examples: tuple[digits.Example, ...]
    transform: Callable[[Array], Array]

    @classmethod
    def of(cls, card: ModelCard, lesson: Lesson) -> "Pool":
        """Draw the training pictures of a card."""
        params = {**card.dataset.generator_params, "count": lesson.examples}
        found = digits.examples(card.dataset.generator, params, TRAIN_SEEDS + lesson.seed)
        return cls(tuple(found), compile_steps(card.preprocess))

    def batches(self, order: list[int], size: int) -> Iterator[tuple[Array, list[Any]]]:
        """Yield all full batches of one epoch in that order: stacked inputs, and the targets as they are."""
        for start in range(0, len(order) - size + 1, size):
            drawn = [self.examples[number] for number in order[start : start + size]]
            inputs = np.stack([self.transform(example.pixels) for example in drawn])
            yield inputs, [example.target for example in drawn]


def rounded(state: Mapping[str, Array]) -> State:
    """Return weights with floats as float16; raises WeightsError for what float16 cannot hold."""
    with np.errstate(over="ignore"):
        half = {name: np.ascontiguousarray(_half(array)) for name, array in state.items()}
    overflown = [name for name, array in half.items() if not np.isfinite(array).all()]
    if overflown:
        raise WeightsError("train", "expected weights that float16 can hold", overflown[0], "lower the learning rate")
    return half


def _half(array: Array) -> Array:
    return array.astype(np.float16) if np.issubdtype(array.dtype, np.floating) else array


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"omgate_train_{path.parent.name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise CardError(str(path), "expected the family's training schedule and loss", "no such file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        if error.name in FRAMEWORKS:
            product, extra = FRAMEWORKS[error.name]
            raise MissingNeedError(str(path), product, "nothing", f"pip install 'omgate[{extra}]'") from error
        raise CardError(str(path), "expected a module that can be imported", str(error)) from error
    except (SyntaxError, ImportError) as error:
        raise CardError(str(path), "expected a module that can be imported", str(error)) from error
    return module
