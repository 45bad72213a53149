"""What a recording proves of a fact: small recordings by hand, in the words that the tools' contract gives."""

import json

import pytest

from harness.selftest import probes
from harness.selftest.recording import Transcript
from tests.harness.selftest.recorded import of

TABLE = """\
| npu-smi 22.0.0                       Version: {version} |
| NPU     Name      | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
| 0       310P3     | OK              | 17.0         56                0    / 0              |
| 0       0         | 0000:AF:00.0    | {aicore}            {used}  / 20000                            |
"""
SMI = ("npu-smi", "smi-info")


def state(fact, *transcripts, **fields):
    found = {one.id: one for one in probes.statements(of(*transcripts, **fields))}[fact]
    return found.state


def ran(tool, name, text="", end="exit code 0", **more):
    return Transcript(name=name, tool=tool, text=text, end=end, **more)


def acl(name="acl-session", text="", **said):
    return ran("python", name, f"{text}\nomgate-acl: {json.dumps(said)}\n")


def table(name="smi-info", used=900, aicore=0, version="22.0.2"):
    return ran("npu-smi", name, TABLE.format(used=used, aicore=aicore, version=version))


OLD_ERROR = "call drvMngGetConsoleLogLevel failed , g_conLogLevel = 3"
RESULTS = "result/dumpOutput_device0"
RIGHT = {number: tuple(32.0 * number + each for each in range(16)) for number in range(6)}
BENCHMARK = {f"{RESULTS}/{number:08d}_1.bin": RIGHT[number] for number in range(6)}
PERF = "[infer] throughputRate: 171.595, Interface throughputRate: 247.898, moduleLatency: 5.12562\n"
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"
STAMP = "out/2022922_17_4_9_955610"


