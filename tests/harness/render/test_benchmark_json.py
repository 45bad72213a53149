"""The timed cases in pytest-benchmark's format: its own loader and its own statistics agree."""

import json
import logging
import subprocess
import sys

import pytest
from pytest_benchmark.stats import Stats
from pytest_benchmark.storage.file import FileStorage

from harness.render import benchmark_json
from harness.results import Case, Entry, Measurement, Result, Verdict

ROUNDS_MS = (10.0, 12.0, 11.0, 13.0, 50.0)
ENVIRONMENT = {
    "system": "Linux x86_64",
    "python": "3.11.7",
    "cpu": "Example CPU",
    "cores": 2,
    "commit": "0123456789abcdef0123456789abcdef01234567",
}


def entry(check="throughput", rounds_ms=ROUNDS_MS, batch=4) -> Entry:
    case = Case(model="icnet-tiny", runtime="ort-cpu", chip="cpu", batch=batch, check=check)
    timed = Measurement(definition="wall", statistic="median", batch=batch, rounds_ms=rounds_ms)
    result = Result(case=case, status="measured", measurement=timed, environment=ENVIRONMENT)
    return Entry(result=result, verdict=Verdict(outcome="PASS", code="met"))


def untimed() -> Entry:
    case = Case(model="icnet-tiny", runtime="ort-cpu", chip="cpu", batch=1, check="parity")
    return Entry(result=Result(case=case, status="measured"), verdict=Verdict(outcome="PASS", code="met"))


def document(*entries: Entry) -> dict:
    return json.loads(benchmark_json.render(entries))


def stats(*rounds_ms: float) -> dict:
    return document(entry(rounds_ms=rounds_ms))["benchmarks"][0]["stats"]


def test_the_statistics_are_those_of_the_rounds_in_seconds():
    found = stats(*ROUNDS_MS)

    assert found["data"] == pytest.approx([0.010, 0.012, 0.011, 0.013, 0.050])
    assert (found["min"], found["max"], found["median"]) == pytest.approx((0.010, 0.050, 0.012))
    assert found["mean"] == pytest.approx(0.0192)  # 96 ms / 5
    assert found["total"] == pytest.approx(0.096)
    assert found["ops"] == pytest.approx(1 / 0.0192)
    # Squared differences from 19.2: 84.64 + 51.84 + 67.24 + 38.44 + 948.64 = 1190.8; / 4 = 297.7; root 17.254.
    assert found["stddev"] == pytest.approx(0.017254, abs=1e-6)
    assert found["rounds"] == 5


def test_a_round_far_from_the_others_is_an_outlier():
    found = stats(*[10.0, 11.0, 12.0, 13.0] * 3, 100.0)

    # Quartiles lie between 10 and 13, so the fences are at most 1.5 × 3 beyond them; only 100 ms is outside.
    assert found["iqr_outliers"] == 1
    assert found["stddev_outliers"] == 1
    assert found["outliers"] == "1;1"
    assert (found["ld15iqr"], found["hd15iqr"]) == pytest.approx((0.010, 0.013))


@pytest.mark.parametrize("rounds_ms", [ROUNDS_MS, (7.0,), (3.0, 1.0), (5.0,) * 10, tuple(map(float, range(1, 21)))])
def test_the_statistics_are_those_of_pytest_benchmark_itself(rounds_ms):
    expected = Stats()
    for round_ms in rounds_ms:
        expected.update(round_ms / 1000)

    found = stats(*rounds_ms)
    assert set(found) >= set(Stats.fields)
    for field in ("min", "max", "mean", "stddev", "rounds", "median", "stddev_outliers", "ops", "total"):
        assert found[field] == pytest.approx(getattr(expected, field)), field


def test_a_benchmark_has_the_name_of_its_item_and_the_verdict():
    found = document(entry("latency", batch=1))["benchmarks"][0]

    assert found["group"] == "latency"
    assert found["fullname"] == "tests/gates/test_latency.py::test_latency[icnet-tiny-ort-cpu-bs1]"
    assert found["param"] == "icnet-tiny-ort-cpu-bs1"
    whole = found["extra_info"].pop("omgate_entry")
    assert found["extra_info"] == {"outcome": "PASS", "code": "met", "batch": 1}
    assert Entry.model_validate(whole) == entry("latency", batch=1)


def test_the_machine_and_the_commit_are_those_of_the_results():
    found = document(entry())

    assert found["machine_info"]["machine"] == "x86_64"
    assert found["machine_info"]["system"] == "Linux"
    assert found["machine_info"]["cpu"] == {"brand_raw": "Example CPU", "count": 2}
    assert found["commit_info"]["id"] == ENVIRONMENT["commit"]


def test_only_timed_cases_are_in_it():
    assert [one["group"] for one in document(untimed(), entry(), entry("latency"))["benchmarks"]] == [
        "throughput",
        "latency",
    ]
    assert document(untimed())["benchmarks"] == []
    assert document()["benchmarks"] == []


def test_the_loader_of_pytest_benchmark_reads_it(tmp_path):
    path = tmp_path / "0001_run.json"
    path.write_text(benchmark_json.render([entry(), entry("latency")]), encoding="utf-8")

    storage = FileStorage(str(tmp_path), logging.getLogger("benchmark"))
    names = {one["name"]: one["median"] for one in storage.load_benchmarks(str(path))}

    assert names == pytest.approx(
        {"test_throughput[icnet-tiny-ort-cpu-bs4]": 0.012, "test_latency[icnet-tiny-ort-cpu-bs4]": 0.012}
    )


def test_pytest_benchmark_compares_two_runs(tmp_path):
    for name, slower in (("0001_before.json", 1.0), ("0002_after.json", 2.0)):
        rounds_ms = tuple(slower * round_ms for round_ms in ROUNDS_MS)
        (tmp_path / name).write_text(benchmark_json.render([entry(rounds_ms=rounds_ms)]), encoding="utf-8")

    command = [sys.executable, "-m", "pytest_benchmark", "compare", "0001_before.json", "0002_after.json"]
    done = subprocess.run([*command, "--columns=median"], cwd=tmp_path, capture_output=True, text=True, check=True)

    table = done.stdout
    assert "test_throughput[icnet-tiny-ort-cpu-bs4]" in table
    assert "12.0000 (1.0)" in table
    assert "24.0000 (2.00)" in table
