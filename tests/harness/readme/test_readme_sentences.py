"""Results in sentences, short lines and the logs of tools, with invented figures."""

import pytest

from harness.readme import parse

P3, P1 = "Ascend310P3", "Ascend310"


def brief(text: str) -> list[tuple[object, ...]]:
    return [(row.chip, row.batch, row.metric, row.value, row.unit, row.role) for row in parse(text.encode()).rows]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("平均推理性能：10.25ms", ("", None, "latency", 10.25, "ms", "promise")),
        ("Batch: 1, shape: 28,28,1， 推理性能 1.25ms", ("", 1, "latency", 1.25, "ms", "promise")),
        ("- 4Batch，shape:4x128x128x3，平均推理性能 25.5ms", ("", 4, "latency", 25.5, "ms", "promise")),
        ("Average inference time is 3.5 ms per image.", ("", None, "latency", 3.5, "ms", "promise")),
        ("310 单卡 batch16：60.5x4=242fps", (P1, 16, "throughput", 242.0, "images/s", "promise")),
        ("batch4 t4单卡吞吐率：1000/(10.0/4)=400fps", ("T4", 4, "throughput", 400.0, "images/s", "reference")),
        ("推理速度：28.5 FPS（batch size = 8）", ("", 8, "throughput", 28.5, "images/s", "promise")),
        ("- pb模型推理的FID精度为: 15.25", ("", None, "fid", 15.25, "", "reference")),
        ("- om模型推理的FID精度为: 15.5", ("", None, "fid", 15.5, "", "promise")),
        ("The mAP of the offline model is 37.5%.", ("", None, "map", 37.5, "%", "promise")),
        ("310P： mIoU 40.25", (P3, None, "miou", 40.25, "%", "promise")),
        ("模型在验证集上的准确率达到 91.5%", ("", None, "acc", 91.5, "%", "promise")),
    ],
)
def test_a_line_with_a_result(line, expected):
    assert brief(f"# 推理\n\n{line}\n") == [expected]


@pytest.mark.parametrize(
    "line",
    [
        "精度下降在1%范围之内，故精度达标。",
        "batch1：250.5x4 > 1000/(1.41/1)，性能达标",
        "CANN 5.1.RC1，Python 3.7.5，torch 1.8.1",
        "使用2012年的50000张图片测试精度",
        "吞吐率：模型在单位时间（1秒）内处理的样本数",
        "[e2e] throughputRate: 41.5, latency: 120000",
        "Interface throughputRate: 50.25",
        "python3 test.py --acc=0.5 --batch_size=4",
        "训练了 100 epoch，学习率 lr=0.01",
        "置信度阈值为 0.5 时的精度",
    ],
)
def test_versions_years_counts_bounds_and_log_rates_are_no_results(line):
    parsed = parse(f"# 推理精度与性能\n\n{line}\n".encode())

    assert parsed.rows == ()
    assert [notice.text for notice in parsed.notices] == ["no results found"]


def test_the_product_of_four_chips_is_the_figure_of_the_card():
    (row,) = parse("Interface throughputRate: 50.25，50.25x4=201既是batch1 310单卡吞吐率".encode()).rows

    assert (row.chip, row.batch, row.value, row.scope) == (P1, 1, 201.0, "card")


def test_a_line_with_nothing_but_a_chip_speaks_for_the_lines_below_it():
    text = (
        "310：\nbs4 18.5(单卡吞吐量=Interface throughputRate * 4)\n\n"
        "310P：\nbs1 36.25\n\nGPU：\nbs32 20.5\n\n310P/310 = 1.96\n"
    )

    assert brief(text) == [
        (P1, 4, "throughput", 18.5, "images/s", "promise"),
        (P3, 1, "throughput", 36.25, "images/s", "promise"),
        ("GPU", 32, "throughput", 20.5, "images/s", "reference"),
        (f"{P3}/{P1}", None, "ratio", 1.96, "x", "promise"),
    ]