@pytest.mark.parametrize(
    ("fact", "transcript", "expected"),
    [
        ("atc-output-om-suffix", ran("atc", "atc-dotted", files={"dotted.om.om": 9}), "confirmed"),
        ("atc-output-om-suffix", ran("atc", "atc-dotted", files={"dotted.om": 9}), "differs"),
        ("atc-output-om-suffix", ran("atc", "atc-dotted", FAILED, end="exit code 255"), "not-probed"),
        ("dynamic-om-suffix", ran("atc", "atc-gears", files={"gears_linux_x86_64.om": 9}), "differs"),
        ("atc-exit-code-on-failure", ran("atc", "atc-unknown-input", FAILED, end="exit code 0"), "differs"),
        ("atc-exit-code-on-failure", ran("atc", "atc-unknown-input", FAILED, end="exit code 1"), "confirmed"),
        ("atc-unknown-input-code", ran("atc", "atc-unknown-input", f"{FAILED}E10016: Opname [x]."), "confirmed"),
        ("atc-unknown-input-code", ran("atc", "atc-unknown-input", f"{FAILED}E19999: Inner Error!"), "differs"),
        ("atc-unknown-out-node-code", ran("atc", "atc-unknown-out-node", f"{FAILED}E11017: x"), "confirmed"),
        ("om-output-display-name", acl(outputs=[{"name": "add:0:y"}]), "confirmed"),
        ("om-output-display-name", acl(outputs=[{"name": "y"}]), "differs"),
        ("om-output-display-name", acl(open="[1][ACL: invalid parameter] "), "not-probed"),
        ("fp16-output-dtype", acl(inputs=[{"dtype": "float32"}], outputs=[{"dtype": "float16"}]), "differs"),
        (
            "smi-old-error-first",
            ran(*SMI, f"{OLD_ERROR}\n{TABLE.format(used=9, aicore=0, version='20.2')}"),
            "confirmed",
        ),
        ("smi-old-error-first", table(), "not-probed"),
        ("msame-wrong-size", ran("msame", "msame-wrong-size", "[ERROR] execute model failed"), "confirmed"),
        ("msame-wrong-size", ran("msame", "msame-wrong-size", "[INFO] Execute sample success"), "differs"),
        ("acl-exec-time-pairs", acl(new=True, times=[[1.0, 2.5]]), "confirmed"),
        ("acl-exec-time-pairs", acl(new=False, times=[1.5]), "confirmed"),
        ("acl-exec-time-pairs", acl(new=False, times=[[1.0, 2.5]]), "differs"),
        ("acl-wrong-size-refused", acl(wrong_size="[-1][ACL: general failure] "), "confirmed"),
        ("acl-wrong-size-refused", acl(wrong_size=""), "differs"),
        (
            "acl-load-failure-code",
            acl("acl-damaged", "[ERROR] load model from file failed, model file is x", open="[1][ACL: x] "),
            "confirmed",
        ),
        ("acl-load-failure-code", acl("acl-damaged", open="[2][ACL: memory allocation fail] "), "differs"),
        ("ais-bench-summary-sibling", ran("ais_bench", "ais-folder", files={"out/r_summary.json": 1}), "confirmed"),
        ("ais-bench-summary-sibling", ran("ais_bench", "ais-folder", files={"out/r/sumary.json": 1}), "confirmed"),
        ("ais-bench-summary-sibling", ran("ais_bench", "ais-folder", files={"out/r/summary.json": 1}), "differs"),
        ("ais-bench-help-lists-flags", ran("ais_bench", "ais-help", "--model --output --loop"), "confirmed"),
        ("ais-bench-help-lists-flags", ran("ais_bench", "ais-help", "--model --output"), "differs"),
        ("ais-bench-wrong-size", ran("ais_bench", "ais-wrong-size", "[ERROR] size", end="exit code 1"), "confirmed"),
        ("ais-bench-wrong-size", ran("ais_bench", "ais-wrong-size", "[ERROR] size"), "differs"),
        ("msame-stamp-form", ran("msame", "msame-folder", f"{STAMP}\n", files={f"{STAMP}/a.bin": 1}), "confirmed"),
        ("msame-stamp-form", ran("msame", "msame-folder", f"{STAMP}\n", files={"out/now/a.bin": 1}), "differs"),
        ("msame-stamp-form", ran("msame", "msame-folder", "out/now\n", files={"out/now/a.bin": 1}), "differs"),
        ("msame-load-failure", ran("msame", "msame-damaged", "[ERROR] load model from file failed"), "confirmed"),
        ("msame-load-failure", ran("msame", "msame-damaged", "[INFO] Execute sample success"), "differs"),
        ("benchmark-numbering-from-1", ran("benchmark", "benchmark-files", values=BENCHMARK), "confirmed"),
        (
            "benchmark-numbering-from-1",
            ran("benchmark", "benchmark-files", values={f"{RESULTS}/00000000_0.bin": RIGHT[0]}),
            "differs",
        ),
        ("benchmark-last-batch-padding", ran("benchmark", "benchmark-files", values=BENCHMARK), "confirmed"),
        (
            "benchmark-last-batch-padding",
            ran("benchmark", "benchmark-files", values=dict(list(BENCHMARK.items())[:4])),
            "differs",
        ),
        (
            "benchmark-perf-file",
            ran("benchmark", "benchmark-files", texts={"result/perf_vision_batchsize_4_device_0.txt": PERF}),
            "confirmed",
        ),
        (
            "benchmark-perf-file",
            ran("benchmark", "benchmark-files", texts={"result/perf_vision_batchsize_4_device_0.txt": "nothing"}),
            "differs",
        ),
        ("benchmark-load-failure", ran("benchmark", "benchmark-damaged", "all is well"), "differs"),
        ("benchmark-load-failure", ran("benchmark", "benchmark-damaged", end="exit code 1"), "confirmed"),
        ("smi-lists-processes", table(), "differs"),
        ("idle-memory-share", table(used=3000), "confirmed"),
        ("idle-memory-share", table(used=3001), "differs"),
        ("idle-aicore-percent", table(aicore=1), "confirmed"),
        ("idle-aicore-percent", table(aicore=2), "differs"),
        ("idle-memory-share", ran("npu-smi", "smi-info", "dcmi module initialize failed. ret is -8005"), "differs"),
    ],
)
def test_a_transcript_proves_a_fact_or_its_contrary_or_nothing(fact, transcript, expected):
    assert state(fact, transcript) == expected


@pytest.mark.parametrize(
    ("cann", "opened", "expected"),
    [
        ("8.0.RC3", "[107001][Error code unknown] ", "confirmed"),
        ("6.0.RC1", "[107001][Error code unknown] ", "differs"),
        ("8.0.RC3", "", "differs"),
        ("6.0.RC1", "", "confirmed"),
        ("", "[107001][Error code unknown] ", "confirmed"),
        ("8.0.RC3", "[1][ACL: invalid parameter] ", "not-probed"),
    ],
)
def test_whether_devices_are_renumbered_is_seen_by_the_last_ones_own_number(cann, opened, expected):
    said = {"open": opened} if opened else {"outputs": []}

    assert state("rt-visible-renumbers", acl("acl-visible", **said), cann=cann) == expected


