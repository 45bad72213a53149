"""The page: it loads nothing, runs only its own script, shows every verdict, and escapes whatever it is told."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness.cards import ModelCard
from harness.report import page
from harness.report.promised import promised
from harness.report.read import read
from harness.report.views import Key, Material, Panel, Picture
from tests.harness import run_folders as made
from tests.harness.report.test_confusions import PIXELS

VOID = {"meta", "link", "input", "br", "img", "hr", "base"}
INJECTIONS = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style><b onclick=x>", "{{ 7 * 7 }}")


class Page(HTMLParser):
    """A page's elements, texts and links."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.data: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.data.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.data).split())


def rendered(folder: Path, cards=(), pictures=None) -> dict[str, str]:
    known = {card.name: card for card in cards}
    report = read(folder, known)
    return dict(page.pages(report, Material(folder, promised(known), pictures or {}), "report.html"))


def shown_page(folder: Path, **more) -> Page:
    return Page(rendered(folder, **more)["report.html"])


def card(**more) -> ModelCard:
    return ModelCard.model_validate(
        {
            "name": "toy",
            "family": "f",
            "classes": ("road", "pole", "sky"),
            "source": {"url": "u", "framework": "torch"},
            "input": ({"name": "x", "dtype": "float32", "shape": ("N", 3)},),
            "output": ({"name": "y", "index": 0, "dtype": "float32", "shape": ("N", 3), "scored": True},),
            "dataset": {"kind": "cityscapes", "count": 2},
            "metric": {"name": "miou", "protocol": "dataset"},
            "path": Path("card.toml"),
            **more,
        }
    )


def printed(metric: str, value: float, batch: int | str = "any", **more) -> dict[str, object]:
    place = {"file": "README.md", "line": 1, "text": "t"}
    return {"chip": "cpu", "batch": batch, "metric": metric, "value": value, "role": "promise", "source": place, **more}


