"""Starting the suite: from a clone, or from the copy that the wheel carries."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from harness import environment
from harness.errors import UsageError
from harness.runs import read_entries, read_run

PLUGINS = ("options", "selection", "resuming", "scheduling", "recording", "history", "gate", "closing")
CLONE = Path(__file__).parent.parent
USAGE_EXIT = 4
OPTIONS_TITLE = "omgate:"
MOST_CHOICES = 20


def in_clone() -> bool:
    """Tell whether this code runs from a clone, where pytest finds the suite by itself."""
    return (CLONE / "tests" / "gates").is_dir() and (CLONE / "conftest.py").is_file()


def folder() -> Path:
    """Return the folder of the suite's test files."""
    if in_clone():
        return CLONE / "tests" / "gates"
    spec = find_spec("omgate_suite")
    locations = list(spec.submodule_search_locations or ()) if spec else []
    if not locations:
        raise UsageError("omgate gate", "expected the suite beside the library", "none", "install omgate again")
    return Path(locations[0])


def command(arguments: Sequence[str], plugins: Sequence[str] = ()) -> list[str]:
    """Return the pytest command of the suite; a file or node id of the suite may be given by its name alone.

    `plugins` are more modules of the fixtures to load. What runs outside a clone reports below the current folder.
    """
    suite, here = folder(), Path.cwd()
    # -P: a folder `harness` or `fixtures` where the user stands is not ours.
    words = [sys.executable, "-P", "-m", "pytest"]
    if in_clone():
        package = "fixtures"
        words += ["--rootdir", str(CLONE), "-c", str(CLONE / "pyproject.toml")]
    else:
        package = "omgate_fixtures"
        words += ["-c", str(suite / "installed.ini"), "-o", f"cache_dir={here / '.pytest_cache'}"]
    for name in (*PLUGINS, *plugins):
        words += ["-p", f"{package}.{name}"]
    if not (in_clone() and here.is_relative_to(CLONE)):
        words += ["--report-dir", str(here / "reports" / "runs")]
    given = [_in_suite(suite, argument) for argument in arguments]
    targets = [] if any(argument.startswith(str(suite)) for argument in given) else [str(suite)]
    return [*words, *targets, *given]


def _in_suite(suite: Path, argument: str) -> str:
    """Return a file or node id of the suite with its whole path, any other argument as it is."""
    file, separator, rest = argument.partition("::")
    name = Path(file).name if file.startswith(("tests/gates/", "omgate_suite/")) else file
    if name.startswith("test_") and (suite / name).is_file():
        return f"{suite / name}{separator}{rest}"
    return argument


def run(arguments: Sequence[str]) -> NoReturn:
    """Become the pytest process of the suite, so that signals, terminal and exit code are pytest's own.

    Raises UsageError where the suite is not there or the system is not supported.
    """
    environment.require_system()
    words = command(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(words[0], words, _environment())  # noqa: S606 - this very Python, with a list of words


def ask(arguments: Sequence[str], plugins: Sequence[str] = ()) -> tuple[int, str]:
    """Run pytest on the suite and return its exit code and what it printed.

    Raises UsageError, with pytest's own words on one line, for arguments that pytest refuses.
    """
    environment.require_system()
    words = command(arguments, plugins)
    done = subprocess.run(words, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode == USAGE_EXIT:
        raise _refused(done.stderr)
    sys.stderr.write(done.stderr)
    return done.returncode, done.stdout


def _environment() -> dict[str, str]:
    found = [str(CLONE)] if in_clone() else []
    given = os.environ.get("PYTHONPATH")
    paths = [*found, *([given] if given else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)} if paths else dict(os.environ)


def _refused(text: str) -> UsageError:
    """Return pytest's refusal: the line that says why, without the usage and the folders around it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reason = next((line.partition(" error: ")[2] for line in lines if " error: " in line), "")
    if reason:
        return UsageError("pytest", reason, do="see omgate gate --help and pytest --help")
    reason = next((line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")), " ".join(lines))
    where, _, what = reason.partition(": ")
    return UsageError(where, what)


def options_help() -> str:
    """Return the suite's part of `pytest --help`."""
    _, text = ask(["--help"])
    paragraphs = text.split("\n\n")
    return next((part for part in paragraphs if part.lstrip().startswith(OPTIONS_TITLE)), text)


def rerun(run_folder: Path, wanted: str) -> list[str]:
    """Return the pytest arguments that run one case of a recorded run again, with the options of that run.

    `wanted` is a node id, its part `test_check[case-id]`, a case's key, or a case id that only one check has. Raises
    UsageError for a folder that is no run's, and for a case that is not or more than once in it.
    """
    document = read_run(run_folder)
    plan = [str(node_id) for node_id in document.get("plan", ())]
    name = _names_by_key(run_folder).get(wanted, wanted.rpartition("::")[2])
    found = [node_id for node_id in plan if name in (_name(node_id), _case_id(node_id))]
    if len(found) != 1:
        what = "expected a case of this run" if not found else "expected one check of this case"
        got = f"{len(found)} of them" if found else repr(wanted)
        choices = ", ".join(_name(node_id) for node_id in (found or plan)[:MOST_CHOICES])
        raise UsageError(f"case {wanted}", what, got, f"choose from {choices}")
    return [_name_in_suite(found[0]), *(str(word) for word in document.get("options", ()))]


def _names_by_key(run_folder: Path) -> dict[str, str]:
    if not (run_folder / "results.jsonl").is_file():
        return {}
    return {entry.result.case.key: entry.result.case.test_name for entry in read_entries(run_folder)}


def _name_in_suite(node_id: str) -> str:
    file, separator, name = node_id.partition("::")
    return f"{Path(file).name}{separator}{name}"


def _name(node_id: str) -> str:
    return node_id.rpartition("::")[2]


def _case_id(node_id: str) -> str:
    return node_id.partition("[")[2].removesuffix("]")
