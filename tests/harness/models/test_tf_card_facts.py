"""The TensorFlow pair's full-size cards hold every number of their READMEs, typed from these by hand."""

import pytest

from harness import cards
from harness.cards import Baseline, ModelCard

RESNEST = "TensorFlow/contrib/cv/resnest_resnet50_segmentation/offline_inference/README.md"
SPINENET = "ACL_TensorFlow/contrib/cv/SpineNet_ID0709_for_ACL/README.md"


@pytest.fixture(scope="module")
def resnest() -> ModelCard:
    return cards.get("resnest-seg")


@pytest.fixture(scope="module")
def spinenet() -> ModelCard:
    return cards.get("spinenet")


def rows(card: ModelCard, role: str, metric: str) -> list[Baseline]:
    return [row for row in card.baseline if (row.role, row.metric) == (role, metric)]


def test_both_cards_are_in_the_nightly_and_name_code_and_commit(resnest, spinenet):
    assert all(card.nightly and card.source.framework == "tensorflow" for card in (resnest, spinenet))
    assert {card.source.url for card in (resnest, spinenet)} == {"https://github.com/Ascend/ModelZoo-TensorFlow"}
    assert resnest.source.readme.endswith(f"{resnest.source.commit}/{RESNEST}")
    assert spinenet.source.readme.endswith(f"{spinenet.source.commit}/{SPINENET}")


def test_both_run_at_batch_1_on_the_310_with_msame(resnest, spinenet):
    found = [(card.batches, card.chips, card.tools) for card in (resnest, spinenet)]

    assert found == [((1,), ("Ascend310",), ("msame",))] * 2


def test_resnest_promises_the_measured_miou_and_keeps_the_target_as_a_reference(resnest):
    table, log = rows(resnest, "promise", "miou")
    (target,) = rows(resnest, "reference", "miou")

    assert (table.chip, table.batch, table.value, table.unit, table.target) == ("Ascend310", 1, 66.45, "%", 0.6645)
    assert (table.source.line, table.source.column) == (5, "msame精度MIoU")
    assert (log.value, log.source.line) == (0.6645271075582194, 97)
    assert (target.value, target.unit, target.source.column) == (63.38, "%", "目标精度MIoU")


def test_resnest_promises_the_other_three_numbers_of_its_log(resnest):
    found = {row.metric: row.value for row in resnest.baseline if row.source.line == 97}

    assert found == {
        "pixacc": 0.9465961548353052,
        "meanacc": 0.7354460680985017,
        "miou": 0.6645271075582194,
        "fwiou": 0.9023151962914528,
    }


def test_resnest_promises_the_iou_of_every_class_and_their_mean_is_the_miou(resnest):
    found = rows(resnest, "promise", "iou")

    assert [row.class_ for row in found] == list(resnest.classes)
    assert [row.value for row in found] == [
        *(0.97165736, 0.79040782, 0.89897331, 0.41002983, 0.45321966, 0.60396467),
        *(0.6397655, 0.74175404, 0.90906697, 0.57525981, 0.9359027, 0.78225702),
        *(0.53072048, 0.92656564, 0.440881, 0.61461404, 0.21829686, 0.44797544),
        0.73470289,
    ]
    assert [row.source.line for row in found] == [93] * 6 + [94] * 6 + [95] * 6 + [96]
    assert sum(row.value for row in found) / 19 == pytest.approx(0.6645271075582194, abs=5e-9)


def test_resnest_promises_one_latency_and_keeps_both_averages_as_references(resnest):
    (promise,) = rows(resnest, "promise", "latency")
    averages = rows(resnest, "reference", "latency")

    assert (promise.value, promise.source.line, promise.source.text) == (2232.43, 5, "2232.43ms")
    assert [(row.value, row.source.line) for row in averages] == [(2232.41, 82), (2232.44, 83)]
    assert {(row.definition, row.unit, row.inputs, row.chip, row.batch) for row in (promise, *averages)} == {
        ("msame", "ms", "real", "Ascend310", 1)
    }
    assert not any(row.higher_is_better for row in (promise, *averages))


def test_resnest_has_19_channels_whatever_its_readme_says(resnest):
    (output,) = resnest.output

    assert resnest.class_count == 19
    assert (output.name, output.shape, output.layout) == ("resize/ResizeBilinear", ("N", 1024, 2048, 19), "NHWC")
    assert (resnest.input[0].name, resnest.input[0].shape) == ("inputx", ("N", 1024, 2048, 3))


