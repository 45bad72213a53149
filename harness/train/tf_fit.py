"""Training and running a TensorFlow network, as a graph and on one thread."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness import tf_networks
from harness.cards import ModelCard
from harness.samples import Array
from harness.tf_networks import tensorflow
from harness.train.lesson import WARM_UP, WEIGHT_DECAY, Lesson, Pool, Say, rounded
from harness.weights import State

FIRST_RATE, LAST_RATE = 1 / 25, 1e-4
"""What the learning rate starts and ends with, as shares of the largest."""
LARGEST_GRADIENT = 5.0
"""The norm that all gradients together are cut to."""
MOVING_DECAY = 0.98
"""What a moving average keeps of itself at each step."""


def fit(card: ModelCard, lesson: Lesson, say: Say) -> State:
    """Return trained weights, rounded to float16; raises WeightsError for what float16 cannot hold."""
    pool = Pool.of(card, lesson)
    with _session(lesson.seed) as session:
        task = _task(card, lesson, pool)
        session.run(tensorflow().compat.v1.global_variables_initializer())
        _fit(session, task, pool, say)
        return rounded(task.weights.state(session))


def runner(card: ModelCard, state: State) -> Callable[[Array], tuple[Array, ...]]:
    """Return a function that gives the outputs, in the network's order, of a batch of one input."""
    graph = tensorflow().Graph()
    with graph.as_default():
        inputs = tf_networks.placeholders(card.input, 1)
        outputs = tf_networks.build(card)(*inputs, tf_networks.Constants(state))
    session = tensorflow().compat.v1.Session(graph=graph, config=_one_thread())

    def run(batch: Array) -> tuple[Array, ...]:
        return tuple(session.run(outputs, {inputs[0]: batch}))

    return run


@dataclass(frozen=True)
class _Task:
    """The graph of a training step: what is fed, what is learned, and the operations."""

    lesson: Lesson
    network: Any
    image: Any
    answers: tuple[Any, ...]
    weights: tf_networks.Trainable
    rate: Any
    loss: Any
    step: Any


def _task(card: ModelCard, lesson: Lesson, pool: Pool) -> _Task:
    """Add the network, its loss and AdamW to the current graph."""
    tf = tensorflow()
    network = tf_networks.build(card)
    weights = tf_networks.Trainable(tf_networks.seeded(card))
    (spec,) = card.input
    image = tf.compat.v1.placeholder(spec.dtype, (lesson.batch, *spec.shape[1:]))
    (_, targets) = next(pool.batches(list(range(lesson.batch)), lesson.batch))
    answers = tuple(tf.compat.v1.placeholder(array.dtype, array.shape) for array in _truth(lesson, network, targets))
    rate = tf.compat.v1.placeholder(tf.float32, ())
    loss = lesson.loss(network, image, weights, answers)
    step = _step(weights, network.moving, rate, loss)
    return _Task(lesson, network, image, answers, weights, rate, loss, step)


def _step(weights: tf_networks.Trainable, moving: Any, rate: Any, loss: Any) -> Any:
    """Return the operation of one step: AdamW (arXiv 1711.05101) on kernels, Adam on the rest, moving averages."""
    tf = tensorflow()
    learned = [variable for variable in weights.made.values() if variable.trainable]
    found = tf.gradients(loss, learned)
    # The loss does not depend on the variables of branches that no output reads.
    used = [number for number, gradient in enumerate(found) if gradient is not None]
    gradients, _ = tf.clip_by_global_norm([found[number] for number in used], LARGEST_GRADIENT)
    optimizer = tf.compat.v1.train.AdamOptimizer(rate)
    applied = optimizer.apply_gradients(list(zip(gradients, [learned[number] for number in used], strict=True)))
    kernels = [learned[number] for number in used if len(learned[number].shape) > 1]
    with tf.control_dependencies([applied]):
        shrunk = [variable.assign_sub(rate * WEIGHT_DECAY * variable) for variable in kernels]
    return tf.group(applied, *shrunk, weights.moved(moving, MOVING_DECAY))


def _fit(session: Any, task: _Task, pool: Pool, say: Say) -> None:
    lesson, started = task.lesson, time.monotonic()
    generator = np.random.Generator(np.random.PCG64(lesson.seed))
    rates = iter(_rates(lesson))
    for epoch in range(1, lesson.epochs + 1):
        total = 0.0
        order = generator.permutation(len(pool.examples)).tolist()
        for inputs, targets in pool.batches(order, lesson.batch):
            truth = _truth(lesson, task.network, targets)
            feed = {task.image: inputs, task.rate: next(rates), **dict(zip(task.answers, truth, strict=True))}
            loss, _ = session.run([task.loss, task.step], feed)
            total += float(loss)
        say(f"epoch {epoch} of {lesson.epochs}: loss {total / lesson.steps:.3f}, {time.monotonic() - started:.0f} s")


def _rates(lesson: Lesson) -> Iterator[float]:
    """Yield the learning rate of every step: one cycle, each half a cosine (Smith 2018)."""
    steps = lesson.epochs * lesson.steps
    top = max(1, int(WARM_UP * steps))
    for step in range(steps):
        rising = step < top
        first, last = (FIRST_RATE, 1.0) if rising else (LAST_RATE, 1.0)
        share = step / top if rising else (steps - step) / (steps - top)
        yield lesson.learning_rate * (first + (last - first) * (1 - math.cos(math.pi * share)) / 2)


def _truth(lesson: Lesson, network: Any, targets: list[Any]) -> tuple[Array, ...]:
    return lesson.truth(network, targets) if lesson.truth else ()


@contextmanager
def _session(seed: int) -> Iterator[Any]:
    """Give the body a graph of its own and a session with one thread."""
    tf = tensorflow()
    with tf.Graph().as_default() as graph:
        tf.compat.v1.set_random_seed(seed)
        with tf.compat.v1.Session(graph=graph, config=_one_thread()) as session:
            yield session


def _one_thread() -> Any:
    config = tensorflow().compat.v1.ConfigProto
    return config(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
