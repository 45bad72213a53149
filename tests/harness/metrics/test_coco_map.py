"""Detection: the numbers of the original evaluation and of pycocotools on the golden detections, and bad detections."""

import json
from pathlib import Path

import numpy as np
import pytest

from harness import metrics, sidecar
from harness.cards import ModelCard
from harness.errors import CardError, RunError
from harness.metrics.coco_curves import NAMES
from harness.samples import Objects, Outputs

GOLDENS = Path(__file__).parents[2] / "goldens"
GOLDEN = json.loads((GOLDENS / "coco_metrics.json").read_text())
GROUND_TRUTH = json.loads((GOLDENS / "coco_gt.json").read_text())
PRINTED = ("AP", "AP50", "AP75", "APs", "APm", "APl", "ARmax1", "ARmax10", "ARmax100", "ARs", "ARm", "ARl")
PERFECT = pytest.approx(1.0, abs=1e-12)  # COCO adds 2.2e-16 to the denominator of a precision
OUTPUTS = {
    "NumDetections": ("N",),
    "DetectionBoxes": ("N", 100, 4),
    "DetectionClasses": ("N", 100),
    "DetectionScores": ("N", 100),
    "ImageInfo": ("N", 4, 2),
}


def card_of(protocol="all-rows", steps=(), outputs=OUTPUTS, classes=90, **params):
    return ModelCard.model_validate(
        {
            "name": "detector",
            "family": "f",
            "classes": classes,
            "source": {"url": "u", "framework": "tensorflow"},
            "input": ({"name": "x", "dtype": "uint8", "shape": ("N", 640, 640, 3)},),
            "output": tuple(
                {"name": name, "index": i, "dtype": "float32", "shape": shape, "scored": i == 1}
                for i, (name, shape) in enumerate(outputs.items())
            ),
            "dataset": {"kind": "coco", "count": 8},
            "preprocess": steps,
            "metric": {"name": "map", "protocol": protocol, "params": params},
        }
    )


def objects_of(height=640, width=640, boxes=(), classes=()):
    table = np.array(boxes, np.float64).reshape(-1, 4)
    areas, crowd = table[:, 2] * table[:, 3], np.zeros(len(table), np.bool_)
    return Objects(height, width, table, np.array(classes, np.int64), areas, crowd)


def golden_images():
    """Yield outputs and objects of the golden images, in the order of their ids."""
    with np.load(GOLDENS / "coco_dets.npz") as stored:
        names = ("num_detections", "detection_boxes", "detection_classes", "detection_scores", "image_info")
        columns = [stored[name].astype(np.float32) for name in names]
        ids = stored["source_id"]
    for number, image in enumerate(sorted(GROUND_TRUTH["images"], key=lambda row: row["id"])):
        assert image["id"] == ids[number]
        rows = [row for row in GROUND_TRUTH["annotations"] if row["image_id"] == image["id"]]
        target = Objects(
            image["height"],
            image["width"],
            np.array([row["bbox"] for row in rows]).reshape(-1, 4),
            np.array([row["category_id"] for row in rows], np.int64),
            np.array([row["area"] for row in rows]),
            np.array([row["iscrowd"] for row in rows], np.bool_),
        )
        yield Outputs(str(image["id"]), tuple(column[number] for column in columns)), target


def detections(boxes, classes, scores, count=None, info=((640, 640), (640, 640), (1, 1), (0, 0))):
    """Return outputs of one image; corners as (top, left, bottom, right)."""
    return Outputs(
        "a",
        tuple(
            np.array(values, np.float32)
            for values in (len(scores) if count is None else count, np.reshape(boxes, (-1, 4)), classes, scores, info)
        ),
    )


def scored(card, images):
    scorer = metrics.make_scorer(card)
    for outputs, target in images:
        scorer.add(outputs, target)
    return scorer


def named(scorer):
    return {(measure.name, measure.protocol): measure.value for measure in scorer.measures()}


@pytest.fixture(scope="module")
def golden_scorer():
    return scored(card_of(), golden_images())


