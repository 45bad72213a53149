"""What an NPU host needs: little, and no framework; an OM that was built elsewhere is scored and timed there."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from harness import cards
from harness.artifacts import Store
from harness.build import Builder
from harness.emulator import prefix

ROOT = Path(__file__).parents[2]
MIB = 2**20
HEAVY = ("onnx", "onnxruntime", "onnxslim", "scipy", "torch", "tensorflow", "tf2onnx", "lxml", "markdown_it")
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({HEAVY})); import pytest; sys.exit(pytest.main(sys.argv[1:]))"


def required(names: list[str], seen: set[str]) -> Iterator[metadata.Distribution]:
    """Yield the distributions of these requirements and of what they require themselves, numpy aside."""
    for requirement in map(Requirement, names):
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name.lower() not in seen | {"numpy"}:
            seen.add(requirement.name.lower())
            found = metadata.distribution(requirement.name)
            yield found
            yield from required(found.requires or [], seen)


def test_without_extras_it_installs_no_more_than_60_mb_beyond_numpy():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    found = list(required(project["dependencies"], set()))

    sizes = {one.name: sum(Path(str(file.locate())).stat().st_size for file in files(one)) for one in found}
    assert not {name.lower() for name in sizes} & set(HEAVY)
    assert sum(sizes.values()) <= 60 * MIB, sizes
    assert sum(sizes.values()) > 20 * MIB  # pillow and pydantic alone: an empty sum would prove nothing


def files(distribution: metadata.Distribution) -> Iterator[metadata.PackagePath]:
    return (file for file in distribution.files or () if file.suffix != ".pyc" and Path(str(file.locate())).is_file())


@pytest.fixture
def om(tmp_path: Path) -> Path:
    """An OM of the smallest shipped model, built where the frameworks are."""
    toolchain = prefix.make(tmp_path / "ascend", ("Ascend310P3",), {})
    builder = Builder(Store(tmp_path / "cache"), None, toolchain)
    return builder.om(cards.get("resnest50-tiny"), 1, "Ascend310P3").path


def test_an_om_built_elsewhere_is_scored_without_any_framework(om, tmp_path):
    folders = ("--cache-dir", tmp_path / "another-cache", "--report-dir", tmp_path / "runs")
    asked = ("-m", "npu", "--emulate", "--chip", "Ascend310P3", "--model", "resnest50-tiny", "--check", "accuracy")
    command = [
        sys.executable,
        "-c",
        WITHOUT,
        ROOT / "tests/gates",
        *asked,
        "--om",
        om,
        *folders,
        "-p",
        "no:cacheprovider",
    ]

    done = subprocess.run(
        [*map(str, command), "--rootdir", str(ROOT)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "94.95 %" in done.stdout
    (table,) = tmp_path.glob("runs/*/table.md")
    assert "not compared with ort-cpu" in table.read_text(encoding="utf-8")
