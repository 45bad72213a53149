"""Summary files of ais_bench in every generation."""

import json

import pytest

from harness.ascend.ais_bench_summary import parse_summary
from harness.ascend.ais_bench_text import Latency
from harness.errors import RunError

STATISTICS = {"min": 1.0, "max": 3.0, "mean": 2.0, "median": 2.0, "percentile(99%)": 2.98}
FULL = {
    "filesinfo": {
        "0": {"infiles": ["a/0.bin"], "outfiles": ["out/0_0.bin", "out/0_1.bin"]},
        "1": {"infiles": ["a/1.bin"], "outfiles": ["out/1_0.bin", "out/1_1.bin"]},
    },
    "args": ["ais_bench", "--model", "a.om"],
    "NPU_compute_time": {**STATISTICS, "count": 3},
    "H2D_latency": {**STATISTICS, "count": 3},
    "D2H_latency": {**STATISTICS, "count": 3},
    "throughput": 500.0,
    "npu_compute_time_list": [1.0, 2.0, 3.0],
    "pid": 7,
}
GENERATION_0 = {
    "NPU_compute_time": STATISTICS,
    "H2D_latency": STATISTICS,
    "D2H_latency": STATISTICS,
    "throughput": 500.0,
}


def test_a_summary_is_read_whole():
    summary = parse_summary(json.dumps(FULL))

    assert (summary.rounds_ms, summary.mean_ms, summary.throughput) == ((1.0, 2.0, 3.0), 2.0, 500.0)
    assert summary.files["1"] == (("a/1.bin",), ("out/1_0.bin", "out/1_1.bin"))
    assert summary.compute == summary.h2d == summary.d2h == Latency(2.0, 1.0, 3.0, 2.0, 2.98, 3)


def test_a_summary_that_an_editor_of_windows_saved_is_read_as_well():
    assert parse_summary("\ufeff" + json.dumps(FULL, indent=1).replace("\n", "\r\n")) == parse_summary(json.dumps(FULL))


def test_a_pipeline_lists_starts_and_ends():
    pipeline = {"NPU_compute_time": {"mean": 2.5, "count": 2}, "throughput": 400.0, "filesinfo": {}}

    summary = parse_summary(json.dumps(pipeline | {"npu_compute_time_list": [[10.0, 12.0], [12.5, 15.5]]}))

    assert (summary.rounds_ms, summary.compute) == ((2.0, 3.0), Latency(2.5, count=2))
    assert (summary.files, summary.h2d) == ({}, None)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(json.dumps(GENERATION_0), id="sumary.json"),
        pytest.param(f"sumary:{GENERATION_0}", id="printed"),
        pytest.param(f"[INFO] sumary:{GENERATION_0}\n", id="logged"),
        pytest.param(json.dumps(GENERATION_0)[1:], id="lost-its-first-brace"),
        pytest.param(json.dumps(GENERATION_0)[1:-1], id="lost-both-braces"),
    ],
)
def test_generation_0_lists_no_times(text):
    summary = parse_summary(text)

    assert (summary.rounds_ms, summary.mean_ms, summary.throughput) == ((), 2.0, 500.0)
    assert summary.compute == Latency(2.0, 1.0, 3.0, 2.0, 2.98)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{}",
        '{"throughput": 5}',
        '{"NPU_compute_time": {"mean": "2"}, "throughput": 5}',
        '{"NPU_compute_time": {"mean": 2}, "throughput": true}',
        json.dumps(FULL)[:-40],
        "[" * 100_000,
        "{'a': " * 5_000,
        '{"NPU_compute_time": {"mean": 1' + "0" * 5000 + '}, "throughput": 1}',
        json.dumps(FULL | {"npu_compute_time_list": [1.0, None]}),
        json.dumps(FULL | {"npu_compute_time_list": [[1.0, "x"]]}),
    ],
)
def test_anything_else_is_refused_with_what_to_do(text):
    with pytest.raises(RunError, match="look at the tool's console text") as caught:
        parse_summary(text)

    assert caught.value.kind == "tool-failed"


def test_files_of_another_shape_are_none():
    summary = parse_summary(json.dumps(FULL | {"filesinfo": {"0": [], "1": {"infiles": "x"}}}))

    assert summary.files == {"0": ((), ()), "1": ((), ())}
