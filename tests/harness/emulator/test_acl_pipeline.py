"""`run_pipeline` of the emulated aclruntime, called as the 2023 front end calls it."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.emulator import om
from harness.emulator.acl_new_session import NewSession
from harness.emulator.acl_pipeline import infer_options
from harness.emulator.acl_tensors import BaseTensor, session_options
from harness.toolchain import Toolchain
from tests.harness.emulator import adder_om

Y, Z = adder_om.OUTPUTS


@pytest.fixture
def toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolchain]:
    yield adder_om.install(tmp_path / "prefix", monkeypatch)
    gc.collect()


@pytest.fixture
def session(tmp_path: Path, toolchain: Toolchain) -> NewSession:
    return NewSession(adder_om.write(tmp_path / "adder.om"), 0, session_options())


def options(folder: Path | str = "", **changes: Any) -> infer_options:
    made = infer_options()
    made.output_dir = str(folder)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def batches(folder: Path, *names: str) -> list[tuple[str, ...]]:
    """Write a whole batch under each name, the first of zeros, each next one greater by ten; return the rows."""
    folder.mkdir()
    for number, name in enumerate(names):
        array = np.full((2, 3), 10 * number, np.float32)
        if name.endswith(".npy"):
            np.save(folder / name, array)
        else:
            array.tofile(folder / name)
    return [(str(folder / name),) for name in names]


def feeds(*arrays: np.ndarray[Any, Any]) -> list[BaseTensor]:
    return [BaseTensor(array.__array_interface__["data"][0], array.nbytes) for array in arrays]


def geared(path: Path) -> NewSession:
    """Return a session over the adder with gears by dimensions."""
    adder_om.write_geared(path)
    read = om.read(path)
    om.write(path, replace(read, gears=om.Gears("dims", read.gears.profiles)))
    return NewSession(str(path), 0, session_options())


def test_a_row_has_a_file_of_each_input_and_its_outputs_have_the_models_names(
    session: NewSession, tmp_path: Path
) -> None:
    rows = batches(tmp_path / "in", "a.v2.bin", "b.npy")

    session.run_pipeline(rows, options(tmp_path / "out" / "r", out_format="BIN"), [])

    assert sorted(file.name for file in (tmp_path / "out" / "r").iterdir()) == [
        f"a.v2_{Y}.bin", f"a.v2_{Z}.bin", f"b_{Y}.bin", f"b_{Z}.bin",
    ]  # fmt: skip
    assert np.fromfile(tmp_path / "out" / "r" / f"a.v2_{Y}.bin", np.float32).tolist() == [1] * 6
    assert np.fromfile(tmp_path / "out" / "r" / f"b_{Y}.bin", np.float32).tolist() == [11] * 6


@pytest.mark.parametrize(("form", "suffix"), [("NPY", "npy"), ("TXT", "txt"), ("BIN", "bin")])
def test_outputs_are_written_in_the_format_that_is_asked_for(
    form: str, suffix: str, session: NewSession, tmp_path: Path
) -> None:
    read: dict[str, Callable[[Path], Any]] = {
        "npy": np.load, "txt": np.loadtxt, "bin": lambda path: np.fromfile(path, np.float32),
    }  # fmt: skip

    session.run_pipeline(batches(tmp_path / "in", "a.bin"), options(tmp_path / "out", out_format=form), [])

    assert read[suffix](tmp_path / "out" / f"a_{Y}.{suffix}").ravel().tolist() == [1] * 6


def test_a_slash_in_an_outputs_name_is_left_out_of_the_files(toolchain: Toolchain, tmp_path: Path) -> None:
    named = tuple(replace(port, name=f"scope/{port.name}") for port in adder_om.STATIC.outputs)
    session = NewSession(adder_om.write(tmp_path / "scoped.om", outputs=named), 0, session_options())

    session.run_pipeline(batches(tmp_path / "in", "a.bin"), options(tmp_path / "out"), [])

    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [f"a_scope{Y}.bin", f"a_scope{Z}.bin"]


def test_without_a_folder_nothing_is_written_and_the_times_count(
    session: NewSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = batches(tmp_path / "in", "a.bin", "b.bin")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")

    session.run_pipeline(rows, options(), [])

    assert list((tmp_path / "cwd").iterdir()) == []
    assert len(session.sumary().exec_time_list) == 2


@pytest.mark.parametrize(("name", "zeros"), [("pure_infer_data_zero", True), ("pure_infer_data_random", False)])
def test_pure_inference_needs_no_files(name: str, zeros: bool, session: NewSession, tmp_path: Path) -> None:
    session.run_pipeline([[name]], options(tmp_path, pure_infer_mode=True), [])

    assert (np.fromfile(tmp_path / f"{name}_{Y}.bin", np.float32).tolist() == [1] * 6) == zeros


def test_sessions_take_turns_and_the_first_has_all_times(session: NewSession, tmp_path: Path) -> None:
    other = NewSession(str(tmp_path / "adder.om"), 0, session_options())
    rows = batches(tmp_path / "in", "a.bin", "b.bin", "c.bin")

    session.run_pipeline(rows, options(tmp_path / "out"), [other])

    assert len(other.sumary().exec_time_list) == 1
    assert len(session.sumary().exec_time_list) == 3
    assert np.fromfile(tmp_path / "out" / f"c_{Y}.bin", np.float32).tolist() == [21] * 6


def test_the_shape_of_each_file_chooses_its_gear(toolchain: Toolchain, tmp_path: Path) -> None:
    session = geared(tmp_path / "geared.om")
    for name, batch in (("one", 1), ("four", 4)):
        np.save(tmp_path / f"{name}.npy", np.zeros((batch, 3), np.float32))
    rows = [(str(tmp_path / "one.npy"),), (str(tmp_path / "four.npy"),)]

    session.run_pipeline(rows, options(tmp_path / "out", auto_dym_dims=True, out_format="NPY"), [])

    shapes = [np.load(tmp_path / "out" / f"{name}_{Y}.npy").shape for name in ("one", "four")]
    assert shapes == [(1, 3), (4, 3)]


def test_arrays_give_tensors_on_the_host(session: NewSession) -> None:
    zeros, ones = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)

    outputs = session.run_pipeline([Y], [feeds(zeros), feeds(ones)], [[(2, 3)], [(2, 3)]], False, False)

    assert outputs is not None
    assert [np.array(row[0])[0, 0] for row in outputs] == [1, 2]


def test_the_shape_of_each_array_chooses_its_gear(toolchain: Toolchain, tmp_path: Path) -> None:
    session = geared(tmp_path / "geared.om")
    one, four = np.zeros((1, 3), np.float32), np.zeros((4, 3), np.float32)

    outputs = session.run_pipeline([Y], [feeds(one), feeds(four)], [[one.shape], [four.shape]], False, True)

    assert outputs is not None
    assert [row[0].shape for row in outputs] == [[1, 3], [4, 3]]


def test_faults_harm_the_files_of_a_pipeline(
    toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMGATE_EMULATE_FAULT", "truncated-output")
    session = NewSession(adder_om.write(tmp_path / "adder.om"), 0, session_options())

    session.run_pipeline(batches(tmp_path / "in", "a.bin"), options(tmp_path / "out"), [])

    assert (tmp_path / "out" / f"a_{Y}.bin").stat().st_size == 12
