"""Segmentation: the original scripts' numbers on the golden images, both protocols, and the stored matrices."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from harness import metrics
from harness.cards import ModelCard
from harness.errors import CardError, RunError
from harness.metrics import iou
from harness.samples import Outputs

GOLDENS = Path(__file__).parents[2] / "goldens"
GOLDEN = json.loads((GOLDENS / "metrics.json").read_text())
TRAIN_IDS = dict(zip([7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33], range(19), strict=True))
TRUNCATED = {"pixel_accuracy": "truncated"}


def card_of(protocol="dataset", classes=19, shape=(48, 96), **params):
    return ModelCard.model_validate(
        {
            "name": "segmenter",
            "family": "f",
            "classes": classes,
            "source": {"url": "u", "framework": "torch"},
            "input": ({"name": "x", "dtype": "float32", "shape": ("N", 3, *shape)},),
            "output": ({"name": "map", "index": 0, "dtype": "float32", "shape": ("N", 19, *shape), "scored": True},),
            "dataset": {"kind": "cityscapes", "count": 6},
            "metric": {"name": "miou", "protocol": protocol, "params": params},
        }
    )


def golden_image(index, height=48, width=96):
    """Return labels and logits of a golden image: 8 × 8 blocks of label ids, four of five pixels pushed right."""
    random = np.random.Generator(np.random.PCG64(zlib.crc32(f"metric:{index}".encode())))
    low, high = (7, 20) if index < 2 else (0, 34)
    ids = random.integers(low, high, (height // 8, width // 8)).repeat(8, 0).repeat(8, 1)
    logits = 0.8 * random.standard_normal((1, 19, height, width))
    labels = np.full(ids.shape, -1, np.int16)
    for label_id, train_id in TRAIN_IDS.items():
        labels[ids == label_id] = train_id
    rows, columns = np.nonzero((random.random((height, width)) < 0.8) & (labels >= 0))
    logits[0, labels[rows, columns], rows, columns] += 2.2
    return labels, logits[0].astype(np.float32)


def scored(card, images):
    scorer = metrics.make_scorer(card)
    for index, (labels, logits) in enumerate(images):
        scorer.add(Outputs(f"city_{index}", (logits,)), labels)
    return scorer


def named(scorer):
    return {(m.name, m.protocol): m for m in scorer.measures()}


def one_hot(classes, predicted):
    return np.moveaxis(np.eye(classes, dtype=np.float32)[predicted], -1, 0)


@pytest.fixture(scope="module")
def golden_scorer():
    return scored(card_of("running-mean", **TRUNCATED), [golden_image(index) for index in range(6)])


def test_the_pooled_matrix_is_that_of_the_intrada_script(golden_scorer):
    matrices = iou.dense(golden_scorer.outcomes())

    assert matrices.sum(axis=0).tolist() == GOLDEN["intrada"]["hist"]


def test_the_data_set_protocol_gives_the_scripts_miou_and_class_ious(golden_scorer):
    found = named(golden_scorer)

    assert found["miou", "dataset"].value == pytest.approx(GOLDEN["intrada"]["mIoU"], abs=1e-12)
    per_class = [found[f"iou:{index}", "dataset"].value for index in range(19)]
    assert per_class == pytest.approx(GOLDEN["intrada"]["per_class_IoU"], abs=1e-12)


def test_pixel_accuracy_uses_the_logits_as_they_are(golden_scorer):
    assert named(golden_scorer)["pixacc", "dataset"].value == pytest.approx(GOLDEN["true_pixAcc_float_logits"])


def test_the_running_mean_is_that_of_the_icnet_script(golden_scorer):
    found = named(golden_scorer)["miou", "running-mean"]

    assert found.value == pytest.approx(GOLDEN["icnet"]["reported_average_mIoU"], abs=1e-7)


def test_the_scripts_pixel_accuracy_truncates_the_logits(golden_scorer):
    found = named(golden_scorer)["pixacc", "running-mean"]

    assert found.value == pytest.approx(GOLDEN["icnet"]["reported_average_pixAcc"], abs=1e-12)


def test_the_readme_protocol_comes_first(golden_scorer):
    assert golden_scorer.measures()[0].protocol == "running-mean"


def test_image_order_moves_the_running_mean_and_the_range_is_told(golden_scorer):
    low, high = named(golden_scorer)["miou", "running-mean"].order_range

    assert low < named(golden_scorer)["miou", "running-mean"].value < high
    assert named(golden_scorer)["miou", "dataset"].order_range is None


def test_the_mean_of_upstreams_running_values_is_what_upstream_reports():
    log = json.loads((GOLDENS / "icnet_upstream_real_eval.json").read_text())
    running = np.array(log["running_mIoU_percent"])

    # The matrices of a log that gives only the running mIoU: one class whose cumulative IoU is that value.
    union = np.full((log["n"], 1), 10**6)
    cumulative = np.round(running / 100 * 10**6 * np.arange(1, log["n"] + 1)).astype(np.int64)
    hits = np.diff(cumulative, prepend=0)[:, None]

    assert round(iou.running_mean_iou(iou.Overlap(hits, union)), 3) == log["reported_average_mIoU"] == 0.710
    assert iou.pooled_iou(iou.Overlap(hits, union)) == pytest.approx(log["final_dataset_mIoU_percent"] / 100)


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("running-mean", GOLDEN["single_class_perfect"]["icnet_mIoU"]),
        ("dataset", GOLDEN["single_class_perfect"]["intrada_nanmean_mIoU"]),
    ],
)
def test_an_absent_class_counts_as_nothing_in_one_protocol_and_not_at_all_in_the_other(protocol, expected):
    labels = np.zeros((4, 4), np.int16)

    scorer = scored(card_of(protocol), [(labels, one_hot(19, labels))])

    assert scorer.measures()[0].value == pytest.approx(expected, abs=1e-7)


def test_iou_by_hand_on_four_pixels():
    labels = np.array([[0, 0], [1, -1]], np.int16)
    predicted = np.array([[0, 1], [1, 1]])

    found = named(scored(card_of(classes=2), [(labels, one_hot(2, predicted))]))

    assert found["iou:0", "dataset"].value == 1 / 2
    assert found["iou:1", "dataset"].value == 1 / 2
    assert found["pixacc", "dataset"].value == 2 / 3


def test_every_image_counts_by_its_pixels_not_as_one_mean():
    right = np.zeros((2, 2), np.int16)
    wrong = np.array([[1, -1], [-1, -1]], np.int16)
    images = [(right, one_hot(2, right)), (wrong, one_hot(2, np.zeros((2, 2), int)))]

    found = named(scored(card_of(classes=2), images))

    assert found["miou", "dataset"].value == pytest.approx((4 / 5 + 0) / 2)


def test_stored_outcomes_give_the_same_measures(tmp_path, golden_scorer):
    card = card_of("running-mean", **TRUNCATED)
    np.savez(tmp_path / "outcomes.npz", **golden_scorer.outcomes())

    with np.load(tmp_path / "outcomes.npz", allow_pickle=False) as stored:
        again = metrics.from_outcomes(card.metric, stored)

    assert again == golden_scorer.measures()


def test_class_names_travel_with_the_outcomes():
    labels = np.array([[0, 1]], np.int16)

    scorer = scored(card_of(classes=("road", "sky")), [(labels, one_hot(2, labels))])

    assert ("iou:sky", "dataset") in named(scorer)


def test_the_worst_images_have_the_lowest_iou():
    labels = np.array([[0, 1], [0, 1]], np.int16)
    half = np.array([[0, 1], [1, 0]])
    images = [(labels, one_hot(2, labels)), (labels, one_hot(2, 1 - labels)), (labels, one_hot(2, half))]

    found = scored(card_of(classes=2), images).worst(2)

    assert [line.split()[0] for line in found] == ["city_1", "city_2"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("position", [0, 18])
def test_a_logit_that_is_no_number_is_a_failure_naming_sample_and_output(bad, position):
    labels, logits = golden_image(0)
    logits[position, 40, 90] = bad

    with pytest.raises(RunError, match="sample city_0: output map") as caught:
        scored(card_of(), [(labels, logits)])

    assert caught.value.kind == "nan"


def test_a_label_map_of_another_size_is_refused():
    labels, logits = golden_image(0)

    with pytest.raises(RunError, match=r"expected shape \(48, 95\), got \(48, 96\)"):
        scored(card_of(), [(labels[:, :-1], logits)])


@pytest.mark.parametrize("label", [-2, 19, 255])
def test_an_unknown_label_is_a_data_error(label):
    labels, logits = golden_image(0)
    labels[3, 3] = label

    with pytest.raises(RunError, match="labels from -1 to 18") as caught:
        scored(card_of(), [(labels, logits)])

    assert caught.value.kind == "data"


def test_pictures_without_a_labelled_pixel_give_no_number():
    labels, logits = golden_image(0)

    with pytest.raises(RunError, match="at least one labelled pixel"):
        scored(card_of(), [(np.full_like(labels, -1), logits)]).measures()


def test_another_number_of_channels_is_refused():
    labels, logits = golden_image(0)

    with pytest.raises(RunError, match=r"expected shape \(19, 48, 96\), got \(18, 48, 96\)"):
        scored(card_of(), [(labels, logits[:18])])


@pytest.mark.parametrize(
    ("protocol", "params"),
    [
        ("sum", {}),
        ("dataset", {"pixel_accuracy": "rounded"}),
        ("dataset", {"resize": 1}),
        ("dataset", {"upsample": {"height": 8}}),
        ("dataset", {"upsample": {"height": 0, "width": 4, "align_corners": True}}),
    ],
)
def test_what_is_not_built_in_is_refused_before_anything_is_scored(protocol, params):
    with pytest.raises(CardError, match="metric"):
        metrics.make_scorer(card_of(protocol, **params))


def test_logits_are_upsampled_to_the_label_map_first():
    labels = np.array([[0, 0, 1], [0, 1, 1], [1, 1, -1]], np.int16)
    logits = np.array([[[0.0, 0.0], [0.0, 0.0]], [[-3.0, 1.0], [1.0, 5.0]]], np.float32)
    card = card_of(classes=2, upsample={"height": 3, "width": 3, "align_corners": True})

    found = iou.dense(scored(card, [(labels, logits)]).outcomes())

    # Class 1 becomes -3 -1 1 / -1 1 3 / 1 3 5, so the labels are met wherever there is one.
    assert found[0].tolist() == [[3, 0], [0, 5]]
    assert metrics.prediction(card, Outputs("a", (logits,))).tolist() == [[0, 0, 1], [0, 1, 1], [1, 1, 1]]


def test_a_paired_loss_is_that_of_the_cards_protocol():
    labels, logits = golden_image(0)
    reference = scored(card_of(), [(labels, one_hot(19, np.maximum(labels, 0)))])
    candidate = scored(card_of(), [(labels, logits)])

    found = metrics.paired(card_of(), candidate.outcomes(), reference.outcomes(), "torch-cpu")

    assert found.reference_value == 1.0
    assert found.loss == pytest.approx(1 - candidate.measures()[0].value)
    assert found.interval is None


def test_enough_images_give_intervals_around_the_values():
    images = [golden_image(index, 16, 16) for index in range(2, 34)]
    scorer = scored(card_of("running-mean"), images)

    for measure in scorer.measures()[:2]:
        low, high = measure.interval
        assert low < measure.value < high


RESNEST = {"miou": "MIoU", "pixacc": "Pixel_acc", "meanacc": "Mean_acc", "fwiou": "FWIoU"}


@pytest.mark.parametrize(("name", "printed"), RESNEST.items(), ids=list(RESNEST))
def test_the_four_numbers_are_those_of_the_resnest_script(golden_scorer, name, printed):
    assert named(golden_scorer)[name, "dataset"].value == pytest.approx(GOLDEN["resnest_seg"][printed], abs=1e-12)


def test_mean_accuracy_and_weighted_iou_by_hand_leave_out_classes_without_a_label():
    labels = np.array([[0, 0], [0, 1]], np.int16)
    predicted = np.array([[0, 0], [2, 1]])

    found = named(scored(card_of(classes=3), [(labels, one_hot(3, predicted))]))

    assert found["meanacc", "dataset"].value == pytest.approx((2 / 3 + 1) / 2)
    assert found["fwiou", "dataset"].value == pytest.approx(3 / 4 * 2 / 3 + 1 / 4 * 1)


def channels_last_card():
    card = card_of()
    (output,) = card.output
    return card.model_copy(update={"output": (output.model_copy(update={"layout": "NHWC"}),)})


def test_outputs_with_the_classes_last_score_the_same(golden_scorer):
    images = [(labels, np.moveaxis(logits, 0, -1)) for labels, logits in map(golden_image, range(6))]

    found = named(scored(channels_last_card(), images))

    assert found == {key: value for key, value in named(golden_scorer).items() if key[1] == "dataset"}


def test_predictions_of_outputs_with_the_classes_last_are_their_argmax():
    _, logits = golden_image(0)

    predicted = metrics.prediction(channels_last_card(), Outputs("a", (np.moveaxis(logits, 0, -1),)))

    assert np.array_equal(predicted, logits.argmax(0))


def test_classes_first_are_refused_where_the_card_says_they_are_last():
    labels, logits = golden_image(0)

    with pytest.raises(RunError, match=r"expected shape \(19, 48, 19\), got \(19, 48, 96\)"):
        scored(channels_last_card(), [(labels, logits)])
