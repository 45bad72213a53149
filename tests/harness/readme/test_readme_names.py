"""Names that are no statement of whose a figure is or what it is: frameworks, products, chips before a batch."""

import pytest

from harness.readme import Row, parse
from harness.units import more_is_better

P3, P1 = "Ascend310P3", "Ascend310"
COCO = "Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.325"


def rows(text: str) -> tuple[Row, ...]:
    return parse(text.encode()).rows


def brief(text: str) -> list[tuple[object, ...]]:
    return [(row.chip, row.batch, row.metric, row.value, row.role) for row in rows(text)]


def below(header: str, *lines: str) -> str:
    return "\n".join(["# 推理结果", "", header, "|--" * (header.count("|") - 1) + "|", *lines, ""])


@pytest.mark.parametrize("framework", ["PyTorch", "MindSpore", "TensorFlow"])
@pytest.mark.parametrize("header", ["Framework", "框架"])
def test_the_framework_that_a_model_is_from_does_not_make_its_figures_references(header, framework):
    text = below(f"|{header}|Chip|Batch Size|Accuracy|Performance|", f"|{framework}|Ascend310P3|4|71.5%|210.5fps|")

    expected = [(P3, 4, "acc", 71.5, "promise"), (P3, 4, "throughput", 210.5, "promise")]
    assert brief(text) == expected


def test_a_framework_beside_the_offline_model_in_its_column_is_who_it_is_compared_with():
    text = below("|框架|精度|", "|PyTorch|71.5%|", "|OM|71.25%|")

    assert [(row.value, row.role) for row in rows(text)] == [(71.5, "reference"), (71.25, "promise")]


def test_the_name_of_another_model_in_a_row_of_its_own_is_still_a_reference():
    text = below("|Name|Accuracy|", "|PyTorch|71.5%|", "|om|71.25%|")

    assert [(row.value, row.role) for row in rows(text)] == [(71.5, "reference"), (71.25, "promise")]


@pytest.mark.parametrize(
    "product", ["Atlas 300-3010", "Atlas  800-3010", "Atlas 300I", "Atlas 800T A2", "Atlas 300I Pro"]
)
@pytest.mark.parametrize("header", ["NPU Version", "Server", "Atlas NPU Model"])
def test_the_number_in_a_products_name_is_no_figure(header, product):
    text = below(f"|{header}|Dataset|Accuracy|", f"|{product}|ToySet|AP: 0.725|")

    assert [(row.metric, row.value, row.role) for row in rows(text)] == [("ap", 0.725, "promise")]


@pytest.mark.parametrize("header", ["310P(onnx修改)", "310P_relu融合+onnx修改", "310P_onnx"])
def test_onnx_in_the_name_of_an_ascend_chips_column_is_how_the_model_was_made(header):
    text = below(f"|模型|{header}|T4|", "|ToyNet bs1|120.5fps|60.5fps|")

    assert brief(text) == [
        (P3, 1, "throughput", 120.5, "promise"),
        ("T4", 1, "throughput", 60.5, "reference"),
    ]


def test_onnx_without_a_chip_is_a_reference():
    text = below("|模型|onnx精度|om精度|", "|ToyNet|71.5%|71.25%|")

    assert [(row.value, row.role) for row in rows(text)] == [(71.5, "reference"), (71.25, "promise")]


@pytest.mark.parametrize(
    ("header", "metric", "more"),
    [
        ("error_rate", "error rate", False),
        ("精度error_rate", "error rate", False),
        ("精度(error_rate)", "error rate", False),
        ("精度（error rate）", "error rate", False),
        ("char_error_rate", "cer", False),
        ("word_error_rate", "wer", False),
        ("hit rate", "hit rate", None),
        ("success_rate", "success rate", None),
    ],
)
def test_the_rate_of_errors_or_hits_is_an_accuracy_and_no_speed(header, metric, more):
    text = below(f"|芯片型号|Batch Size|{header}|性能|", "|310P3|1|2.125|3.5|")

    first, speed = rows(text)
    assert (first.kind, first.metric, first.value, first.role) == ("accuracy", metric, 2.125, "promise")
    assert (speed.kind, speed.value) == ("throughput", 3.5)
    assert more_is_better(metric) is more


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        ("310 batch1的精度：", (P1, 1, "promise")),
        ("310p batch1的精度：", (P3, 1, "promise")),
        ("Ascend310 batch4的精度：", (P1, 4, "promise")),
        ("T4 batch1的精度：", ("T4", 1, "reference")),
        ("batch16的精度：", ("", 16, "promise")),
    ],
)
def test_a_line_above_an_evaluations_log_says_of_which_chip_and_batch_it_is(lead, expected):
    (row,) = rows(f"# 精度对比\n\n{lead}\n\n```\n{COCO}\n```\n")

    assert (row.value, row.chip, row.batch, row.role) == (0.325, *expected)


