"""Trains a card's network on generated pictures, as the shipped tiny weights were: seeded, on one thread.

The architecture is the family's `network.py`, the inputs go through the card's own preprocessing, and the family's
`train.py` holds the schedule and the loss. The same machine and framework give the same weights again; others give
weights that score about the same.
"""

import importlib
import os
import tempfile
from pathlib import Path
from typing import Any

from harness.cards import ModelCard
from harness.datasets import digits, open_dataset
from harness.errors import UsageError
from harness.metrics import make_scorer
from harness.preprocess import compile_steps, network_input
from harness.results import Measure
from harness.samples import Outputs
from harness.train.lesson import Lesson, Say, read_lesson
from harness.weights import State

__all__ = ["Lesson", "Say", "read_lesson", "score", "train"]

FRAMEWORKS = {"torch": "harness.train.torch_fit", "tensorflow": "harness.train.tf_fit"}
"""Where each framework's `fit(card, lesson, say)` and `runner(card, state)` are."""


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
    state: State = _framework(card).fit(card, lesson, say)
    measure = score(card, state)
    _write(state, out)
    say(f"{measure.name} ({measure.protocol}) {measure.value:.4f} on {measure.n} samples; wrote {out}")
    return measure


def score(card: ModelCard, state: State) -> Measure:
    """Return the card's metric of some weights, by the README's protocol, on freshly generated validation data."""
    run = _framework(card).runner(card, state)
    scorer = make_scorer(card)
    transform = compile_steps(card.preprocess)
    with tempfile.TemporaryDirectory() as folder:
        digits.generate(card.dataset.generator, card.dataset.generator_params, Path(folder))
        dataset = open_dataset(Path(folder), card.dataset, card.class_count)
        for sample_id in dataset.ids:
            sample = network_input(transform, card.input[0], dataset.picture(sample_id))
            outputs = run(sample.arrays[0][None])
            kept = tuple(outputs[output.index][0] for output in card.kept_outputs)
            scorer.add(Outputs(sample_id, kept), dataset.target(sample_id))
    return scorer.measures()[0]


def _framework(card: ModelCard) -> Any:
    if card.source.framework not in FRAMEWORKS:
        expected = f"expected a network written in {' or '.join(FRAMEWORKS)}"
        raise UsageError(f"train {card.name}", expected, card.source.framework, "see omgate list")
    return importlib.import_module(FRAMEWORKS[card.source.framework])


def _write(state: State, out: Path) -> None:
    from safetensors.numpy import save

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
