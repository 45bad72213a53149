"""First measurements become rows of their cards; what is promised already, or unfit, does not."""

import datetime
from pathlib import Path

import pytest

from harness import adopt, cards
from harness.adopt import Adoption, Refusal
from harness.errors import CardError, UsageError
from harness.results import Case, Entry, Result, Verdict
from harness.runs import RunFolder
from tests.harness.toy_card import CARD, QUIET, ROUNDS

TODAY = datetime.date(2024, 3, 1)
PROMISE = """
[[baseline]]
chip = "Ascend310P3"
batch = 4
metric = "throughput"
value = 100
unit = "images/s"
role = "promise"
definition = "msame"
source = { file = "README.md", line = 1, text = "100" }
"""
WHOLE = {"used": 10, "declared": 10, "ids_digest": "d"}
TOP1 = {"name": "top1", "protocol": "by-name", "value": 2 / 3, "n": 10}
PACKAGES = {"packages": {"onnxruntime": "1.20.0", "torch": "2.5.0"}}


@pytest.fixture
def card(tmp_path):
    """A card without a promise for this machine, in a folder of its own."""
    path = tmp_path / "models/toy/card.toml"
    path.parent.mkdir(parents=True)
    path.write_text(CARD, encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path):
    """A run's folder without results."""
    folder = RunFolder(tmp_path / "20240301-120000-abc-1")
    folder.start({"plan": [], "options": ["--weights", "seeded", "--cards", "a", "--unpromised", "--cards", "b"]})
    return folder


def measured(check="throughput", **changes):
    """Return what one check measured on this machine's processor."""
    case = {"model": "toy", "runtime": "ort-cpu", "chip": "cpu", "batch": 4, "check": check}
    case |= {key: changes.pop(key) for key in tuple(changes) if key in Case.model_fields}
    facts = {"measures": (TOP1,), "samples": WHOLE} if check == "accuracy" else {"measurement": QUIET}
    facts |= {"status": "measured", "environment": PACKAGES}
    return Result(case=Case(**case), **{**facts, **changes})


def decided(run, card, *results):
    for result in results:
        # What the gate said then does not count: the card may have changed since.
        run.append(Entry(result=result, verdict=Verdict(outcome="NO_BASELINE", code="no-promise")).to_json())
    return adopt.examine(run.path, {"toy": cards.load(card)}, TODAY)


def adopted(run, card, *results):
    made = decided(run, card, *results)
    adopt.write(card, [one for one in made if isinstance(one, Adoption)])
    return cards.load(card).baseline


def reason(run, card, result):
    (one,) = decided(run, card, result)
    assert isinstance(one, Refusal)
    return one.reason


def test_a_rate_on_a_processor_becomes_a_rate_per_canary(run, card):
    (row,) = adopted(run, card, measured("throughput"))

    assert (row.chip, row.batch, row.metric, row.role) == ("cpu", 4, "throughput", "measured")
    assert (row.value, row.unit) == (20.0, "images/canary")
    assert (row.definition, row.inputs, row.condition) == ("wall", "real", "")


def test_a_latency_on_a_processor_becomes_a_share_of_the_canary(run, card):
    (row,) = adopted(run, card, measured("latency"))

    assert (row.metric, row.value, row.unit) == ("latency", 0.2, "canary")


@pytest.mark.parametrize(
    ("check", "value", "unit"), [("throughput", 2000.0, "images/s"), ("latency", 2.0, "ms")], ids=str
)
def test_a_speed_on_a_device_keeps_its_own_unit(run, card, check, value, unit):
    (row,) = adopted(run, card, measured(check, runtime="ort-cuda", chip="NVIDIA H200"))

    assert (row.chip, row.value, row.unit) == ("NVIDIA H200", value, unit)


def test_an_accuracy_becomes_a_fraction_with_enough_digits_to_bound_nothing(run, card):
    (row,) = adopted(run, card, measured("accuracy"))

    assert (row.metric, row.protocol, row.value, row.unit) == ("top1", "by-name", 0.666667, "")
    assert row.half_unit == pytest.approx(5e-7)


def test_an_accuracy_that_is_a_round_number_keeps_its_digits(run, card):
    (row,) = adopted(run, card, measured("accuracy", measures=({**TOP1, "value": 1.0},)))

    assert (row.value, row.decimals) == (1.0, 6)


