"""What a figure is where its own cell or line does not say it: the heading, the other columns, the tool's own words."""

import pytest

from harness.readme import Row, parse

P3, P1 = "Ascend310P3", "Ascend310"


def rows(text: str) -> tuple[Row, ...]:
    return parse(text.encode()).rows


def brief(text: str) -> list[tuple[object, ...]]:
    return [(row.chip, row.batch, row.metric, row.value, row.role) for row in rows(text)]


@pytest.mark.parametrize(
    ("heading", "cell", "expected"),
    [
        ("## 推理精度（psnr）", "31.25", [("psnr", 31.25, "")]),
        ("PSNR结果如下：", "31.25", [("psnr", 31.25, "")]),
        ("## 精度（PSNR/SSIM）", "31.25/0.91", [("psnr", 31.25, ""), ("ssim", 0.91, "")]),
        ("## 精度 mIoU", "71.5", [("miou", 71.5, "%")]),
    ],
)
def test_columns_of_pictures_have_the_metric_of_the_heading_and_their_names_for_conditions(heading, cell, expected):
    found = rows(f"{heading}\n\n|cup|lamp|\n|:-:|:-:|\n|{cell}|{cell}|\n")

    named = [(row.metric, row.value, row.unit) for row in found]
    assert named == expected * 2
    assert [row.condition for row in found] == ["cup"] * len(expected) + ["lamp"] * len(expected)
    assert all(row.certain for row in found)


@pytest.mark.parametrize(
    ("heading", "head"),
    [
        ("## 精度对比", "|cup|lamp|"),
        ("## 用 PSNR 训练的 ToyNet 精度", "|cup|lamp|"),
        ("## 精度（psnr）", "|ssim|lamp|"),
    ],
)
def test_a_heading_that_says_more_than_metrics_or_a_header_that_names_one_leaves_the_columns_their_names(heading, head):
    found = rows(f"{heading}\n\n{head}\n|:-:|:-:|\n|0.35|0.45|\n")

    assert [row.metric for row in found][1] == "lamp"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("推理总时长：250s 共500张图片 吞吐率为：500/250=2.05", [("T4", "throughput", 2.05)]),
        ("吞吐率为：500/250=2.05", [("T4", "throughput", 2.05)]),
        ("吞吐量：2.05", [("T4", "throughput", 2.05)]),
        ("推理总耗时250s", []),
        ("inference took a total time of 250 s", []),
        ("吞吐率提升了2.05", []),
    ],
)
def test_the_time_of_a_whole_data_set_is_no_latency_and_a_rate_is_what_its_division_comes_to(line, expected):
    found = rows(f"### T4性能\n\n{line}\n")

    assert [(row.chip, row.metric, row.value) for row in found] == expected


@pytest.mark.parametrize(
    "line",
    [
        "> bs8不达标，单个Conv算子耗时0.5毫秒到14毫秒，不存在优化问题",
        "bs8从profiling看，Gather算子平均耗时2.5ms",
        "bs8 each operator takes a time of 2.5 ms",
        "bs8推理耗时2.5ms到3.5ms",
        "推理 [40/900] Time: 0.5s (0.6s, 2.1/s)",
    ],
)
def test_times_of_operators_spans_and_progress_are_no_latencies(line):
    assert rows(f"{line}\n") == ()


def test_the_latency_of_the_model_is_one_also_where_its_operators_are_spoken_of():
    assert [row.value for row in rows("算子优化后，bs8端到端推理时延为5.5ms\n")] == [5.5]


def test_two_figures_below_two_chips_are_each_ones_and_one_figure_is_their_ratio():
    table = "| 模型 | gpu性能 | 310性能/310P性能 |\n|-|-|-|\n"
    text = f"{table}| Toy bs1 | 20fps | 10.5fps/fps/31.5fps |\n| Toy bs4 | 40fps | 3.5 |\n"

    found = [row for row in brief(text) if row[0] != "GPU"]
    assert found == [
        (P1, 1, "throughput", 10.5, "promise"),
        (P3, 1, "throughput", 31.5, "promise"),
        (f"{P1}/{P3}", 4, "ratio", 3.5, "promise"),
    ]


def test_a_ratio_written_as_a_division_of_two_other_columns_repeats_no_figure():
    text = "| Batch | 310P性能 | T4性能 | 310P/T4 |\n|-|-|-|-|\n| 4 | 300 | 200 | 300/200 |\n"

    assert brief(text) == [(P3, 4, "throughput", 300.0, "promise"), ("T4", 4, "throughput", 200.0, "reference")]