@pytest.mark.parametrize(
    ("protocol", "golden"),
    [("all-rows", "COCOEvaluator_with_padding_rows"), ("standard", "pycocotools_only_valid_rows_all_images")],
)
def test_the_twelve_numbers_of_both_protocols_are_the_golden_ones(golden_scorer, protocol, golden):
    found = named(golden_scorer)

    expected = [GOLDEN[golden][name] for name in PRINTED]
    assert [found[name, protocol] for name in NAMES] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("protocol", "other"), [("all-rows", "standard"), ("standard", "all-rows")])
def test_the_readme_protocol_comes_first_and_the_other_is_computed_too(protocol, other):
    found = scored(card_of(protocol), golden_images()).measures()

    assert (found[0].name, found[0].protocol, found[0].n) == ("map", protocol, 8)
    assert {measure.protocol for measure in found} == {protocol, other}


def test_a_padding_row_finds_an_object_under_the_seeds_protocol_only():
    target = objects_of(boxes=[(10, 20, 100, 50)], classes=[1])
    padding = detections([(20, 10, 70, 110)] * 100, [1] * 100, [-1] * 100, count=0)

    found = named(scored(card_of(), [(padding, target)]))

    assert found["map", "all-rows"] == pytest.approx(GOLDEN["padding_only_image"]["COCOEvaluator_AP"])
    assert found["map", "standard"] == GOLDEN["padding_only_image"]["AP_if_padding_is_dropped"] == 0.0


def test_numbers_of_area_ranges_without_objects_are_left_out():
    target = objects_of(boxes=[(0, 0, 20, 20)], classes=[3])

    found = named(scored(card_of("standard"), [(detections([(0, 0, 20, 20)], [3], [0.9]), target)]))

    assert found["map", "standard"] == found["aps", "standard"] == PERFECT
    assert ("apm", "standard") not in found
    assert ("arl", "standard") not in found


def test_boxes_are_top_left_bottom_right():
    target = objects_of(boxes=[(30, 10, 40, 20)], classes=[1])

    right = scored(card_of("standard"), [(detections([(10, 30, 30, 70)], [1], [0.9]), target)])
    turned = scored(card_of("standard"), [(detections([(30, 10, 70, 30)], [1], [0.9]), target)])

    assert right.measures()[0].value == PERFECT
    assert turned.measures()[0].value == 0.0


def test_boxes_are_divided_by_the_scale_that_the_graph_reports():
    target = objects_of(320, 160, boxes=[(10, 20, 30, 40)], classes=[1])
    info = ((320, 160), (640, 640), (2, 4), (0, 0))

    found = detections([(40, 40, 120, 160)], [1], [0.9], info=info)

    assert scored(card_of("standard"), [(found, target)]).measures()[0].value == PERFECT


@pytest.mark.parametrize(
    ("step", "corners"),
    [
        ({"step": "letterbox", "params": {"width": 640, "height": 640, "fill": (0, 0, 0)}}, (40, 20, 120, 80)),
        ({"step": "resize", "params": {"width": 640, "height": 640, "filter": "bilinear"}}, (40, 40, 120, 160)),
    ],
    ids=["letterbox", "stretch"],
)
def test_boxes_are_mapped_back_through_the_cards_resize(step, corners):
    target = objects_of(320, 160, boxes=[(10, 20, 30, 40)], classes=[1])

    scorer = scored(card_of("standard", (step,)), [(detections([corners], [1], [0.9]), target)])

    assert scorer.measures()[0].value == PERFECT


def test_a_card_that_crops_pictures_is_refused():
    step = {"step": "center_crop", "params": {"width": 640, "height": 640}}

    with pytest.raises(CardError, match=r"expected steps that keep the picture's top left corner.*got 'center_crop'"):
        metrics.make_scorer(card_of(steps=(step,)))


