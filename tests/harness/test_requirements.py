"""What the environments of tox install: every extra, so that no test is skipped for want of one, at pinned versions."""

import configparser
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
NOT_TESTS = {"lint", "site"}


def tox() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read_string((ROOT / "tox.ini").read_text(encoding="utf-8"))
    return parser


def words(text: str) -> set[str]:
    return set(re.split(r"[,\s]+", text.strip()))


def declared() -> list[Requirement]:
    groups = [*EXTRAS.values(), *PROJECT["dependency-groups"].values()]
    texts = [*PROJECT["project"]["dependencies"], *(text for group in groups for text in group)]
    return [one for one in map(Requirement, texts) if one.marker is None or one.marker.evaluate()]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = dict(line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in found.items()}


def test_every_environment_that_runs_tests_has_every_extra():
    environments = [name for name in tox().sections() if name.startswith("testenv")]
    kept = {name: tox()[name].get("extras", tox()["testenv"]["extras"]) for name in environments}

    lacking = {name.partition(":")[2] for name, extras in kept.items() if words(extras) != set(EXTRAS)}
    assert lacking <= NOT_TESTS


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_a_requirement_is_pinned_at_a_version_that_it_allows(requirement):
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_torch_comes_before_the_rest_at_the_pinned_version():
    installed_first = tox()["testenv"]["deps"].split()

    assert f"torch=={pins()['torch']}" in installed_first
