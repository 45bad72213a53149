"""Training and running a PyTorch network."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from harness import networks
from harness.cards import ModelCard
from harness.samples import Array
from harness.train.lesson import WARM_UP, WEIGHT_DECAY, Lesson, Pool, Say, rounded
from harness.weights import State

if TYPE_CHECKING:
    import torch


def fit(card: ModelCard, lesson: Lesson, say: Say) -> State:
    """Return trained weights, rounded to float16; raises WeightsError for what float16 cannot hold."""
    with _reproducible(lesson.seed):
        network = networks.build_network(card)
        _fit(network, lesson, Pool.of(card, lesson), say)
    return rounded({name: tensor.numpy() for name, tensor in network.state_dict().items()})


def runner(card: ModelCard, state: State) -> Callable[[Array], tuple[Array, ...]]:
    """Return a function that gives the outputs, in the network's order, of a batch of inputs."""
    import torch

    network = networks.build_network(card)
    known = network.state_dict()
    network.load_state_dict({name: torch.from_numpy(array).to(known[name].dtype) for name, array in state.items()})

    def run(inputs: Array) -> tuple[Array, ...]:
        with torch.inference_mode():
            return tuple(output.numpy() for output in network(torch.from_numpy(inputs)))

    return run


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


def _fit(network: "torch.nn.Module", lesson: Lesson, pool: Pool, say: Say) -> None:
    """Train in place: AdamW, and one cycle of the learning rate (Smith 2018)."""
    import torch
    from torch.optim import AdamW
    from torch.optim.lr_scheduler import OneCycleLR

    optimizer = AdamW(network.parameters(), lesson.learning_rate, weight_decay=WEIGHT_DECAY)
    total_steps = lesson.epochs * lesson.steps
    rate = OneCycleLR(optimizer, lesson.learning_rate, total_steps=total_steps, pct_start=WARM_UP)
    started = time.monotonic()
    network.train()
    for epoch in range(1, lesson.epochs + 1):
        total = 0.0
        order = torch.randperm(len(pool.examples)).tolist()
        for inputs, targets in pool.batches(order, lesson.batch):
            truth = torch.from_numpy(np.stack([np.asarray(target, np.int64) for target in targets]))
            loss = lesson.loss(network(torch.from_numpy(inputs)), truth)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            rate.step()
            total += loss.item()
        say(f"epoch {epoch} of {lesson.epochs}: loss {total / lesson.steps:.3f}, {time.monotonic() - started:.0f} s")
    network.eval()