def test_an_accuracy_holds_for_the_batches_that_a_sentence_below_names():
    text = (
        "```\n310：  mIoU 40.5\n310P： mIoU 40.25\n```\n"
        "经过对bs1与bs8的om测试，310的精度与310P的精度相差不超过1%，精度数据均如上\n"
    )

    assert brief(text) == [
        *((P1, batch, "miou", 40.5, "%", "promise") for batch in (1, 8)),
        *((P3, batch, "miou", 40.25, "%", "promise") for batch in (1, 8)),
        *((f"{P3}/{P1}", batch, "ratio", 1.0, "%", "promise") for batch in (1, 8)),
    ]


def test_an_average_that_a_sentence_states_is_given_once():
    text = (
        "Inference average time : 10.75 ms\n"
        "Inference average time without first time: 10.50 ms\n\n平均推理性能：10.75ms\n"
    )

    assert brief(text) == [("", None, "latency", 10.75, "ms", "promise")]


def test_averages_in_a_tools_log_are_references_beside_a_stated_latency_and_else_uncertain():
    log = "```\nInference average time : 20.25 ms\nInference average time without first time: 20.5 ms\n```\n"

    beside = parse(f"{log}\n平均推理性能：20.75ms\n".encode()).rows
    assert [(row.value, row.role, row.definition) for row in beside] == [
        (20.25, "reference", "msame"), (20.5, "reference", "msame"), (20.75, "promise", ""),
    ]  # fmt: skip
    assert [(row.role, row.certain) for row in parse(log.encode()).rows] == [("promise", False)] * 2


def test_the_json_of_an_evaluation_and_the_official_values_below_it():
    text = (
        '{"title": "toy", "value": [{"key": "Number of images", "value": "500"}, '
        '{"key": "Top1 accuracy", "value": "60.5%"}]}\n'
        "\n"
        "Model   Acc@1  Acc@5\ntoy50  60.55  80.30\n"
    )

    assert brief(text) == [
        ("", None, "top1", 60.5, "%", "promise"),
        ("", None, "top1", 60.55, "%", "reference"),
        ("", None, "top5", 80.3, "%", "reference"),
    ]


def test_the_scores_of_a_segmentation_script_and_the_iou_of_each_class():
    text = (
        'atc --model=a.pb --soc_version=Ascend310 --input_shape="x:1,64,64,3"\n```log\n[0.9 0.8\n 0.7]\n'
        "MIoU: 0.800000 0.95 0.85 0.8 0.91\n```\n"
    )

    found = parse(text.encode()).rows
    assert [(row.metric, row.cls, row.value) for row in found] == [
        ("iou", "0", 0.9), ("iou", "1", 0.8), ("iou", "2", 0.7),
        ("pixacc", "", 0.95), ("meanacc", "", 0.85), ("miou", "", 0.8), ("fwiou", "", 0.91),
    ]  # fmt: skip
    assert {(row.chip, row.printed_chip, row.batch) for row in found} == {(P1, "", 1)}


def test_a_score_in_the_name_of_the_weights_is_an_uncertain_reference_where_it_is_near_a_promise():
    table = "| 芯片型号 | Batch Size | 精度 |\n|--|--|--|\n| 310P3 | 1 | mIoU: 0.612 |\n"

    near, far = (parse(f"toy_{score}_best_model.pth\n\n{table}".encode()).rows for score in ("0.609", "0.509"))
    assert [(row.metric, row.value, row.role, row.certain) for row in near] == [
        ("miou", 0.609, "reference", False), ("miou", 0.612, "promise", True),
    ]  # fmt: skip
    assert [row.value for row in far] == [0.612]


def test_what_the_description_claims_counts_only_beside_a_promise_on_the_same_data():
    text = (
        "# 概述\n\n在 Toys 上实现了71.5% top-1 准确率，在 Others 上达到 81.5% top-1。\n\n"
        "# 精度\n\n| 数据集 | 精度(top1) |\n|--|--|\n| {} | 71.25% |\n"
    )

    assert brief(text.format("toys"))[0] == ("", None, "top1", 71.5, "%", "reference")
    assert brief(text.format("cars")) == [("", None, "top1", 71.25, "%", "promise")]


def test_commands_and_scripts_in_code_blocks_are_no_results():
    text = "# 精度\n```bash\npython eval.py --iou 0.75\nacc=0.5\n```\n```python\nacc = 0.25\n```\n"

    assert parse(text.encode()).rows == ()
