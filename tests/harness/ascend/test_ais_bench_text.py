"""Console text of ais_bench in every generation."""

import math

import pytest

from harness.ascend import ais_bench_text
from harness.ascend.ais_bench_text import Latency

TIMES = "min = 1.5, max = 4.0, mean = 2.0, median = 1.75, percentile(99%) = 3.9"
COMPUTE = f"[INFO] NPU_compute_time (ms): {TIMES}\n"
HEAD = "[INFO] -----------------Performance Summary------------------\n"
RULE = "[INFO] ------------------------------------------------------\n"
OLD = HEAD + COMPUTE + "[INFO] throughput 1000*batchsize.mean(4)/NPU_compute_time.mean(2.0): 2000.0\n" + RULE
RUN = (
    "[INFO] acl init success\n[INFO] open device 0 success\n[INFO] load model a.om success\n"
    "[INFO] create model description success\n[INFO] try get model batchsize:4\n"
    "[INFO] output path:./out/2024_01_02-03_04_05\n"
    "[INFO] get filesperbatch files0 size:8 tensor0size:32 filesperbatch:4 runcount:3\n[INFO] warm up 1 done\n"
    "Inference array Processing:   0%|   | 0/3\rInference array Processing: 100%|###| 3/3 [00:00<00:00, 9it/s]\n"
)
END = "[INFO] unload model success, model Id is 1\n[INFO] end to finalize acl\n"
FULL = RUN + OLD + END


def test_a_whole_run_is_read():
    report = ais_bench_text.parse(FULL)

    assert (report.throughput, report.batch) == (2000.0, 4.0)
    assert report.compute == Latency(mean_ms=2.0, min_ms=1.5, max_ms=4.0, median_ms=1.75, p99_ms=3.9)
    assert (report.h2d, report.d2h) == (None, None)
    assert report.output_dir == "./out/2024_01_02-03_04_05"
    assert (report.files_per_run, report.runs, report.errors) == (4, 3, ())


@pytest.mark.parametrize(
    ("label", "batch"),
    [
        ("1000*batchsize(8)/NPU_compute_time.mean(2.0)", 8.0),
        ("1000*batchsize.mean(8)/NPU_compute_time.mean(2.0)", 8.0),
        ("1000*batchsize.mean(2.5)/NPU_compute_time.mean(2.0)", 2.5),
        ("(1000*batchsize/NPU_compute_time)", None),
    ],
)
def test_the_label_of_the_throughput_takes_every_form(label, batch):
    report = ais_bench_text.parse(f"{HEAD}{COMPUTE}[INFO] throughput {label}: 1250.5\n")

    assert (report.throughput, report.batch) == (1250.5, batch)


def test_a_batch_found_by_the_tool_serves_where_the_label_has_none():
    text = f"[INFO] try get model batchsize:16\n{COMPUTE}[INFO] throughput (1000*batchsize/NPU_compute_time): 8.0\n"

    assert ais_bench_text.parse(text).batch == 16


def test_copies_are_read_where_they_are_printed():
    text = (
        f"{HEAD}[INFO] H2D_latency (ms): {TIMES}\n{COMPUTE}[INFO] D2H_latency (ms): mean = 0.5\n" + OLD.split("\n")[2]
    )

    report = ais_bench_text.parse(text)

    assert report.h2d == Latency(2.0, 1.5, 4.0, 1.75, 3.9)
    assert report.d2h == Latency(0.5)


def test_lines_glued_behind_a_progress_bar_and_indented_ones_are_read():
    bar = "Processing:  50%|##   | 1/2 [00:01<00:01, 1.0it/s]"
    glued = bar + COMPUTE + "      " + OLD.split("\n")[2] + "\n" + bar + "[ERROR] late"

    report = ais_bench_text.parse(glued)

    assert (report.throughput, report.errors) == (2000.0, ("[ERROR] late",))


def test_a_summary_cut_off_before_its_throughput_has_none():
    report = ais_bench_text.parse(HEAD + COMPUTE)

    assert report.compute is not None
    assert report.throughput is None


