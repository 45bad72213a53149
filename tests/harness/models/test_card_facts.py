"""The shipped full-size cards hold every number of their READMEs; the numbers here were typed from these by hand."""

import pytest

from harness import cards
from harness.cards import Baseline, ModelCard

RESNEST50 = "ACL_PyTorch/contrib/cv/classfication/ResNeSt50/README.md"
ICNET = "ACL_PyTorch/contrib/cv/segmentation/ICNet/readme.md"
INTRADA = "ACL_PyTorch/contrib/cv/segmentation/IntraDA/README.md"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def resnest50() -> ModelCard:
    return cards.get("resnest50")


@pytest.fixture(scope="module")
def icnet() -> ModelCard:
    return cards.get("icnet")


@pytest.fixture(scope="module")
def intrada() -> ModelCard:
    return cards.get("intrada-deeplabv2")


def promises(card: ModelCard, metric: str) -> list[Baseline]:
    return [row for row in card.baseline if row.role == "promise" and row.metric == metric]


def references(card: ModelCard) -> list[Baseline]:
    return [row for row in card.baseline if row.role == "reference"]


def steps(card: ModelCard) -> list[tuple[str, dict]]:
    return [(step.step, step.params) for step in card.preprocess]


def test_the_three_cards_are_in_the_nightly_and_name_code_and_commit(resnest50, icnet, intrada):
    assert all(card.nightly and card.source.framework == "torch" for card in (resnest50, icnet, intrada))
    assert [(card.source.url, card.source.commit) for card in (resnest50, icnet, intrada)] == [
        ("https://github.com/zhanghang1989/ResNeSt", "1dfb3e8867e2ece1c28a65c9db1cded2818a2031"),
        ("https://github.com/liminn/ICNet-pytorch", "da394fc44f4fbaff1b47ab83ce7121a96f375b03"),
        ("https://github.com/feipan664/IntraDA", "070b0b702fe94a34288eba4ca990410b5aaadc4a"),
    ]


def test_the_checkpoints_have_the_names_and_sources_of_the_readmes(resnest50, icnet, intrada):
    files = [(card.weights.file, card.weights.prefix, card.weights.url) for card in (resnest50, icnet, intrada)]

    release = "https://github.com/zhanghang1989/ResNeSt/releases/download/weights_step1"
    bucket = "https://ascend-repo-modelzoo.obs.cn-east-2.myhuaweicloud.com/model/1_PyTorch_PTH/ICNet/PTH"
    trained = "rankid0_icnet_resnet50_192_0.687_best_model.pth"
    assert files == [
        ("resnest50-528c19ca.pth", "528c19ca", f"{release}/resnest50-528c19ca.pth"),
        (trained, "", f"{bucket}/{trained}"),
        ("cityscapes_easy2hard_intrada_with_norm.pth", "", ""),
    ]
    assert "expired" in intrada.weights.note


def test_resnest50_promises_one_accuracy_and_six_speeds(resnest50):
    accuracies, speeds = promises(resnest50, "top1"), promises(resnest50, "throughput")

    assert [(row.chip, row.batch, row.value, row.unit, row.source.line) for row in accuracies] == [
        ("Ascend310P3", 1, 80.98, "%", 258),
        ("Ascend310P3", 4, 80.98, "%", 259),
        ("Ascend310P3", 8, 80.98, "%", 260),
        ("Ascend310P3", 16, 80.98, "%", 261),
        ("Ascend310P3", 32, 80.98, "%", 262),
        ("Ascend310P3", 64, 80.98, "%", 263),
    ]
    assert [(row.batch, row.value, row.source.line) for row in speeds] == [
        (1, 435, 258), (4, 1704, 259), (8, 1630, 260), (16, 1326, 261), (32, 1161, 262), (64, 1107, 263),
    ]  # fmt: skip
    assert {(row.source.column, row.source.text) for row in accuracies} == {("精度(top1)", "80.98%")}
    assert [row.source.text for row in speeds] == ["435", "1704", "1630", "1326", "1161", "1107"]
    assert {row.source.file for row in resnest50.baseline if row.source.line} == {RESNEST50}
    assert accuracies[0].target == pytest.approx(0.8098)


def test_resnest50_keeps_the_paper_and_upstream_as_references(resnest50):
    found = {row.value: row for row in references(resnest50)}

    assert set(found) == {81.13, 81.03}
    assert (found[81.13].unit, found[81.13].batch, found[81.13].source.line) == ("%", "unstated", 26)


