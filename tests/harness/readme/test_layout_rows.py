"""The layouts of results in model READMEs: each table or text here has invented figures and the rows they stand for."""

import pytest

from harness.readme import Row, parse


def rows(text: str) -> list[Row]:
    return list(parse(text.encode()).rows)


def brief(text: str) -> list[tuple[object, ...]]:
    """Return chip, batch, metric, value, unit and role of each row that is no ratio."""
    found = [row for row in rows(text) if row.kind != "ratio"]
    return [(row.chip, row.batch, row.metric, row.value, row.unit, row.role) for row in found]


FIVE = "| 芯片型号 | BatchSize | 数据集 | 精度 | 性能 |\n|:-:|:-:|:-:|:-:|:-:|\n"
P3, P1 = "Ascend310P3", "Ascend310"
RATE = "images/s"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Top1@Acc=61.25% Top5@Acc=88.5%", [("top1", 61.25, "%"), ("top5", 88.5, "%")]),
        ("61.25/Top1 88.5/Top5", [("top1", 61.25, "%"), ("top5", 88.5, "%")]),
        (
            "{'acc': 0.6125, 'norm_edit_dis': 0.885}",
            [("acc", 0.6125, "fraction"), ("norm_edit_dis", 0.885, "fraction")],
        ),
        ("CER:7.5/WER:12.25", [("cer", 7.5, "%"), ("wer", 12.25, "%")]),
        ("acc:0.61<br>recall:0.52", [("acc", 0.61, "fraction"), ("recall", 0.52, "fraction")]),
        ("mAP: box 31.5, mask 27.25", [("box", 31.5, "%"), ("mask", 27.25, "%")]),
        ("Acc@1：61.5 Acc@5：88.25", [("top1", 61.5, "%"), ("top5", 88.25, "%")]),
        ("61.5%(top1)/88.25%(top5)", [("top1", 61.5, "%"), ("top5", 88.25, "%")]),
        ("bbox_mAP:0.381; segm_mAP:0.342", [("map", 0.381, "fraction"), ("mask ap", 0.342, "fraction")]),
        ("AP@[IoU=0.50:0.95]=36.5", [("ap", 36.5, "%")]),
        ("PSNR 31.25dB, SSIM 0.911", [("psnr", 31.25, ""), ("ssim", 0.911, "")]),
        ("0.742(0.131)", [("accuracy", 0.742, "fraction")]),
        ("0.742±0.02", [("accuracy", 0.742, "fraction")]),
        ("**[61.5%](https://example.org/v1.2#m-50)**", [("accuracy", 61.5, "%")]),
        ("loss 3.1*e-3", [("loss", 0.0031, "")]),
        ("与在线推理结果一致", []),
        ("-", []),
        ("", []),
    ],
)
def test_an_accuracy_cell_gives_each_figure_with_its_own_name(cell, expected):
    found = brief(f"{FIVE}|310P3|4|toys|{cell}|12.5|\n")

    assert [(metric, value, unit) for _, _, metric, value, unit, _ in found if metric != "throughput"] == expected
    assert (P3, 4, "throughput", 12.5, RATE, "promise") in found


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("301.5 fps", ("throughput", 301.5, RATE)),
        ("**301.5fps**", ("throughput", 301.5, RATE)),
        ("640", ("throughput", 640.0, RATE)),
        ("1,234.5 FPS", ("throughput", 1234.5, RATE)),
        ("4.5task/s", ("throughput", 4.5, "tasks/s")),
        ("9.5ms~", ("latency", 9.5, "ms")),
        ("~0.25s", ("latency", 250.0, "ms")),
        ("60.5x4=242fps", ("throughput", 242.0, RATE)),
    ],
)
def test_a_performance_cell_is_read_with_its_unit(cell, expected):
    found = brief(f"{FIVE}|310P3|4|toys||{cell}|\n")

    assert [(metric, value, unit) for _, _, metric, value, unit, _ in found] == [expected]


