"""Whose a figure is, of which batch, and what is no figure at all: reading rules, shown with invented samples."""

import pytest

from harness.readme import Row, parse

P3, P1 = "Ascend310P3", "Ascend310"


def rows(text: str) -> tuple[Row, ...]:
    return parse(text.encode()).rows


def brief(text: str) -> list[tuple[object, ...]]:
    return [(row.chip, row.batch, row.metric, row.value, row.role) for row in rows(text)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "官方仓的精度为PSNR：31.25，npu离线推理的精度为PSNR：31.5，精度达标",
            [("", None, "psnr", 31.25, "reference"), ("NPU", None, "psnr", 31.5, "promise")],
        ),
        (
            "om推理box map精度为0.325，GPU推理box map精度为0.315",
            [("", None, "map", 0.325, "promise"), ("GPU", None, "map", 0.315, "reference")],
        ),
        (
            "pth模型精度81.10%，om模型精度80.69%，精度损失不超过1%",
            [("", None, "accuracy", 81.1, "reference"), ("", None, "accuracy", 80.69, "promise")],
        ),
        (
            "文件夹中有pb文件，使用pb文件推理的准确率为81.5%，平均推理时间为6.5ms",
            [("", None, "acc", 81.5, "reference"), ("", None, "latency", 6.5, "reference")],
        ),
    ],
)
def test_each_clause_of_a_sentence_has_its_own_side_and_goes_on_with_it_until_another_is_named(line, expected):
    assert brief(f"# 精度对比\n\n{line}\n") == expected


def test_the_side_of_an_entry_is_enough_below_a_line_that_names_the_metric():
    text = "# 精度\n\nBLEU\n\n- ckpt模型推理：21.5%\n- om模型推理：21.25%\n"

    assert brief(text) == [("", None, "bleu", 21.5, "reference"), ("", None, "bleu", 21.25, "promise")]


def test_a_line_with_one_figure_is_what_the_line_or_heading_above_it_says():
    text = (
        "### 开源精度\n\nToySum在线训练精度：\n\n32.5%\n\n### 离线推理精度\n\n0.3225, 即32.25%.\n"
        "对比GPU推理精度：\n0.3375, 即33.75%\n\n### 步骤\n\n12.5\n"
    )

    assert brief(text) == [
        ("", None, "accuracy", 32.5, "reference"),
        ("", None, "accuracy", 0.3225, "promise"),
        ("GPU", None, "accuracy", 0.3375, "reference"),
    ]


def test_an_accuracy_needs_no_metric_after_the_word_for_it():
    text = "# 精度\n\nToyNet论文给出的精度是52.5%，但没有给出权重。\n"

    assert brief(text) == [("", None, "accuracy", 52.5, "reference")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("一个batch数据的推理性能约为0.75ms，只展示一部分", ("", None, "latency", 0.75, "promise")),
        ("T4性能为：84.25", ("T4", None, "throughput", 84.25, "reference")),
        ("每张图片平均耗时很短，所以310吞吐率为：1000/80×4=50.5", (P1, None, "throughput", 50.5, "promise")),
        ("性能image/sec 186.5", ("", None, "throughput", 186.5, "promise")),
        ("推理计算后的均方根误差RMSE（Root Mean Square Error）为15.25。", ("", None, "rmse", 15.25, "promise")),
        ("om推理的mIoU精度均为0.6125", ("", None, "miou", 0.6125, "promise")),
    ],
)
def test_a_sentence_whose_figure_was_hidden_by_the_words_before_it(line, expected):
    assert brief(f"# 推理\n\n{line}\n") == [expected]


def test_the_line_above_a_log_names_its_batch_also_for_the_calculation_below_it():
    text = (
        "### 性能\n\nbatch4的性能，工具生成如下文件：\n```\n[infer] throughputRate: 44.9\n```\n"
        "Interface throughputRate: 49.5，49.5x4=198既是310单卡吞吐率\n\nbatch8性能：\n```\n[post] x\n```\n"
        "Interface throughputRate: 60.5，60.5x4=242既是310单卡吞吐率\n"
    )

    assert brief(text) == [(P1, 4, "throughput", 198.0, "promise"), (P1, 8, "throughput", 242.0, "promise")]


def test_the_line_above_an_evaluation_names_its_batch():
    log = '```\n{{"key": "Top1 accuracy", "value": "{}%"}}\n```\n'
    text = f"### 精度\n\nbatch1的精度\n{log.format(61.5)}batch16的精度\n{log.format(61.25)}"

    assert brief(text) == [("", 1, "top1", 61.5, "promise"), ("", 16, "top1", 61.25, "promise")]


