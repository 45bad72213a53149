"""The folder of an emulated toolchain: what it holds, and that making it is safe."""

import concurrent.futures
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.ascend import version_files
from harness.emulator import prefix
from harness.emulator.devices import Devices
from harness.errors import UsageError

CHIPS = ("Ascend310P3", "Ascend310")


def make(root: str) -> dict[str, tuple[str, ...]]:
    return dict(prefix.make(Path(root), CHIPS, {}).tools)


def test_a_toolchain_has_every_tool_and_says_that_it_is_emulated(tmp_path: Path) -> None:
    toolchain = prefix.make(tmp_path, CHIPS, {})

    assert set(toolchain.tools) == {"atc", "ais_bench", "msame", "benchmark", "npu-smi", "python"}
    assert toolchain.command("benchmark") == (str(tmp_path / "bin" / "benchmark.x86_64"),)
    assert toolchain.describe() == {"name": "CANN", "version": "6.0.RC1", "driver": "22.0.4", "emulated": True}


def test_the_environment_is_whole_and_the_processs_own_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "leaks")
    before = dict(os.environ)

    env = prefix.make(tmp_path, CHIPS, {"OMGATE_EMULATE_FAULT": "hang@msame", "OTHER": "x"}).env

    assert dict(os.environ) == before
    assert set(env) == {
        *("PATH", "PYTHONPATH", "HOME", "LANG", "OMP_NUM_THREADS", "TF_CPP_MIN_LOG_LEVEL"),
        *("OMGATE_EMULATE_ROOT", "OMGATE_EMULATE_CANN", "OMGATE_EMULATE_FAULT"),
    }
    assert (env["OMGATE_EMULATE_FAULT"], env["OMP_NUM_THREADS"]) == ("hang@msame", "1")
    assert Path(env["HOME"]).is_dir()
    assert Path(env["HOME"]).is_relative_to(tmp_path)


@pytest.mark.parametrize("word", ["7.0.1", "8.0.RC3"])
def test_the_version_files_are_those_of_the_version_asked_for(tmp_path: Path, word: str) -> None:
    toolchain = prefix.make(tmp_path, CHIPS, {"OMGATE_EMULATE_CANN": word})

    text = {path.name: path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".cfg", ".info")}
    assert version_files.cann_version(text["version.cfg"]) == word == toolchain.cann
    assert version_files.toolkit_info(text["ascend_toolkit_install.info"]).version == word
    assert version_files.driver_version(text["version.info"]) == toolchain.driver


@pytest.mark.parametrize("word", ["six", "3.0", "6", "6.0\n", "12.0"])
def test_a_version_that_cannot_be_emulated_is_refused_before_anything_is_written(tmp_path: Path, word: str) -> None:
    with pytest.raises(UsageError, match="OMGATE_EMULATE_CANN"):
        prefix.make(tmp_path / "new", CHIPS, {"OMGATE_EMULATE_CANN": word})

    assert not (tmp_path / "new").exists()


def test_launchers_run_this_python_without_a_shell(tmp_path: Path) -> None:
    toolchain = prefix.make(tmp_path, CHIPS, {})

    for tool in ("atc", "msame", "benchmark", "npu-smi"):
        (program,) = toolchain.command(tool)
        assert Path(program).read_text().splitlines()[0] == f"#!{sys.executable}"
        assert os.access(program, os.X_OK)


def test_a_launched_tool_finds_the_package_and_its_prefix_from_any_folder(tmp_path: Path) -> None:
    toolchain = prefix.make(tmp_path / "prefix", ("Ascend310",), {})
    (tmp_path / "elsewhere").mkdir()

    for env in (toolchain.env, {"PATH": "/usr/bin"}):
        done = subprocess.run(
            [*toolchain.command("npu-smi"), "info", "-m"],
            env=env, cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert "Ascend 310" in done.stdout


def test_aclruntime_is_importable_and_has_the_version_that_front_ends_ask_for(tmp_path: Path) -> None:
    toolchain = prefix.make(tmp_path, CHIPS, {})
    code = "import aclruntime, importlib.metadata as m; print(m.version('aclruntime'), aclruntime.InferenceSession)"

    done = subprocess.run(
        [*toolchain.command("python"), "-c", code],
        env=dict(toolchain.env), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.stdout.split()[0], done.stderr) == ("0.0.2", "")


def test_ais_bench_starts_as_a_module(tmp_path: Path) -> None:
    toolchain = prefix.make(tmp_path, CHIPS, {})

    done = subprocess.run(
        [*toolchain.command("ais_bench"), "--help"],
        env=dict(toolchain.env), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, "--model" in done.stdout) == (0, True)


def test_making_it_again_changes_no_file(tmp_path: Path) -> None:
    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    prefix.make(tmp_path, CHIPS, {})
    before = stamps()

    prefix.make(tmp_path, CHIPS, {})

    assert stamps() == before


def test_a_damaged_launcher_is_written_again(tmp_path: Path) -> None:
    toolchain = prefix.make(tmp_path, CHIPS, {})
    program = Path(toolchain.command("atc")[0])
    whole = program.read_text()
    program.write_text("torn")
    program.chmod(0o600)

    prefix.make(tmp_path, CHIPS, {})

    assert program.read_text() == whole
    assert os.access(program, os.X_OK)


def test_several_processes_make_one_prefix_at_once(tmp_path: Path) -> None:
    roots = [str(tmp_path / "shared")] * 6

    with concurrent.futures.ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        made = list(pool.map(make, roots))

    assert all(tools == made[0] for tools in made)
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


def test_the_chips_are_one_npu_each_unless_the_environment_lists_others(tmp_path: Path) -> None:
    prefix.make(tmp_path / "asked", CHIPS, {})
    prefix.make(tmp_path / "listed", CHIPS, {"OMGATE_EMULATE_CHIPS": "310P3, 310P3,310"})

    names = {name: [chip.name for chip in Devices(tmp_path / name).chips()] for name in ("asked", "listed")}
    assert names == {"asked": ["310P3", "310"], "listed": ["310P3", "310P3", "310"]}