def test_a_table_of_nothing_but_ratios_is_a_result():
    text = "| 模型 | 310P/310 |\n|-|-|\n| Toy bs4 | 2.5倍 |\n"

    assert brief(text) == [(f"{P3}/{P1}", 4, "ratio", 2.5, "promise")]


@pytest.mark.parametrize("chip", ["GPU", "T4", "V100"])
@pytest.mark.parametrize(
    "results",
    [
        "```\nModel      mAP\nToyNet     0.6125\n```\n",
        "| 模型 | mAP |\n|-|-|\n| ToyNet | 0.6125 |\n",
        "mAP：0.6125\n",
        "平均推理时间 2.5ms\n",
    ],
)
def test_what_a_heading_says_to_be_a_gpus_is_a_reference(chip, results):
    found = rows(f"### {chip}精度\n\n{results}")

    assert [(row.chip, row.role) for row in found] == [(chip, "reference")]


def test_a_chip_that_a_heading_compares_with_is_not_that_of_the_table():
    found = rows("### 与T4性能对比\n\n| 模型 | fps |\n|-|-|\n| ToyNet | 41.5 |\n")

    assert [(row.chip, row.role) for row in found] == [("", "promise")]


def test_a_projects_name_in_brackets_beside_another_column_says_whose_the_accuracy_is():
    row = "|-|-|-|\n| Toy | 61.25% | 60.5% |\n"

    official = brief(f"| 模型 | Avg-Acc(310P实测) | Avg-Acc(PaddleOCR) |\n{row}")
    data = brief(f"| 模型 | mIoU(310P) | mIoU(Cityscapes) |\n{row}")
    alone = brief("| 模型 | mAP(mmdet) |\n|-|-|\n| Toy | 61.25% |\n")
    assert [one[-1] for one in official] == ["promise", "reference"]
    assert [one[-1] for one in data] == ["promise", "promise"]
    assert [one[-1] for one in alone] == ["promise"]


def test_the_training_chip_beside_the_offline_model_is_a_reference():
    beside = brief("| | GPU | Ascend 910 | 离线推理 310 |\n|-|-|-|-|\n| PSNR | 21.5 | 21.25 | 21.125 |\n")
    both = brief("| | 910B离线推理 | 310P离线推理 |\n|-|-|-|\n| PSNR | 21.25 | 21.125 |\n")
    sentence = brief("NPU平均1.5s输出一张图，离线推理平均25ms输出一张图。\n")

    assert [one[-1] for one in beside] == ["reference", "reference", "promise"]
    assert [one[-1] for one in both] == ["promise", "promise"]
    assert [(one[3], one[-1]) for one in sentence] == [(1500.0, "reference"), (25.0, "promise")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "            Acc@1      Acc@5\nbs1         61.25      88.5\nbs8         61.5       88.25\n",
            [(1, "top1", 61.25), (1, "top5", 88.5), (8, "top1", 61.5), (8, "top5", 88.25)],
        ),
        ("            mAP\nbs1         41.5\nbs8         41.25\n", [(1, "map", 41.5), (8, "map", 41.25)]),
        ("    Acc@1      Acc@5\n61.25      88.5\n", [(None, "top1", 61.25), (None, "top5", 88.5)]),
        ("            loss\nstep one    41.5\n", []),
    ],
)
def test_the_first_column_of_a_table_without_bars_needs_no_name(text, expected):
    assert [(row.batch, row.metric, row.value) for row in rows(f"```\n{text}```\n")] == expected


def test_batches_below_an_evaluation_are_measured_and_not_the_official_figures():
    evaluation = '{"key": "Top1 accuracy", "value": "61.25%"}\n'
    table = "```\n        Acc@1      Acc@5\nbs8     61.5       88.25\n```\n"

    assert {row.role for row in rows(f"```\n{evaluation}```\n{table}")} == {"promise"}


@pytest.mark.parametrize(
    "entry",
    [
        "{'key': 'Top-1 accuracy', 'value': '61.25%'}",
        '{"key": "Top-1 accuracy", "value": "61.25%"}',
        "{'key': 'Top-1 accuracy', 'value': 61.25}",
    ],
)
def test_the_dictionary_of_an_evaluation_may_have_either_quotes(entry):
    text = f"```\n{{'title': 'Overall', 'value': [{{'key': 'Number of images', 'value': '1500'}}, {entry}]}}\n```\n"

    assert [(row.metric, row.value, row.unit) for row in rows(text)] == [("top1", 61.25, "%")]