def test_the_line_above_a_table_names_its_batch():
    text = "# 结果\n\n精度(bs=16)\n\n| 310 | T4 |\n|--|--|\n| mAP=0.375 | mAP=0.38 |\n"

    assert brief(text) == [(P1, 16, "map", 0.375, "promise"), ("T4", 16, "map", 0.38, "reference")]


def test_a_chip_and_the_next_word_need_no_blank_between_them():
    header = "| Model | batch_size | T4Throughput/Card | 310PThroughput/Card |\n|--|--|--|--|\n"
    text = f"# 性能\n\n{header}| toy | 4 | 70.5 | 165.5 |\n"

    assert brief(text) == [("T4", 4, "throughput", 70.5, "reference"), (P3, 4, "throughput", 165.5, "promise")]
    assert brief(text.replace("310P", "A310 ")) == [
        ("T4", 4, "throughput", 70.5, "reference"), (P1, 4, "throughput", 165.5, "promise"),
    ]  # fmt: skip


@pytest.mark.parametrize("header", ["om与onnx余弦相似度", "精度(cosine similarity with torch)"])
def test_the_similarity_of_a_result_to_another_is_a_promise_of_the_rows_chip(header):
    text = f"| 芯片型号 | Batch Size | {header} |\n|--|--|--|\n| 310P3 | 4 | 0.9975 |\n"

    assert brief(text) == [(P3, 4, "cosine similarity", 0.9975, "promise")]


def test_tables_with_different_names_say_the_same_number_of_different_things():
    table = "| 芯片型号 | Batch Size | 精度(WER) |\n|--|--|--|\n| 310P3 | 1 | 6.25% |\n"

    assert [row.where.line for row in rows(f"# 精度\n\n整句场景\n\n{table}\n流式场景\n\n{table}")] == [7, 13]
    assert [row.where.line for row in rows(f"# 精度\n\n整句场景\n\n{table}\n整句场景\n\n{table}")] == [7]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Part 1_Dice (val):85.5, Part 2_Dice (val):55.25", [("1_dice", 85.5), ("2_dice", 55.25)]),
        ("mIoU (SS) :<br>69.5%", [("miou", 69.5)]),
        ("MPJPE = 36.5mm", [("mpjpe", 36.5)]),
        ("CER:1.25e+01", [("cer", 12.5)]),
        ("IoU=0.5", []),
    ],
)
def test_a_number_in_a_name_is_no_figure_and_a_name_is_the_known_one(cell, expected):
    found = rows(f"| 芯片型号 | 精度 |\n|--|--|\n| 310P3 | {cell} |\n")

    assert [(row.metric, row.value) for row in found] == expected


def test_inception_score_is_a_metric_where_its_two_letters_stand_alone():
    text = "| 模型 | IS | FID |\n|--|--|--|\n| om模型离线推理 | 84.25+/-2.5 | 8.75 |\n"

    assert [(row.metric, row.value, row.unit) for row in rows(text)] == [("is", 84.25, ""), ("fid", 8.75, "")]


def test_a_header_that_names_two_other_columns_is_that_of_their_ratio():
    header = "| Model | batch | foo-x Throughput | om Throughput | foo-x/om |\n|--|--|--|--|--|\n"
    text = f"{header}| toy | 1 | 60.5 | 40.25 | 1.5 |\n"

    assert [(row.kind, row.value) for row in rows(text)] == [
        ("throughput", 60.5),
        ("throughput", 40.25),
        ("ratio", 1.5),
    ]


def test_two_metrics_in_a_header_are_no_ratio_of_other_columns():
    found = rows("| 模型 | Top1 | Top5 | Top1/Top5 |\n|--|--|--|--|\n| 310P3 | 61.5 | 81.5 | 61.5/81.5 |\n")

    assert [(row.kind, row.metric) for row in found] == [("accuracy", "top1"), ("accuracy", "top5")] * 2


def test_a_row_of_numbers_below_a_heading_of_speeds_is_no_result():
    assert rows("## 性能\n\n|total|used|\n|--|--|\n|31.5|12.5|\n") == ()


def test_a_row_of_shares_below_a_heading_of_accuracies_has_its_headers_for_metrics():
    found = rows("## 推理精度\n\n|toya|toyb|\n|--|--|\n|89.25%|84.5%|\n")

    assert [(row.metric, row.value, row.certain) for row in found] == [("toya", 89.25, False), ("toyb", 84.5, False)]


