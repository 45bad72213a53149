"""The emulated OM's file: whole or refused."""

import contextlib
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator import om
from harness.emulator.om import Gears, Memory, Om, Tensor
from harness.errors import RunError

MODEL = bytes(range(256)) * 4
WHOLE = Om(
    soc_version="Ascend310P3",
    toolchain="CANN 6.0.RC1 (emulated)",
    precision="force_fp16",
    inputs=(Tensor("图", "x", "uint8", (-1, 8, 8, 3), "NHWC", 768),),
    outputs=(Tensor("Resize_317:0:794", "794", "float32", (-1, 4), "ND", 64),),
    gears=Gears("batch", ((1,), (4,))),
    memory=Memory(weights=10, io=832, workspace=7),
    name="toy",
    operators={"Conv": 2},
    model=MODEL,
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    om.write(tmp_path / "toy.om", WHOLE)

    assert om.read(tmp_path / "toy.om") == WHOLE
    assert om.read_header(tmp_path / "toy.om") == replace(WHOLE, model=b"")


def test_only_its_owner_may_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    om.write(tmp_path / "toy.om", WHOLE)

    assert stat.S_IMODE((tmp_path / "toy.om").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["toy.om"]


def test_the_same_om_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.om", "two.om"):
        om.write(tmp_path / name, WHOLE)

    assert (tmp_path / "one.om").read_bytes() == (tmp_path / "two.om").read_bytes()


def test_loading_takes_weights_and_work_space_and_running_the_buffers_besides() -> None:
    memory = Memory(weights=10, io=832, workspace=7)

    assert (memory.loading, memory.total) == (17, 849)


@given(length=st.integers(0, 10_000))
def test_a_file_cut_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "toy.om"
    om.write(path, WHOLE)
    content = path.read_bytes()
    path.write_bytes(content[: min(length, len(content) - 1)])

    with pytest.raises(RunError) as caught:
        om.read(path)

    assert caught.value.kind == "corrupt-artifact"


@given(position=st.integers(0, 10_000), value=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_leaves_the_model_whole(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    path = tmp_path_factory.mktemp("changed") / "toy.om"
    om.write(path, WHOLE)
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= value
    path.write_bytes(content)

    found = None
    with contextlib.suppress(RunError):
        found = om.read(path)

    assert found is None or found.model == MODEL


@pytest.mark.parametrize("content", [b"", b"\x08\x06", b"IMOD" * 100, om.MAGIC, om.MAGIC + b"\xff" * 8 + b"{}"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "toy.om").write_bytes(content)

    for read in (om.read, om.read_header):
        with pytest.raises(RunError) as caught:
            read(tmp_path / "toy.om")
        assert caught.value.kind == "corrupt-artifact"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="readable"):
        om.read(tmp_path / "none.om")
