"""Scrubbed text tells neither who nor where, and parses to the same values."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.ascend import (
    ais_bench_summary,
    ais_bench_text,
    atc_text,
    benchmark_text,
    codes,
    msame_text,
    smi_readings,
    smi_text,
    version_files,
)
from harness.ascend.scrub import scrub


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("[root@node-17 work]# atc", "[user@host work]# atc"),
        ("anna@gpu7:~/x$ msame", "user@host:~/x$ msame"),
        ("load model /home/anna/net.om success", "load model /home/user/net.om success"),
        ('File "/root/miniconda3/lib/a.py"', 'File "/home/user/miniconda3/lib/a.py"'),
        ("cd /root", "cd /home/user"),
        ("C:\\Users\\anna\\a.txt", "C:\\Users\\user\\a.txt"),
        ("open /mnt/home/anna/net.om", "open /mnt/home/user/net.om"),
        ("open /data/users/anna/net.om", "open /data/users/user/net.om"),
        ("cp ~anna/net.om .", "cp ~user/net.om ."),
        ("USER=anna LOGNAME=anna", "USER=user LOGNAME=user"),
        ("user name: anna", "user name: user"),
        ("uid=1000(anna) gid=1000(anna)", "uid=1000(user) gid=1000(user)"),
        ("ask anna.b@example.org now", "ask user@host now"),
        ("open tcp://10.12.0.7:8080", "open tcp://0.0.0.0:8080"),
        ("peer fe80::1ff:fe23:4567:890a up", "peer :: up"),
        ("mac 00:1a:2b:3c:4d:5e", "mac REDACTED"),
        ("Serial Number                  : 2102313TRM10LA000033", "Serial Number                  : REDACTED"),
        ("VDie ID                        : 41D3A1B2 20404D00 0F1234", "VDie ID                        : REDACTED"),
        ("hostname=train-3.cluster", "hostname=REDACTED"),
        ("to db1.corp.internal over", "to REDACTED over"),
        ("GET https://a.b/m.om?Signature=xyz&Expires=5 ok", "GET https://a.b/m.om?REDACTED ok"),
        ("clone https://anna:pw@a.b/x.git", "clone https://a.b/x.git"),
        ("access_key_id = ABCDEF", "access_key_id = REDACTED"),
        ("Authorization: Bearer abc.def", "Authorization: REDACTED"),
        ("use hf_" + "a" * 30, "use REDACTED"),
    ],
)
def test_what_tells_who_and_where_is_taken_out(text, clean):
    assert scrub(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "| npu-smi 24.1.0.1      Version: 24.1.0.1 |",
        "toolkit_running_version=[7.5.0.1:8.0.RC3][7.6.0.1:8.0.0]",
        "toolkit_running_version=[1.84.15.1.310:6.0.1]",
        "| 0       0         | 0000:AF:00.0    | 0            934  / 23054 |",
        "[PID: 77] 2025-01-02-03:04:05.678.901 Failed",
        "optype [ai.onnx::11::Convx]. GELib::InnerInitialize Add::Add",
        "[FUNC:Init][FILE:a.cc][LINE:50]",
        "/lib64/libstdc++.so.6.0.29 python3.7.5 999.1.1.1",
        "The error from device(2), serial number is 17",
        "/homework/x /rooted/y",
        "/usr/local/Ascend/driver/version.info ~ ~/x and ~5 users",
        "batch 4, max_tokens: 128",
    ],
)
def test_versions_bus_ids_times_and_names_of_code_stay(text):
    assert scrub(text) == text


def test_further_words_are_taken_out_whole():
    assert scrub("anna ran banana on gpu-7 as an", ["anna", "gpu-7", "an"]) == "REDACTED ran banana on REDACTED as an"


def test_only_the_largest_of_nested_words_is_seen():
    assert scrub("lab-node-7", ["lab-node-7", "lab"]) == "REDACTED"


NPU = (
    "[root@node ~]# npu-smi info\n| npu-smi 24.1.0.1    Version: 24.1.0.1 |\n"
    "| 6 310P3 | OK | NA 55 0 / 0 |\n| 0 0 | 0000:83:00.0 | 0 1175 / 44280 |\n"
    "| NPU Chip | Process id | Process name | Process memory(MB) |\n| 6 0 | 293029 | python3.11 | 6612 |\n"
)
AIS = (
    "[anna@h1 x]$ python3 -m ais_bench --model /home/anna/a.om\n[INFO] output path:/home/anna/out/2024_01_02-03_04_05\n"
    "[INFO] try get model batchsize:4\n[INFO] NPU_compute_time (ms): min = 1.5, max = 4.0, mean = 2.0\n"
    "[INFO] throughput 1000*batchsize.mean(4)/NPU_compute_time.mean(2.0): 2000.0\n[ERROR] no /root/x.bin\n"
)
MSAME = (
    "/root/out/20210202_172031\nInference time: 3.5ms\nInference average time: 3.5 ms\n[INFO] Execute sample success\n"
)
ATC = (
    "ATC run failed, Please\nEC0010: [PID: 5] 2025-01-02-03:04:05.678.901 no module in /home/anna/lib\n"
    "        TraceBack (most recent call last):\n        failed.[FUNC:A][FILE:a.cc][LINE:1]\n"
)
SUMMARY = json.dumps(
    {
        "filesinfo": {"0": {"infiles": ["/home/anna/0.bin"], "outfiles": ["/root/o/0_0.bin"]}},
        "NPU_compute_time": {"mean": 2.0},
        "throughput": 500.0,
        "npu_compute_time_list": [1.5, 2.5],
    }
)
PURE = "PureInfer result saved in /root/r.txt\nave_throughputRate: 5samples/s, ave_latency: 1ms\n"
SAMPLES: list[tuple[Callable[[str], Any], str]] = [
    (smi_text.parse_info, NPU),
    (ais_bench_text.parse, AIS),
    (ais_bench_summary.parse_summary, SUMMARY),
    (msame_text.parse, MSAME),
    (atc_text.parse, ATC),
    (codes.messages, ATC),
    (benchmark_text.parse_pure, PURE),
    (benchmark_text.parse_perf_file, "[infer] throughputRate: 1, Interface throughputRate: 2, moduleLatency: 3\n"),
    (smi_text.parse_mapping, "5   0   0   Ascend 910B3\n"),
    (smi_readings.parse_board, "NPU ID : 0\nSerial Number : 2102313TRM10\nChip ID : 0\nChip Name : 910B4\n"),
    (version_files.cann_version, "toolkit_running_version=[7.5.0.1:8.0.RC3]"),
    (version_files.toolkit_info, "version=8.0.RC3\npath=/home/anna/Ascend\n"),
    (version_files.driver_version, "Version=24.1.0.1\n"),
]


def scrubbed(value: Any) -> Any:
    """Return parsed values with every text in them scrubbed."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, tuple | list):
        return tuple(scrubbed(part) for part in value)
    if isinstance(value, dict):
        return {key: scrubbed(part) for key, part in value.items()}
    if dataclasses.is_dataclass(value):
        return {field.name: scrubbed(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


@pytest.mark.parametrize(("parse", "text"), SAMPLES)
def test_scrubbed_text_parses_to_the_scrubbed_values(parse, text):
    if parse is smi_readings.parse_board:
        text = text.replace("2102313TRM10", "REDACTED")

    assert scrubbed(parse(scrub(text))) == scrubbed(parse(text))


@pytest.mark.parametrize(("parse", "text"), SAMPLES)
def test_no_name_is_left_in_a_sample(parse, text):
    clean = scrub(text)

    assert not any(name in clean for name in ("anna", "/root", "@node", "@h1", "2102313"))


ADDRESS = st.builds(
    "{}.{}.{}.{}".format,
    st.integers(10, 255), st.integers(0, 255), st.integers(0, 255), st.integers(1, 254),
)  # fmt: skip
NAME = st.from_regex(r"\A[a-z][a-z0-9]{4,11}\Z").filter(
    lambda name: name != "user" and name not in "".join(text for _, text in SAMPLES)
)


@given(user=NAME, host=NAME, address=ADDRESS)
def test_names_and_addresses_between_the_lines_vanish_and_change_no_value(user, host, address):
    noise = f"[{user}@{host} ~]$ ssh {address} ls /home/{user}/x\n"

    for parse, text in SAMPLES[:6]:
        clean = scrub(noise + text) if parse is not ais_bench_summary.parse_summary else scrub(text)

        assert not any(secret in clean for secret in (f"/{user}", f"@{host}", address))
        assert scrubbed(parse(clean)) == scrubbed(parse(text))


@given(st.text(max_size=300))
def test_scrubbing_twice_changes_nothing_more(text):
    assert scrub(scrub(text)) == scrub(text)