def test_icnet_promises_one_accuracy_and_four_speeds(icnet):
    (accuracy,), speeds = promises(icnet, "miou"), promises(icnet, "throughput")

    assert (accuracy.chip, accuracy.batch, accuracy.target, accuracy.half_unit) == ("Ascend310P3", 1, 0.689, 0.0005)
    assert (accuracy.protocol, accuracy.source.line, accuracy.source.text) == ("running-mean", 242, "mIoU: 0.689")
    assert [(row.batch, row.value, row.source.line) for row in speeds] == [
        (1, 19.25, 242), (4, 31.22, 243), (8, 32.33, 244), (16, 31.24, 245),
    ]  # fmt: skip
    assert {row.source.file for row in icnet.baseline} == {ICNET}


def test_icnet_has_no_memory_for_batch_32_on_the_24_gb_card(icnet):
    (expected,) = icnet.expect

    assert (expected.chip, expected.batch, expected.outcome) == ("Ascend310P3", 32, "oom")
    assert expected.memory_mib_at_most == 24 * 1024
    assert (expected.source.line, expected.source.text) == (246, "内存不足，无法推理")


def test_icnet_keeps_the_number_in_its_checkpoints_name_as_a_reference(icnet):
    (reference,) = references(icnet)

    assert (reference.metric, reference.value, reference.batch) == ("miou", 0.687, "unstated")


def test_pure_inference_is_fed_zeros_and_read_by_the_tools_own_definition(resnest50, icnet):
    rows = [*promises(resnest50, "throughput"), *promises(icnet, "throughput")]

    # ais_bench without --input: --pure_data_type is `zero` unless given
    assert {(row.definition, row.inputs, row.unit, row.scope) for row in rows} == {
        ("ais_bench", "zero", "images/s", "chip")
    }


def test_intrada_promises_the_accuracy_of_either_chip_at_batch_1_and_8(intrada):
    found = [(row.chip, row.printed, row.batch, row.value, row.source.line) for row in promises(intrada, "miou")]

    assert found == [
        ("Ascend310", "310", 1, 47.008, 175),
        ("Ascend310", "310", 8, 47.008, 175),
        ("Ascend310P3", "310P", 1, 47.009, 176),
        ("Ascend310P3", "310P", 8, 47.009, 176),
    ]
    assert {row.unit for row in promises(intrada, "miou")} == {"%"}


def test_intrada_promises_the_speed_of_a_card_on_310_and_of_a_chip_on_310p(intrada):
    found = [(row.chip, row.scope, row.batch, row.value, row.source.line) for row in promises(intrada, "throughput")]

    assert found == [("Ascend310", "card", 4, 28.792, 190), ("Ascend310P3", "chip", 1, 46.2538, 193)]
    assert {(row.definition, row.inputs) for row in promises(intrada, "throughput")} == {("benchmark", "real")}


def test_intradas_gpu_is_a_reference(intrada):
    (gpu,) = references(intrada)

    assert (gpu.chip, gpu.batch, gpu.value, gpu.source.line) == ("GPU", 32, 28.654, 196)


def test_intradas_ratios_compare_best_batches_and_accuracies_within_one_per_cent(intrada):
    to_310, to_gpu, batch_1, batch_8 = intrada.ratio

    assert (to_310.at_least, to_310.role, to_310.source.line) == (1.606, "promise", 198)
    assert (to_gpu.at_least, to_gpu.role, to_gpu.source.line) == (1.614, "reference", 200)
    assert {side.batch for ratio in (to_310, to_gpu) for side in (ratio.numerator, ratio.denominator)} == {"best"}
    assert [(ratio.within, ratio.tolerance, ratio.numerator.batch) for ratio in (batch_1, batch_8)] == [
        (1.0, 0.01, 1), (1.0, 0.01, 8),
    ]  # fmt: skip
    assert {ratio.denominator.chip for ratio in (to_310, batch_1, batch_8)} == {"Ascend310"}


def test_the_batches_and_chips_are_those_of_the_tables(resnest50, icnet, intrada):
    assert resnest50.batches == (1, 4, 8, 16, 32, 64)
    assert icnet.batches == (1, 4, 8, 16, 32)
    assert set(intrada.batches) == {1, 4, 8}
    assert [card.chips for card in (resnest50, icnet, intrada)] == [
        ("Ascend310P3",), ("Ascend310P3",), ("Ascend310", "Ascend310P3"),
    ]  # fmt: skip
    assert [card.tools[0] for card in (resnest50, icnet, intrada)] == ["ais_bench", "ais_bench", "benchmark"]


