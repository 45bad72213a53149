"""Speed from what a tool left: its own definition, its rounds, its batch size, what it was fed, and its failures."""

import json

import pytest

from harness.errors import RunError, UsageError
from harness.gates.rounds import reading
from harness.scoring import summaries

# 4, 5 and 6 ms a batch of 4: a mean of 5 ms, 800 images/s.
LATENCY = {"min": 4.0, "max": 6.0, "mean": 5.0, "median": 5.0, "percentile(99%)": 6.0, "count": 3}
AIS_SUMMARY = {
    "filesinfo": {"0": {"infiles": ["in/a.bin"], "outfiles": ["out/a_0.bin"]}},
    "args": ["/usr/bin/ais_bench", "--model", "x.om", "--input", "in"],
    "NPU_compute_time": LATENCY,
    "H2D_latency": LATENCY,
    "D2H_latency": LATENCY,
    "throughput": 800.0,
    "npu_compute_time_list": [4.0, 5.0, 6.0],
    "pid": 7,
}
AIS_LOG = (
    "[INFO] -----------------Performance Summary------------------\n"
    "[INFO] NPU_compute_time (ms): min = 4.0, max = 6.0, mean = 5.0, median = 5.0, percentile(99%) = 6.0\n"
    "[INFO] throughput 1000*batchsize.mean(4)/NPU_compute_time.mean(5.0): 800.0\n"
)
FED = "[INFO] get filesperbatch files0 size:48 tensor0size:48 filesperbatch:1 runcount:3\n"
MSAME_LOG = (
    "[INFO] acl init success\n[INFO] load model x.om success\nout/20210202_172031\n"
    "[INFO] start to process file:in/a.bin\nInference time: 9ms\n[INFO] start to process file:in/b.bin\n"
    "Inference time: 4ms\n[INFO] start to process file:in/c.bin\nInference time: 6ms\n"
    "Inference average time : 6.33 ms\nInference average time without first time: 5.00 ms\n"
    "[INFO] Execute sample success\n"
)
PERF = (
    "[e2e] throughputRate: 100, latency: 2000\n[data read] throughputRate: 100, moduleLatency: 10\n"
    "[infer] throughputRate: 150, Interface throughputRate: 800, moduleLatency: 6\n"
)
PURE = (
    "[INFO] Dataset number: 19 finished cost 5ms\n"
    "[INFO] PureInfer result saved in ./result/PureInfer_perf_of_x_bs4_in_device_0.txt\n"
    "[INFO] ave_throughputRate: 800samples/s, ave_latency: 1.25ms\n"
)


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(content, name="summary"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def without(*names):
    return {name: value for name, value in AIS_SUMMARY.items() if name not in names}


@pytest.mark.parametrize(
    ("content", "tool", "inputs", "rounds_ms"),
    [
        (AIS_SUMMARY, "ais_bench", "real", (4.0, 5.0, 6.0)),
        (without("npu_compute_time_list", "args"), "ais_bench", "real", ()),
        (AIS_LOG, "ais_bench", "unknown", ()),
        (FED + AIS_LOG, "ais_bench", "real", ()),
        (MSAME_LOG, "msame", "real", (9.0, 4.0, 6.0)),
        (PERF, "benchmark", "real", ()),
        (PURE, "benchmark", "random", ()),
    ],
)
def test_every_tool_says_800_images_a_second_in_its_own_definition(content, tool, inputs, rounds_ms, file):
    timing = summaries.read([file(content)], 4)

    measured = timing.measurement("throughput", 4)
    assert (measured.definition, measured.inputs, measured.rounds_ms) == (tool, inputs, rounds_ms)
    assert reading(measured, "throughput") == pytest.approx(800)
    assert reading(timing.measurement("latency", 4), "latency") == pytest.approx(5)


@pytest.mark.parametrize(
    ("words", "inputs"),
    [(["--model", "x.om"], "zero"), (["--pure_data_type=random"], "random"), (["-i", "in"], "real")],
)
def test_what_ais_bench_was_fed_is_told_by_its_arguments(words, inputs, file):
    pure = {"0": {"infiles": ["pure_infer_data"], "outfiles": ["pure_infer_data_0.bin"]}}

    for filesinfo in ({}, pure):
        document = {**AIS_SUMMARY, "filesinfo": filesinfo, "args": words}
        assert summaries.read([file(document)], 4).inputs == inputs


def test_what_it_was_fed_can_be_said(file):
    assert summaries.read([file(AIS_LOG)], 4, "zero").inputs == "zero"


def test_several_runs_are_one_measurement(file):
    rates = [PERF.replace("800", str(rate)) for rate in (700, 800, 1000)]

    timing = summaries.read([file(text, f"perf_{number}") for number, text in enumerate(rates)], 4)

    measured = timing.measurement("throughput", 4)
    assert measured.rounds_ms == pytest.approx((4000 / 700, 5.0, 4.0))
    assert reading(measured, "throughput") == pytest.approx(800)  # the median


def test_the_first_execution_of_every_msame_run_is_left_out(file):
    later = MSAME_LOG.replace("Inference time: 9ms", "Inference time: 100ms")

    timing = summaries.read([file(MSAME_LOG), file(later, "later")], 4)

    assert timing.rounds_ms == (9.0, 4.0, 6.0, 4.0, 6.0)
    assert reading(timing.measurement("throughput", 4), "throughput") == pytest.approx(800)


@pytest.mark.parametrize("content", [AIS_SUMMARY, AIS_LOG])
def test_a_rate_of_another_batch_size_is_refused(content, file):
    with pytest.raises(UsageError, match=r"throughput of batch 1, 200, got 800, that of batch 4; give --batch-size"):
        summaries.read([file(content)], 1)


def test_a_perf_file_named_after_another_batch_size_is_refused(file):
    with pytest.raises(UsageError, match="at batch 1, got batch 4"):
        summaries.read([file(PERF, "perf_vision_batchsize_4_device_0.txt")], 1)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([MSAME_LOG], "another summary of ais_bench on real inputs.*got one of msame"),
        ([AIS_LOG], "got one of ais_bench on unknown inputs"),
    ],
)
def test_summaries_of_different_things_are_not_put_together(others, message, file):
    with pytest.raises(UsageError, match=message):
        summaries.read([file(AIS_SUMMARY), *[file(text, "other") for text in others]], 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello", "summary or log of ais_bench, msame or benchmark"),
        ("{}", "expected NPU_compute_time"),
        ("{torn", "expected a JSON object"),
        (AIS_LOG + AIS_LOG, "one run on one device, got 2"),
        (AIS_LOG.rpartition("[INFO]")[0], "cut off"),
        (MSAME_LOG + MSAME_LOG, "one run, got 2 runs"),
        (MSAME_LOG.rpartition("[INFO]")[0], "'Execute sample success'"),
        ("[e2e] throughputRate: 1, latency: 1", "Interface throughputRate"),
        (PURE.replace("800samples", "0samples"), "times above 0"),
        (MSAME_LOG.replace("time: 4ms", "time: nanms"), "times above 0"),
    ],
)
def test_what_is_no_summary_of_one_good_run_is_refused(content, message, file):
    with pytest.raises(UsageError, match=message) as caught:
        summaries.read([file(content)], 4)

    assert "--summary" in caught.value.where


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        summaries.read([tmp_path / "none"], 4)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("EL0004: Failed to allocate memory.\n[ERROR] load model from file failed, model file is x.om\n", "oom"),
        ("[ERROR] open device 0 failed, errorCode = 507033\n", "device-lost"),
        ("[INFO] acl init success\n[ERROR] execute model failed, modelId is 1\n", "tool-failed"),
    ],
)
def test_a_log_of_a_failed_run_is_a_failure_of_its_kind(text, kind, file):
    with pytest.raises(RunError) as caught:
        summaries.read([file(text)], 4)

    assert caught.value.kind == kind


def test_what_run_py_wrote_is_of_aclruntime_in_ais_benchs_definition(file):
    document = {"kind": "omgate-outputs", "batch": 4, "warmup_ms": [9.0], "rounds_ms": [4.0, 6.0], "inputs": "zero"}

    timing = summaries.read([file(document)], 4)

    assert (timing.runtime, timing.inputs, timing.warmup_ms) == ("aclruntime", "zero", (9.0,))
    assert reading(timing.measurement("throughput", 4), "throughput") == pytest.approx(800)
