"""What holds of every parser: any text is read or refused in words, and long text takes no longer than its length."""

import contextlib
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ascend import (
    ais_bench_summary,
    ais_bench_text,
    atc_text,
    benchmark_text,
    codes,
    console,
    msame_text,
    smi_readings,
    smi_text,
    version_files,
)
from harness.ascend.scrub import scrub
from harness.errors import RunError

PARSERS: dict[str, Callable[[str], object]] = {
    "messages": codes.messages,
    "acl_codes": codes.acl_codes,
    "first_code": codes.first_code,
    "error_kind": lambda text: codes.error_kind(text, "tool-failed"),
    "smells_of_device": codes.smells_of_device,
    "errors": console.errors,
    "log_errors": console.log_errors,
    "atc": atc_text.parse,
    "ais_bench": ais_bench_text.parse,
    "ais_bench_summary": ais_bench_summary.parse_summary,
    "msame": msame_text.parse,
    "perf_file": benchmark_text.parse_perf_file,
    "pure": benchmark_text.parse_pure,
    "info": smi_text.parse_info,
    "mapping": smi_text.parse_mapping,
    "usages": smi_readings.parse_usages,
    "common": smi_readings.parse_common,
    "cann_version": version_files.cann_version,
    "toolkit_info": version_files.toolkit_info,
    "driver_version": version_files.driver_version,
    "scrub": scrub,
}
# Words of the tools, so that random text comes close to what they print.
WORDS = (
    "ATC run failed", "ATC run success", "E10016: ", "(EL0004): ", "E19999: Inner Error!", "[PID: 7] ",
    "ret=507033", "[2][ACL: x]", "[INFO] ", "[ERROR] ", "throughput 1000*batchsize.mean(",
    ")/NPU_compute_time.mean(", "): ", "NPU_compute_time (ms): ", "mean = ", "Inference average time",
    " without first time", ": ", " ms", "acl init success", "/20210202_172031", "nan", "1e999", "-", "9" * 400,
    "| ", "310P3", " OK ", "0000:AF:00.0", " / ", "NA", "npu-smi ", "Version: ", "NPU ID", "Chip ID", "mcu",
    "No running processes", "[infer] ", "Interface throughputRate", "ave_throughputRate", "samples/s", "{", "}",
    '"NPU_compute_time": ', '{"mean": 1}', "[[1,2]]", "_running_version=[", ":8.0", "]", "=", "Version=", "@",
    "/home/", "/root", "10.0.0.1", "::", "https://a?b", "token=", "٣", "²", "\n", "\r", "\t", " ", "\x1b[0m",
    "\x00", "1", "0", "12345678",
)  # fmt: skip


def refusal_of(parse: Callable[[str], object], text: str) -> RunError | None:
    """Return the error with which a parser refuses a text; any other error goes through."""
    try:
        parse(text)
    except RunError as error:
        return error
    return None


@pytest.mark.parametrize("name", PARSERS)
@given(text=st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS), max_size=40).map("".join)))
def test_any_text_is_read_or_refused_in_words(name, text):
    refusal = refusal_of(PARSERS[name], text)

    assert refusal is None or refusal.do


LONG = {
    "letters": "a",
    "capitals": "AE1",
    "blanks": " ",
    "tabs-and-colons": "\t:",
    "digits": "1",
    "dots": "a.",
    "octets": "1.",
    "hex-and-colons": "ab:",
    "slashes": "/",
    "paths": "/home/",
    "brackets": "[",
    "pipes": "| 1 ",
    "words": "ret code failed ",
    "ones": "1 1 / ",
    "percent": "throughput 1000*batchsize(",
    "average": "Inference average time ",
    "row": "[infer] throughputRate ",
    "bars": "\r 10%|##",
    "lines": "\n",
    "urls": "https://a",
    "mail": "a@",
    "host-key": "hostname ",
    "secret": "a_token",
    "braces": "{'a':",
    "memory": "memory size ",
    "heartbeat": "heart beat lost ",
    "versions": "npu-smi 1 ",
    "code": "E10001: ",
    "equals": "a=",
    "serial": "serial number ",
}
LENGTH = 1 << 16


def seconds(parse: Callable[[str], object], text: str) -> float:
    """Return the processor time of one call, refused or not."""
    started = time.process_time()
    with contextlib.suppress(RunError):
        parse(text)
    return time.process_time() - started


@pytest.mark.parametrize("kind", LONG)
def test_no_text_takes_more_than_the_time_of_its_length(kind):
    text = (LONG[kind] * (LENGTH // len(LONG[kind]) + 1))[:LENGTH]

    # a quadratic pattern takes more than ten seconds here, a linear one a tenth of a second
    assert {name for name, parse in PARSERS.items() if seconds(parse, text) > 3} == set()


LOG = (
    "[INFO] start to process file:/d/1.bin\n[INFO] model execute success\nInference time: 3.5ms\n"
    "Inference array Processing:  50%|##  | 1/2 [00:01<00:01, 1.0it/s]\r[INFO] output data success\n"
    "[ERROR] GE(4906,atc.bin):2025-01-02-03:04:05.678.901 [model.cc:12]4906 Load: [FUNC:Load][FILE:model.cc][LINE:12]\n"
    "| 0       310P3     | OK              | 17.5         41                7     / 15            |\n"
)


@pytest.mark.parametrize("name", PARSERS)
def test_a_megabyte_of_log_is_read_in_about_a_second(name):
    text = LOG * ((1 << 20) // len(LOG))

    assert seconds(PARSERS[name], text) < 5  # of a slow and busy machine
