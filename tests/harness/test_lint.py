"""Marks on cards: each rule marks what it is for, and leaves ordinary numbers alone."""

import datetime

import pytest

from harness import cards, lint
from harness.cards import ModelCard

TODAY = datetime.date(2026, 1, 1)


def card(**changes) -> ModelCard:
    tensor = {"name": "x", "dtype": "float32", "shape": ("N", 3, 8, 8)}
    table = {
        "name": "street",
        "family": "street",
        "classes": 3,
        "batches": (1, 4, 8),
        "chips": ("Ascend310P3", "Ascend310"),
        "source": {"url": "https://example.org", "commit": "0" * 40, "framework": "torch"},
        "input": (tensor,),
        "output": ({**tensor, "name": "y", "index": 0, "scored": True},),
        "dataset": {"kind": "cityscapes", "count": 10},
        "metric": {"name": "miou", "protocol": "dataset"},
    }
    return ModelCard.model_validate({**table, **changes})


def speed(batch: int, value: float, **changes) -> dict:
    row = {"chip": "Ascend310P3", "batch": batch, "metric": "throughput", "value": value, "unit": "images/s"}
    told = {"role": "promise", "definition": "ais_bench", "inputs": "zero"}
    return {**row, **told, "source": {"file": "README.md", "line": 7, "text": str(value)}, **changes}


def score(value: float, **changes) -> dict:
    row = {"chip": "Ascend310P3", "batch": 1, "metric": "miou", "protocol": "dataset", "value": value, "unit": "%"}
    return {**row, "role": "promise", "source": {"file": "README.md", "line": 7, "text": str(value)}, **changes}


def found(**changes) -> list[tuple[str, str]]:
    return [(mark.rule, mark.where) for mark in lint.marks(card(**changes), TODAY)]


def test_an_ordinary_card_has_no_mark():
    rows = (score(47.0), speed(1, 19.25), speed(4, 31.22), speed(8, 32.33))

    assert found(baseline=rows) == []


def test_resnest50s_jump_from_435_to_1704_is_marked():
    rows = (speed(4, 1704.0), speed(1, 435.0), speed(8, 1630.0))

    (mark,) = lint.marks(card(baseline=rows), TODAY)

    assert (mark.rule, mark.where) == ("speed-jump", "baseline[0].value")
    assert mark.text == "×3.92 from batch 1 (baseline[1]) to 4: 4 images in the time of 1.02"


def test_the_steepest_step_seen_in_other_readmes_is_not_marked():
    assert found(baseline=(speed(1, 797.067), speed(4, 2473.96), speed(8, 3724.76))) == []


def test_speeds_of_different_chips_scopes_and_definitions_are_not_compared():
    rows = (
        speed(1, 100.0),
        speed(4, 400.0, chip="Ascend310"),
        speed(4, 400.0, scope="card"),
        speed(4, 400.0, definition="msame"),
        speed(4, 400.0, role="reference"),
    )

    assert found(baseline=rows) == []


def test_a_batch_at_half_the_best_rate_is_marked_and_one_at_0_65_of_it_is_not():
    assert found(baseline=(speed(1, 40.0), speed(4, 50.0), speed(8, 25.0))) == [("speed-fall", "baseline[2].value")]
    assert found(baseline=(speed(1, 1500.0), speed(4, 1704.0), speed(8, 1107.0))) == []


@pytest.mark.parametrize(
    ("promised", "reference", "expected"),
    [
        (66.45, 63.38, ["above-reference"]),
        (63.89, 63.38, ["above-reference"]),
        (63.87, 63.38, []),
        (62.39, 63.38, []),
        (62.37, 63.38, ["below-reference"]),
    ],
)
def test_an_accuracy_far_from_its_reference_is_marked(promised, reference, expected):
    rows = (score(promised), score(reference, chip="any", batch="unstated", role="reference"))

    assert [rule for rule, _ in found(baseline=rows)] == expected


def test_with_several_references_the_promise_may_lie_anywhere_between_them():
    rows = (score(65.0), *(score(value, chip="any", batch="unstated", role="reference") for value in (60.0, 66.0)))

    assert found(baseline=rows) == []


@pytest.mark.parametrize(
    ("metric", "unit", "promised", "reference", "expected"),
    [
        ("wer", "%", 9.0, 9.6, "above-reference: 9.00 % promised, the lowest reference is 9.60 %"),
        ("wer", "%", 10.7, 9.6, "below-reference: 10.70 % promised, the highest reference is 9.60 %"),
        ("wer", "%", 10.5, 9.6, ""),
        ("psnr", "dB", 31.69, 31.53, "above-reference: 31.69 dB promised, the highest reference is 31.53 dB"),
        ("psnr", "dB", 31.21, 31.53, "below-reference: 31.21 dB promised, the lowest reference is 31.53 dB"),
        ("psnr", "dB", 31.22, 31.53, ""),
        ("fid", "", 9.80, 9.95, "above-reference: 9.800 promised, the lowest reference is 9.950"),
        ("fid", "", 10.06, 9.95, "below-reference: 10.06 promised, the highest reference is 9.950"),
        ("fid", "", 10.04, 9.95, ""),
    ],
)
def test_errors_and_scores_are_marked_the_right_way_round(metric, unit, promised, reference, expected):
    changes = {"metric": metric, "unit": unit}
    rows = (score(promised, **changes), score(reference, **changes, chip="any", batch="unstated", role="reference"))

    marks = lint.marks(card(baseline=rows), TODAY)

    assert "; ".join(f"{mark.rule}: {mark.text}" for mark in marks) == expected


