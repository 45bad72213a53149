"""Real READMEs whose results were read by eye: at least 98 of 100 rows given are right, and 92 of 100 are found.

A row is right if kind, value, batch and chip agree with an entry that no other row took; batch and chip are compared
where the entry states them. Entries that are not required count neither as misses nor as hits, and rows of code blocks
and ratios not as wrong.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.readme import Row, document, markdown, parse

READMES = Path(__file__).parents[3] / "../shared/readmes-dev"
pytestmark = pytest.mark.skipif(not READMES.is_dir(), reason="the development READMEs are not here")
RIGHT, FOUND = 0.98, 0.92
SAME_METRIC = {"acc1": "top1", "accuracy": "acc", "均方误差": "mse", "prec": "precision", "robustness": "robustness"}
SAME_CHIP = {"Ascend310P": "Ascend310P3"}
UNITS = {None: "", "%": "%", "fraction": "fraction"}


def plain(metric: str) -> str:
    name = re.sub(r"[\s_@-]", "", metric.lower())
    return SAME_METRIC.get(name, name)


def same_metric(row: Row, entry: dict[str, Any]) -> bool:
    if entry["kind"] != "accuracy":
        return True
    given, meant = plain(row.metric), plain(entry["metric"])
    return given in meant or meant in given or "acc" in (given, meant)


def same_chip(row: Row, entry: dict[str, Any]) -> bool:
    chip = SAME_CHIP.get(entry["chip"], entry["chip"])
    return chip in (None, row.chip) or (chip == "NPU" and row.chip.startswith("Ascend"))


def agrees(row: Row, entry: dict[str, Any]) -> bool:
    value = entry["value"]
    near = row.value is value or (
        None not in (row.value, value) and abs(row.value - value) <= 1e-6 * max(1, abs(value))
    )
    placed = row.where.line == entry["line"] and entry["batch"] in (None, row.batch)
    return near and placed and row.kind == entry["kind"] and same_chip(row, entry) and same_metric(row, entry)


def score(file: dict[str, Any]) -> tuple[int, int, int]:
    """Return how many required entries were found, and how many rows were right and wrong."""
    data = (READMES / file["file"]).read_bytes()
    code = markdown.outline(document.decode(data)).code
    left, right, wrong, found = list(file["baselines"]), 0, 0, 0
    for row in parse(data).rows:
        fitting = sorted(
            (one for one in left if agrees(row, one)),
            key=lambda one: (not one["required"], plain(one["metric"]) != plain(row.metric)),
        )
        if fitting:
            left.remove(fitting[0])
            right, found = right + fitting[0]["required"], found + fitting[0]["required"]
        elif row.where.line - 1 not in code and row.kind != "ratio":
            wrong += 1
    return found, right, wrong


@pytest.mark.parametrize("strict", [False, True], ids=["all", "certain"])
def test_enough_rows_are_right_and_enough_are_found(strict):
    files = [one for one in json.loads((READMES / "truth.json").read_text("utf-8")) if one["certain"] or not strict]

    scores = [score(file) for file in files]
    required = sum(entry["required"] for file in files for entry in file["baselines"])
    found, right, wrong = (sum(column) for column in zip(*scores, strict=True))
    assert right / (right + wrong) >= RIGHT
    assert found / required >= FOUND


def test_readmes_without_results_give_none():
    files = [one["file"] for one in json.loads((READMES / "truth.json").read_text("utf-8")) if one["negative"]]

    assert files
    assert [parse(READMES / file).rows for file in files] == [()] * len(files)


def test_roles_and_units_of_the_required_entries_are_right():
    files = [one for one in json.loads((READMES / "truth.json").read_text("utf-8")) if one["certain"]]
    pairs = [
        (row, next(iter(fitting)))
        for file in files
        for row in parse(READMES / file["file"]).rows
        if len(fitting := [one for one in file["baselines"] if agrees(row, one) and one["required"]]) == 1
    ]

    roles = [(row.role == "reference") == entry["reference"] for row, entry in pairs]
    units = [row.unit == UNITS.get(entry["unit"], row.unit) for row, entry in pairs if row.kind == "accuracy"]
    assert len(pairs) > 300
    assert min(sum(roles) / len(roles), sum(units) / len(units)) >= RIGHT
