"""A zoo at a glance: every README with what it promises and what became of it, and nothing run, followed or leaked."""

import json
import os
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from harness import cards, cli, zoo
from harness.drafts import Request, draft, write
from harness.errors import UsageError
from harness.results import Entry, Verdict
from harness.runs import RunFolder
from harness.zoo import page
from tests.harness.test_readings import speed, top1
from tests.harness.toy_readme import PROMISING, README

ATC = "\n```\natc --model=toy.onnx --framework=5 --output=toy --input_shape=x:1,3,8,8 --soc_version=Ascend310P3\n```\n"


@pytest.fixture
def model(tmp_path):
    """Return a maker of model folders: a README, and a card where one is given."""

    def make(name: str, readme: str = README, card: str = "", file: str = "README.md") -> Path:
        folder = tmp_path / "zoo" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(readme, encoding="utf-8")
        if card:
            (folder / "card.toml").write_text(card, encoding="utf-8")
        return folder

    return make


def seen(root: Path, **options):
    """Return the sights of a zoo by path."""
    return {one.path: one for one in zoo.survey([root / "zoo"], **options).sights}


def test_a_readme_with_a_card_beside_it_is_drafted_and_has_not_drifted(model, tmp_path):
    model("a", README + ATC, PROMISING)

    (one,) = seen(tmp_path).values()
    assert (one.path, one.promises, one.atc, one.cards, one.drifted) == ("a/README.md", 4, 1, ("toy",), ())


def test_drift_is_seen(model, tmp_path):
    model("a", README.replace("120.5", "130.5"), PROMISING)

    (one,) = seen(tmp_path).values()
    assert one.drifted == ("line 7: other value: Ascend310P3 bs1 throughput",)


def test_a_card_from_elsewhere_is_found_by_the_address_of_its_readme(model, tmp_path):
    model("contrib/cv/toy")
    model("contrib/cv/other")
    address = 'framework = "torch"\nreadme = "https://example.org/zoo/blob/0a1b2c/contrib/cv/toy/README.md"'
    path = model("cards", "none", PROMISING.replace('framework = "torch"', address)) / "card.toml"

    found = seen(tmp_path, cards=(cards.load(path),))
    assert found["contrib/cv/toy/README.md"].cards == ("toy",)
    assert found["contrib/cv/other/README.md"].cards == ()


def test_a_drafted_card_is_known_by_its_readme_wherever_it_is_written(model, tmp_path):
    (tmp_path / "zoo" / ".git").mkdir(parents=True)
    readmes = [model(name) / "README.md" for name in ("cv/toy", "nlp/toy", "toy")]
    readmes[0].write_text(README + ATC, encoding="utf-8")

    card = write(draft(Request(readmes[0], tmp_path / "cards", None, "")))

    before = seen(tmp_path, cards=(card,))
    readmes[0].write_text((README + ATC).replace("120.5", "130.5"), encoding="utf-8")
    after = seen(tmp_path, cards=(card,))
    assert card.source.readme == "cv/toy/README.md"
    assert [path for path, one in before.items() if one.cards] == ["cv/toy/README.md"]
    assert before["cv/toy/README.md"].drifted == ()
    assert after["cv/toy/README.md"].drifted == ("line 7: other value: Ascend310P3 bs1 throughput",)


def test_all_spellings_of_readmes_are_found_and_no_other_files(model, tmp_path):
    names = ["README.md", "readme.MD", "ReadMe_EN.md", "README.zh-CN.markdown"]
    for name in [*names, "README.rst", "README", "NOTES.md"]:
        model("a", file=name)
    model(".git")

    assert sorted(seen(tmp_path)) == sorted(f"a/{name}" for name in names)


def test_links_are_told_and_not_followed(model, tmp_path):
    folder = model("a")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "README.md").write_text(README, encoding="utf-8")
    (outside / "card.toml").write_text(PROMISING, encoding="utf-8")
    (folder / "card.toml").symlink_to(outside / "card.toml")
    (folder / "linked").symlink_to(outside)
    (folder / "README_linked.md").symlink_to(outside / "README.md")

    found = seen(tmp_path)
    assert sorted(found) == ["a/README.md", "a/README_linked.md"]
    assert found["a/README.md"].cards == ()
    assert (found["a/README_linked.md"].promises, found["a/README_linked.md"].readable) == (0, False)
    assert "link" in found["a/README_linked.md"].problems[0]


def test_a_pipe_does_not_stop_the_survey(model, tmp_path):
    os.mkfifo(model("a") / "README_pipe.md")

    assert seen(tmp_path)["a/README_pipe.md"].problems == ("not a plain file",)


def test_a_broken_card_is_a_reason_and_another_toml_file_is_nothing(model, tmp_path):
    folder = model("a", card=PROMISING.replace('family = "toy"', "family = 3"))
    (folder / "pyproject.toml").write_text("[project]\nname = 3\n", encoding="utf-8")

    (one,) = seen(tmp_path).values()
    assert one.cards == ()
    assert len(one.problems) == 1
    assert "family" in one.problems[0]


def test_what_was_gated_last_is_counted(model, tmp_path):
    model("a", card=PROMISING)
    times = {"old": "2024-01-01T00:00:00", "new": "2024-02-01T00:00:00"}
    for name, outcomes in {"old": ("FAIL", "PASS"), "new": ("PASS",)}.items():
        folder = RunFolder(tmp_path / "runs" / name)
        for result, outcome in zip((speed(14.0), top1(0.7)), outcomes, strict=False):
            at = result.model_copy(update={"started_at": times[name]})
            folder.append(Entry(result=at, verdict=Verdict(outcome=outcome, code="met")).to_json())

    (one,) = seen(tmp_path, runs=tmp_path / "runs").values()
    assert one.gated == {"PASS": 2}