@pytest.mark.parametrize(("used", "expected"), [(1300, "confirmed"), (1301, "differs"), (700, "confirmed")])
def test_two_per_cent_of_the_memory_may_stay_with_the_driver(used, expected):
    assert state("memory-comes-back", table(used=900), table("smi-info-after", used=used)) == expected


def test_a_chip_that_others_use_tells_nothing_of_an_idle_one():
    busy = ran("npu-smi", "smi-info", table(used=9000).text + "| 0       0         | 4711 | train | 8000 |\n")

    assert state("idle-memory-share", busy) == "not-probed"


@pytest.mark.parametrize(("driver", "expected"), [("22.0.2", "confirmed"), ("23.0.0", "differs"), ("", "not-probed")])
def test_the_driver_is_what_its_file_says(driver, expected):
    assert state("driver-version-agrees", table(), driver=driver) == expected


@pytest.mark.parametrize(
    ("fact", "notes", "expected"),
    [
        ("precision-mode-default", {"rounding": "2048"}, "confirmed"),
        ("precision-mode-default", {"rounding": "2049"}, "differs"),
        ("om-file-mode", {"om-mode": "0644"}, "differs"),
        ("om-names-its-chip", {"om-chip": "no chip"}, "confirmed"),
        ("om-names-its-chip", {"om-chip": "Ascend310"}, "differs"),
        ("smi-logic-id-is-acl-id", {"mapping": "its memory on NPU 1 chip 0"}, "differs"),
        ("atc-reads-links", {}, "not-probed"),
    ],
)
def test_observations_that_are_no_text_prove_facts_too(fact, notes, expected):
    assert state(fact, notes=notes) == expected


CASTS = ran("atc", "atc-int64", files={"int64.om": 9})


@pytest.mark.parametrize(
    ("transcripts", "expected"),
    [
        ((CASTS, acl("acl-int64", inputs=[{"dtype": "int64"}], outputs=[{"dtype": "float32"}, {"dtype": "int64"}])), 1),
        ((CASTS, acl("acl-int64", inputs=[{"dtype": "int32"}], outputs=[{"dtype": "float32"}, {"dtype": "int64"}])), 0),
        ((CASTS, acl("acl-int64", inputs=[{"dtype": "int64"}], outputs=[{"dtype": "float32"}, {"dtype": "int32"}])), 0),
        ((CASTS, acl("acl-int64", open="[1][ACL: invalid parameter] ")), None),
        ((ran("atc", "atc-int64", FAILED, end="exit code 255"),), None),
    ],
    ids=["kept", "input narrowed", "output narrowed", "not opened", "not built"],
)
def test_int64_is_looked_for_on_both_sides_of_an_om(transcripts, expected):
    assert state("int64-in-om", *transcripts) == {1: "confirmed", 0: "differs", None: "not-probed"}[expected]


@pytest.mark.parametrize(
    ("text", "end", "notes", "expected"),
    [
        ("ATC start working now\n", "the end by signal SIGKILL", {"killed": "at work"}, "confirmed"),
        ("ATC start working now\nKilled\n", "exit code 137", {"killed": "at work"}, "confirmed"),
        ("ATC start working now\n", "exit code 0", {"killed": "at work"}, "differs"),
        (FAILED, "exit code 255", {"killed": "at work"}, "differs"),
        ("ATC run success, welcome to the next use.\n", "exit code 0", {}, "not-probed"),
    ],
    ids=["killed", "killed in a shell", "exit code 0", "a verdict", "too fast"],
)
def test_a_killed_atc_tells_what_the_kernel_would_leave(text, end, notes, expected):
    assert state("atc-host-oom", ran("atc", "atc-killed", text, end), notes=notes) == expected


PURE = "[INFO] ave_throughputRate: 1.22321samples/s, ave_latency: 817.799ms\n"


@pytest.mark.parametrize(
    ("most", "more", "expected"),
    [(PURE, "[ERROR] round must in 1 to 1024", "confirmed"), (PURE, PURE, "differs"), ("[ERROR] x", "", "differs")],
)
def test_the_most_rounds_of_benchmark_are_those_after_which_it_refuses(most, more, expected):
    runs = ran("benchmark", "benchmark-most", most), ran("benchmark", "benchmark-more", more, "exit code 1")

    assert state("benchmark-most-rounds", *runs) == expected


def test_nothing_is_proven_by_an_empty_recording():
    assert {one.state for one in probes.statements(of())} == {"not-probed"}