def test_a_sentence_above_a_table_that_says_something_else_yields_to_the_table():
    text = (
        f"310P卡：OM精度 **{{Top1@Acc=61.2%}}**；batchsize 取 4 最快，为 81.25 fps\n\n"
        f"{FIVE}|310P3|4|toys|top1: 61.25%|80.5|\n"
    )

    assert brief(text) == [(P3, 4, "top1", 61.25, "%", "promise"), (P3, 4, "throughput", 80.5, RATE, "promise")]


@pytest.mark.parametrize("cells", ["内存不足，不能推理||", "|内存溢出|", "-|OOM|", "内存超出|"])
def test_words_for_too_little_memory_are_a_row_that_does_not_run(cells):
    (first, second) = rows(f"{FIVE}|310P3|1|toys||9.5|\n|310P3|16|toys|{cells}\n")

    assert first.kind == "throughput"
    assert (second.kind, second.chip, second.batch, second.value) == ("unsupported", P3, 16, None)
    assert second.condition == "out of memory"


def test_chips_as_columns_with_ratios_and_a_best_row():
    text = (
        "| Throughput | 310*4 | 310P3 | T4 | 310P3/310 | 310P3/T4 |\n|---|---|---|---|---|---|\n"
        "| bs1 | 110.5 | 221.0 | 90.0 | 2.00 | 2.46 |\n| bs8 | 141 | 内存分配失败 | 130.5 | / | / |\n"
        "|  |  |  |  |  |  |\n| **最优batch** | **141** | **221.0** | **130.5** | **1.57** | **1.69** |\n"
    )

    assert brief(text) == [
        (P1, 1, "throughput", 110.5, RATE, "promise"),
        (P3, 1, "throughput", 221.0, RATE, "promise"),
        ("T4", 1, "throughput", 90.0, RATE, "reference"),
        (P1, 8, "throughput", 141.0, RATE, "promise"),
        (P3, 8, "throughput", None, "", "promise"),
        ("T4", 8, "throughput", 130.5, RATE, "reference"),
    ]
    ratios = [row for row in rows(text) if row.kind == "ratio"]
    assert [(row.chip, row.batch, row.value, row.condition) for row in ratios] == [
        (f"{P3}/{P1}", 1, 2.0, ""),
        (f"{P3}/T4", 1, 2.46, ""),
        (f"{P3}/{P1}", None, 1.57, "best batch"),
        (f"{P3}/T4", None, 1.69, "best batch"),
    ]
    assert {row.scope for row in rows(text) if row.chip == P1} == {"card"}


def test_row_labels_name_the_chip_and_the_header_the_metric():
    assert brief("| Precision | mAP |\n|--|--|\n| 310精度 | mAP=31.5 |\n| 310P3精度 | 31.52% |\n") == [
        (P1, None, "map", 31.5, "%", "promise"),
        (P3, None, "map", 31.52, "%", "promise"),
    ]


def test_batches_as_columns():
    text = (
        "| batchsize | 1 | 4 | 8 |\n|:-:|:-:|:-:|:-:|\n| 310 | 40.5fps | 50.25fps | 51.0fps |\n"
        "| 310P | 80.1 | 110.2 | - |\n| 基线性能 | 30.0 | 34.4 | 36.5 |\n| 310P/基线性能 | 2.67倍 | 3.2倍 | - |\n"
    )

    assert brief(text) == [
        *((P1, batch, "throughput", value, RATE, "promise") for batch, value in ((1, 40.5), (4, 50.25), (8, 51.0))),
        *((P3, batch, "throughput", value, RATE, "promise") for batch, value in ((1, 80.1), (4, 110.2))),
        *(("", batch, "throughput", value, RATE, "reference") for batch, value in ((1, 30.0), (4, 34.4), (8, 36.5))),
    ]


def test_the_line_above_a_table_says_that_its_figures_are_times():
    text = "离线推理性能【单张图片的推理时间(ms)】\n\n| batchsize | 1 | 4 |\n|--|--|--|\n| toysr | 26.5 | 21.25 |\n"

    found = rows(text)
    assert [(row.kind, row.batch, row.value) for row in found] == [("latency", 1, 26.5), ("latency", 4, 21.25)]
    assert {row.condition for row in found} == {"per image"}