def test_a_folder_without_runs_is_an_error(model, tmp_path):
    model("a")

    with pytest.raises(UsageError, match="no results"):
        zoo.survey([tmp_path / "zoo"], runs=tmp_path)


def test_a_run_that_cannot_be_read_is_told(model, tmp_path):
    model("a")
    (tmp_path / "runs/x").mkdir(parents=True)
    (tmp_path / "runs/x/results.jsonl").write_text("{}\n{}\n", encoding="utf-8")

    (problem,) = zoo.survey([tmp_path / "zoo"], runs=tmp_path / "runs").problems
    assert "results.jsonl:1" in problem


def test_numbers_that_are_hard_to_believe_are_marked_by_condition(model, tmp_path):
    table = "| 芯片型号 | seq | Batch Size | 性能 |\n|---|---|---|---|\n"
    model("a", f"{table}| 310P3 | 128 | 1 | 100 |\n| 310P3 | 128 | 4 | 399 |\n")
    model("b", f"{table}| 310P3 | 128 | 1 | 100 |\n| 310P3 | 384 | 4 | 399 |\n")

    found = seen(tmp_path)
    assert [text.partition(":")[0] for text in found["a/README.md"].implausible] == ["speed-jump"]
    assert found["b/README.md"].implausible == ()


def test_nothing_is_followed_run_or_leaked(model, tmp_path):
    address = "https://bucket.example.org/a.om?AccessKeyId=KEYKEY&Signature=SIGSIG"
    model("a", README.replace("toyset", address).replace("**300.25 fps**", "$(touch x) `touch x` 301"), PROMISING)

    printed = json.dumps(zoo.survey([tmp_path / "zoo"]).as_json(), ensure_ascii=False)
    assert "301" not in printed.replace("line", "")
    assert "KEYKEY" not in printed + page.html(zoo.survey([tmp_path / "zoo"]))
    assert list(tmp_path.rglob("x")) == []


class Reader(HTMLParser):
    """Collects the elements that a page opens, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.loaded: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset", "onclick")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_is_whole_by_itself_and_escapes_all_that_it_was_given(model, tmp_path):
    for i in range(3):
        model(f"model{i}")
    model("a<script>alert(1)</script>\"'&", README, PROMISING.replace("121", "1"))
    model(
        "b",
        README.replace("top1", "<img src=x onerror=alert(1)>"),
        PROMISING.replace('name = "toy"', 'name = "toy"\nowner = "<b>ann</b>"'),
    )

    reader = Reader()
    reader.feed(page.html(zoo.survey([tmp_path / "zoo"])))
    assert reader.loaded == []
    assert (reader.opened.count("script"), reader.opened.count("img"), reader.opened.count("b")) == (1, 0, 10)
    assert reader.opened.count("tr") == 1 + 5
    assert "a<script>alert(1)</script>\"'&/README.md" in reader.texts
    assert "<b>ann</b>" in reader.texts


def test_names_that_are_no_text_are_printed_without_harm(tmp_path, capsys):
    folder = tmp_path / "zoo"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/readme\x1b[31m\xff.md")).write_text(README, encoding="utf-8")

    assert cli.main(["zoo", str(folder)]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert cli.main(["zoo", str(folder), "--html"]) == 0


def test_json_has_every_readme_and_the_totals(model, tmp_path, capsys):
    model("a", card=PROMISING)
    model("b", "# Nothing\n")

    assert cli.main(["zoo", str(tmp_path / "zoo"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    assert [one["path"] for one in found["readmes"]] == ["a/README.md", "b/README.md"]
    assert found["totals"] == {
        "readmes": 2, "promises": 4, "with promises": 1, "with atc": 0, "drafted": 1, "gated": 0, "drifted": 0,
        "implausible": 0, "with owner": 0, "unreadable": 0,
    }  # fmt: skip


def test_strict_is_red_only_for_drift(model, tmp_path):
    folder = model("a", card=PROMISING)

    assert cli.main(["zoo", str(tmp_path / "zoo"), "--strict"]) == 0
    (folder / "README.md").write_text(README.replace("120.5", "130.5"), encoding="utf-8")
    assert cli.main(["zoo", str(tmp_path / "zoo")]) == 0
    assert cli.main(["zoo", str(tmp_path / "zoo"), "--strict"]) == 1


def test_a_card_or_a_readme_that_is_given_stands_for_its_model(model, tmp_path, capsys):
    folder = model("a", README.replace("120.5", "130.5"), PROMISING)
    model("b")

    for name in ("card.toml", "README.md"):
        assert cli.main(["zoo", "--strict", str(folder / name)]) == 1
    assert "b/README.md" not in capsys.readouterr().out
    assert cli.main(["zoo", str(tmp_path / "nowhere")]) == 4


def test_a_large_zoo_takes_seconds(model, tmp_path):
    for i in range(100):
        model(f"m{i}", README.replace("120.5", f"{i}.25").replace("ToyNet", f"Net{i}") + "text\n" * 200 + ATC)
    started = time.process_time()

    assert len(seen(tmp_path)) == 100
    assert time.process_time() - started < 7  # 860 in a minute


def test_a_folder_without_a_readme_says_so(tmp_path):
    (tmp_path / "empty").mkdir()

    found = zoo.survey([tmp_path / "empty"])

    assert found.problems == ("no README*.md in empty",)
    assert found.root == "empty"
