"""TensorFlow networks as graphs: their variables listed, and weights put in as constants or to be trained.

A TensorFlow family's `network.py` has `build(**arguments)`, which returns a network: `network(*inputs, variable)` adds
itself to the current graph and returns a tuple of tensors in the order of the card's [[output]] indices, each named as
the card names it. `variable(name, shape)` gives it its variables, asked for in the order in which the original creates
them, more than once where they are shared.
"""

import importlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness import needs, networks, weights
from harness.cards import ModelCard, TensorSpec
from harness.errors import CardError, MissingNeedError
from harness.weights import State

Shapes = dict[str, tuple[int, ...]]
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
"""Environment variables of TensorFlow, which its user may set otherwise: no C++ log, and no oneDNN.

The line that announces oneDNN ignores the log's level, and oneDNN sums in an order that depends on the processor.
"""
STATISTICS = ("moving_mean", "moving_variance")
"""What training follows instead of optimising."""


def tensorflow() -> Any:
    """Import TensorFlow as `QUIET` says, unless the user set it; raises MissingNeedError if there is none."""
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingNeedError("tensorflow", "expected TensorFlow", "nothing", needs.TENSORFLOW_REMEDY)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    return importlib.import_module("tensorflow")


def build(card: ModelCard) -> Any:
    """Return the card's network; raises as `networks.made_at`, and MissingNeedError without TensorFlow."""
    tensorflow()
    network = networks.made_at(networks.network_file(card), card.network)
    if not callable(network):
        where = f"{networks.network_file(card)}: build"
        raise CardError(where, "expected a function of the inputs and their variables", type(network).__name__)
    return network


def placeholders(inputs: Sequence[TensorSpec], batch: int) -> list[Any]:
    """Add the inputs to the current graph, named as the card names them."""
    tf = tensorflow()
    return [tf.compat.v1.placeholder(spec.dtype, spec.at(batch), name=spec.name) for spec in inputs]


def shapes(network: Any, inputs: Sequence[TensorSpec]) -> Shapes:
    """Return the shapes of all variables by name, in the order of creation, also of those that no output depends on."""
    tf = tensorflow()
    found: Shapes = {}
    given: dict[str, Any] = {}

    def variable(name: str, shape: Sequence[int]) -> Any:
        if name not in given:
            found[name] = tuple(int(size) for size in shape)
            given[name] = tf.compat.v1.placeholder(tf.float32, found[name])
        return given[name]

    with tf.Graph().as_default():
        network(*placeholders(inputs, 1), variable)
    return found


class Constants:
    """Weights as constants of the current graph: what is built of them is a frozen graph."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = state
        self._made: dict[str, Any] = {}

    def __call__(self, name: str, shape: Sequence[int]) -> Any:
        """Return the constant of a name; one that several layers share is one node."""
        if name not in self._made:
            array = np.asarray(self._state[name], np.float32)
            self._made[name] = tensorflow().constant(array, shape=tuple(shape), name=name)
        return self._made[name]


class Trainable:
    """Weights as variables of the current graph that start at a state; moving averages are not optimised."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = state
        self.made: dict[str, Any] = {}

    def __call__(self, name: str, shape: Sequence[int]) -> Any:
        """Return the variable of a name; one that several layers share is one variable."""
        if name not in self.made:
            initial = np.asarray(self._state[name], np.float32).reshape(tuple(shape))
            optimised = not name.endswith(STATISTICS)
            tf = tensorflow()
            self.made[name] = tf.compat.v1.Variable(initial, trainable=optimised, name=name, use_resource=True)
        return self.made[name]

    def moved(self, moving: Sequence[tuple[Any, Any]], decay: float) -> Any:
        """Return one operation that moves each moving average to the batch's statistic by 1 - `decay`."""
        tf = tensorflow()
        steps = [average.assign_sub((1 - decay) * (average - statistic)) for average, statistic in moving]
        return tf.group(*steps)

    def state(self, session: Any) -> State:
        """Return the current values by name."""
        values: State = session.run(self.made)
        return values


def seeded(card: ModelCard) -> State:
    """Return weights made from names alone, adjusted by the `enliven` of the network's module where it has one."""
    state = weights.seeded(shapes(build(card), card.input))
    enliven = getattr(networks.network_module(card), "enliven", None)
    return state if enliven is None else dict(enliven(state))