def test_an_image_without_objects_and_one_without_detections_count():
    nothing = detections([(0, 0, 20, 20)], [1], [0.9], count=1)
    wrong = scored(card_of("standard"), [(nothing, objects_of()), *golden_images()])
    silent = scored(
        card_of("standard"),
        [*golden_images(), (detections([], [], []), objects_of(boxes=[(0, 0, 9, 9)], classes=[62]))],
    )
    golden = GOLDEN["pycocotools_only_valid_rows_all_images"]

    assert wrong.measures()[0].value < golden["AP"]
    assert named(silent)["ar100", "standard"] < golden["ARmax100"]


def test_stored_outcomes_give_the_scorers_measures(golden_scorer, tmp_path):
    sidecar.write(tmp_path / "outcomes.npz", golden_scorer.outcomes())

    stored = sidecar.read(tmp_path / "outcomes.npz")

    assert metrics.from_outcomes(card_of().metric, stored) == golden_scorer.measures()


def test_outcomes_do_not_depend_on_how_many_images_were_matched_at_once(golden_scorer, monkeypatch):
    monkeypatch.setattr("harness.metrics.coco_map.CHUNK_IMAGES", 3)

    chunked = scored(card_of(), golden_images())

    expected = golden_scorer.outcomes()
    assert all(np.array_equal(array, expected[name]) for name, array in chunked.outcomes().items())


def test_outcomes_tell_each_images_scores_classes_and_matches(golden_scorer):
    outcomes = golden_scorer.outcomes()

    with np.load(GOLDENS / "coco_dets.npz") as stored:
        assert np.bincount(outcomes["image"][outcomes["valid"]]).tolist() == stored["num_detections"].tolist()
        assert outcomes["score"].reshape(8, 100).tolist() == np.sort(stored["detection_scores"])[:, ::-1].tolist()
    assert len(outcomes["object_class"]) == len(GROUND_TRUTH["annotations"])
    assert outcomes["ids"].tolist() == [str(row["id"]) for row in GROUND_TRUTH["images"]]


def test_the_worst_images_are_those_with_the_largest_share_of_missed_objects():
    two = objects_of(boxes=[(0, 0, 20, 20), (50, 50, 20, 20)], classes=[1, 1])
    one = objects_of(boxes=[(0, 0, 20, 20)], classes=[1])
    right, wrong = detections([(0, 0, 20, 20)], [1], [0.9]), detections([(0, 0, 20, 20)], [2], [0.9])
    images = [(right, two), (wrong, one), (right, one)]
    images = [(Outputs(name, outputs.arrays), target) for name, (outputs, target) in zip("abc", images, strict=True)]

    worst = scored(card_of("standard"), images).worst(5)

    missed = "objects missed at IoU 0.50, scores from 0.3"
    assert worst == (f"b (1 of 1 {missed})", f"a (1 of 2 {missed})")


def test_an_object_that_only_a_guess_finds_is_missed():
    one = objects_of(boxes=[(0, 0, 20, 20)], classes=[1])
    sure, guess = (detections([(0, 0, 20, 20)], [1], [score]) for score in (0.3, 0.29))

    assert scored(card_of(), [(sure, one)]).worst(5) == ()
    assert len(scored(card_of(), [(guess, one)]).worst(5)) == 1


# Corners as (top, left, bottom, right) against left, top, width, height; two boxes of an edge of 20, side by side.
LEFT, RIGHT = (0, 0, 20, 20), (0, 50, 20, 70)


