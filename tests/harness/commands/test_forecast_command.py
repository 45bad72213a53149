"""The command `omgate forecast`: what it prints, and what it refuses before it builds anything."""

import json
from pathlib import Path

import pytest

from harness import cli
from tests.harness.forecast.cancelling import write


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.devices.LEASES", tmp_path / "leases")
    for name in ("OMGATE_EMULATE_CHIPS", "OMGATE_EMULATE_CANN", "OMGATE_EMULATE_FAULT", "OMGATE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


def forecast(folder: Path, *arguments: str) -> int:
    places = ["--cards", str(folder / "models"), "--data-dir", str(folder / "data")]
    return cli.main(["forecast", "cancelling", *places, "--cache-dir", str(folder / "cache"), *arguments])


def test_the_text_tells_the_loss_the_operator_and_what_a_forecast_is(tmp_path, capsys):
    write(tmp_path)

    assert forecast(tmp_path, "--mode", "force_fp16") == 0

    out, err = capsys.readouterr()
    assert "Forecast for cancelling on Ascend310P3 at batch 1" in out
    assert "EMULATED" in out
    assert "25.00 %         -75 points    3     0" in out
    assert "100.0%  1.00e+00  Conv  Conv_0    wide" in out
    assert err.splitlines() == [
        "must_keep_origin_dtype: building, running and comparing",
        "force_fp16: building, running and comparing",
        "force_fp16: looking for the operators that contribute most",
    ]


def test_json_has_the_numbers_and_nothing_else_on_standard_output(tmp_path, capsys):
    write(tmp_path)

    asked = ("--mode", "force_fp16,must_keep_origin_dtype", "--samples", "2", "--operators", "0", "--chip", "310")
    assert forecast(tmp_path, *asked, "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["kind"], told["emulated"], told["chip"]) == (1, "rounding-floor", True, "Ascend310")
    assert told["contributions"] is None
    # Pictures 0 and 2 of four, spread evenly; with a tie only the last class is right.
    rows = {row["mode"]: row for row in told["modes"]}
    assert list(rows) == ["must_keep_origin_dtype", "force_fp16"]
    assert (rows["force_fp16"]["paired"]["n"], rows["force_fp16"]["paired"]["lost"]) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--mode", "fp8"], "--mode: unknown precision mode, got 'fp8'"),
        (["--samples", "5"], "--samples 5: expected at most 4"),
        (["--samples", "0"], "--samples: expected a number of 1 or more, got '0'"),
        (["--batch-size", "x"], "--batch-size: expected a number of 1 or more"),
        (["--operators", "-1"], "--operators: expected a number of 0 or more"),
        (["--budget", "nan"], "--budget: expected a number of seconds above 0"),
        (["--chip", "cpu"], "--chip: expected an Ascend chip"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, capsys, arguments, reason):
    write(tmp_path)

    assert forecast(tmp_path, *arguments) == 4

    assert reason in capsys.readouterr().err


def test_a_checkpoint_that_is_not_there_is_named_with_the_remedy(tmp_path, capsys):
    write(tmp_path, source="torch")

    assert forecast(tmp_path, "--weights", "nowhere.pth") == 1

    assert "--weights: nowhere.pth, got nothing; give a checkpoint file" in capsys.readouterr().err


def test_an_unknown_model_is_wrong_usage(tmp_path, capsys):
    write(tmp_path)

    assert cli.main(["forecast", "canceling", "--cards", str(tmp_path / "models")]) == 4
    assert "did you mean 'cancelling'?" in capsys.readouterr().err
