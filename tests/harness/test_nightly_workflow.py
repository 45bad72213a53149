"""The ready workflow says nothing that tox and omgate do not know."""

import configparser
import re
from pathlib import Path

from fixtures import history, options
from harness.cli import COMMANDS

ROOT = Path(__file__).parents[2]
WORKFLOW = (ROOT / "docs" / "nightly-workflow.yml").read_text(encoding="utf-8")


class Names:
    """Stands in for pytest's parser and remembers what is registered."""

    def __init__(self):
        self.found = {"--quiet", "--output"}  # of pip, and of omgate merge
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
    assert [f"testenv:{name}" for name in re.findall(r"tox -e (\w+) --", WORKFLOW)] == ["testenv:nightly"]
    assert "testenv:nightly" in tox


def test_its_shards_are_all_of_them():
    (shards,) = re.findall(r"shard: \[([\d, ]+)\]", WORKFLOW)
    (count,) = set(re.findall(r"matrix.shard }}/(\d+)", WORKFLOW))

    assert [int(one) for one in shards.split(",")] == list(range(1, int(count) + 1))
