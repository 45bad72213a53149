"""Collecting the cases of a thousand cards takes seconds and imports nothing heavy."""

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.figures import Figures
from tests.bench.quiet import quiet_turns

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CARDS, ITEMS, REPETITIONS = 1000, 10_000, 3
HEAVY = {"torch", "tensorflow", "onnxruntime", "onnx", "onnxslim", "ray", "matplotlib", "plotly", "scipy"}
# 1 accuracy, 4 parity, 3 batch consistency and 2 throughput cases: the shipped tiny cards have as many, or fewer.
CARD = """
name = "model-{number}"
family = "toy"
classes = 10
batches = [1, 4, 8, 16]
[source]
url = "https://example.org/toy"
framework = "torch"
[weights]
file = "toy.safetensors"
[[input]]
name = "x"
dtype = "float32"
shape = ["N", 3, 32, 32]
[[output]]
name = "y"
index = 0
dtype = "float32"
shape = ["N", 10]
scored = true
[dataset]
kind = "imagenet"
count = 2000
generator = "digits"
[[preprocess]]
step = "scale"
[[preprocess]]
step = "chw"
[metric]
name = "top1"
protocol = "by-name"
"""
PROMISE = """
[[baseline]]
chip = "{chip}"
batch = {batch}
metric = "{metric}"
value = {value}
unit = "{unit}"
role = "measured"
source = {{ file = "README.md", line = 1, text = "{value}" }}
"""
PROMISES = [
    {"chip": "any", "batch": '"any"', "metric": "top1", "value": 94.95, "unit": "%"},
    {"chip": "cpu", "batch": 1, "metric": "throughput", "value": 5.25, "unit": "images/canary"},
    {"chip": "cpu", "batch": 4, "metric": "throughput", "value": 6.75, "unit": "images/canary"},
]


@pytest.fixture(scope="module")
def many_cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a thousand models, each promising three numbers."""
    root = tmp_path_factory.mktemp("cards")
    promises = "".join(PROMISE.format(**promise) for promise in PROMISES)
    for number in range(CARDS):
        folder = root / f"model-{number}"
        folder.mkdir()
        (folder / "toy.safetensors").write_bytes(b"weights")
        (folder / "card.toml").write_text(CARD.format(number=number) + promises, encoding="utf-8")
    return root


def test_a_thousand_cards_are_collected_in_3_s(
    many_cards: Path, tmp_path_factory: pytest.TempPathFactory, figures: Figures
) -> None:
    bytecode = tmp_path_factory.mktemp("bytecode")
    _collect(many_cards, bytecode)  # Python compiles what it imports once

    def turn() -> float:
        start = time.perf_counter()
        items.append(_collect(many_cards, bytecode)[0])
        return time.perf_counter() - start

    items = list[int]()
    walls, turns = quiet_turns(turn, REPETITIONS, 2 * REPETITIONS)

    assert min(items) >= ITEMS
    note = f" ({items[0]} items; {turns})"
    figures.at_most(f"pytest --collect-only -q, {CARDS} cards", statistics.median(walls), 3.0, " s", note)


def test_collecting_imports_nothing_heavy(
    many_cards: Path, tmp_path_factory: pytest.TempPathFactory, figures: Figures
) -> None:
    _, imported = _collect(many_cards, tmp_path_factory.mktemp("bytecode"), "-X", "importtime")

    heavy = sorted(HEAVY & {name.partition(".")[0] for name in imported})
    assert "harness.plan" in imported
    figures.add("heavy imports while collecting", "none", ", ".join(heavy) or "none", ok=not heavy)


def _collect(cards: Path, bytecode: Path, *options: str) -> tuple[int, set[str]]:
    """Return how many items a fresh process collects, and what it imported if `-X importtime` is among the options."""
    pytest_options = ["-q", "-s", "-p", "no:cacheprovider"]  # -s: pytest would keep the list of imports to itself
    suite = ["--collect-only", "tests/gates", "--cards", str(cards)]
    command = [sys.executable, *options, "-m", "pytest", *pytest_options, *suite]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OMGATE_", "PYTEST_"))}
    env["PYTHONPYCACHEPREFIX"] = str(bytecode)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    collected = re.search(r"^(\d+) tests collected", done.stdout, re.MULTILINE)
    assert collected is not None, done.stdout[-2000:]
    return int(collected[1]), set(re.findall(r"^import time:.*\|\s+(\S+)$", done.stderr, re.MULTILINE))