def test_a_row_says_where_it_was_measured_and_with_what(run, card):
    _, row = adopted(run, card, measured("throughput"), measured("latency"))

    assert (row.source.file, row.source.line) == ("20240301-120000-abc-1/results.jsonl", 2)
    assert row.source.text == "0.2000 canary (2.000 ms)"
    assert row.toolchain == "onnxruntime 1.20.0"


def test_what_tensorflow_measured_names_tensorflow(run, card):
    here = {"packages": {"onnxruntime": "1.20.0", "tensorflow-cpu": "2.18.0"}}

    (row,) = adopted(run, card, measured("accuracy", runtime="tf-cpu", environment=here))

    assert row.toolchain == "tensorflow-cpu 2.18.0"


def test_a_result_that_names_its_toolchain_is_believed(run, card):
    (row,) = adopted(run, card, measured(toolchain={"name": "CANN", "version": "6.0.RC1"}))

    assert row.toolchain == "CANN 6.0.RC1"


def test_lines_are_counted_as_the_file_has_them(run, card):
    (run.path / "results.jsonl").write_text("\n\n", encoding="utf-8")

    (row,) = adopted(run, card, measured())

    assert row.source.line == 3


@pytest.mark.parametrize("check", ["throughput", "latency", "accuracy"])
def test_what_has_been_adopted_is_promised_from_then_on(run, card, check):
    adopted(run, card, measured(check))

    (again,) = decided(RunFolder(run.path), card)

    assert again == Refusal(again.case, "promised already")


def test_a_promise_of_another_definition_stays_beside_the_new_row(run, card):
    card.write_text(CARD + PROMISE, encoding="utf-8")
    case = {"runtime": "aclruntime", "chip": "Ascend310P3"}

    promise, row = adopted(run, card, measured(**case))

    assert (promise.value, promise.role, promise.definition) == (100.0, "promise", "msame")
    assert (row.value, row.role, row.definition) == (2000.0, "measured", "wall")


def test_an_existing_promise_is_neither_lowered_nor_repeated(run, card):
    card.write_text(CARD + PROMISE.replace('"msame"', '"wall"'), encoding="utf-8")
    slow, fast = ({**QUIET, "rounds_ms": (round_ms,) * 9} for round_ms in (400.0, 1.0))
    case = {"runtime": "aclruntime", "chip": "Ascend310P3"}

    reasons = [
        one.reason for one in decided(run, card, measured(measurement=slow, **case), measured(measurement=fast, **case))
    ]

    assert reasons == ["promised already", "promised already"]


def test_a_score_that_is_no_share_is_adopted_with_its_unit_and_direction(run, card):
    psnr = {**TOP1, "name": "psnr", "value": 31.52, "unit": "dB"}
    fid = {**TOP1, "name": "fid", "value": 9.95, "unit": ""}

    better, worse = adopted(
        run, card, *(measured("accuracy", measures=(one,), batch=b) for b, one in ((1, psnr), (4, fid)))
    )

    assert (better.metric, better.value, better.unit, better.higher_is_better) == ("psnr", 31.52, "dB", True)
    assert (worse.metric, worse.value, worse.unit, worse.higher_is_better) == ("fid", 9.95, "1", False)


def test_a_score_of_which_nobody_says_what_is_better_is_not_adopted(run, card):
    sharpness = {**TOP1, "name": "sharpness", "value": 31.52, "unit": ""}

    assert reason(run, card, measured("accuracy", measures=(sharpness,))).startswith(
        "nobody says whether more of sharpness is better"
    )


def test_an_accuracy_that_is_promised_for_any_chip_is_not_adopted_for_one(run, card):
    promise = PROMISE.replace('"Ascend310P3"', '"any"').replace('"throughput"', '"top1"').replace("100", "0.9", 1)
    card.write_text(CARD + promise.replace('unit = "images/s"\n', ""), encoding="utf-8")

    assert reason(run, card, measured("accuracy")) == "promised already"


