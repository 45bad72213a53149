"""Starting the suite: from a clone, or from the copy that the wheel carries. pytest runs as a child process."""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harness.errors import UsageError
from harness.results import Entry
from harness.runs import read_entries, read_run

PLUGINS = ("options", "selection", "recording", "gate", "closing")
CLONE = Path(__file__).parent.parent


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
    """Return the pytest command of the suite; a file or node id of the suite may be given by its name alone."""
    suite = folder()
    given = [_in_suite(suite, argument) for argument in arguments]
    targets = [] if any(argument.startswith(str(suite)) for argument in given) else [str(suite)]
    words = [sys.executable, "-m", "pytest"]
    if in_clone():
        words += ["--rootdir", str(CLONE), "-c", str(CLONE / "pyproject.toml")]
        package = "fixtures"
    else:
        words += ["--rootdir", str(Path.cwd()), "-c", os.devnull, "-p", "no:cacheprovider", "--import-mode=importlib"]
        package = "omgate_fixtures"
        plugins = [*PLUGINS, *plugins]
    for name in plugins:
        words += ["-p", f"{package}.{name}"]
    return [*words, *targets, *given]


def _in_suite(suite: Path, argument: str) -> str:
    name, separator, rest = argument.partition("::")
    name = Path(name).name if name.startswith(("tests/gates/", "omgate_suite/")) else name
    if name.startswith("test_") and (suite / name).is_file():
        return f"{suite / name}{separator}{rest}"
    return argument


def run(arguments: Sequence[str], plugins: Sequence[str] = ()) -> int:
    """Run the suite and return its exit code; its output goes where this process's goes."""
    environment = dict(os.environ)
    if in_clone():
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CLONE), environment.get("PYTHONPATH")]))
    try:
        return subprocess.run(command(arguments, plugins), env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 2


def rerun(run_folder: Path, wanted: str) -> list[str]:
    """Return the pytest arguments that run one case of a recorded run again, with the options of that run.

    `wanted` is a node id, its part `test_check[case-id]`, a case's key, or a case id that only one check has.
    """
    document = read_run(run_folder)
    plan = [str(node_id) for node_id in document.get("plan", ())]
    by_key = {
        entry.result.case.key: _name(entry.result.case.check, entry.result.case.id) for entry in _entries(run_folder)
    }
    name = by_key.get(wanted, wanted)
    found = [node_id for node_id in plan if name in (node_id, node_id.rpartition("::")[2], _case_id(node_id))]
    if len(found) != 1:
        choices = ", ".join(node_id.rpartition("::")[2] for node_id in found or plan[:20])
        what = "expected one case of this run" if not found else "expected one check of this case"
        raise UsageError(f"run-case {wanted}", what, f"{len(found)} of them", f"choose from {choices}")
    return [found[0], *(str(word) for word in document.get("options", ()))]


def _entries(run_folder: Path) -> tuple[Entry, ...]:
    return read_entries(run_folder) if (run_folder / "results.jsonl").is_file() else ()


def _name(check: str, case_id: str) -> str:
    return f"test_{check.replace('-', '_')}[{case_id}]"


def _case_id(node_id: str) -> str:
    return node_id.partition("[")[2].removesuffix("]")