@pytest.mark.parametrize(("heading", "role"), [("离线推理精度", "promise"), ("开源精度", "reference")])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_dictionary_of_scores_in_a_block_of_code_is_what_the_heading_says(quote, heading, role):
    scores = "{'top1_acc': 0.7150, 'top5_acc': 0.9125, 'psnr': 31.25}".replace("'", quote)

    found = rows(f"# ToyNet\n\n### {heading}\n\n```\n{scores}\n```\n")
    assert [(row.metric, row.value, row.unit, row.role) for row in found] == [
        ("top1", 0.715, "fraction", role),
        ("top5", 0.9125, "fraction", role),
        ("psnr", 31.25, "", role),
    ]


@pytest.mark.parametrize(
    "text", ["{'lr': 0.01, 'acc': 0.5}", "{'acc': 0.5, 'epoch': 3}", "{'acc': 0.5", "{}", "{'a': {'acc': 0.5}}"]
)
def test_a_dictionary_of_settings_or_a_broken_one_is_no_result(text):
    assert rows(f"# ToyNet\n\n### 精度\n\n```\n{text}\n```\n") == ()


def test_a_table_behind_a_reference_of_an_evaluation_is_measured():
    scores = "{'top1_acc': 0.7150, 'top5_acc': 0.9125}"
    table = "batch_size  top1_acc  top5_acc\n1           0.7125    0.9100\n4           0.7125    0.9100"

    found = rows(f"# ToyNet\n\n### 开源精度\n\n```\n{scores}\n```\n\n### 精度对比\n\n```\n{table}\n```\n")
    assert [(row.value, row.role) for row in found] == [
        (0.715, "reference"),
        (0.9125, "reference"),
        *[(value, "promise") for value in (0.7125, 0.91)] * 2,
    ]


@pytest.mark.parametrize("order", [("官网pth精度", "310离线推理精度"), ("310离线推理精度", "官网pth精度")])
def test_numbers_without_names_have_those_of_as_many_in_another_cell_of_the_row(order):
    cells = {"官网pth精度": "precision : 81.5 recall : 72.25 f1 : 76.5", "310离线推理精度": "0.8125 0.7175 0.7625"}
    text = below(f"|模型|{'|'.join(order)}|", f"|ToyText bs1|{'|'.join(cells[one] for one in order)}|")

    own = [(row.metric, row.value) for row in rows(text) if row.role == "promise"]
    assert own == [("precision", 0.8125), ("recall", 0.7175), ("f1", 0.7625)]


def test_numbers_of_another_count_than_the_names_beside_them_do_not_get_them():
    text = below(
        "|模型|官网pth精度|310离线推理精度|", "|ToyText bs1|precision : 81.5 recall : 72.25|0.8125 0.7175 0.7625|"
    )

    assert [row.metric for row in rows(text) if row.role == "promise"] == ["accuracy"]


def test_a_small_score_of_an_unknown_metric_has_no_unit_where_none_is_printed():
    text = below("| |论文精度|离线推理精度|", "|EN|6.25|6.5|", "|Purity|71.5|71.25|", "|QN|6.25%|6.5%|")

    assert [(row.metric, row.unit) for row in rows(text) if row.role == "promise"] == [
        ("en", ""),
        ("purity", "%"),
        ("qn", "%"),
    ]


def test_of_two_words_in_brackets_behind_a_number_the_known_one_is_the_metric():
    (row,) = rows(below("|芯片型号|Batch Size|精度|", "|310P3|1|5.25(Cased CER)|"))

    assert (row.metric, row.value, row.unit) == ("cer", 5.25, "%")


def test_of_a_profilers_times_only_the_mean_is_a_latency():
    times = ["min: 3.5 ms", "max: 7.25 ms", "mean: 4.25 ms", "median: 4.125 ms", "percentile: 6.5 ms at 99%"]
    log = "\n".join(f"[I] {line}" for line in [*times, "total compute time: 2.5 s"])
    text = f"# ToyNet\n\n#### GPU T4 性能数据\n\n```\n{log}\n```\n"

    assert brief(text) == [("T4", None, "latency", 4.25, "reference")]