def test_a_page_loads_nothing_and_runs_its_own_script_only(tmp_path):
    made.write(tmp_path, [made.entry(), made.timed(1, 500.0)])

    text = rendered(tmp_path)["report.html"]
    found = Page(text)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [meta["content"] for meta in found.of("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert len(found.of("script")) == 1
    assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert {tag for tag, attributes in found.elements if "src" in attributes} == set()
    assert [link for tag, one in found.elements if tag in ("link", "iframe", "object", "base") for link in one] == []
    assert all(one["href"].startswith("#") for one in found.of("a"))
    assert found.open == []


def test_every_case_is_in_the_matrix_the_table_and_the_details_once(tmp_path):
    entries = [made.entry(made.case(check, batch)) for check in ("accuracy", "parity", "latency") for batch in (1, 4)]
    found = shown_page(made.write(tmp_path, entries))

    places = {f"#c-{one.result.case.key}" for one in entries}
    details = {f"#{one['id']}" for one in found.of("details") if "id" in one}
    links = [one["href"] for one in found.of("a")]
    assert details == places
    assert sorted(links) == sorted([*places, *places])


def test_what_cannot_run_here_is_told_with_its_reason(tmp_path):
    made.write(tmp_path, [made.entry()], lacks={"resnest50": "weights a.pth, got nothing; put it into a folder"})

    headline = shown_page(tmp_path).text.split("Verdicts")[0]
    assert "1 card or runtime cannot run here: resnest50" in headline
    assert "weights a.pth, got nothing; put it into a folder" in headline


def test_the_colours_of_a_picture_are_named_and_its_words_stand_for_it(tmp_path):
    key = made.write(tmp_path, [made.entry(worst=("a",))]) and made.case().key
    panels = (Panel("label", b"\x89PNG", "cat, dog"),)
    found = shown_page(tmp_path, pictures={key: (Picture("a", panels, keys=(Key("cat", "#0072b2"),)),)})

    assert [one["alt"] for one in found.of("img")] == ["label of a: cat, dog"]
    assert [one["style"] for one in found.of("span") if "style" in one] == ["--swatch:#0072b2"]


def test_every_heading_of_a_table_says_what_it_heads(tmp_path):
    outcomes = made.with_outcomes(tmp_path, made.case(), PIXELS, "miou")
    made.write(tmp_path, [made.entry(outcomes=outcomes, measures=(made.measure("iou:road", 0.9),)), made.timed(1, 9.0)])

    assert {one.get("scope") for one in shown_page(tmp_path).of("th")} == {"col", "row"}


def test_what_is_red_comes_first_with_its_reason(tmp_path):
    red = made.entry(made.case(batch=4), made.judgement("FAIL", note="mIoU fell by 3 points"), "missed")
    found = shown_page(made.write(tmp_path, [made.entry(), red]))

    assert found.text.index("mIoU fell by 3 points") < found.text.index("Verdicts")
    assert "✖ FAIL missed" in found.text


def test_waived_not_run_and_unrecorded_are_told_in_the_headline(tmp_path):
    waived = made.entry(made.case(batch=2), made.judgement("FAIL"), "missed", waived_by="ann until 2030-01-01: known")
    absent = made.entry(made.case(batch=8), made.judgement("NOT_RUN", note="no data"), "missing-data")
    made.write(tmp_path, [waived, absent], plan=["t::a", "t::b", "t::c"])

    headline = shown_page(tmp_path).text.split("Verdicts")[0]
    assert "ann until 2030-01-01: known" in headline
    assert "1 × no data" in headline
    assert "1 planned test left no result" in headline


@pytest.mark.parametrize(("fact", "word"), [({"emulated": True}, "EMULATED"), ({"weights": "seeded"}, "SEEDED")])
def test_what_is_not_real_is_marked_wherever_it_stands(tmp_path, fact, word):
    found = shown_page(
        made.write(tmp_path, [made.entry(made.case(**fact)), made.timed(1, 9.0, **fact), made.timed(1, 8.0)])
    )

    marks = [one for one in found.of("span") if one.get("class") == "mark"]
    assert f"2 of 3 cases are {word}:" in found.text
    assert found.text.count(f"{word}. ") == 2  # in the details of each
    assert len(marks) == 9  # the top, two tiles, the matrix's line, the chart, two rows of the table, two details
    assert sum(one.get("class") == "not-real" for one in found.of("tr")) == 3
    assert sum("not-real" in one["class"] for one in found.of("details") if "id" in one) == 2


def test_a_real_run_has_no_such_mark(tmp_path):
    found = shown_page(made.write(tmp_path, [made.entry(), made.timed(1, 9.0)]))

    assert [one for one in found.of("span") if one.get("class") == "mark"] == []


def test_the_readmes_curve_and_classes_stand_beside_the_measured(tmp_path):
    rows = (
        printed("throughput", 900.0, 1, unit="images/s"),
        printed("throughput", 2500.0, 8, unit="images/s"),
        printed("iou", 88.0, unit="%", **{"class": "pole"}),
    )
    classes = made.entry(measures=(made.measure("iou:road", 0.9), made.measure("iou:pole", 0.8)))
    made.write(tmp_path, [classes, made.timed(1, 1000.0)])

    text = rendered(tmp_path, [card(baseline=rows)])["report.html"]
    assert "<title>8: 2500 images/s</title>" in text
    assert "<title>1: 1000 images/s</title>" in text
    assert "pole 80.00 % 88.00 % road 90.00 % —" in Page(text).text
    bars = [one["style"] for one in Page(text).of("td") if one.get("class") == "bar"]
    assert bars == ["--m:80.0;--p:88.0", "--m:90.0"]


def test_a_confusion_matrix_is_shown(tmp_path):
    outcomes = made.with_outcomes(tmp_path, made.case(), PIXELS, "miou")
    found = shown_page(made.write(tmp_path, [made.entry(outcomes=outcomes)]))

    assert "pole road 10 25.00 %" in found.text


def test_pictures_stand_side_by_side_inside_the_file(tmp_path):
    key = made.write(tmp_path, [made.entry(worst=("a (mIoU 3 %)",))]) and made.case().key
    panels = (Panel("input", b"\x89PNG-made-up"), Panel("label", text="owl"), Panel("prediction", b"\xff\xd8made-up"))
    found = shown_page(tmp_path, pictures={key: (Picture("a (mIoU 3 %)", panels),)})

    assert [one["src"].partition(";")[0] for one in found.of("img")] == ["data:image/png", "data:image/jpeg"]
    assert "owl" in found.text


def hostile(tmp_path: Path, bad: str) -> Page:
    """Return the page of a run that has a text in every place where one can be."""
    case = made.case(model=f"toy{bad}", chip=f"chip{bad}", runtime=f"rt{bad}", condition=bad)
    judged = made.judgement("FAIL", name=f"absolute{bad}", note=f"note{bad}", origin=f"README{bad}.md", unit=bad)
    log = f"logs/{bad}.log"
    (tmp_path / log).parent.mkdir(parents=True)
    (tmp_path / log).write_text(f"log {bad}", encoding="utf-8")
    classes = {**PIXELS, "classes": [bad, "b", "c"]}
    facts = {
        "outcomes": made.with_outcomes(tmp_path, case, classes, "miou"),
        "worst": (f"sample{bad}",),
        "measures": (made.measure(f"iou:{bad}", 0.5, protocol=bad),),
        "error": {"kind": "tool-failed", "message": bad, "tool": bad, "stage": bad, "code": bad, "log": log},
        "measurement": {"definition": bad, "statistic": bad, "batch": 1, "rounds_ms": made.ROUNDS, "occupants": (bad,)},
        "toolchain": {bad: bad},
        "missing": bad,
        "flags": (bad,),
    }
    bench = made.entry(case, judged, "missed", waived_by=bad, **facts)
    timed = made.timed(1, 3.0, model=f"toy{bad}", chip=bad)
    made.write(
        tmp_path,
        [bench, timed],
        environment={bad: bad},
        lacks={bad: bad},
        argv=[bad],
        started_at=bad,
        plan=[f"t::{case.test_name}"],
    )
    picture = Picture(bad, (Panel(bad, b"\x89PNG"), Panel("label", text=bad)), bad)
    return shown_page(tmp_path, pictures={case.key: (picture,)})


@pytest.mark.parametrize("bad", INJECTIONS)
def test_no_text_of_a_run_becomes_markup(tmp_path, bad):
    plain, found = hostile(tmp_path / "a", "plain"), hostile(tmp_path / "b", bad)

    assert [tag for tag, _ in found.elements] == [tag for tag, _ in plain.elements]
    assert [name for _, one in found.elements for name in one if name.startswith("on")] == []
    assert [list(one) for _, one in found.elements] == [list(one) for _, one in plain.elements]
    assert found.text.count(bad) > 20
    assert f"log: logs/{bad}.log" in found.text


def test_secrets_and_absolute_paths_of_a_run_are_not_shown(tmp_path):
    signed = "https://host.example/a.om?Signature=s3cr3t from /home/somebody/data/x/y.bin"
    text = rendered(made.write(tmp_path, [made.entry(judged=made.judgement("FAIL", note=signed), worst=(signed,))]))[
        "report.html"
    ]

    assert "s3cr3t" not in text
    assert "somebody" not in text
    assert "…/x/y.bin" in text


def many(tmp_path: Path, count: int) -> Path:
    """Write a run of a mixture: accuracies with a sidecar and 19 classes, speeds with 40 rounds, parities."""
    entries = []
    for at in range(count):
        facts = {
            "model": f"net-{at // 60}",
            "chip": ("cpu", "Ascend310", "Ascend310P3")[at % 3],
            "batch": 1 + at // 3 % 20,
        }
        if at % 5 == 0:
            case = made.case(**facts)
            scores = tuple(made.measure(f"iou:class {number}", number / 19) for number in range(19))
            sidecar = made.with_outcomes(tmp_path, case, PIXELS, "miou")
            entries.append(made.entry(case, measures=scores, outcomes=sidecar))
        elif at % 5 < 3:
            entries.append(made.timed(rate=100.0 + at, **facts))
        else:
            entries.append(made.entry(made.case("parity" if at % 5 == 3 else "batch-consistency", **facts)))
    return made.write(tmp_path, entries)


def test_a_report_of_500_results_is_one_file_below_6_mb(tmp_path):
    files = rendered(many(tmp_path, 500))

    assert list(files) == ["report.html"]
    assert len(files["report.html"].encode()) < 6_000_000


def test_a_larger_run_has_its_details_on_pages_that_its_links_lead_to(tmp_path):
    files = rendered(many(tmp_path, 620))

    assert list(files) == ["report-pages/001.html", "report-pages/002.html", "report-pages/003.html", "report.html"]
    links = {one["href"] for one in Page(files["report.html"]).of("a")}
    details = {f"{name}#{one['id']}" for name, text in files.items() for one in Page(text).of("details") if "id" in one}
    assert links == details
    assert len(details) == 620
    assert all(len(text.encode()) < 6_000_000 for text in files.values())
    back = {one["href"] for name, text in files.items() if name != "report.html" for one in Page(text).of("a")}
    assert back == {"../report.html"}
