"""A forecast as text: what stands in which row, and that it says what it is."""

from harness.forecast_results import (
    Contributions,
    DeviceMemory,
    Forecast,
    ModeForecast,
    OperatorError,
    OutputError,
)
from harness.render.forecast_text import render
from harness.results import Measure, Paired, Samples

MIB = 2**20
MEASURE = Measure(name="top1", protocol="by-name", value=0.95, n=200)
PAIRED = Paired(
    reference="must_keep_origin_dtype",
    metric="top1",
    protocol="by-name",
    value=0.935,
    reference_value=0.95,
    loss=0.015,
    n=200,
    lost=4,
    gained=1,
)
ERROR = OutputError(output="logits", cosine=0.9999995, max_rel=1.13e-3, mean_rel=9.09e-4)
FLOAT32 = ModeForecast(
    mode="must_keep_origin_dtype",
    memory=DeviceMemory(weights=4 * MIB, io=MIB, workspace=5 * MIB),
    fits=False,
    measure=MEASURE,
    parity=(ERROR.model_copy(update={"max_rel": 4e-7, "mean_rel": 3e-7}),),
)
HALF = ModeForecast(
    mode="force_fp16",
    own=True,
    memory=DeviceMemory(weights=2 * MIB, io=MIB, workspace=3 * MIB),
    fits=True,
    measure=MEASURE.model_copy(update={"value": 0.935}),
    paired=PAIRED,
    parity=(ERROR,),
)
ROWS = (
    OperatorError(name="Conv_0", type="Conv", tensor="wide", error=9e-4, share=0.81),
    OperatorError(name="Exp_7", type="Exp", tensor="powers", error=1e300, share=None),
    OperatorError(name="Sub_2", type="Sub", tensor="back", error=0.1, share=1e4),
)


def made(*modes: ModeForecast, **changes: object) -> Forecast:
    facts: dict[str, object] = {
        "model": "toy",
        "chip": "Ascend310P3",
        "batch": 4,
        "weights": "card",
        "toolchain": {"name": "CANN", "version": "6.0.RC1"},
        "chip_mib": 21534,
        "chip_idle_mib": 1074,
        "samples": Samples(used=200, declared=2000, ids_digest=""),
        "parity_inputs": 1,
        "parity_reference": "torch-cpu",
        "modes": modes or (FLOAT32, HALF),
    }
    return Forecast.model_validate({**facts, **changes})


def cells(text: str, start: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.strip().startswith(start))
    return [cell for cell in line.strip().split("  ") if cell]


def test_modes_stand_side_by_side_with_their_difference_from_float32():
    text = render(made())

    assert "Accuracy (200 of 2000 samples) and memory of 21534 MiB, 1074 taken when idle" in text
    assert [cell.strip() for cell in cells(text, "force_fp16 *")] == [
        *("force_fp16 *", "93.50 %", "-1.5 points", "4", "1", "2.0 MiB", "6.0 MiB", "fits")
    ]
    first = [cell.strip() for cell in cells(text, "must_keep_origin_dtype")]
    assert first == ["must_keep_origin_dtype", "95.00 %", "—", "—", "—", "4.0 MiB", "10.0 MiB", "DOES NOT FIT"]
    assert "* the card's own mode" in text


def test_a_gain_has_no_sign_and_no_difference_is_no_minus_zero():
    gain = HALF.model_copy(update={"paired": PAIRED.model_copy(update={"loss": -0.005})})
    none = HALF.model_copy(update={"mode": "force_fp32", "paired": PAIRED.model_copy(update={"loss": 0.0})})

    text = render(made(FLOAT32, gain, none))

    assert cells(text, "force_fp16 *")[2].strip() == "0.5 points"
    assert cells(text, "force_fp32 *")[2].strip() == "0 points"


def test_an_output_has_a_row_per_mode():
    text = render(made())

    assert "Outputs against torch-cpu, on 1 input\n" in text
    rows = [line.split() for line in text.splitlines() if line.startswith("  logits")]
    assert rows == [
        ["logits", "must_keep_origin_dtype", "0.9999995", "4.00e-07", "3.00e-07"],
        ["logits", "force_fp16", "0.9999995", "1.13e-03", "9.09e-04"],
    ]


def test_rows_of_one_output_stand_together():
    other = ERROR.model_copy(update={"output": "aux"})
    modes = [mode.model_copy(update={"parity": (*mode.parity, other)}) for mode in (FLOAT32, HALF)]

    names = [line.split()[0] for line in render(made(*modes)).splitlines() if line.startswith(("  logits", "  aux"))]

    assert names == ["logits", "logits", "aux", "aux"]


def test_what_is_not_finite_is_no_number():
    broken = ERROR.model_copy(update={"cosine": 0.0, "max_rel": 1e300, "mean_rel": 1e300, "finite": False})
    half = HALF.model_copy(update={"parity": (broken,), "measure": None, "failures": ("nan: toy: output logits",)})

    text = render(made(FLOAT32, half))

    assert cells(text, "logits  force_fp16")[-2:] == ["incomparable", " incomparable"]
    assert "force_fp16 broke: nan: toy: output logits" in text


def test_operators_stand_with_their_share_and_the_method():
    text = render(made(contributions=Contributions(mode="force_fp16", method="By hand.", error=1e-3, rows=ROWS)))

    assert "Operators that contribute most to force_fp16, whose error is 1.00e-03 (||a-b|| / ||b||)" in text
    assert [cell.strip() for cell in cells(text, "81.0%")] == ["81.0%", "9.00e-04", "Conv", "Conv_0", "wide"]
    assert [cell.strip() for cell in cells(text, "—")][:2] == ["—", "incomparable"]
    assert cells(text, "> 999%")
    assert "By hand." in text
    assert "of the squared error of the whole mode" in " ".join(text.split())


def test_how_much_the_named_operators_explain_together_is_said():
    rows = tuple(ROWS[0].model_copy(update={"share": share}) for share in (0.036, 0.009))

    text = render(made(contributions=Contributions(mode="force_fp16", method="By hand.", error=1e-3, rows=rows)))

    assert "\n  together 4.5%\n" in text


def test_why_no_operators_are_named_is_said():
    text = render(made(contributions=Contributions(mode="force_fp16", skipped="expected more time")))

    assert "Operators behind force_fp16: not looked for: expected more time" in text


def test_without_accuracy_the_reason_is_said():
    bare = FLOAT32.model_copy(update={"measure": None})

    text = render(made(bare, samples=None, unscored="seeded weights score nothing"))

    assert "Accuracy (not scored: seeded weights score nothing)" in text
    assert "accuracy" in cells(text, "mode")[1]


def test_it_says_that_it_is_emulated_a_floor_and_an_estimate():
    text = " ".join(render(made()).split())

    assert "EMULATED by CANN 6.0.RC1 (emulated). It judges nothing." in text
    assert "A rounding floor, not an NPU's number" in text
    assert "Memory is an estimate, calibrated on batch sizes that READMEs state" in text
