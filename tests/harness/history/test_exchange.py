"""Entries to files and back: an export imported is the same; pytest-benchmark's files of any suite are read."""

import json
import os
import subprocess
import sys

import pytest

from harness.errors import UsageError
from harness.history import exchange, keys
from harness.render import benchmark_json
from tests.harness.history.nights import entry


def line_of(one, run="run"):
    text, digest = keys.document(one)
    return exchange.line(run, digest, text)


def test_an_export_is_read_as_what_it_was_made_of():
    given = [entry(0), entry(1, 99.5, future="kept")]

    found = exchange.entries_of("\n".join(line_of(one, f"r{i}") for i, one in enumerate(given)) + "\n", "f", "file")
    assert [(named.run, named.entry) for named in found] == [("r0", given[0]), ("r1", given[1])]
    assert [keys.document(named.entry) for named in found] == [keys.document(one) for one in given]


def test_a_results_file_is_read_under_its_own_name():
    (found,) = exchange.entries_of(entry().to_json() + "\n", "f", "night")

    assert found == ("night", entry())


def test_a_torn_last_line_is_left_out():
    text = entry(0).to_json() + "\n" + entry(1).to_json()[:100]

    assert [one.entry for one in exchange.entries_of(text, "f", "r")] == [entry(0)]


@pytest.mark.parametrize("text", ["nonsense", "[1]", '{"schema": 1}', '{"benchmarks": [{}]}', '{"benchmarks": [1]}'])
def test_another_text_is_an_error_that_names_the_place(text):
    with pytest.raises(UsageError, match=r"^file(:1|: benchmarks\[0\]): expected"):
        exchange.entries_of(text, "file", "r")


def test_a_bad_line_is_named():
    text = entry(0).to_json() + "\nnonsense\n" + entry(1).to_json()

    with pytest.raises(UsageError, match=r"^file:2: expected one JSON entry a line"):
        exchange.entries_of(text, "file", "r")


def test_the_benchmark_file_of_a_run_holds_the_entries_themselves():
    given = [entry(0), entry(1, 99.7)]

    found = exchange.entries_of(benchmark_json.render(given), "f", "r")
    assert [keys.document(one.entry).digest for one in found] == [keys.document(one).digest for one in given]


def test_a_benchmark_of_another_suite_is_a_latency_without_its_hosts_name(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_sum(benchmark):\n    benchmark(sum, range(100))\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--benchmark-json=b.json", "test_it.py"]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=alone)
    text = (tmp_path / "b.json").read_text(encoding="utf-8")

    ((run, found),) = exchange.entries_of(text, "b.json", "b")
    stats, host = json.loads(text)["benchmarks"][0]["stats"], json.loads(text)["machine_info"]["node"]
    assert (run, found.result.case.model, found.result.case.check) == ("b", "test_it.py::test_sum", "latency")
    assert found.result.measurement.rounds_ms == pytest.approx([1000 * one for one in stats["data"]])
    assert keys.left_out(found.result) == ""
    assert found.result.environment["cores"] >= 1
    assert host not in found.to_json().replace(found.result.environment["cpu"], "")
