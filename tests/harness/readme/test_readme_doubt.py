"""What is not clear in a README is said, never guessed in silence."""

from harness.readme import parse


def parsed(text: str):
    return parse(text.encode())


def test_an_unknown_header_above_figures_is_reported_with_its_line_and_its_rows_are_uncertain():
    found = parsed("# 精度\n\n| 芯片 | 精度 | Quuxity |\n|--|--|--|\n| 310P3 | 61.5% | 0.75 |\n")

    first = found.notices[0]
    assert (first.line, first.text) == (3, "unknown header 'Quuxity': taken for a metric")
    assert [(row.metric, row.certain) for row in found.rows] == [("accuracy", True), ("quuxity", False)]


def test_whole_numbers_below_an_unknown_header_are_conditions_and_no_results():
    found = parsed("| 芯片 | Quuxes | 性能 |\n|--|--|--|\n| 310P3 | 20000 | 61.5fps |\n")

    assert [(row.value, row.condition) for row in found.rows] == [(61.5, "Quuxes=20000")]
    assert "unknown header 'Quuxes': its numbers are not taken for results" in [one.text for one in found.notices]


def test_a_time_without_a_unit_is_uncertain():
    (row,) = parsed("| 芯片 | 推理时长 |\n|--|--|\n| 310P3 | 81.5/12张 |\n").rows

    assert (row.value, row.certain, row.reason) == (81.5, False, "no unit of time is printed; taken as ms")


def test_two_figures_in_a_cell_without_names_are_uncertain():
    found = parsed("| 芯片 | 精度 |\n|--|--|\n| 310P3 | 61.5%/81.5% |\n").rows

    assert [(row.value, row.certain) for row in found] == [(61.5, False), (81.5, False)]


def test_a_range_gives_its_first_number_as_uncertain():
    (row,) = parsed("| 芯片 | 平均耗时（ms） |\n|--|--|\n| 310P3 | 11.5~12 |\n").rows

    assert (row.value, row.certain) == (11.5, False)


def test_a_number_that_contradicts_an_earlier_one_is_uncertain():
    found = parsed("| 芯片 | batch | 性能 |\n|--|--|--|\n| 310P3 | 1 | 10.5 |\n| 310P3 | 1 | 11.5 |\n").rows

    assert [(row.value, row.certain) for row in found] == [(10.5, True), (11.5, False)]
    assert found[1].reason == "line 3 states another number for the same"


def test_a_table_of_single_predictions_is_no_result():
    table = "| 序号 | 真实值 | GPU | NPU |\n|--|--|--|--|\n" + "".join(
        f"|{i}|0.{i}5|0.{i}6|0.{i}7|\n" for i in range(1, 6)
    )

    assert parsed(table).rows == ()
    assert parsed(f"部分结果：\n{table.replace('序号', '样本')}").rows == ()


def test_tables_of_versions_parameters_and_tensors_are_no_results():
    text = (
        "| 配套 | 版本 |\n|--|--|\n| CANN | 6.0.1 |\n| PyTorch | 1.8.0 |\n\n"
        "| 参数 | 说明 | 默认值 |\n|--|--|--|\n| batch_size | 批大小 | 1 |\n| threshold | 精度阈值 | 0.5 |\n\n"
        "| 输入数据 | 数据类型 | 大小 | 数据排布格式 |\n|--|--|--|--|\n"
        "| x | FLOAT32 | batchsize x 3 x 224 x 224 | NCHW |\n\n"
        "```\n+---+\n| NPU Name | Health | Power(W) Temp(C) |\n"
        "| Chip Device | Bus-Id | AICore(%) Memory-Usage(MB) |\n+====+\n"
        "| 0 310P3 | OK | 15.8 42 |\n| 0 0 | 0000:82:00.0 | 0 1074 / 21534 |\n+===+\n```\n"
    )

    assert parsed(text).rows == ()


def test_a_chip_that_only_the_conversion_command_names_has_no_printed_name():
    command = "```\natc --model=a.pb --soc_version={} --framework=3\n```\n"
    table = "| model | data | Top1 |\n|--|--|--|\n| offline Inference | 50K images | 49.5% |\n"

    (row,) = parsed(command.format("Ascend310P3") + table).rows
    assert (row.chip, row.printed_chip) == ("Ascend310P3", "")
    two = command.format("Ascend310P3") + command.format("Ascend910") + table
    assert [row.chip for row in parsed(two).rows] == [""]


def test_a_promise_for_some_npu_is_one_for_the_chip_of_the_conversion_command():
    command = "```\natc --model=a.pb --soc_version=Ascend310P3 --framework=3\n```\n\n"

    (row,) = parsed(f"{command}# 性能\n\nNPU离线推理平均耗时 12.5ms\n").rows
    assert (row.chip, row.printed_chip) == ("Ascend310P3", "NPU")
