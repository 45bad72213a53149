"""Perf files and pure inferences of benchmark.x86_64."""

import pytest

from harness.ascend.benchmark_text import PureInfer, Rates, parse_perf_file, parse_pure
from harness.errors import RunError

PERF = (
    "[e2e] throughputRate: 90.5, latency: 1105\n[data read] throughputRate: 99, moduleLatency: 10.1\n"
    "[preprocess] throughputRate: 98, moduleLatency: 10.2\n"
    "[infer] throughputRate: 91.25, Interface throughputRate: 250.125, moduleLatency: 4.5\n"
    "[post] throughputRate: 22.8, moduleLatency: 43.8\n"
)
EXPECTED = Rates(
    interface_rate=250.125,
    infer_rate=91.25,
    infer_latency_ms=4.5,
    e2e_rate=90.5,
    e2e_ms=1105.0,
    read_rate=99.0,
    preprocess_rate=98.0,
    post_rate=22.8,
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PERF, id="file"),
        pytest.param(f"-----Performance Summary-----\n{PERF}\n-----\n", id="console"),
        pytest.param(PERF.replace("infer]", "inference]").replace("post]", "postprocess]"), id="long-labels"),
        pytest.param(PERF.replace("125, module", "125 module"), id="lost-comma"),
        pytest.param(PERF.replace("moduleLatency: 4.5", "moduleLatency:" + " " * 106 + "4.5"), id="padded"),
        pytest.param(PERF.replace(": ", "= "), id="equals"),
        pytest.param(PERF.replace("\n", "\r\n"), id="carriage-returns"),
    ],
)
def test_a_perf_file_is_read_in_every_form(text):
    assert parse_perf_file(text) == EXPECTED


@pytest.mark.parametrize("text", ["", "[e2e] throughputRate: 1, latency: 2", "Interface throughputRate: 5"])
def test_a_file_without_the_interface_rate_is_refused(text):
    with pytest.raises(RunError, match="Interface throughputRate") as caught:
        parse_perf_file(text)

    assert caught.value.kind == "tool-failed"


def test_a_pure_inference_is_read_whole():
    text = (
        "[INFO] Dataset number: 19 finished cost 817.5ms\n"
        "[INFO] PureInfer result saved in ./result/PureInfer_perf_of_net_bs4_in_device_0.txt\n"
        "-----------------PureInfer Performance Summary------------------\n"
        "[INFO] ave_throughputRate: 4.875samples/s, ave_latency: 205.25ms\n"
    )

    assert parse_pure(text) == (
        PureInfer(4.875, 205.25, 817.5, 19, "./result/PureInfer_perf_of_net_bs4_in_device_0.txt"),
    )


@pytest.mark.parametrize(
    "line",
    [
        "ave_throughputRate = 4.875samples/s, ave_latency = 205.25ms",
        "[INFO] ave_throughputRate = 4.875 samples/s, ave_latency: 205.25 ms",
        "[INFO] ave_throughputRate: 4.875samples/s ave_latency: 205.25ms",
    ],
)
def test_the_result_file_is_read_with_either_sign(line):
    assert parse_pure(line) == (PureInfer(4.875, 205.25),)


def test_two_runs_keep_their_own_cost():
    text = (
        "[INFO] Dataset number: 19 finished cost 10ms\nave_throughputRate: 100samples/s, ave_latency: 10ms\n"
        "ave_throughputRate: 50samples/s, ave_latency: 20ms\n"
    )

    assert [(run.rate, run.cost_ms) for run in parse_pure(text)] == [(100.0, 10.0), (50.0, None)]


def test_text_of_another_program_holds_none():
    assert parse_pure("samples/s: 5") == ()