def test_scores_that_depend_on_the_batch_are_marked_by_their_size():
    changes = {"metric": "psnr", "unit": "dB"}

    assert found(baseline=(score(31.50, **changes), score(31.60, batch=4, **changes))) == []
    assert found(baseline=(score(31.50, **changes), score(31.70, batch=4, **changes))) == [
        ("accuracy-by-batch", "baseline[0].value")
    ]


def test_an_accuracy_that_depends_on_the_batch_is_marked():
    rows = (score(47.0), score(47.2, batch=4), score(46.4, batch=8), score(40.0, chip="Ascend310"))

    assert found(baseline=rows) == [("accuracy-by-batch", "baseline[2].value")]


def ratio(at_least: float, scope: str = "chip") -> dict:
    return {
        "name": "larger",
        "numerator": {"chip": "Ascend310P3", "batch": "best", "metric": "throughput"},
        "denominator": {"chip": "Ascend310", "batch": "best", "scope": scope, "metric": "throughput"},
        "at_least": at_least,
        "source": {"file": "README.md", "line": 7, "text": str(at_least)},
    }


@pytest.mark.parametrize(("printed", "marked"), [(1.606, False), (1.607, False), (1.61, True), (1.5, True)])
def test_a_ratio_that_its_own_numbers_do_not_give_is_marked(printed, marked):
    rows = (speed(1, 46.2538), speed(4, 28.792, chip="Ascend310"))  # 46.2538 / 28.792 = 1.60648

    assert found(baseline=rows, ratio=(ratio(printed),)) == [("ratio-arithmetic", "ratio[0].at_least")] * marked


def test_a_ratio_of_a_chip_and_a_card_is_marked():
    assert found(ratio=(ratio(1.6, scope="card"),)) == [("mixed-scope", "ratio[0]")]


def test_a_ratio_of_accuracies_outside_its_own_tolerance_is_marked():
    side = {"chip": "Ascend310P3", "batch": 1, "metric": "miou"}
    within = {**ratio(1.0), "numerator": side, "denominator": {**side, "chip": "Ascend310"}}
    within |= {"at_least": None, "within": 1.0, "tolerance": 0.01}
    near = (score(47.0), score(47.4, chip="Ascend310"))
    far = (score(47.0), score(48.0, chip="Ascend310"))

    assert found(baseline=near, ratio=(within,)) == []
    assert found(baseline=far, ratio=(within,)) == [("ratio-arithmetic", "ratio[0].within")]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (speed(1, 9.0, definition=""), ("no-definition", "baseline[0].definition")),
        (speed(1, 9.0, inputs=""), ("no-definition", "baseline[0].inputs")),
        (speed(1, 9.0, unit=""), ("no-unit", "baseline[0].unit")),
        (score(47.0, protocol=""), ("no-definition", "baseline[0].protocol")),
        (score(47.0, source={"file": "README.md", "text": "47"}), ("no-place", "baseline[0].source.line")),
    ],
)
def test_a_fact_that_explains_too_little_is_marked(row, expected):
    assert found(baseline=(row,)) == [expected]
    assert found(baseline=({**row, "role": "reference"},)) == []


def test_a_measured_baseline_for_any_chip_needs_no_line():
    assert found(baseline=(score(47.0, chip="any", source={"file": "tiny.toml", "text": "47"}),)) == []


def test_a_node_named_by_a_running_number_needs_a_note():
    numbered = {"framework": 5, "out_nodes": "Resize_317:0"}

    assert found(atc=numbered) == [("numbered-node", "atc.out_nodes")]
    assert found(atc={**numbered, "note": "output 0"}) == []
    assert found(atc={**numbered, "out_nodes": "resize/ResizeBilinear:0"}) == []


def test_a_branch_name_does_not_pin_the_source():
    source = {"url": "https://example.org", "framework": "torch"}

    assert found(source={**source, "commit": "master"}) == [("unpinned-source", "source.commit")]
    assert found(source=source) == [("unpinned-source", "source.commit")]


def test_a_checkpoint_without_any_digest_is_marked():
    assert found(weights={"file": "a.pth"}) == [("unverified-weights", "weights.sha256")]
    assert found(weights={"file": "a.pth", "prefix": "528c19ca"}) == []


def test_a_waiver_is_marked_from_the_day_after_its_date():
    waiver = {"chip": "any", "batch": "any", "check": "latency", "owner": "A", "reason": "slow", "link": "here"}

    assert found(waiver=({**waiver, "expires": TODAY},)) == []
    assert found(waiver=({**waiver, "expires": TODAY - datetime.timedelta(days=1)},)) == [
        ("waiver-expired", "waiver[0].expires")
    ]


def test_the_shipped_cards_are_marked_where_their_readmes_are_strange():
    marked = {(one.name, mark.rule) for one in cards.load_all() if one.nightly for mark in lint.marks(one, TODAY)}

    assert marked == {
        ("resnest50", "speed-jump"),
        ("icnet", "unverified-weights"),
        ("intrada-deeplabv2", "unverified-weights"),
        ("intrada-deeplabv2", "mixed-scope"),
        ("resnest-seg", "above-reference"),
        ("resnest-seg", "unverified-weights"),
        ("spinenet", "unverified-weights"),
    }


def test_every_rule_is_explained_in_the_modules_table():
    used = {"speed-jump", "speed-fall", "above-reference", "below-reference", "accuracy-by-batch", "ratio-arithmetic"}
    used |= {"mixed-scope", "no-definition", "no-unit", "no-place", "numbered-node", "unpinned-source"}
    used |= {"unverified-weights", "waiver-expired"}

    explained = {line.split("`")[1] for line in (lint.__doc__ or "").splitlines() if line.startswith("| `")}

    assert explained == used