UNFIT = {
    "seeded weights": (measured(weights="seeded"), "measured with seeded weights"),
    "another checkpoint": (measured(weights="0" * 64), "measured with other weights"),
    "emulated": (measured(emulated=True), "measured on an emulated chip"),
    "broken": (measured(status="error", error={"kind": "oom", "message": "too large"}), "FAIL wrong-error: oom"),
    "not run": (measured(status="not_run", missing="no data", missing_need="data"), "NOT_RUN missing-data: no data"),
    "NaN speed": (measured("latency", measurement={**QUIET, "rounds_ms": (float("nan"),) * 9}), "FAIL nan: latency"),
    "NaN score": (measured("accuracy", measures=({**TOP1, "value": float("nan")},)), "FAIL nan: top1 is NaN"),
    "no round": (measured(measurement={**QUIET, "rounds_ms": ()}), "NOT_RUN infra"),
    "restless": (measured(measurement={**QUIET, "canary_before_ms": 12.0}), "the canary moved"),
    "no canary": (measured(measurement=ROUNDS), "no canary was timed"),
    "threads": (measured(threads=2), "measured with 2 threads"),
    "the reference": (measured(runtime="torch-cpu"), "the speed of the reference"),
    "a subset": (measured("accuracy", samples={**WHOLE, "declared": 20}), "measured on a part of the data set"),
    "parity": (measured("parity"), "its check has a threshold of its own"),
    "unknown model": (measured(model="gone"), "there is no card gone; give its folder with --cards"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_no_card_should_promise_is_refused_with_the_reason(run, card, name):
    result, expected = UNFIT[name]

    assert reason(run, card, result).startswith(expected)


def test_an_accuracy_that_lost_against_its_reference_is_refused(run, card):
    numbers = {"value": 0.6, "reference_value": 0.7, "loss": 0.1, "n": 10}
    pairing = {"reference": "torch-cpu", "metric": "top1", "protocol": "by-name", **numbers}

    assert reason(run, card, measured("accuracy", paired=pairing)).startswith("FAIL margin: top1")


def test_an_accuracy_that_only_met_its_reference_is_a_first_measurement(run, card):
    numbers = {"value": 2 / 3, "reference_value": 2 / 3, "loss": 0.0, "n": 10}
    pairing = {"reference": "torch-cpu", "metric": "top1", "protocol": "by-name", **numbers}

    (row,) = adopted(run, card, measured("accuracy", paired=pairing))

    assert row.metric == "top1"


def test_two_measurements_that_would_contradict_each_other_give_one_row(run, card):
    first, second = decided(run, card, measured(), measured(runtime="ort-files"))

    assert isinstance(first, Adoption)
    assert second == Refusal(second.case, "another row of this run says the same")


def test_everything_above_the_new_rows_stays_as_it_was(run, card):
    adopted(run, card, measured())

    text = card.read_text(encoding="utf-8")
    assert text.startswith(f'{CARD}\n[[baseline]]\nchip = "cpu"\nbatch = 4\nmetric = "throughput"\nvalue = 20.0\n')


@pytest.mark.parametrize("before", [CARD.rstrip("\n"), CARD.replace("\n", "\r\n")], ids=["no last line end", "Windows"])
def test_a_cards_line_ends_are_kept(run, card, before):
    card.write_bytes(before.encode())

    (row,) = adopted(run, card, measured())

    after = card.read_bytes()
    assert row.value == 20.0
    assert after.startswith(before.encode())
    assert (after.count(b"\r\n") == after.count(b"\n")) == ("\r\n" in before)


def test_a_cards_mode_and_the_link_to_it_are_kept(run, card, tmp_path):
    card.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(card)

    adopted(run, link, measured())

    assert link.is_symlink()
    assert card.stat().st_mode & 0o777 == 0o640
    assert len(cards.load(card).baseline) == 1


def test_a_card_that_cannot_take_a_row_is_left_alone(run, card):
    (made,) = decided(run, card, measured())
    inline = CARD.replace("[source]", "baseline = []\n[source]")
    card.write_text(inline, encoding="utf-8")

    with pytest.raises(CardError, match=r"toy/card\.toml: expected a readable TOML file, got .*nothing was written"):
        adopt.write(card, [made])

    assert card.read_text(encoding="utf-8") == inline
    assert [path.name for path in card.parent.iterdir()] == ["card.toml"]


def test_a_card_that_is_gone_is_a_usage_error(run, card):
    (made,) = decided(run, card, measured())
    card.unlink()

    with pytest.raises(UsageError, match=r"toy/card\.toml: expected a card that can be written, got No such file"):
        adopt.write(card, [made])


def test_the_card_folders_of_a_run_are_those_it_was_given(run, tmp_path):
    assert adopt.card_folders(run.path) == (Path("a"), Path("b"))
    with pytest.raises(UsageError, match="expected a run folder"):
        adopt.card_folders(tmp_path)
