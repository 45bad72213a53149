"""What the rows of the bench share: the table at the end, data on disk, one core, a workbench on the user's store."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.options import cache_dir
from harness import cards, needs
from harness.artifacts import Store
from harness.build import Builder
from harness.cards import ModelCard
from harness.workbench import Workbench
from tests.bench.figures import Figures
from tests.bench.textures import write_cityscapes, write_imagenet

FIGURES = pytest.StashKey[Figures]()


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    """The table to add rows to; printed when the session ends."""
    return pytestconfig.stash.setdefault(FIGURES, Figures())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, and how busy the machine was: ratios hold on a busy one, two cores at once do not."""
    found = config.stash.get(FIGURES, None)
    if found is None or not found.rows:
        return
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    terminalreporter.section("bench")
    terminalreporter.write_line(found.table())
    terminalreporter.write_line(f"load average {load} on {len(os.sched_getaffinity(0))} cores")


@pytest.fixture
def one_core() -> Iterator[None]:
    """Keep this process, with the threads it starts, on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with ImageNet and Cityscapes in it: 200 and 6 pictures."""
    root = tmp_path_factory.mktemp("data")
    write_imagenet(root / "imagenet", 200)
    write_cityscapes(root / "cityscapes", 6)
    return root


@pytest.fixture(scope="session")
def bench(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Workbench:
    """A workbench on the user's store, the data folder above, and seeded weights for the full-size models."""
    known = {name: on_this_data(cards.get(name)) for name in ("resnest50", "icnet", "icnet-tiny")}
    builder = Builder(Store(cache_dir(pytestconfig)))
    return Workbench(known, builder, tmp_path_factory.mktemp("run"), needs.Places(data_dir=data_dir), "seeded")


def on_this_data(card: ModelCard) -> ModelCard:
    """Return the card without its count of samples, where the data are the user's."""
    if card.dataset.generator:
        return card
    return card.model_copy(update={"dataset": card.dataset.model_copy(update={"count": 0})})
