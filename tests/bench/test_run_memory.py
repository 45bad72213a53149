"""An accuracy run holds a few samples at a time, however many there are."""

import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.options import cache_dir
from harness import cards
from tests.bench.figures import Figures

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
NAME, COUNT, FEW, REPETITIONS = "icnet-tiny-500", 500, 50, 3
# A process starts with the peak of the one that started it, so a small one starts the run and reports on it.
PEAK_OF = (
    "import resource, subprocess, sys; subprocess.call(sys.argv[1:], stdout=sys.stderr);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


@pytest.fixture
def longer(tmp_path: Path) -> Path:
    """A folder with the card icnet-tiny, its data set made longer."""
    source = cards.MODELS_ROOT / "icnet"
    folder = tmp_path / "models" / "icnet"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("card.toml", "__pycache__"))
    card = folder / "tiny.toml"
    text = card.read_text(encoding="utf-8").replace("count = 120", f"count = {COUNT}")
    card.write_text(text.replace('name = "icnet-tiny"', f'name = "{NAME}"'), encoding="utf-8")
    return folder.parent


def test_peak_memory_does_not_grow_with_the_number_of_images(
    longer: Path, tmp_path: Path, pytestconfig: pytest.Config, figures: Figures
) -> None:
    store = cache_dir(pytestconfig)
    peaks: dict[int, list[float]] = {FEW: [], COUNT: []}
    for _ in range(1 + REPETITIONS):
        for count, found in peaks.items():
            found.append(_peak_mib(longer, count, store, tmp_path / "runs"))

    # The first run of each also builds what the others find in the store.
    few, many = (statistics.median(found[1:]) for found in peaks.values())
    note = f" ({few:.0f} and {many:.0f} MiB)"
    what = f"peak memory of an accuracy run, {COUNT} images against {FEW}: difference"
    figures.at_most(what, 100 * abs(many / few - 1), 5.0, " %", note)


def _peak_mib(models: Path, count: int, store: Path, runs: Path) -> float:
    """Return the peak resident memory of an accuracy run in a fresh process, in MiB."""
    options = ["--model", NAME, "--check", "accuracy", "--runtime", "ort-cpu", "--samples", str(count)]
    folders = ["--cards", str(models), "--cache-dir", str(store), "--report-dir", str(runs)]
    run = [sys.executable, "-m", "pytest", "tests/gates", "-q", "-p", "no:cacheprovider", *options, *folders]
    done = subprocess.run([sys.executable, "-c", PEAK_OF, *run], cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = max(runs.iterdir()).joinpath("results.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["result"]["samples"]["used"] == count, done.stderr
    return int(done.stdout) / 1024
