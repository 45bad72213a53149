"""`--samples auto`: the run looks at as many images as decide, and says so when a case is run again."""

import json
import shlex
from typing import Any

import pytest

TELLS = """
import pytest

@pytest.fixture(scope="session")
def run_case(workbench, run_case):
    def run(case):
        told = {"sequential": workbench.sequential, "samples": workbench.samples, "cases": workbench.cases}
        return run_case(case).model_copy(update={"environment": told})
    return run
"""


def told(suite: Any) -> list[dict[str, Any]]:
    lines = (suite.run_folder() / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["result"]["environment"] for line in lines]


@pytest.mark.parametrize(("given", "expected"), [("auto", (True, None)), ("3", (False, 3))])
def test_the_workbench_is_told_what_was_asked(suite: Any, given: str, expected: tuple[bool, int | None]) -> None:
    suite.card()
    suite.card("other")
    suite.answer_well()
    (suite.pytester.path / "gates" / "conftest.py").write_text(TELLS, encoding="utf-8")

    suite.run("--check", "accuracy", "--runtime", "ort-cpu", "--samples", given)

    assert [(one["sequential"], one["samples"]) for one in told(suite)] == [expected] * 2
    assert [one["cases"] for one in told(suite)] == [2, 2]


@pytest.mark.parametrize("part", [("--shard", "1/3"), ("--shard", "3/3"), ("--budget", "1h"), ("-k", "other")])
def test_a_case_has_its_part_of_the_whole_nights_error_whatever_part_of_it_runs_here(
    suite: Any, part: tuple[str, str]
) -> None:
    for name in ("toy", "other", "third"):
        suite.card(name)
    suite.card("elsewhere", weights=False)
    suite.answer_well()
    (suite.pytester.path / "gates" / "conftest.py").write_text(TELLS, encoding="utf-8")

    suite.run("--check", "accuracy", "--runtime", "ort-cpu", "--samples", "auto", *part)

    assert {one["cases"] for one in told(suite)} == {4}


def test_a_red_case_is_run_again_with_auto(suite: Any) -> None:
    suite.card()
    suite.answer_well(top1=0.5)

    result = suite.run("--check", "accuracy", "--runtime", "ort-cpu", "--samples", "auto")

    (line,) = [line for line in result.stdout.lines if line.startswith("  reproduce: ")]
    words = shlex.split(line)
    assert words[words.index("--samples") + 1] == "auto"


def test_another_word_is_refused(suite: Any) -> None:
    suite.card()

    result = suite.run("--samples", "some")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--samples: expected auto or a whole number of at least 1, got 'some'*"])
