"""`omgate gate` is pytest on the suite: its exit codes, its signals, and a command line that needs no clone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WAITING = """
import signal
import time
from pathlib import Path

# A shell starts what runs in the background with interruptions ignored, and so are its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

def pytest_collection():
    Path("waiting").touch()
    time.sleep(60)
"""


def started(cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness.cli", "gate", "-p", "no:benchmark", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(cwd)])}
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(cwd: Path, *arguments: str) -> tuple[int, str, str]:
    with started(cwd, *arguments) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_the_suite_is_found_from_any_folder(tmp_path):
    code, out, _ = ended(tmp_path, "--collect-only", "-q", "--model", "resnest50-tiny", "test_parity.py")

    assert code == 0
    assert "test_parity.py::test_parity[resnest50-tiny-ort-cpu-bs4]" in out
    assert "test_accuracy" not in out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--model", "nothing-like-it"), 4), (("--no-such-option",), 4), (("-k", "nothing-like-it"), 5)],
    ids=["unknown model", "unknown option", "nothing selected"],
)
def test_pytests_exit_code_is_the_commands(tmp_path, arguments, code):
    assert ended(tmp_path, *arguments)[0] == code


def test_an_interruption_reaches_pytest_and_its_exit_code_comes_back(tmp_path):
    (tmp_path / "waiting_plugin.py").write_text(WAITING, encoding="utf-8")

    with started(tmp_path, "-p", "waiting_plugin") as process:
        deadline = time.monotonic() + 90
        while not (tmp_path / "waiting").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=90)

    assert process.returncode == 2
    assert "KeyboardInterrupt" in out


def test_help_names_the_suites_options_and_the_exit_codes(tmp_path):
    code, out, _ = ended(tmp_path, "--help")

    assert code == 0
    assert out.startswith("usage: omgate gate [pytest arguments]")
    assert "--weights-dir=DIR" in out
    assert "5 nothing judged" in out