@pytest.mark.parametrize(
    "text",
    [
        "[INFO] -----Performance Summary-----\n[INFO] Total time: 10.0 ms.\n[INFO] Throughput: 82.0 fps.\n",
        "throughput 1000 of something: 5",
        "",
    ],
)
def test_a_summary_of_another_program_is_none(text):
    report = ais_bench_text.parse(text)

    assert (report.blocks, report.throughput, report.generation) == ((), None, "")


def test_no_time_gives_nan_and_no_throughput_gives_zero():
    report = ais_bench_text.parse(
        "[INFO] NPU_compute_time (ms): mean = nan\n"
        "[INFO] throughput 1000*batchsize.mean(1)/NPU_compute_time.mean(0): 0\n"
    )

    assert report.compute is not None
    assert math.isnan(report.compute.mean_ms)
    assert report.throughput == 0


DEVICES = (
    "{mark}i:0 device_2 throughput:100.5 {pad}start_time:1.0 end_time:2.0\n"
    "{mark}i:1 device_3 throughput:99.5 {pad}start_time:1.0 end_time:2.0\n"
)


@pytest.mark.parametrize(("mark", "pad", "generation"), [("", "", "1"), ("[INFO] ", " " * 16, "2")])
def test_several_devices_give_a_rate_each_and_their_sum(mark, pad, generation):
    text = OLD + OLD + "[INFO] multidevice run end qsize:4 result:0\n" + DEVICES.format(mark=mark, pad=pad)

    report = ais_bench_text.parse(text + "[INFO] summary throughput:200.0\n")

    assert (report.device_rates, report.total_rate, report.result) == ({2: 100.5, 3: 99.5}, 200.0, 0)
    assert [block.throughput for block in report.blocks] == [2000.0, 2000.0]
    assert report.generation == generation


def test_a_child_that_failed_is_seen_beside_its_sum():
    text = (
        "[ERROR] subprocess run failed error_callback:[1][ACL: invalid parameter]\n"
        "[INFO] multidevice run end qsize:2 result:1\n[INFO] summary throughput:0\n"
    )

    report = ais_bench_text.parse(text)

    assert (report.result, report.total_rate) == (1, 0.0)
    assert len(report.errors) == 1


@pytest.mark.parametrize(
    ("text", "generation"),
    [
        ("[INFO] throughput (1000*batchsize/NPU_compute_time): 8.0", "0"),
        (OLD, "1"),
        ("[INFO] create new context\n" + OLD, "2"),
        (OLD + "[INFO] NPU ID:4 energy consumption(J):5.0", "2"),
    ],
)
def test_the_generation_shows_in_what_only_it_prints(text, generation):
    assert ais_bench_text.parse(text).generation == generation


def test_a_range_of_shapes_is_read_with_its_failures():
    report = ais_bench_text.parse(
        "[INFO] run_count:2 success_count:1 avg_throughput:10.5\n"
        "[INFO] 0 dymshape:x:1,3,8,8 bs:1 result:OK throughput:10.5\n[INFO] 1 dymshape:x:2,3,8,8 bs:2 result:NOK\n"
    )

    assert report.shape_range == ais_bench_text.ShapeRange(
        2, 1, 10.5, (("x:1,3,8,8", 1, True, 10.5), ("x:2,3,8,8", 2, False, None))
    )


@pytest.mark.parametrize(
    "line",
    [
        "[ERROR] arg0 tensorsize: 32 filesize: 24 not match",
        "[ERROR] Check i:0 name:x in size:8 needsize:32 not match",
        "[ERROR] execute model failed, modelId is 1",
        "[ERROR] save out files error array shape:(1, 2) filesinfo:[['a.bin']] files_count_perbatch:2 ndata.shape0:1",
        "RuntimeError: [2][ACL: memory allocation fail]",
        "EL0004: Failed to allocate memory.",
    ],
)
def test_failures_are_reported_as_printed(line):
    assert ais_bench_text.parse(f"{RUN}{line} \n").errors == (line,)
