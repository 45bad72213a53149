"""Cases of a TensorFlow card: kept as shipped, and without TensorFlow once the store has what it made."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the cards are TensorFlow's")

REPOSITORY = Path(__file__).parents[2]
CODE = """
import datetime, json, sys
from pathlib import Path
from harness import cards, devices, gates, pipeline
from harness.artifacts import Store
from harness.build import Builder
from harness.results import Case
from harness.workbench import Workbench

name, folder = sys.argv[1], Path(sys.argv[2])
devices.LEASES = folder / "leases"
card = cards.get(name)
bench = Workbench({name: card}, Builder(Store(folder / "cache")), folder / "run", samples=4)
found = {}
for check in ("accuracy", "parity"):
    case = Case(model=name, runtime="ort-cpu", chip="cpu", batch=1, check=check)
    verdict = gates.judge(pipeline.run(case, bench), card, datetime.date(2026, 11, 20))
    found[check] = verdict.model_dump(mode="json")
print(json.dumps([found, sorted({"tensorflow", "tf2onnx", "torch"} & set(sys.modules))]))
"""


def ran(name: str, folder: Path) -> tuple[dict[str, dict[str, object]], list[str]]:
    """Run two cases in a process of their own; return what was judged, and which frameworks were imported."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, name, str(folder)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    found, imported = json.loads(done.stdout)
    return found, imported


@pytest.mark.parametrize("name", ["resnest-seg-tiny", "spinenet-tiny"])
def test_the_second_run_says_the_same_without_importing_tensorflow(name, tmp_path):
    first, imported = ran(name, tmp_path)
    second, imported_again = ran(name, tmp_path)

    assert first["parity"]["code"] == "met", first
    assert second == first
    assert imported == ["tensorflow", "tf2onnx"]
    assert imported_again == []