def test_official_and_own_figures_side_by_side_with_model_and_batch_in_one_cell():
    text = (
        "| 模型 | 官网pth精度 | 310离线推理精度 | 310P精度 | 基准性能 | 310性能 | 310P性能 |\n"
        "|:-:|:-:|:-:|:-:|:-:|:-:|:-:|\n"
        "| Toy bs1 | [rank1:70.5%](https://example.org/t#m-12) | "
        "rank1:70.1% | rank1:70.2% | 50.5fps | 60.25fps | 90fps |\n"
        "| <center>Toy(bs16) | <center>无 | <center>70.1% | <center>70.2% | <center> | <center>120.5 | <center>300 |\n"
    )

    assert brief(text) == [
        ("", 1, "rank1", 70.5, "%", "reference"),
        (P1, 1, "rank1", 70.1, "%", "promise"),
        (P3, 1, "rank1", 70.2, "%", "promise"),
        ("", 1, "throughput", 50.5, RATE, "reference"),
        (P1, 1, "throughput", 60.25, RATE, "promise"),
        (P3, 1, "throughput", 90.0, RATE, "promise"),
        (P1, 16, "accuracy", 70.1, "%", "promise"),
        (P3, 16, "accuracy", 70.2, "%", "promise"),
        (P1, 16, "throughput", 120.5, RATE, "promise"),
        (P3, 16, "throughput", 300.0, RATE, "promise"),
    ]
    assert {row.model for row in rows(text)} == {"Toy"}


def test_a_table_of_labels_and_values_below_the_models_name():
    text = (
        "| Model | Toy |\n|--|--|\n| 开源精度 | Acc@1：60.5 Acc@5：85.25 |\n| 310P3精度 | Acc@1：60.48 Acc@5：85.2 |\n"
    )

    assert brief(text) == [
        ("", None, "top1", 60.5, "%", "reference"),
        ("", None, "top5", 85.25, "%", "reference"),
        (P3, None, "top1", 60.48, "%", "promise"),
        (P3, None, "top5", 85.2, "%", "promise"),
    ]
    assert {row.model for row in rows(text)} == {"Toy"}


def test_a_table_with_its_header_in_the_first_column():
    text = (
        "| 芯片型号 | 310P3 |\n|--|--|\n| Batch Size | 4 |\n| 数据集 | toys |\n| 精度 | mAP:27.5 |\n| 性能 | 110.3 |\n"
    )

    assert brief(text) == [
        (P3, 4, "map", 27.5, "%", "promise"),
        (P3, 4, "throughput", 110.3, RATE, "promise"),
    ]


def test_html_tables_with_cells_merged_over_rows_and_columns():
    spans = (
        "<table>\n<tr><th>Model</th><th>batchsize</th><th>mIoU(NPU)</th><th>mIoU(开源仓)</th></tr>\n"
        '<tr><td rowspan="2">t</td>'
        '<td>1</td><td rowspan="2">30.25%</td>\n'
        '<td rowspan="2"><a href="https://example.org/t#v0.28">30.11%</a></td></tr>\n'
        "<tr><td>4</td></tr>\n</table>\n"
    )
    levels = (
        '<table><tr><td>metrics</td><td colspan="2">PSNR</td><td colspan="2">SSIM</td></tr>'
        "<tr><td></td><td>gpu_train</td><td>offline_infer</td><td>gpu_train</td><td>offline_infer</td></tr>"
        "<tr><td>toysr</td><td>25.5</td><td>24.4</td><td>0.61</td><td>0.58</td></tr></table>"
    )

    assert sorted(brief(spans)) == [
        ("", 1, "miou", 30.11, "%", "reference"),
        ("", 4, "miou", 30.11, "%", "reference"),
        ("NPU", 1, "miou", 30.25, "%", "promise"),
        ("NPU", 4, "miou", 30.25, "%", "promise"),
    ]
    assert brief(levels) == [
        ("GPU", None, "psnr", 25.5, "", "reference"),
        ("", None, "psnr", 24.4, "", "promise"),
        ("GPU", None, "ssim", 0.61, "", "reference"),
        ("", None, "ssim", 0.58, "", "promise"),
    ]


