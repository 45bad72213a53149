"""The tables: the READMEs' columns, one line per case, and text that would break a table."""

from pathlib import Path

import pytest

from harness.cards import ModelCard
from harness.render import table
from harness.results import Case, Entry, Judgement, Result, Samples, Verdict

CARD = ModelCard.model_validate(
    {
        "name": "net",
        "family": "f",
        "classes": 2,
        "source": {"url": "u", "framework": "torch"},
        "input": ({"name": "x", "dtype": "float32", "shape": ("N", 3)},),
        "output": ({"name": "y", "index": 0, "dtype": "float32", "shape": ("N", 2), "scored": True},),
        "dataset": {"kind": "imagenet", "count": 1},
        "metric": {"name": "top1", "protocol": "by-name"},
        "path": Path("card.toml"),
    }
)


def entry(check="accuracy", batch=1, outcome="PASS", code="met", reason="why", waived_by="", **numbers):
    numbers = {"observed": 0.8101, "target": 0.8098, "unit": "fraction", **numbers}
    case = Case(model="net", runtime="ort-cpu", chip="cpu", batch=batch, check=check)
    judgement = Judgement(name=check, outcome=outcome, note=reason, **numbers)
    verdict = Verdict(outcome=outcome, code=code, judgements=(judgement,), reason=reason, waived_by=waived_by)
    return Entry(result=Result(case=case, status="measured"), verdict=verdict)


RATE = {"observed": 31.0, "target": 31.22, "unit": "images/s"}


def test_the_readme_table_has_the_readmes_columns_and_a_row_per_batch():
    entries = [entry("throughput", 4, **RATE), entry()]

    assert table.readme_table(entries, "imagenet").splitlines() == [
        "| 芯片型号 Chip | Batch Size | 数据集 Dataset | 精度 Accuracy | 性能 Performance |",
        "| --- | --- | --- | --- | --- |",
        "| cpu ort-cpu | 1 | imagenet | 81.01 % (promised 80.98 %) PASS met | — |",
        "| cpu ort-cpu | 4 | imagenet | — | 31.00 images/s (promised 31.22 images/s) PASS met |",
    ]


def test_a_case_has_one_line_with_its_reason():
    assert table.case_table([entry()]).splitlines()[2] == (
        "| net-ort-cpu-bs1 | accuracy | 81.01 % | 80.98 % | PASS met | why |"
    )


def test_a_bar_and_a_line_break_stay_inside_their_cell():
    line = table.case_table([entry(reason="max|a−b|\nis \\ 3")]).splitlines()[2]

    assert line.endswith("| max\\|a−b\\| is \\\\ 3 |")
    assert len(table.case_table([entry(reason="a\nb")]).splitlines()) == 3


def test_what_was_not_measured_is_a_dash():
    bare = Entry(
        result=Result(case=entry().result.case, status="not_run"),
        verdict=Verdict(outcome="NOT_RUN", code="missing-weights", reason="no weights"),
    )

    assert table.row(bare).cells[2:5] == ("—", "—", "NOT_RUN missing-weights")


def test_a_waiver_is_listed():
    assert table.row(entry(outcome="FAIL", code="missed", waived_by="ann")).verdict == "FAIL missed, waived by ann"


def test_the_report_has_every_model_and_every_case_in_order():
    text = table.markdown([entry("throughput", 4, **RATE), entry("parity"), entry()], {"net": CARD})

    assert text.startswith("# Measured against promised\n\n## net\n")
    assert "| imagenet |" in text
    cases = text.partition("## Cases")[2]
    assert cases.index("| accuracy |") < cases.index("| parity |") < cases.index("| throughput |")


def test_a_card_that_is_gone_does_not_stop_the_report():
    assert "## net" in table.markdown([entry()], {})


def test_the_terminal_shows_reasons_only_below_what_did_not_pass():
    lines = table.terminal([entry(), entry(batch=4, outcome="FAIL", code="missed", reason="too low")], {"net": CARD})

    assert lines.splitlines() == [
        "Case             Check     Measured  Promised  Verdict",
        "net-ort-cpu-bs1  accuracy  81.01 %   80.98 %   PASS met",
        "net-ort-cpu-bs4  accuracy  81.01 %   80.98 %   FAIL missed",
        "    too low",
    ]


@pytest.mark.parametrize("render", [table.markdown, table.terminal])
def test_no_entries_make_an_empty_table(render):
    assert "Case" in render([], {})


def test_every_judgement_is_in_the_report():
    several = entry().verdict.model_copy(
        update={
            "judgements": (
                Judgement(name="absolute", outcome="PASS", note="met"),
                Judgement(name="order", outcome="NO_BASELINE", note="60 to 70 % when images are reordered"),
            )
        }
    )
    report = table.markdown([entry().model_copy(update={"verdict": several})], {"net": CARD})

    assert "| net-ort-cpu-bs1 | accuracy | absolute | PASS | met |" in report
    assert "| net-ort-cpu-bs1 | accuracy | order | NO_BASELINE | 60 to 70 % when images are reordered |" in report


def test_how_many_images_a_verdict_took_is_told_where_they_were_looked_at_one_part_after_the_other():
    samples = Samples(used=500, declared=2000, ids_digest="d", looks=(250, 500))
    whole = Samples(used=2000, declared=2000, ids_digest="d")
    entries = [
        one.model_copy(update={"result": one.result.model_copy(update={"samples": used})})
        for one, used in ((entry(), samples), (entry(), whole), (entry(), None))
    ]

    assert table.looks(entries) == [
        "test_accuracy[net-ort-cpu-bs1]: decided by 500 of 2000 images, looked at after 250, 500"
    ]