def test_the_tensors_are_those_of_the_exports(resnest50, icnet, intrada):
    inputs = [(card.input[0].name, card.input[0].shape) for card in (resnest50, icnet, intrada)]

    assert inputs == [
        ("actual_input_1", ("N", 3, 224, 224)),
        ("actual_input_1", ("N", 3, 1024, 2048)),
        ("image", ("N", 3, 512, 1024)),
    ]
    assert [(out.shape, out.om) for out in icnet.output] == [
        (("N", 19, 1024, 2048), True),
        (("N", 19, 256, 512), False),
        (("N", 19, 128, 256), False),
        (("N", 19, 64, 128), False),
    ]
    assert [(out.name, out.index, out.shape) for out in resnest50.output] == [("output1", 0, ("N", 1000))]


def test_intradas_scored_output_is_the_main_head_and_both_are_kept(intrada):
    assert intrada.scored_output.index == 1
    assert intrada.output[0].name == "segmentation"
    assert [out.shape for out in intrada.kept_outputs] == [("N", 19, 65, 129)] * 2


def test_the_preprocessing_is_that_of_the_scripts(resnest50, icnet, intrada):
    normalize = ("normalize", {"mean": IMAGENET_MEAN, "std": IMAGENET_STD})

    assert steps(icnet) == [("scale", {}), normalize, ("chw", {})]
    assert steps(resnest50) == [
        ("resize", {"width": 256, "height": 256, "filter": "bilinear"}),
        ("center_crop", {"width": 224, "height": 224}),
        ("scale", {}),
        normalize,
        ("chw", {}),
    ]
    assert steps(intrada) == [
        ("resize", {"width": 1024, "height": 512, "filter": "bicubic"}),
        ("to_float", {}),
        ("bgr", {}),
        ("subtract", {"mean": (104.00698793, 116.66876762, 122.67891434)}),
        ("chw", {}),
    ]


def test_the_data_and_the_way_they_are_scored_are_stated(resnest50, icnet, intrada):
    assert [(card.dataset.kind, card.dataset.count, card.class_count) for card in (resnest50, icnet, intrada)] == [
        ("imagenet", 50000, 1000), ("cityscapes", 500, 19), ("cityscapes", 500, 19),
    ]  # fmt: skip
    assert [(card.metric.name, card.metric.protocol) for card in (resnest50, icnet, intrada)] == [
        ("top1", "by-name"), ("miou", "running-mean"), ("miou", "dataset"),
    ]  # fmt: skip
    assert intrada.metric.params == {"upsample": {"height": 1024, "width": 2048, "align_corners": True}}


def test_the_atc_arguments_are_as_printed(resnest50, icnet, intrada):
    found = {card.name: (card.atc.out_nodes, card.atc.flags) for card in (resnest50, icnet, intrada)}

    assert found == {
        "resnest50": ("", {}),
        "icnet": ("Resize_317:0", {"log": "debug"}),
        "intrada-deeplabv2": ("", {"log": "debug"}),
    }
    assert {(card.atc.framework, card.atc.input_format) for card in (resnest50, icnet, intrada)} == {(5, "NCHW")}
    assert "output 0" in icnet.atc.note
    assert [card.atc.source.line for card in (resnest50, icnet, intrada)] == [180, 171, 95]


def test_the_environments_are_those_of_the_version_tables(resnest50, icnet, intrada):
    assert resnest50.environment == {"cann": "6.0.RC1", "driver": "22.0.2", "python": "3.7.5", "pytorch": "1.5.0"}
    assert icnet.environment == {"cann": "5.1.RC1", "driver": "22.0.2", "python": "3.7.5", "pytorch": "1.8.0"}
    assert intrada.environment == {
        "cann": "5.1.RC1",
        "numpy": "1.22.3",
        "onnx": "1.11.0",
        "pillow": "8.3.2",
        "python": "3.7",
        "pytorch": "1.8.1",
        "torchvision": "0.9.1",
    }


def test_every_promise_of_the_three_cards_names_file_line_and_text(resnest50, icnet, intrada):
    rows = [row for card in (resnest50, icnet, intrada) for row in card.baseline if row.role == "promise"]

    assert len(rows) == 12 + 5 + 6
    assert all(row.source.line and row.source.text and row.source.file in (RESNEST50, ICNET, INTRADA) for row in rows)
    assert all(f"{row.value:.{row.decimals or 0}f}" in row.source.text for row in rows)