def test_two_figures_in_a_cell_ditto_marks_and_a_condition_column():
    text = (
        "| 芯片型号 | Sequence Length | Batch Size | pth 精度（ F1 "
        "\\| EM ） | NPU 精度（ F1 \\|EM ） | NPU 性能（FPS） |\n"
        "|---|---|---|---|---|---|\n| Ascend310P3 | 64 | 1 | 70.5 \\| 60.25 | 70.4 \\| 60.2 | 300.5 |\n"
        "| ... | ... | 8 | ... | ... | 800.25 |\n"
        "| ... | 128 | 1 | [71.5 \\| 61.0](https://e.org/m-v1) | 71.4 \\| 60.9 | 200.5 |\n"
    )

    found = rows(text)
    assert [(row.batch, row.metric, row.value, row.role, row.condition) for row in found if row.batch == 8] == [
        (8, "throughput", 800.25, "promise", "Sequence Length=64")
    ]
    assert [(row.metric, row.value) for row in found if row.condition == "Sequence Length=128"] == [
        ("f1", 71.5), ("em", 61.0), ("f1", 71.4), ("em", 60.9), ("throughput", 200.5),
    ]  # fmt: skip
    assert {row.chip for row in found if row.role == "promise"} == {P3}
    assert {row.chip for row in found if row.role == "reference"} == {""}


def test_two_metrics_in_one_column_and_an_image_count_that_is_no_data_set():
    text = (
        "| Conditions | Need |\n|--|--|\n| CANN Version | >=5.0.3 |\n| Chip Platform | Ascend310/Ascend310P3 |\n\n"
        "| model | SOC | **data** | Top1/Top5 |\n|:-:|:-:|:-:|:-:|\n"
        "| offline Inference | Ascend310 | 50K images | 49.5 %/ 71.25% |\n"
    )

    assert brief(text) == [(P1, None, "top1", 49.5, "%", "promise"), (P1, None, "top5", 71.25, "%", "promise")]
    assert {(row.dataset, row.condition) for row in rows(text)} == {("", "50K images")}


def test_the_wide_summary_row_of_tensorflow_models():
    text = (
        "| 模型 |数据集| 输入shape | 输出shape | 推理时长(单张) | msame | NPU精度  |GPU精度  | 目标精度 |\n"
        "|--|--|--|--|--|--|--|--|--|\n"
        "| toy | Toys val | `4*224*224*3` | `4*100` |9.5ms~ | 0.706 | 0.71|0.72| 0.715 |\n"
    )

    assert brief(text) == [
        ("", 4, "latency", 9.5, "ms", "promise"),
        ("", 4, "accuracy", 0.706, "fraction", "promise"),
        ("NPU", 4, "accuracy", 0.71, "fraction", "reference"),
        ("GPU", 4, "accuracy", 0.72, "fraction", "reference"),
        ("", 4, "accuracy", 0.715, "fraction", "reference"),
    ]
    assert rows(text)[1].definition == "msame"


def test_metrics_as_rows_against_paper_gpu_npu_and_offline_columns():
    text = (
        "| | 论文精度 | GPU精度 | NPU精度 | 离线推理精度 |\n|--|--|--|--|--|\n| PSNR | 29.5 | 29.25 | 29.2 | 29.19 |\n"
        "| MSE | - | 3.5*e-3 | 3.1*e-3 | 3.2*e-3 |\n"
    )

    assert brief(text) == [
        ("", None, "psnr", 29.5, "", "reference"),
        ("GPU", None, "psnr", 29.25, "", "reference"),
        ("NPU", None, "psnr", 29.2, "", "reference"),
        ("", None, "psnr", 29.19, "", "promise"),
        ("GPU", None, "mse", 0.0035, "", "reference"),
        ("NPU", None, "mse", 0.0031, "", "reference"),
        ("", None, "mse", 0.0032, "", "promise"),
    ]


