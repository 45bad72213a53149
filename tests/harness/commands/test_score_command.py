"""`omgate score`: outputs made by hand as each tool names them, judged as a gate would judge them."""

import json
import os

import numpy as np
import pytest

from harness import cli
from harness.digests import content_sha256
from harness.runs import read_entries
from tests.harness.scoring import colours
from tests.harness.scoring.colours import IDS
from tests.harness.scoring.test_score_summaries import AIS_SUMMARY

CHIP = ("--chip", "310P")
OOM_LOG = "EL0004: Failed to allocate memory.\n[ERROR] load model from file failed, model file is x.om\n"
EXPECT = """
[[expect]]
chip = "Ascend310P3"
batch = 32
check = "any"
outcome = "oom"
source = { file = "readme.md", line = 9, text = "out of memory" }
"""


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A folder with the card, its data, and whatever the user brings; settings of the machine do not count."""
    for name in [name for name in os.environ if name.startswith(("OMGATE_", "ASCEND_"))]:
        monkeypatch.delenv(name)
    colours.write(tmp_path)
    return tmp_path


def score(host, *arguments):
    places = [
        "--cards",
        host,
        "--data-dir",
        host / "data",
        "--cache-dir",
        host / "cache",
        "--report-dir",
        host / "runs",
    ]
    return cli.main(["score", "toy", *map(str, arguments), *map(str, places)])


def entries(host):
    (run,) = (host / "runs").iterdir()
    return {entry.result.case.check: entry for entry in read_entries(run)}


def test_outputs_of_another_host_are_judged_by_the_promise_and_the_reference(host, capsys):
    outputs = colours.write_outputs(host / "out")
    before = content_sha256(outputs)

    assert score(host, outputs, *CHIP) == 0

    entry = entries(host)["accuracy"]
    assert entry.result.case.id == "toy-ais_bench-Ascend310P3-bs1"
    assert (entry.verdict.outcome, entry.verdict.code) == ("PASS", "met")
    assert entry.result.measures[0].value == 0.8  # eight of ten are labelled rightly
    assert (entry.result.paired.reference, entry.result.paired.loss) == ("ort-cpu", 0)
    assert {worst.split()[0] for worst in entry.result.worst} == {"p8", "p9"}
    assert content_sha256(outputs) == before
    assert "80.00 %" in capsys.readouterr().out


def test_the_run_folder_is_that_of_a_gate(host):
    score(host, colours.write_outputs(host / "out"), *CHIP)

    (run,) = (host / "runs").iterdir()
    result = entries(host)["accuracy"].result
    outcomes = np.load(run / result.outcomes.path)
    assert outcomes["ids"].tolist() == list(IDS)
    assert outcomes["hit1"].tolist() == [True] * 8 + [False] * 2
    assert "toy-ais_bench-Ascend310P3-bs1" in (run / "table.md").read_text()
    document = json.loads((run / "run.json").read_text())
    assert document["argv"][:3] == ["omgate", "score", "toy"]
    assert result.toolchain["name"] == "unknown"
    assert "device_memory_mib" not in result.environment


@pytest.mark.parametrize(
    ("pattern", "runtime"),
    [
        ("{name}_output_0.bin", "msame"),
        ("{name}_1.bin", "benchmark"),
        ("sample_id_{number}_output_0.bin", "ais_bench"),
    ],
)
def test_the_runtime_is_the_tool_whose_names_they_are(host, pattern, runtime):
    assert score(host, colours.write_outputs(host / "out", pattern), *CHIP) == 0

    assert entries(host)["accuracy"].result.case.runtime == runtime


def test_ais_infers_own_summary_says_which_sample_a_number_is(host):
    outputs = host / "out"
    outputs.mkdir()
    files = {}
    for number, name in enumerate(reversed(IDS)):  # as if it had been given a list in this order
        colours.scores(int(name[1:])).tofile(outputs / f"sample_id_{number}_output_0.bin")
        files[str(number)] = {"infiles": [f"in/{name}.bin"], "outfiles": [f"out/sample_id_{number}_output_0.bin"]}
    summary = {key: AIS_SUMMARY[key] for key in ("NPU_compute_time", "throughput")}
    (outputs / "sumary.json").write_text(json.dumps({**summary, "filesinfo": files}))

    assert score(host, outputs, *CHIP) == 0


@pytest.mark.parametrize("suffix", ["npy", "txt"])
def test_outputs_in_other_formats_score_the_same(host, suffix):
    outputs = host / "out"
    outputs.mkdir()
    for number, name in enumerate(IDS):
        file = outputs / f"{name}_0.{suffix}"
        np.save(file, colours.scores(number)) if suffix == "npy" else np.savetxt(file, colours.scores(number), "%f")

    assert score(host, outputs, *CHIP) == 0


def test_wrong_outputs_are_red_with_the_command_that_repeats_it(host, capsys):
    outputs = colours.write_outputs(host / "out")
    colours.scores(1).tofile(outputs / "p0_0.bin")

    assert score(host, outputs, *CHIP) == 1

    printed = capsys.readouterr().out
    assert "FAIL missed: top1 (by-name) 70.00 % against 80.00 %" in printed
    assert "paired: top1 (by-name) 70.00 % against 80.00 % of ort-cpu" in printed
    assert f"reproduce: omgate score toy {outputs} --chip 310P --cards" in printed
    assert "worst samples: " in printed
    assert "p0 (class 1" in printed


def test_nan_is_red(host, capsys):
    outputs = colours.write_outputs(host / "out")
    np.full((1, 3), np.nan, np.float32).tofile(outputs / "p4_0.bin")

    assert score(host, outputs, *CHIP) == 1

    assert "FAIL nan" in capsys.readouterr().out


def test_files_of_a_batch_without_a_manifest_say_what_would_tell_them_apart(host, capsys):
    outputs = colours.write_outputs(host / "out")
    np.zeros((4, 3), np.float32).tofile(outputs / "p2_0.bin")

    assert score(host, outputs, *CHIP, "--batch-size", 4) == 1

    printed = capsys.readouterr().out
    assert "expected 12 bytes of output 'y', float32 (1, 3), got 48 in p2_0.bin and 1 such files, of p2" in printed
    assert "4 samples a file: only a pack's manifest says which" in printed


def test_a_missing_file_is_red_and_named(host, capsys):
    outputs = colours.write_outputs(host / "out")
    (outputs / "p6_0.bin").unlink()

    assert score(host, outputs, *CHIP) == 1

    assert "1 missing: output 0 of p6; run the tool on the rest" in capsys.readouterr().out


def test_a_subset_that_was_run_is_scored_as_one(host):
    outputs = colours.write_outputs(host / "out")
    for name in set(IDS) - {"p0", "p2", "p4", "p6", "p8"}:  # every second of ten
        (outputs / f"{name}_0.bin").unlink()

    assert score(host, outputs, *CHIP, "--samples", 5) == 5  # nothing clear on five samples

    entry = entries(host)["accuracy"]
    assert (entry.verdict.outcome, entry.result.samples.used, entry.result.samples.whole) == ("INCONCLUSIVE", 5, False)


def summary(host, throughput=800.0, rounds=(4.0, 5.0, 6.0) * 3):
    path = host / "x_summary.json"
    document = {**AIS_SUMMARY, "throughput": throughput, "npu_compute_time_list": list(rounds)}
    path.write_text(json.dumps(document))
    return path


def test_a_summary_is_a_throughput_in_the_tools_definition(host, capsys):
    outputs = colours.write_outputs(host / "out")

    assert score(host, outputs, *CHIP, "--batch-size", 4, "--summary", summary(host)) == 1

    entry = entries(host)["throughput"]
    assert entry.verdict.code == "missed"
    assert entry.verdict.judgements[0].observed == pytest.approx(800)  # 4 images in 5 ms
    assert entries(host)["accuracy"].verdict.outcome == "PASS"
    assert (
        "throughput 800.00 images/s against 1000 images/s promised for Ascend310P3, readme.md:8"
        in capsys.readouterr().out
    )


def test_inputs_of_another_kind_than_promised_are_not_compared(host):
    outputs = colours.write_outputs(host / "out")

    code = score(host, outputs, *CHIP, "--batch-size", 4, "--summary", summary(host), "--inputs", "zero")

    assert code == 0
    assert entries(host)["throughput"].verdict.outcome == "NO_BASELINE"


def test_a_log_that_tells_of_too_little_memory_is_what_the_card_expects(host):
    with (host / "card.toml").open("a") as stream:
        stream.write(EXPECT)
    (host / "out").mkdir()
    (host / "run.log").write_text(OOM_LOG)

    assert score(host, host / "out", *CHIP, "--batch-size", 32, "--summary", host / "run.log") == 0

    assert {entry.verdict.code for entry in entries(host).values()} == {"expected"}


def test_without_the_reference_the_promise_decides_and_the_rest_is_told(host):
    (host / "toy.onnx").unlink()

    assert score(host, colours.write_outputs(host / "out"), *CHIP) == 0

    verdict = entries(host)["accuracy"].verdict
    assert verdict.outcome == "PASS"
    (told,) = [judgement for judgement in verdict.judgements if judgement.name == "paired"]
    assert told.outcome == "NOT_RUN"
    assert "not compared with ort-cpu" in told.note
    assert "toy.onnx" in told.note


def test_what_the_emulated_toolchain_made_is_no_evidence_for_a_chip(host):
    assert score(host, colours.write_outputs(host / "out"), *CHIP, "--emulated") == 0  # as good as the reference

    entry = entries(host)["accuracy"]
    assert entry.result.case.emulated
    assert [judgement.name for judgement in entry.verdict.judgements][:1] == ["paired"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", *CHIP], "expected a folder of outputs"),
        (["out"], "--chip: expected the chip that the outputs were made on"),
        (["out", "--chip", "cpu"], "expected an Ascend chip"),
        (["out", *CHIP, "--samples", "11"], "--samples: expected at most 10"),
        (["out", *CHIP, "--samples", "0"], "at least 1"),
        (["out", *CHIP, "--tool", "trtexec"], "invalid choice"),
        (["out", *CHIP, "--weights", "none.pt"], "card, seeded or a checkpoint file"),
        (["out", *CHIP, "--summary", "none.json"], "expected a summary or log"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(host, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(host)
    colours.write_outputs(host / "out")

    assert score(host, *arguments) == 4

    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


def test_the_data_set_is_needed(host, capsys):
    assert cli.main(["score", "toy", str(host), *CHIP, "--cards", str(host)]) == 4

    assert "pass --data-dir" in capsys.readouterr().err


def test_nothing_is_reported_into_the_folder_of_outputs(host, capsys):
    outputs = colours.write_outputs(host / "out")

    places = ["--cards", str(host), "--data-dir", str(host / "data"), "--report-dir", str(outputs / "runs")]
    assert cli.main(["score", "toy", str(outputs), *CHIP, *places]) == 4

    assert "expected a place outside" in capsys.readouterr().err
