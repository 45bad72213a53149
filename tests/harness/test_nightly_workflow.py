"""The ready workflow says nothing that tox and omgate do not know."""

import configparser
import os
import re
import subprocess
import textwrap
from pathlib import Path

from fixtures import history, options
from harness.cli import COMMANDS

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / "docs" / "nightly-workflow.yml").read_text(encoding="utf-8")


class Names:
    """Stands in for pytest's parser and remembers what is registered."""

    def __init__(self):
        self.found = {"--quiet", "--output", "--summary"}  # of pip, omgate merge, and omgate report
        options.pytest_addoption(self)
        history.pytest_addoption(self)

    def getgroup(self, *_):
        return self

    def addoption(self, name, **_):
        self.found.add(name)


def test_its_options_exist():
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", WORKFLOW))

    assert {"--shard", "--budget", "--resume"} <= used <= Names().found


def test_its_commands_and_environments_exist():
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini", encoding="utf-8")

    assert set(re.findall(r"bin/omgate (\w+)", WORKFLOW)) <= set(COMMANDS)
    assert {f"testenv:{name}" for name in re.findall(r"tox -e (\w+) --", WORKFLOW)} == {"testenv:nightly"}
    assert "testenv:nightly" in tox


def test_its_shards_are_all_of_them():
    (shards,) = re.findall(r"'\[(\d[\d, ]+)\]'", WORKFLOW)
    (count,) = set(re.findall(r"matrix.shard }}/(\d+)", WORKFLOW))

    assert [int(one) for one in shards.split(",")] == list(range(1, int(count) + 1))


def test_its_merging_takes_this_nights_runs_whether_in_a_folder_or_alone(tmp_path):
    """One artifact holds run folders; that of a run which was gone on with is the run itself."""
    lines = WORKFLOW.partition("run: |\n")[2].partition("          cat merged.txt")[0]
    for folder in ("run-1/20261120-180000-a-1", "run-0"):
        (tmp_path / "reports/hosts/7-1" / folder).mkdir(parents=True)
        (tmp_path / "reports/hosts/7-1" / folder / "run.json").write_text("{}", encoding="utf-8")
    (tmp_path / "reports/hosts/6-1/run-1/old").mkdir(parents=True)
    (tmp_path / "reports/hosts/6-1/run-1/old/run.json").write_text("{}", encoding="utf-8")
    script = textwrap.dedent(lines).replace(".venv/bin/omgate", "echo")

    subprocess.run(["/bin/bash", "-ec", script], cwd=tmp_path, env={**os.environ, "NIGHT": "7-1"}, check=True)

    words = (tmp_path / "merged.txt").read_text(encoding="utf-8").split()
    assert words[:3] == ["merge", "--output", "reports/nights/7-1"]
    assert sorted(words[3:]) == ["reports/hosts/7-1/run-0", "reports/hosts/7-1/run-1/20261120-180000-a-1"]


def test_a_hosts_older_nights_are_no_part_of_this_one():
    (uploaded,) = re.findall(r"^ +path: \$\{\{ env\.(\w+) \}\}$", WORKFLOW, re.MULTILINE)

    assert f"{uploaded}: ${{{{ inputs.resume || format('reports/runs/{{0}}-{{1}}', github.run_id" in WORKFLOW
    assert f'--report-dir "${uploaded}"' in WORKFLOW