def test_resnest_reads_500_records_as_blue_green_red(resnest):
    normalize = ("normalize", {"mean": (0.406, 0.456, 0.485), "std": (0.225, 0.224, 0.229)})

    assert (resnest.dataset.kind, resnest.dataset.count) == ("tfrecord", 500)
    assert [(step.step, step.params) for step in resnest.preprocess] == [("bgr", {}), ("scale", {}), normalize]
    assert (resnest.metric.name, resnest.metric.protocol) == ("miou", "dataset")


def test_the_prebuilt_files_are_named(resnest, spinenet):
    assert (resnest.weights.file, resnest.artifact.om) == ("resnest.ckpt-1.index", "resnest.om")
    assert spinenet.weights.file == "model.ckpt-231500.index"
    assert (spinenet.artifact.om, spinenet.artifact.pb) == ("spinenet_tf_310.om", "spinenet_tf_310.pb")


def test_the_atc_arguments_are_as_printed(resnest, spinenet):
    five = "NumDetections:0;DetectionBoxes:0;DetectionClasses:0;DetectionScores:0;ImageInfo:0"
    found = [(card.atc.framework, card.atc.out_nodes, card.atc.precision_mode) for card in (resnest, spinenet)]

    assert found == [(3, "resize/ResizeBilinear:0", "allow_fp32_to_fp16"), (3, five, "")]
    assert [card.atc.flags for card in (resnest, spinenet)] == [{}, {"log": "info"}]
    assert [card.atc.source.line for card in (resnest, spinenet)] == [21, 32]


def test_spinenet_promises_nothing_and_keeps_the_training_sides_numbers_as_references(spinenet):
    found = [(row.metric, row.chip, row.value, row.unit, row.source.line) for row in spinenet.baseline]

    assert found == [
        ("map", "NPU", 0.16, "", 78),
        ("map", "GPU", 0.198, "", 78),
        ("latency", "NPU", 1.2, "s/batch", 82),
        ("latency", "GPU", 0.24, "s/batch", 82),
    ]
    assert {(row.role, row.batch) for row in spinenet.baseline} == {("reference", "unstated")}
    assert all("training side" in row.condition for row in spinenet.baseline)


def test_spinenet_takes_bytes_and_gives_five_float_outputs(spinenet):
    (image,) = spinenet.input

    assert (image.name, image.dtype, image.shape, image.layout) == ("Placeholder", "uint8", ("N", 640, 640, 3), "NHWC")
    assert [(output.name, output.dtype, output.shape) for output in spinenet.kept_outputs] == [
        ("NumDetections", "float32", ("N",)),
        ("DetectionBoxes", "float32", ("N", 100, 4)),
        ("DetectionClasses", "float32", ("N", 100)),
        ("DetectionScores", "float32", ("N", 100)),
        ("ImageInfo", "float32", ("N", 4, 2)),
    ]


def test_spinenets_raw_heads_have_nine_anchors_a_place_and_stay_out_of_the_om(spinenet):
    heads = [output for output in spinenet.output if not output.om]

    assert [(output.name, output.shape[1:]) for output in heads] == [
        *[(f"ClassLogits{level}", (640 >> level, 640 >> level, 9 * 91)) for level in range(3, 8)],
        *[(f"BoxCodes{level}", (640 >> level, 640 >> level, 9 * 4)) for level in range(3, 8)],
    ]


def test_spinenet_submits_all_rows_on_coco_and_knows_90_category_ids(spinenet):
    assert (spinenet.metric.name, spinenet.metric.protocol) == ("map", "all-rows")
    assert (spinenet.dataset.kind, spinenet.dataset.split, spinenet.dataset.count) == ("coco", "val2017", 5000)
    assert spinenet.class_count == 90
    assert spinenet.environment == {"python": "3.7", "tensorflow": "1.15"}


def test_every_number_names_file_line_and_text(resnest, spinenet):
    found = [*resnest.baseline, *spinenet.baseline]

    assert len(found) == 5 + 4 + 19 + 4
    assert {row.source.file for row in found} == {RESNEST, SPINENET}
    assert all(row.source.line and f"{row.value:.{row.decimals or 0}f}" in row.source.text for row in found)
