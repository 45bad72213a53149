"""READMEs that are broken, huge or made to harm: bounded time, no crash, nothing followed, no secrets in the output."""

import gc
import random
import re
import string
import time
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.readme import document, parse
from harness.readme.redact import redact

# Linear reading takes four times as long for four times as much, quadratic sixteen times.
LINEAR = 9.0
SHORTEST_S = 0.02
SIZE = 250_000
TABLE = "| 芯片型号 | Batch Size | 精度 | 性能 |\n|--|--|--|--|\n| 310P3 | 1 | mIoU: 0.612 | 17.5 |\n"


def spent(data: bytes) -> float:
    """Return the processor's seconds for reading a README."""
    began = time.process_time()
    parse(data)
    return time.process_time() - began


def values(data: bytes) -> list[float | None]:
    return [row.value for row in parse(data).rows]


@pytest.mark.parametrize(
    "data",
    [
        TABLE.encode("gbk"),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-16"),
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("\n", "\r").encode(),
        TABLE.replace(" 1 ", " 1\0 ").encode(),
        "说明：\n".encode("gbk") + b"\xff\xfe\xfa\n\n" + TABLE.encode(),
    ],
    ids=["gbk", "bom", "utf-16", "crlf", "cr", "nul", "mixed"],
)
def test_every_encoding_and_line_end_gives_the_same_rows(data):
    assert values(data) == [0.612, 17.5]


def test_lines_are_counted_alike_with_every_line_end():
    text = f"# 标题\n\n{TABLE}"

    assert [{row.where.line for row in parse(text.replace("\n", end).encode()).rows} for end in ("\n", "\r\n")] == [
        {5}
    ] * 2


MODELS = "| 模型 | 310精度 |\n|--|--|\n"
PATTERNS = {
    "table": lambda rnd: TABLE + "".join(f"|310P3|{i % 64}|{rnd.random():.4f}|{i}.5|\n" for i in range(10_000)),
    "models": lambda rnd: MODELS + "".join(f"|m{rnd.random()} bs4|top1:{rnd.random()}|\n" for _ in range(6_000)),
    "sentences": lambda rnd: "".join(f"bs4 平均推理性能 {rnd.random():.3f}ms\n" for _ in range(8_000)),
    "tables": lambda rnd: (TABLE + "\n") * 2_800,
    "headings": lambda rnd: "# a\n" * 62_000,
    "fences": lambda rnd: "```\nacc: 0.5\n```\n" * 15_000,
    "quotes": lambda rnd: ("> " * 300 + "x\n") * 400,
    "lists": lambda rnd: "".join("  " * (i % 60) + "- 性能 12.5 fps\n" for i in range(3_000)),
    "brackets": lambda rnd: ("[a](" * 200 + "\n") * 310,
    "emphasis": lambda rnd: ("*a_b* **1.5** " * 70 + "\n") * 250,
    "bars": lambda rnd: ("|" * 3000 + "\n") * 83,
    "unclosed": lambda rnd: "<table>" + "<tr><td>310P3<td>1.5" * 12_000,
    "spans": lambda rnd: "<table>" + '<tr><td rowspan="9999" colspan="9999">1' * 6_000,
    "nested": lambda rnd: "<table><tr><td>" * 16_000,
    "divs": lambda rnd: "<div>" * 50_000 + "<table><tr><td>1",
    "one line": lambda rnd: "性能 12.5fps，" * 15_000,
    "numbers": lambda rnd: ("1.2.3.4.5 fps " * 40 + "\n") * 420,
    "products": lambda rnd: ("1*2*3*4=5 batch1 性能 " * 25 + "\n") * 400,
    "json": lambda rnd: ('{"key": "Top1 accuracy", "value": "70.5%"}, ' * 20 + "\n") * 290,
    "arrays": lambda rnd: "[0.5 0.6]\nMIoU: 0.5 0.1 0.2 0.5 0.3\n" * 6_700,
    "nul": lambda rnd: "\0" * SIZE,
    "letters": lambda rnd: "".join(rnd.choice(string.printable) for _ in range(SIZE)),
}  # fmt: skip