def test_seconds_per_batch_under_the_word_fps_are_times_of_the_training():
    text = "|性能指标项|论文发布|GPU实测|NPU实测|\n|---|---|---|---|\n|FPS|XXX|0.25 sec/batch|1.5 sec/batch|\n"

    assert brief(text) == [
        ("GPU", None, "latency", 250.0, "ms", "reference"),
        ("NPU", None, "latency", 1500.0, "ms", "reference"),
    ]
    assert {row.condition for row in rows(text)} == {"per batch"}


def test_a_header_repeated_inside_a_table_begins_anew():
    text = (
        "| 模型 | Pth精度 |\n|--|--|\n| toy | f1: 0.91 recall 0.9 |\n"
        "| 模型 | NPU精度 |\n| toy | f1: 0.92 recall 0.89 |\n"
    )

    assert brief(text) == [
        ("", None, "f1", 0.91, "fraction", "reference"),
        ("", None, "recall", 0.9, "fraction", "reference"),
        ("NPU", None, "f1", 0.92, "fraction", "promise"),
        ("NPU", None, "recall", 0.89, "fraction", "promise"),
    ]


def test_a_header_on_two_levels_in_markdown():
    text = (
        "| | 310 | | 310P | |\n|--|--|--|--|--|\n"
        "| bs | 精度 | 性能 | 精度 | 性能 |\n| 4 | 66.1% | 110 | 66.2% | 210 |\n"
    )

    assert brief(text) == [
        (P1, 4, "accuracy", 66.1, "%", "promise"),
        (P1, 4, "throughput", 110.0, RATE, "promise"),
        (P3, 4, "accuracy", 66.2, "%", "promise"),
        (P3, 4, "throughput", 210.0, RATE, "promise"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "| 芯片 | batch | 性能 |\n| 310P3 | 1 | 25.5 |\n| 310P3 | 4 | 26.5 |\n",  # no dividing line
        "芯片 | batch | 性能\n--|--|--\n310P3 | 1 | 25.5\n310P3 | 4 | 26.5\n",  # no bars at the ends
        "芯片｜batch｜性能\n---｜---｜---\n310P3｜1｜25.5\n310P3｜4｜26.5\n",  # full-width bars
        "| 芯片 | batch | 性能 |\n|--|\n| 310P3 | 1 | 25.5 |\n\n| 310P3 | 4 | 26.5 |\n",  # a blank line between rows
        "> | 芯片 | batch | 性能 |\n> |--|--|--|\n> | 310P3 | 1 | 25.5 |\n> | 310P3 | 4 | 26.5 |\n",  # quoted
        "```\n-----\n| 芯片 | batch | 性能 |\n-----\n| 310P3 | 1 | 25.5 |\n| 310P3 | 4 | 26.5 |\n-----\n```\n",  # drawn
        "<TABLE><tr><td>芯片<td>batch<td>性能<tr><td>310P3<td>1<td>25.5<tr><td>310P3<td>4<td>26.5",  # unclosed
    ],
)
def test_broken_and_drawn_tables_are_read_like_proper_ones(text):
    assert brief(text) == [
        (P3, 1, "throughput", 25.5, RATE, "promise"),
        (P3, 4, "throughput", 26.5, RATE, "promise"),
    ]


def test_rows_that_clash_get_the_name_of_their_table_as_a_condition():
    table = "| 芯片型号 | Batch Size | 性能 |\n|--|--|--|\n| 310P3 | 1 | {} |\n\n"
    text = f"part1\n\n{table.format(50.5)}part2\n\n{table.format(40.5)}"

    assert [(row.value, row.condition, row.certain) for row in rows(text)] == [
        (50.5, "part1", True), (40.5, "part2", True),
    ]  # fmt: skip
