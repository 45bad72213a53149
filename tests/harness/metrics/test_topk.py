"""Top-1 and top-5: ties, the stored outcomes, the paired comparison, and numbers that are none."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from harness import metrics
from harness.cards import Metric, ModelCard
from harness.errors import RunError
from harness.samples import Outputs

GOLDEN = json.loads((Path(__file__).parents[2] / "goldens" / "metrics.json").read_text())["resnest50"]


def card_of(classes=1000, **extra):
    return ModelCard.model_validate(
        {
            "name": "classifier",
            "family": "f",
            "classes": classes,
            "source": {"url": "u", "framework": "torch"},
            "input": ({"name": "x", "dtype": "float32", "shape": ("N", 3, 8, 8)},),
            "output": ({"name": "logits", "index": 0, "dtype": "float32", "shape": ("N", classes), "scored": True},),
            "dataset": {"kind": "imagenet", "count": 4},
            "metric": {"name": "top1", "protocol": "by-name"},
            **extra,
        }
    )


def scored(rows, labels, classes=None):
    scorer = metrics.make_scorer(card_of(classes or len(rows[0])))
    for index, (row, label) in enumerate(zip(rows, labels, strict=True)):
        scorer.add(Outputs(f"img{index}", (np.asarray(row, np.float32),)), label)
    return scorer


def value(scorer, name, protocol="by-name"):
    return next(m.value for m in scorer.measures() if (m.name, m.protocol) == (name, protocol))


def golden_case():
    """The case behind the golden: 400 seeded score vectors of which a part is pushed towards its label."""
    random = np.random.Generator(np.random.PCG64(zlib.crc32(b"metric:top5")))
    labels = random.integers(0, 1000, 400)
    scores = random.standard_normal((400, 1000))
    kind = random.random(400)
    push = np.select([kind < 0.7, kind < 0.9], [6.0, 2.6], 0.0)
    scores[np.arange(400), labels] += push
    return scores.astype(np.float32), labels


def test_top1_and_top5_are_those_of_the_original_script():
    scores, labels = golden_case()

    scorer = scored(scores, labels)

    assert value(scorer, "top1") == pytest.approx(GOLDEN["top1"], abs=1e-12)
    assert value(scorer, "top5") == pytest.approx(GOLDEN["top5"], abs=1e-12)


@pytest.mark.parametrize("index", range(4))
def test_equal_scores_go_to_the_highest_class_in_the_script(index):
    label = (999, 998, 995, 0)[index]
    top1, top5 = GOLDEN["all_zero_scores_label_999_998_995_0"][index]

    scorer = scored([np.zeros(1000)], [label])

    assert (value(scorer, "top1"), value(scorer, "top5")) == (top1, top5)


def test_equal_scores_go_to_the_lowest_class_in_the_standard_protocol():
    scorer = scored([np.zeros(1000)] * 4, [0, 4, 5, 999])

    assert value(scorer, "top1", "standard") == 0.25
    assert value(scorer, "top5", "standard") == 0.5


def test_the_readme_protocol_comes_first():
    assert [(m.name, m.protocol) for m in scored([[0.0, 1.0]], [1]).measures()][:2] == [
        ("top1", "by-name"),
        ("top5", "by-name"),
    ]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_none_is_a_failure_naming_sample_and_output(bad):
    with pytest.raises(RunError, match="img0: output logits") as caught:
        scored([[0.0, bad, 1.0]], [2])

    assert caught.value.kind == "nan"


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_outside_the_classes_is_a_data_error(label):
    with pytest.raises(RunError, match="from 0 to 1") as caught:
        scored([[0.0, 1.0]], [label])

    assert caught.value.kind == "data"


def test_another_number_of_scores_than_the_card_has_classes_is_refused():
    with pytest.raises(RunError, match=r"expected shape \(3,\), got \(2,\)"):
        scored([[0.0, 1.0]], [1], classes=3)


def test_no_image_gives_no_number():
    with pytest.raises(RunError, match="at least one scored image"):
        metrics.make_scorer(card_of()).measures()


def test_stored_outcomes_give_the_same_measures(tmp_path):
    scorer = scored(*golden_case())
    np.savez(tmp_path / "outcomes.npz", **scorer.outcomes())

    with np.load(tmp_path / "outcomes.npz", allow_pickle=False) as stored:
        again = metrics.from_outcomes(Metric(name="top1", protocol="by-name"), stored)

    assert again == scorer.measures()


def test_the_worst_images_are_the_most_confident_mistakes():
    scorer = scored([[0, 9, 0], [0, 1, 0], [5, 0, 0], [0, 3, 0]], [0, 0, 0, 2])

    assert [line.split()[0] for line in scorer.worst(2)] == ["img0", "img3"]
    assert len(scorer.worst(9)) == 3


def test_the_interval_is_that_of_scipys_binomial_test():
    from scipy.stats import binomtest

    first = scored([[0, 1], [0, 1], [1, 0]], [1, 1, 1]).measures()[0]

    expected = binomtest(2, 3).proportion_ci(method="exact")
    assert first.interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_paired_comparison_counts_images_lost_and_gained():
    candidate = scored([[1, 0], [0, 1], [1, 0], [1, 0]], [0, 0, 1, 0]).outcomes()
    reference = scored([[0, 1], [1, 0], [0, 1], [1, 0]], [0, 0, 1, 0]).outcomes()

    found = metrics.paired(card_of(2), candidate, reference, "torch-cpu")

    assert (found.lost, found.gained, found.n) == (2, 1, 4)
    assert (found.value, found.reference_value, found.loss) == (0.5, 0.75, 0.25)


def test_other_images_are_not_paired():
    candidate = scored([[1, 0]], [0]).outcomes()
    reference = dict(candidate, ids=np.array(["other"]))

    with pytest.raises(RunError, match="the same images"):
        metrics.paired(card_of(2), candidate, reference, "torch-cpu")


def test_a_prediction_is_the_highest_of_the_best_classes():
    outputs = Outputs("img", (np.array([1.0, 3.0, 3.0], np.float32),))

    assert metrics.prediction(card_of(3), outputs).tolist() == [2]


def test_the_scored_output_is_found_among_those_kept():
    outputs = (
        {"name": "aux", "index": 0, "dtype": "float32", "shape": ("N", 2)},
        {"name": "dropped", "index": 1, "dtype": "float32", "shape": ("N", 2), "om": False},
        {"name": "main", "index": 2, "dtype": "float32", "shape": ("N", 2), "scored": True},
    )
    card = card_of(2, output=outputs)

    found = metrics.prediction(card, Outputs("img", (np.array([9.0, 0.0]), np.array([0.0, 9.0]))))

    assert found.tolist() == [1]


def test_no_class_is_predicted_from_nan():
    with pytest.raises(RunError, match="NaN or infinity") as caught:
        metrics.prediction(card_of(3), Outputs("img", (np.array([1.0, np.nan, 3.0], np.float32),)))

    assert caught.value.kind == "nan"


def test_too_few_outputs_are_refused():
    with pytest.raises(RunError, match="expected 1 outputs, got 0"):
        metrics.prediction(card_of(2), Outputs("img", ()))