@pytest.mark.parametrize(
    ("boxes", "classes", "scores", "taken_for"),
    [
        ([LEFT, RIGHT], [1, 2], [0.9, 0.9], [1, 2]),
        ([LEFT], [2], [0.9], [2, -1]),  # one of another class lies on it
        ([LEFT, LEFT], [2, 1], [0.9, 0.5], [1, -1]),  # its own class comes first, though surer of the other
        ([LEFT, LEFT], [2, 1], [0.9, 0.2], [2, -1]),  # what is not sure of its class takes nothing
        ([LEFT], [2], [0.2], [-1, -1]),
        ([LEFT, LEFT], [3, 2], [0.5, 0.9], [2, -1]),  # the surer of two
        ([(0, 25, 20, 45)], [1], [0.9], [-1, -1]),  # on neither
        ([LEFT, LEFT], [1, 1], [0.9, 0.8], [1, -1]),
    ],
)
def test_an_object_is_taken_for_what_the_sure_detection_on_it_is(boxes, classes, scores, taken_for):
    two = objects_of(boxes=[(0, 0, 20, 20), (50, 0, 20, 20)], classes=[1, 2])

    outcomes = scored(card_of(), [(detections(boxes, classes, scores), two)]).outcomes()
    assert outcomes["object_taken_for"].tolist() == taken_for


def test_what_every_object_is_taken_for_agrees_with_the_matches(golden_scorer):
    outcomes = golden_scorer.outcomes()
    counted = outcomes["object_counted"][:, 0]
    sure = (outcomes["score"] >= 0.3) & outcomes["valid"]
    # The highest bit is that of all sizes at IoU 0.50.
    hits = sure & (outcomes["matched"][:, 0] >= 0x80) & (outcomes["ignored"][:, 0] < 0x80)

    own = counted & (outcomes["object_taken_for"] == outcomes["object_class"])
    assert own.sum() == hits.sum() > 0
    assert np.bincount(outcomes["object_class"][own]).tolist() == np.bincount(outcomes["class"][hits]).tolist()


def test_the_paired_loss_is_the_difference_of_map(golden_scorer):
    images = list(golden_images())
    blind = [(Outputs(images[0][0].sample_id, detections([], [], []).arrays), images[0][1]), *images[1:]]

    candidate = scored(card_of(), blind)
    compared = metrics.paired(card_of(), candidate.outcomes(), golden_scorer.outcomes(), "tf-cpu")

    assert compared.reference_value == pytest.approx(GOLDEN["COCOEvaluator_with_padding_rows"]["AP"], abs=1e-6)
    assert compared.loss == pytest.approx(compared.reference_value - candidate.measures()[0].value)
    assert compared.loss > 0
    assert (compared.metric, compared.protocol, compared.n, compared.interval) == ("map", "all-rows", 8, None)


def test_thirty_images_have_an_interval_around_the_value():
    images = [
        (Outputs(f"{copy}-{outputs.sample_id}", outputs.arrays), target)
        for copy in range(5)
        for outputs, target in golden_images()
    ]

    measures = scored(card_of(), images).measures()

    low, high = measures[0].interval
    assert low < measures[0].value < high
    assert high - low < 0.5
    outcomes = scored(card_of(), images).outcomes()
    assert metrics.paired(card_of(), outcomes, outcomes, "x").interval == (0.0, 0.0)


def test_other_images_than_the_references_are_refused(golden_scorer):
    fewer = scored(card_of(), list(golden_images())[:7])

    with pytest.raises(RunError, match=r"expected the same images, in the same order, from x, got 7 and 8 images"):
        metrics.paired(card_of(), fewer.outcomes(), golden_scorer.outcomes(), "x")


def test_predictions_do_not_depend_on_the_order_of_rows_nor_on_padding():
    rows = [((10, 30, 30, 70), 1, 0.9), ((0, 0, 20, 20), 2, 0.9), ((5, 5, 9, 9), 7, -1)]
    boxes, classes, scores = zip(*rows, strict=True)
    other_boxes, other_classes, other_scores = zip(rows[1], rows[0], ((1, 1, 2, 2), 9, -1), strict=True)

    one = metrics.prediction(card_of(), detections(boxes, classes, scores, count=2))
    other = metrics.prediction(card_of(), detections(other_boxes, other_classes, other_scores, count=2))

    assert one.tolist() == other.tolist() == [[0] * 6, [1, 10, 30, 30, 70, 90], [2, 0, 0, 20, 20, 90]]


