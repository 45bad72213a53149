"""An emulated toolchain in the test's own folder."""

from pathlib import Path

import pytest

from harness.emulator import prefix
from tests.harness.emulator.toy_graphs import Atc


@pytest.fixture
def emulated_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the prefix of an emulated host with a 310P3 and a 310, named by this process's environment."""
    root = tmp_path / "prefix"
    prefix.make(root, ("Ascend310P3", "Ascend310"), {})
    monkeypatch.setenv("OMGATE_EMULATE_ROOT", str(root))
    monkeypatch.delenv("OMGATE_EMULATE_FAULT", raising=False)
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def atc_face(emulated_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Atc:
    """Return the face of atc on files of the test's folder."""
    folder = tmp_path / "models"
    folder.mkdir()
    return Atc(folder, capsys)