def test_the_tools_own_rate_is_one_in_a_sentence_with_a_unit_or_none():
    with_unit = rows("310P上bs8获得性能**ave_throughputRate: 99.25samples/s**，略有波动\n")
    without = rows("ave_throughputRate = 99.25\n")

    assert [(row.chip, row.batch, row.value, row.unit) for row in with_unit] == [(P3, 8, 99.25, "samples/s")]
    assert [(row.metric, row.value) for row in without] == [("throughput", 99.25)]


def test_a_tools_log_has_the_batch_that_it_sets_or_that_the_line_above_it_names():
    log = "[INFO] ave_throughputRate: 1.75samples/s, ave_latency: 571.5ms\n```\n"
    figures = [("throughput", 1.75), ("latency", 571.5)]

    for text in (f"```\nbatch_size=4\n{log}", f"batch4的性能：\n```\n{log}"):
        found = rows(text)
        assert [(row.metric, row.value) for row in found] == figures
        assert {(row.batch, row.certain) for row in found} == {(4, False)}


def test_a_batch_that_a_block_of_code_sets_ends_with_the_block():
    text = "```\nbatch_size=8\n310 平均推理时间: 5.5ms\n```\n310 平均推理时间: 6.5ms\n"

    assert [(row.value, row.batch) for row in rows(text)] == [(5.5, 8), (6.5, None)]


@pytest.mark.parametrize("fence", ["```\n", ""])
@pytest.mark.parametrize("rate", ["ave_throughputRate = 974.25, ", ""])
def test_the_tools_rate_of_one_chip_yields_to_that_of_the_cards_four(fence, rate):
    log = f"batch4的性能：\n{fence}ave_throughputRate = 974.25samples/s\n{fence}\n"
    product = f"{rate}974.25x4=3897fps。即是batch4 310单卡吞吐率\n"

    assert [(row.value, row.scope) for row in rows(log + product)] == [(3897.0, "card")]


COCO = [
    ("Precision", "AP", "0.50:0.95", "all", 100, 0.375, "ap", ""),
    ("Precision", "AP", "0.50", "all", 100, 0.575, "ap50", ""),
    ("Precision", "AP", "0.50:0.95", "small", 100, 0.175, "ap", "area=small"),
    ("Recall", "AR", "0.50:0.95", "all", 1, 0.325, "ar", "maxDets=1"),
    ("Recall", "AR", "0.50:0.95", "large", 100, 0.775, "ar", "area=large"),
]
SUMMARY = [
    f"Average {word}  ({short}) @[ IoU={ious:<9} | area={area:>6} | maxDets={most:>3} ] = {value}\n"
    for word, short, ious, area, most, value, _, _ in COCO
]


def test_a_list_of_cocos_scores_has_all_that_it_states_with_their_conditions():
    found = rows("## 精度\n\n" + "".join(f"- {line}" for line in SUMMARY))

    assert [(row.metric, row.value, row.condition) for row in found] == [(one[6], one[5], one[7]) for one in COCO]


def test_of_a_log_of_cocos_scores_only_the_precisions_of_all_sizes_are_promises():
    assert [row.value for row in rows("```\n" + "".join(SUMMARY) + "```\n")] == [0.375, 0.575]


def test_a_tools_average_is_its_own_where_only_the_time_of_one_image_of_several_is_stated():
    log = "```\nInference average time : 998.5 ms\n```\n"

    of_image = rows(f"| batch | 推理时长(单张) |\n|-|-|\n| 4 | 0.25s |\n\n{log}")
    of_run = rows(f"| batch | 推理时长 |\n|-|-|\n| 4 | 1.0s |\n\n{log}")
    assert [(row.value, row.role, row.certain) for row in of_image][1:] == [(998.5, "promise", False)]
    assert [(row.value, row.role) for row in of_run][1:] == [(998.5, "reference")]


def test_errors_of_joints_before_and_after_alignment_are_two_metrics():
    found = rows("| 模型 | MPJPE | PA-MPJPE |\n|-|-|-|\n| Toy | 51.5 | 41.25 |\n")

    assert [(row.metric, row.unit) for row in found] == [("mpjpe", ""), ("pa_mpjpe", "")]
