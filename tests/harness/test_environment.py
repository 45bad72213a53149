"""The recorded environment: what a number was measured on, and nothing about whose machine it was."""

import getpass
import json
import os
import platform
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from harness import environment

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def fresh():
    """Describe anew in every test, and leave no answer behind."""
    environment.describe.cache_clear()
    yield
    environment.describe.cache_clear()


def checkout(root: Path, head: str) -> Path:
    """Make the least that git takes for a repository, with `head` as its HEAD, and return a module in it."""
    for name in ("objects", "refs"):
        (root / ".git" / name).mkdir(parents=True)
    (root / ".git" / "HEAD").write_text(f"{head}\n")
    (root / "harness").mkdir()
    return root / "harness" / "environment.py"


def test_it_names_the_system_the_python_and_the_packages():
    found = environment.describe()

    assert (
        found["python"] == ".".join(map(str, sys.version_info[:3])) + platform.python_version()[len(found["python"]) :]
    )
    assert found["system"] == f"{os.uname().sysname} {os.uname().machine}"
    assert found["packages"]["numpy"] == np.__version__
    assert 1 <= found["cores"] <= os.cpu_count()


def test_the_memory_is_that_of_the_whole_host():
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        pytest.skip("only Linux tells it in another way to compare with")
    total_kib = int(meminfo.read_text().split("MemTotal:")[1].split()[0])

    assert environment.describe()["memory_mib"] == pytest.approx(total_kib / 1024, rel=0.01)


def test_it_is_plain_json():
    found = environment.describe()

    assert json.loads(json.dumps(found)) == found


def test_no_host_or_user_name_is_in_it(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "secret-name")
    monkeypatch.setattr(socket, "gethostname", lambda: "secret-name")
    monkeypatch.setattr(getpass, "getuser", lambda: "secret-name")
    monkeypatch.setenv("USER", "secret-name")
    monkeypatch.setenv("HOME", "/home/secret-name")

    assert "secret-name" not in json.dumps(environment.describe())


def test_a_package_that_is_not_installed_is_left_out():
    assert environment.versions(("numpy", "omgate-has-no-such-package")) == {"numpy": np.__version__}


def test_the_commit_is_that_of_the_clone(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "__file__", str(checkout(tmp_path, COMMIT)))

    assert environment.describe()["commit"] == COMMIT


def test_outside_a_clone_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "harness" / "environment.py"))

    assert environment.describe()["commit"] == ""


def test_a_clone_that_git_cannot_read_has_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "__file__", str(checkout(tmp_path, "ref: refs/heads/unborn")))

    assert environment.describe()["commit"] == ""


def test_without_git_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "__file__", str(checkout(tmp_path, COMMIT)))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert environment.describe()["commit"] == ""


def test_the_command_line_does_not_tell_where_the_program_is(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/home/ann/.venv/bin/pytest", "-m", "onnx"])

    assert environment.command_line() == ["pytest", "-m", "onnx"]