def test_a_table_without_bars_needs_one_metric_where_it_is_of_models():
    text = "### 开源mAP精度\n```\nModel       mAP\ntoy         0.7125\n```\n"

    assert brief(text) == [("", None, "map", 0.7125, "reference")]


PROFILE = (
    "| Model Name | OP Type | Core Type | Count | Avg Time(us) | Max Time(us) |\n|--|--|--|--|--|--|\n"
    "| toy_bs1 | Cast | AI Core | 4 | 83.5 | 94.25 |\n"
)
CHIPS = (
    "1.  查看芯片\n\n         +---+\n         | NPU     Name      | Health          | Power(W)     Temp(C) |\n"
    "         | Chip    Device    | Bus-Id          | AICore(%)    Memory-Usage(MB) |\n         +===+===+===+\n"
    "         | 0       310P3     | OK              | 15.5         45  |\n         +===+===+===+\n"
)


@pytest.mark.parametrize(
    "text",
    [
        PROFILE,
        CHIPS,
        "只需要保证om和onnx格式模型的余弦相似度在98%左右就精度达标。\n",
        "运行最后几步的结果为： 59995 Toy loss: 0.00275 0.0008 0.003 0 1 [105.5 46.25 1]\n",
        "| 数据 | 精度 |\n|--|--|\n| Resource | Ascend 310; CPU 2.60GHz, 24cores |\n",
        "IoU=0.5\n",
    ],
    ids=["profile", "chips", "requirement", "training", "machine", "threshold"],
)
def test_what_tools_operators_machines_and_requirements_say_is_no_result(text):
    assert rows(f"# 精度与性能\n\n{text}") == ()


def test_counts_and_settings_beside_accuracies_are_none():
    table = "| {} | Accuracy Train | Accuracy Infer |\n|--|--|--|\n| 20000 | 75.5% | 76.25% |\n"
    listed = "| 芯片型号 | pth 精度（ F1 \\| Batch Size） |\n|--|--|\n| 310P3 | 73.5 \\| 1 |\n"

    assert [row.value for row in rows(table.format("推理数据"))] == [75.5, 76.25]
    assert [row.value for row in rows(table.format("Npu_nums"))] == [75.5, 76.25]
    assert [(row.metric, row.value) for row in rows(listed)] == [("f1", 73.5)]


def test_the_tail_of_a_link_that_a_bar_cut_names_nothing():
    found = rows("| 芯片型号 | F1 | EM |\n|--|--|--|\n| 310P3 | [78.5 | 70.25](https://example.org/toy-v1) |\n")

    assert [(row.metric, row.value) for row in found] == [("f1", 78.5), ("em", 70.25)]


def test_rows_of_one_table_that_say_the_same_are_all_kept():
    found = rows("| 模型 | 310精度 | 310性能 |\n|--|--|--|\n| toy | 0.675 | 40.5 |\n| toy | 0.675 | 41.5 |\n")

    assert [(row.where.line, row.value) for row in found if row.kind == "accuracy"] == [(3, 0.675), (4, 0.675)]


def test_a_share_without_a_metric_in_later_prose_does_not_hide_the_metrics_of_a_log():
    text = "# 精度\n```\nEvaluate: Average mIoU: 0.575, Average pixAcc: 0.925\n```\n\n优化后精度为57.25%\n"

    assert [(row.metric, row.value) for row in rows(text)] == [("miou", 0.575), ("pixacc", 0.925), ("accuracy", 57.25)]


def test_single_predictions_of_a_log_are_no_result():
    text = '# 精度\n```\nINFO: result: {"Toy": {"label": "字", "score": 0.9875}}\n```\n'

    assert rows(text) == ()


def test_a_section_about_another_chip_speaks_of_that_chip_to_its_end():
    lines = "\n".join(f"step {letter}" for letter in "abcdefgh")
    text = f"### 7.2 T4性能数据\n\n{lines}\n\nbatch4 推理性能 12.5ms\n"

    assert brief(text) == [("T4", 4, "latency", 12.5, "reference")]


def test_a_chip_named_above_says_which_npu_is_meant():
    assert brief("# 推理\n\n* Ascend310离线推理\n\n  NPU离线推理单张图片约耗时1175ms。\n") == [
        (P1, None, "latency", 1175.0, "promise")
    ]


def test_a_heading_without_a_blank_behind_its_signs_ends_the_section_above_it():
    text = "# 概述\n\n介绍\n\n{}\n\n310P mIoU 40.25\n"

    assert [row.role for row in rows(text.format("##推理精度"))] == ["promise"]
    assert [row.role for row in rows(text.format("#模型精度性能"))] == ["promise"]
    assert rows(text.format("#执行下面的命令")) == ()
