"""CODEOWNERS: the last rule that fits a path names its owners."""

import time
from pathlib import Path

import pytest

from harness.zoo import owners


def rules(tmp_path, text, place="CODEOWNERS"):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(text, encoding="utf-8")
    return owners.read(tmp_path)


# The examples of GitHub's page on the file.
EXAMPLES = """
# a comment
*       @global
*.js    @js #a comment behind
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/docs/ @docs-team
/scripts/ @doctocat @octocat
**/logs @log-team
/apps/github
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", "@global"),
        ("src/a.js", "@js"),
        ("build/logs/x/README.md", "@log-team"),
        ("docs/README.md", "@docs-team"),
        ("some/apps/x/README.md", "@octocat"),
        ("scripts/x/README.md", "@doctocat @octocat"),
        ("deep/down/logs/README.md", "@log-team"),
        ("apps/github/README.md", ""),
        ("scripts.md", "@global"),
    ],
)
def test_the_last_rule_that_fits_wins(tmp_path, path, expected):
    assert rules(tmp_path, EXAMPLES).of(Path(path)) == expected


def test_a_star_at_the_end_of_a_path_is_of_one_folder(tmp_path):
    found = rules(tmp_path, "docs/* @docs\n")

    assert found.of(Path("docs/README.md")) == "@docs"
    assert found.of(Path("docs/deep/README.md")) == ""


def test_two_stars_stand_for_any_folders(tmp_path):
    found = rules(tmp_path, "/a/**/z @x\n/b/** @y\n")

    assert [found.of(Path(path)) for path in ("a/z/f", "a/b/c/z/f", "b/c/f", "c/a/z")] == ["@x", "@x", "@y", ""]


@pytest.mark.parametrize("place", [".github/CODEOWNERS", ".gitlab/CODEOWNERS", ".gitee/CODEOWNERS", "docs/CODEOWNERS"])
def test_the_file_is_found_where_hosts_look_for_it(tmp_path, place):
    assert rules(tmp_path, "* @x\n", place).of(Path("a")) == "@x"


def test_without_a_file_nobody_owns_anything(tmp_path):
    assert owners.read(tmp_path).of(Path("a")) == ""


def test_a_hostile_pattern_takes_little_time(tmp_path):
    found = rules(tmp_path, "/" + "**/a*a*a*a*a*b/" * 200 + "\n" + "a*" * 50 + "b @x\n")
    started = time.process_time()

    assert found.of(Path("/".join(["a" * 60] * 60))) == ""
    assert time.process_time() - started < 1