def test_no_object_at_all_is_an_error():
    scorer = scored(card_of(), [(detections([(0, 0, 9, 9)], [1], [0.9]), objects_of())])

    with pytest.raises(RunError, match=r"mAP: expected at least one annotated object, got none"):
        scorer.measures()


def test_no_image_at_all_is_an_error():
    with pytest.raises(RunError, match=r"mAP: expected at least one annotated object, got none"):
        metrics.make_scorer(card_of()).measures()


@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_named_in_any_output(position, value):
    arrays = [array.copy() for array in detections([(0, 0, 9, 9)], [1], [0.9]).arrays]
    arrays[position][...] = value

    with pytest.raises(RunError, match=rf"sample a: output {list(OUTPUTS)[position]}.*NaN") as raised:
        metrics.make_scorer(card_of()).add(Outputs("a", tuple(arrays)), objects_of())
    assert raised.value.kind == "nan"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (detections([(0, 0, 9, 9)], [91], [0.9]), r"expected whole numbers from 0 to 90, got 91"),
        (detections([(0, 0, 9, 9)], [1.5], [0.9]), r"expected whole numbers from 0 to 90, got 1.5"),
        (detections([(0, 0, 9, 9)], [-1], [0.9]), r"expected whole numbers from 0 to 90, got -1"),
        (detections([(0, 0, 9, 9)], [1], [0.9], count=2), r"expected whole numbers from 0 to 1, got 2"),
        (detections([(0, 0, 9, 9)] * 2, [1], [0.9]), r"expected shape \(1, 4\), got \(2, 4\)"),
        (detections([(0, 0, 9, 9)], [1, 1], [0.9]), r"expected shape \(1,\), got \(2,\)"),
        (detections([(0, 0, 9, 9)], [1], [0.9], count=(1, 1)), r"expected shape \(1,\), got \(2,\)"),
        (detections([(0, 0, 9, 9)], [1], [0.9], info=((1, 1), (0, 0))), r"expected shape \(4, 2\), got \(2, 2\)"),
        (detections([(0, 0, 9, 9)], [1], [0.9], info=((1, 1),) * 2 + ((0, 1),) * 2), r"expected a positive scale"),
        (
            detections([(0, 0, 9, 9)] * 2, [1, 1], [0.5, 0.9], count=1),
            r"expected padding rows to score no higher than any detection, got 0.9",
        ),
        (Outputs("a", ()), r"expected 5 outputs, got 0"),
    ],
)
def test_what_is_no_detection_is_refused(found, message):
    with pytest.raises(RunError, match=message) as raised:
        metrics.make_scorer(card_of()).add(found, objects_of())
    assert raised.value.kind == "data"


def test_outputs_with_other_names_are_named_in_the_card():
    renamed = dict(zip(("n:0", "b:0", "c:0", "s:0"), list(OUTPUTS.values())[:4], strict=True))
    card = card_of("standard", outputs=renamed)
    params = {"outputs": {"count": "n:0", "boxes": "b", "classes": "c", "scores": "s:0"}}
    card = card.model_copy(update={"metric": card.metric.model_copy(update={"params": params})})
    found = detections([(0, 0, 20, 20)], [3], [0.9])

    scorer = scored(card, [(Outputs("a", found.arrays[:4]), objects_of(boxes=[(0, 0, 20, 20)], classes=[3]))])

    assert scorer.measures()[0].value == PERFECT


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (card_of("dataset"), r"metric.protocol: expected 'all-rows' or 'standard' for map, got 'dataset'"),
        (
            card_of(outputs={**OUTPUTS, "Scores": ("N", 1)}, kept=1),
            r"metric.params: expected outputs = \{ count, boxes",
        ),
        (
            card_of(outputs={name: shape for name, shape in OUTPUTS.items() if name != "DetectionScores"}),
            r"output: expected an output 'DetectionScores' with the scores of the detections, got NumDetections, ",
        ),
    ],
)
def test_a_card_that_cannot_be_scored_is_refused(card, message):
    with pytest.raises(CardError, match=message):
        metrics.make_scorer(card)