@pytest.mark.parametrize("name", PATTERNS)
def test_four_times_as_much_of_anything_takes_about_four_times_as_long(name):
    whole = PATTERNS[name](random.Random(7)).encode()  # noqa: S311

    quarter_s = min(spent(whole[: len(whole) // 4]) for _ in range(2))
    whole_s = min(spent(whole) for _ in range(2))
    assert whole_s < LINEAR * max(quarter_s, SHORTEST_S)


def test_ten_thousand_rows_are_all_read():
    text = "| 芯片型号 | Batch Size | 性能 |\n|--|--|--|\n" + "".join(
        f"| 310P3 | {i} | {i}.5 |\n" for i in range(1, 10_001)
    )

    found = parse(text.encode())
    assert len(found.rows) == 10_000
    assert found.rows[-1].batch == 10_000


def test_a_line_that_is_too_long_to_read_is_said():
    text = TABLE + "\n" + "性能 12.5fps，" * 2_500 + "\n"

    found = parse(text.encode())
    assert [row.value for row in found.rows] == [0.612, 17.5]
    assert ["a line of more than 20000 characters is not read" in notice.text for notice in found.notices] == [True]


def test_what_is_not_read_of_a_huge_readme_is_said():
    text = "| 模型 | 精度 |\n|--|--|\n" + "".join(f"| m{i} | 0.5 |\n" for i in range(30_000))

    assert [notice.text for notice in parse(text.encode()).notices] == ["more than 20000 figures: the rest is not read"]


def test_thousands_of_labels_that_are_all_different_are_not_all_read_and_that_is_said():
    text = "| 模型 | 数据集 | 精度 |\n|--|--|--|\n" + "".join(f"| m{i} | d{i} | 0.5 |\n" for i in range(13_000))

    found = parse(text.encode())
    assert 12_400 < len(found.rows) < 12_600
    assert [notice.text for notice in found.notices] == [
        "more than 25000 different texts in tables: the rest is not read"
    ]


def test_of_thousands_of_doubts_a_thousand_are_said_and_the_rest_are_counted():
    rows = "".join(f"| 310P3 | 1 | {i}.5 |\n" for i in range(1, 1503))

    found = parse(f"| 芯片型号 | Batch Size | 性能 |\n|--|--|--|\n{rows}".encode())
    assert sum(not row.certain for row in found.rows) == 1501
    assert len(found.notices) == 1001
    assert found.notices[-1].text == "501 more rows are uncertain, each with its reason"


def test_of_thousands_of_contradictions_the_first_are_given_and_the_rest_are_counted():
    rows = "".join(f"| 310P3 | 1 | {i}.5 |\n" for i in range(1, 2504))

    found = parse(f"| 芯片型号 | Batch Size | 性能 |\n|--|--|--|\n{rows}".encode())
    assert len(found.rows) == 2001
    assert found.notices[0].text == "502 rows state other numbers for the same as earlier ones, and are left out"


def test_tables_without_bars_are_counted_too():
    text = "Top1  Top5\n70.5  80.5\n" * 1002

    assert [one.text for one in parse(text.encode()).notices] == ["more than 1000 tables: the rest is not read"]


LONG = "9" * 400
HUGE = {
    "cell": f"| 芯片 | 310精度 |\n|--|--|\n| a | {LONG}.5 |\n| b | 1e999 |\n| c | 9*10^999 |\n| d | {LONG}s |\n",
    "sentence": f"310P mAP 为 {LONG}.5\n\n平均推理性能：{LONG}ms\n\n310P/310 = {LONG}\n",
    "difference": f"310的精度与310P的精度相差不超过{LONG}%\n",
    "average": f"```\nInference average time : {LONG} ms\n```\n",
    "json": '{"key": "Top1 accuracy", "value": "1.2.3%"}, {"key": "Top5 accuracy", "value": "' + LONG + '"}\n',
    "classes": f"[{LONG}.5 1.5e999\n 0.5]\nMIoU: {LONG}.5 0.5 0.5 {LONG}.5 0.5\n",
    "batch": f"| 芯片 | batch | 性能 |\n|--|--|--|\n| 310P3 | {LONG} | {LONG} |\n",
}


@pytest.mark.parametrize("text", HUGE.values(), ids=list(HUGE))
def test_numbers_that_no_computer_holds_are_no_results(text):
    assert parse(text.encode()).rows == ()


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_of_garbage_is_afterwards_as_it_was_also_behind_an_error(monkeypatch, was_on):
    states: list[bool] = []

    def failing(text: str) -> None:
        states.append(gc.isenabled())
        raise RuntimeError(text)

    monkeypatch.setattr(document, "read", failing)
    before = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        with pytest.raises(RuntimeError):
            parse(b"x")
        states.append(gc.isenabled())
    finally:
        (gc.enable if before else gc.disable)()
    assert states == [False, was_on]


def test_what_waits_for_the_collector_of_garbage_is_bounded_by_the_size_of_a_readme():
    def left(data: bytes) -> int:
        gc.collect()
        parse(data)
        return gc.collect()

    text = (TABLE + "\n").encode()
    assert left(text * 4000) < 2 * max(left(text * 2000), 1)


def test_an_empty_readme_has_no_results_and_says_so():
    assert [notice.text for notice in parse(b"").notices] == ["no results found"]


SECRETS = [
    "https://bucket.example.com/a.om?AccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=zzz%3D",
    "https://user:hunter2@example.com/x",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "提取码：q7x9",
    "token=s3cr3tvalue",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefg",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_links_and_tokens_never_appear_in_the_output(secret):
    text = (
        f"| 模型 | 数据集 {secret} | 310精度 | 备注 |\n|--|--|--|--|\n"
        f"| toy {secret} | {secret} | [71.5%]({secret}) {secret} | {secret} |\n"
        f"\n平均推理性能：10.75ms {secret}\n\n{secret}\n"
    )

    found = parse(text.encode())
    output = found.model_dump_json()
    assert 71.5 in [row.value for row in found.rows]
    for hidden in ("AKIA", "Signature=zzz", "hunter2", "ghp_abc", "q7x9", "s3cr3tvalue", "eyJhbGci"):
        assert hidden not in output


def test_redaction_leaves_ordinary_text_alone():
    for text in ("mAP: 0.5", "https://example.com/a/b.md", "310P3: 12.5 fps", "token 12"):
        assert redact(text) == text


PIECES = st.sampled_from(
    [
        "| 芯片 | batch | 精度 | 性能 |", "|--|--|--|--|", "| 310P3 | 1 | top1: 71.5% | 12.5fps |",
        "| 310P | bs4 | 0.715 | 1,234.5 |", "| 最优 | | | 3e2 |", "|", "```", "# 性能", "310P：", "- NPU", "Top1/Top5",
        "<table><tr><td>mAP</td><td rowspan=3>", "37.5%</td></tr>", "</table>", "bs4 28.5", "60.5x4=242fps",
        "平均耗时 0.25s", "psnr/ssim：31.5/0.948", "~1.5", "11.5~12ms", "...", "\x00", "CER: 1.5e+01",
        "| MSE | 3.2*e-3 |", "310P/310 = 1.5", "acc 0.9±0.01", "(", "**", "[1](", "\\|", "|–|", "１２．５％ top1",
    ]
)  # fmt: skip
README = st.lists(st.one_of(PIECES, st.text(max_size=40)), max_size=30).map("\n".join)


def printed_numbers(text: str) -> set[float]:
    """Return the numbers that a text prints, also as parts of others, with their exponents, and seconds as ms."""
    plain = unicodedata.normalize("NFKC", text).replace(",", "")
    found = re.findall(r"(\d+\.?\d*|\.\d+)(?:\s?[*×x]?\s?(?:e|10\^)\s?([-+]?\d+))?", plain, re.IGNORECASE)
    numbers = {float(number) * 10.0 ** int(power or 0) for number, power in found if len(power) < 4}
    return {round(number * factor, 9) for number in numbers for factor in (1.0, 1000.0, 0.001)}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(README)
def test_every_value_appears_in_the_printed_text_that_it_cites(text):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    for row in parse(text.encode("utf-8", "replace")).rows:
        assert 1 <= row.where.line <= len(lines)
        if row.value is not None:
            numbers = printed_numbers(row.where.text)
            assert any(abs(abs(row.value) - number) <= 1e-6 * max(1.0, number) for number in numbers)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_make_it_fail(data):
    parse(data)
