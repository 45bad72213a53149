"""The toolchain of a host: configured, or found where CANN installs itself; its tools see CANN's environment alone."""

import os
import platform
import sys
from pathlib import Path

import pytest

from harness import toolchain
from harness.errors import MissingNeedError, UsageError
from harness.process import run_tool

VERSION_CFG = "# version: 1.0\nruntime_running_version=[7.5.0.1.129:{0}]\ntoolkit_running_version=[7.5.0.1.129:{0}]\n"
INSTALL_INFO = "package_name=Ascend-cann-toolkit\nversion=7.0.0\narch=x86_64\nos=linux\n"
SETTINGS = {
    "OMGATE_ATC": "atc",
    "OMGATE_AIS_BENCH": "ais_bench",
    "OMGATE_MSAME": "msame",
    "OMGATE_BENCHMARK": "benchmark",
    "OMGATE_NPU_SMI": "npu-smi",
    "OMGATE_ASCEND_PYTHON": "python",
}


def program(path: Path, body: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def cann(root: Path, version: str = "8.0.RC3") -> Path:
    """Make the folder of a CANN toolkit."""
    program(root / "bin" / "atc")
    for folder in ("lib64/plugin/opskernel", "compiler/ccec_compiler/bin", "opp", "toolkit", "python/site-packages"):
        (root / folder).mkdir(parents=True)
    (root / "version.cfg").write_text(VERSION_CFG.format(version))
    return root


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Path:
    """Return an empty folder that stands for /usr/local/Ascend."""
    monkeypatch.setattr(toolchain, "INSTALLED", tmp_path / "usr" / "Ascend")
    return tmp_path / "usr" / "Ascend"


@pytest.fixture
def environ(tmp_path, installed) -> dict[str, str]:
    """Return the environment of a user whose PATH has nothing of Ascend."""
    (tmp_path / "home").mkdir()
    (tmp_path / "bin").mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": f"{tmp_path / 'bin'}"}


def test_a_host_without_anything_lacks_every_tool_with_a_remedy_each(environ):
    found = toolchain.find(environ)

    assert (dict(found.tools), found.cann, found.driver, found.emulated) == ({}, "", "", False)
    for tool in toolchain.TOOLS:
        with pytest.raises(MissingNeedError, match="OMGATE_") as caught:
            found.command(tool)
        assert caught.value.need == "tool"


@pytest.mark.parametrize(("name", "tool"), SETTINGS.items())
def test_a_configured_tool_is_taken_with_all_its_words(environ, tmp_path, name, tool):
    path = program(tmp_path / "some where" / "tool")

    found = toolchain.find({**environ, name: f"'{path}' --flag"})

    assert found.command(tool) == (str(path), "--flag")
    assert tool not in found.remedies


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("value", ["/nowhere/tool", "nowhere -m x", "'unclosed", " "])
def test_a_setting_that_points_nowhere_is_a_usage_error(environ, name, value):
    with pytest.raises(UsageError, match=name):
        toolchain.find({**environ, name: value})


def test_a_configured_name_is_looked_up_on_path(environ, tmp_path):
    program(tmp_path / "bin" / "python3.9")

    found = toolchain.find({**environ, "OMGATE_AIS_BENCH": "python3.9 -m ais_bench"})

    assert found.command("ais_bench") == (str(tmp_path / "bin" / "python3.9"), "-m", "ais_bench")


def test_a_relative_setting_holds_in_every_folder(environ, tmp_path, monkeypatch):
    program(tmp_path / "here" / "msame")
    monkeypatch.chdir(tmp_path)

    assert toolchain.find({**environ, "OMGATE_MSAME": "here/msame"}).command("msame") == (str(tmp_path / "here/msame"),)


def test_tools_are_found_on_path(environ, tmp_path):
    names = {"msame": "msame", "benchmark": f"benchmark.{platform.machine()}", "npu-smi": "npu-smi"}
    for name in names.values():
        program(tmp_path / "bin" / name)

    found = toolchain.find(environ)

    assert dict(found.tools) == {tool: (str(tmp_path / "bin" / name),) for tool, name in names.items()}


@pytest.mark.parametrize(
    "place",
    [
        "usr/Ascend/ascend-toolkit/latest",
        "usr/Ascend/nnae/latest",
        "usr/Ascend/cann",
        "usr/Ascend/cann-8.5.0",
        "home/Ascend/ascend-toolkit/latest",
    ],
)
def test_cann_is_found_where_it_installs_itself(environ, tmp_path, place):
    root = cann(tmp_path / place)

    found = toolchain.find(environ)

    assert found.command("atc") == (str(root / "bin" / "atc"),)
    assert found.cann == "8.0.RC3"


def test_of_several_numbered_installations_the_newest_is_taken(environ, installed):
    for number in ("8.5.0", "8.10.0", "8.9.1"):
        cann(installed / f"cann-{number}", version=number)

    assert toolchain.find(environ).cann == "8.10.0"


@pytest.mark.parametrize("below", ["", "latest"])
def test_a_configured_toolkit_comes_before_all_others(environ, installed, tmp_path, below):
    cann(installed / "ascend-toolkit" / "latest", version="6.0.1")
    cann(tmp_path / "sourced", version="7.0.0")
    root = cann(tmp_path / "own" / below, version="8.0.0")

    sourced = {"ASCEND_TOOLKIT_HOME": str(tmp_path / "sourced")}
    found = toolchain.find({**environ, **sourced, "OMGATE_TOOLKIT_ROOT": str(tmp_path / "own")})

    assert (found.cann, found.command("atc")) == ("8.0.0", (str(root / "bin/atc"),))


@pytest.mark.parametrize("name", ["ASCEND_TOOLKIT_HOME", "ASCEND_HOME_PATH"])
def test_a_toolkit_whose_set_env_was_sourced_comes_before_installed_ones(environ, installed, tmp_path, name):
    cann(installed / "ascend-toolkit" / "latest", version="6.0.1")
    cann(tmp_path / "sourced", version="7.0.0")

    assert toolchain.find({**environ, name: str(tmp_path / "sourced")}).cann == "7.0.0"
    assert toolchain.find({**environ, name: str(tmp_path / "gone")}).cann == "6.0.1"


@pytest.mark.parametrize("value", ["/nowhere", "{home}"])
def test_a_configured_toolkit_that_is_none_is_a_usage_error(environ, value):
    with pytest.raises(UsageError, match="OMGATE_TOOLKIT_ROOT: expected the folder of a CANN toolkit"):
        toolchain.find({**environ, "OMGATE_TOOLKIT_ROOT": value.format(home=environ["HOME"])})


def test_a_configured_atc_brings_its_own_toolkit(environ, installed, tmp_path):
    cann(installed / "ascend-toolkit" / "latest", version="6.0.1")
    root = cann(tmp_path / "other", version="7.0.0")

    found = toolchain.find({**environ, "OMGATE_ATC": str(root / "bin" / "atc")})

    assert (found.cann, found.env["ASCEND_OPP_PATH"]) == ("7.0.0", str(root / "opp"))


def test_the_environment_is_what_set_env_sets(environ, installed):
    root = cann(installed / "ascend-toolkit" / "latest")
    for folder in ("lib64/common", "lib64/driver"):
        (installed / "driver" / folder).mkdir(parents=True)

    env = toolchain.find(environ).env

    assert env["ASCEND_TOOLKIT_HOME"] == env["ASCEND_HOME_PATH"] == env["ASCEND_AICPU_PATH"] == str(root)
    assert env["ASCEND_OPP_PATH"] == str(root / "opp")
    assert env["TOOLCHAIN_HOME"] == str(root / "toolkit")
    assert env["PYTHONPATH"] == str(root / "python" / "site-packages")
    assert env["PATH"].split(":") == [f"{root}/bin", f"{root}/compiler/ccec_compiler/bin", environ["PATH"]]
    expected = [f"{root}/lib64", f"{root}/lib64/plugin/opskernel"]
    expected += [f"{installed}/driver/{folder}" for folder in ("lib64", "lib64/common", "lib64/driver")]
    assert env["LD_LIBRARY_PATH"].split(":") == expected
    assert env["HOME"] == environ["HOME"]


def test_the_old_layout_of_cann_5_0_is_known(environ, installed):
    root = installed / "ascend-toolkit" / "latest"
    atc = program(root / "atc" / "bin" / "atc")
    for folder in ("atc/ccec_compiler/bin", "atc/lib64", "acllib/lib64", "atc/python/site-packages", "opp"):
        (root / folder).mkdir(parents=True)

    found = toolchain.find(environ)

    assert found.command("atc") == (str(atc),)
    assert found.env["PATH"].split(":")[:2] == [f"{root}/atc/ccec_compiler/bin", f"{root}/atc/bin"]
    assert found.env["LD_LIBRARY_PATH"].split(":") == [f"{root}/atc/lib64", f"{root}/acllib/lib64"]
    assert found.env["PYTHONPATH"] == f"{root}/atc/python/site-packages"


def test_nothing_of_a_virtual_environment_or_of_the_callers_python_gets_in(environ, tmp_path):
    venv, other = tmp_path / "venv", tmp_path / "other"
    for folder in (venv, other):
        program(folder / "bin" / "atc")
    (other / "pyvenv.cfg").write_text("home = /usr\n")
    leaking = {
        "PATH": f"{venv}/bin:{other}/bin:{environ['PATH']}",
        "LD_LIBRARY_PATH": f"{venv}/lib:/usr/local/python3.7.5/lib",
        "VIRTUAL_ENV": str(venv),
        "PYTHONHOME": "/opt/python",
        "PYTHONPATH": "/opt/site-packages",
        "CONDA_PREFIX": "/opt/conda",
    }

    found = toolchain.find({**environ, **leaking})

    assert not found.has("atc")
    assert dict(found.env) == {
        "HOME": environ["HOME"],
        "LANG": "C.UTF-8",
        "PATH": environ["PATH"],
        "LD_LIBRARY_PATH": "/usr/local/python3.7.5/lib",
    }


def test_the_callers_choice_of_devices_and_language_are_passed_on(environ):
    env = toolchain.find({**environ, "ASCEND_RT_VISIBLE_DEVICES": "2,3", "LANG": "zh_CN.UTF-8"}).env

    assert (env["ASCEND_RT_VISIBLE_DEVICES"], env["LANG"]) == ("2,3", "zh_CN.UTF-8")


def test_without_version_cfg_the_installation_record_tells_canns_version(environ, installed):
    root = cann(installed / "ascend-toolkit" / "latest")
    (root / "version.cfg").unlink()
    assert toolchain.find(environ).cann == ""

    (root / "x86_64-linux").mkdir()
    (root / "x86_64-linux" / "ascend_toolkit_install.info").write_text(INSTALL_INFO)

    assert toolchain.find(environ).cann == "7.0.0"


def test_the_drivers_version_is_read(environ, installed):
    (installed / "driver").mkdir(parents=True)
    (installed / "driver" / "version.info").write_text("Version=24.1.rc3\nascendhal_version=7.35.19\n")

    found = toolchain.find(environ)

    assert found.describe() == {"name": "CANN", "version": "", "driver": "24.1.rc3", "emulated": False}


def interpreter(path: Path, *modules: str) -> Path:
    """Make a Python that has these modules."""
    site = path.parent / f"{path.name}-modules"
    for module in modules:
        (site / module).mkdir(parents=True)
        (site / module / "__init__.py").write_text("raise SystemExit('it was imported')")
    return program(path, f'PYTHONPATH="{site}" exec "{sys.executable}" "$@"')


def test_the_configured_python_brings_the_ais_bench_that_it_has(environ, tmp_path):
    with_both = interpreter(tmp_path / "a" / "python", "aclruntime", "ais_bench")
    with_one = interpreter(tmp_path / "b" / "python", "aclruntime")

    found = toolchain.find(environ, ascend_python=str(with_both))
    assert found.command("python") == (str(with_both),)
    assert found.command("ais_bench") == (str(with_both), "-m", "ais_bench")

    found = toolchain.find({**environ, "OMGATE_ASCEND_PYTHON": str(with_both)}, ascend_python=str(with_one))
    assert found.command("python") == (str(with_one),)
    assert not found.has("ais_bench")


def test_an_option_that_points_nowhere_is_a_usage_error(environ):
    with pytest.raises(UsageError, match="--ascend-python"):
        toolchain.find(environ, ascend_python="/nowhere/python")


def test_the_python_of_a_configured_ais_bench_is_the_one_for_aclruntime(environ, tmp_path):
    python = interpreter(tmp_path / "a" / "python3.9", "aclruntime", "ais_bench")

    found = toolchain.find({**environ, "OMGATE_AIS_BENCH": f"{python} -m ais_bench --debug 1"})

    assert found.command("python") == (str(python),)
    assert found.command("ais_bench") == (str(python), "-m", "ais_bench", "--debug", "1")


def test_on_a_host_with_cann_the_first_python_that_has_aclruntime_is_taken(environ, installed, tmp_path):
    interpreter(tmp_path / "bin" / "python3")
    right = interpreter(tmp_path / "bin" / "python3.8", "aclruntime", "ais_bench")
    assert not toolchain.find(environ).has("python")

    cann(installed / "ascend-toolkit" / "latest")
    found = toolchain.find(environ)

    assert found.command("python") == (str(right),)
    assert found.command("ais_bench") == (str(right), "-m", "ais_bench")


def test_a_broken_python_is_passed_over(environ, installed, tmp_path):
    cann(installed / "ascend-toolkit" / "latest")
    program(tmp_path / "bin" / "python3", "exit 3")

    assert not toolchain.find(environ).has("python")


def test_an_atc_that_looks_for_python_finds_the_systems_and_not_omgates(installed, tmp_path):
    cann(installed / "ascend-toolkit" / "latest")
    program(installed / "ascend-toolkit" / "latest" / "bin" / "atc", "command -v python3; env")
    ours = {**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)}
    venv = (Path(sys.executable).parent.parent / "pyvenv.cfg").is_file()

    found = toolchain.find(ours)
    done = run_tool(found.command("atc"), cwd=tmp_path, env=found.env, timeout_s=30, log=tmp_path / "log")

    text = done.log.read_text()
    assert "VIRTUAL_ENV" not in text
    assert venv == (f"{Path(sys.executable).parent}/python3" not in text)
