"""The site: links hold in it, it loads nothing from elsewhere, the card's schema is the code's, and a walk works."""

import functools
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import PluginError
from playwright.sync_api import sync_playwright

from docs.hooks import card_schema, report_tour

ROOT = Path(__file__).parents[2]
BROWSER = os.environ.get("OMGATE_CHROMIUM") or next(filter(None, map(shutil.which, report_tour.BROWSERS)), None)
CARDS = sorted(ROOT.glob("harness/models/*/*.toml"))
LOADING = {"script": "src", "img": "src", "iframe": "src", "link": "href", "a": "href"}


class Links(html.parser.HTMLParser):
    """Collects what a page loads and where it leads, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: list[tuple[str, str]] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.anchors.update(filter(None, [found.get("id"), found.get("name")]))
        if found.get(LOADING.get(tag, "")):
            self.targets.append((tag, found[LOADING[tag]]))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site without the pictures of the tour, which take a night to be run."""
    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), extra={"pictures": False}, strict=True))
    return folder


def test_the_site_has_every_page_of_the_repository(site):
    sources = [*ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "README.zh-CN.md"]

    assert {f"{path.stem}.html" for path in sources} | {"index.html"} <= {path.name for path in site.glob("*.html")}


def test_every_link_of_the_site_leads_somewhere(site):
    broken = []
    read = functools.cache(Links)
    for path in sorted(site.glob("*.html")):
        if path.name == "404.html":
            continue
        for _, target in read(path).targets:
            place, _, anchor = target.partition("#")
            there = (path.parent / place).resolve() if place else path
            if "://" in target or place in (".", ""):
                continue
            if not there.is_file() or (anchor and there.suffix == ".html" and anchor not in read(there).anchors):
                broken.append((path.name, target))

    assert broken == []


def test_a_page_loads_nothing_from_elsewhere(site):
    loaded = {(tag, target) for path in site.glob("*.html") for tag, target in Links(path).targets if tag != "a"}

    assert loaded
    assert {target for tag, target in loaded if re.match(r"(https?:)?//", target)} == set()


def test_the_search_loads_its_index_as_a_script(site):
    text = (site / "search/index.js").read_text(encoding="utf-8")
    found = json.loads(text.removeprefix("window.searched = ").rstrip().removesuffix(";"))

    pages = {one["location"].partition("#")[0] for one in found["docs"]}
    assert {"gates.html", "cards.html", "CHANGELOG.html", "README.zh-CN.html"} <= pages
    assert sorted(path.name for path in (site / "search").iterdir()) == ["index.js", "lunr.js", "main.js"]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH or in OMGATE_CHROMIUM")
def test_the_search_finds_pages_from_disk(site):
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no sandbox in a container
        started = playwright.chromium.launch(executable_path=BROWSER, args=arguments)
        page, complaints = started.new_page(), []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((site / "gates.html").as_uri())
        page.fill("input[name=q]", "change-point: Otava*")
        page.press("input[name=q]", "Enter")
        page.wait_for_selector("#mkdocs-search-results article")
        places = [link.get_attribute("href") for link in page.query_selector_all("#mkdocs-search-results a")]
        page.fill("#mkdocs-search-query", "<img src=x onerror=alert(1)> notaword")
        told = page.inner_text("#mkdocs-search-results")
        started.close()

    assert any(place.startswith("./history.html") for place in places)
    assert all((site / place.partition("#")[0]).is_file() for place in places)
    assert "onerror" not in told  # nothing but texts of the pages is shown
    assert complaints == []


def test_a_site_without_pictures_says_so(site):
    text = (site / "report-tour.html").read_text(encoding="utf-8")

    assert "This site was built without the pictures." in text
    assert "<!-- picture" not in text
    assert not (site / report_tour.REPORT).exists()


@pytest.mark.parametrize("card", CARDS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_shipped_card_keeps_to_the_schema(card):
    written = json.loads(json.dumps(tomllib.loads(card.read_text(encoding="utf-8")), default=str))

    jsonschema.Draft202012Validator(card_schema.schema()).validate(written)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("colour", "red", "colour"), ("batches", [0], "0"), ("name", "Not A Name", "Not A Name")],
)
def test_the_schema_refuses_what_omgate_refuses(key, value, words):
    card = {**tomllib.loads(CARDS[0].read_text(encoding="utf-8")), key: value}

    with pytest.raises(jsonschema.ValidationError, match=words):
        jsonschema.Draft202012Validator(card_schema.schema()).validate(json.loads(json.dumps(card, default=str)))


def test_the_schema_page_has_every_key_of_every_table(site):
    found = card_schema.schema()
    page = (site / "card-schema.html").read_text(encoding="utf-8")
    keys = {name for model in (found, *found["$defs"].values()) for name in model["properties"]}

    assert "path" not in found["properties"]  # where the card was read from is no key of it
    assert set(card_schema.tables(found)) == {"", *found["$defs"]}
    assert {key for key in keys if f"<code>{key}</code>" not in page} == set()


def test_a_key_that_the_reference_does_not_explain_stops_the_build():
    reference = (ROOT / "docs/cards.md").read_text(encoding="utf-8")

    with pytest.raises(PluginError, match="family"):
        card_schema.page(card_schema.schema(), reference.replace("| `family` |", "| `clan` |"))


def test_the_page_has_the_report_itself_where_there_is_no_browser(monkeypatch, tmp_path):
    monkeypatch.delenv("OMGATE_CHROMIUM", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert report_tour.pictures(tmp_path / "report.html") == {}


def test_every_picture_of_the_tour_is_taken():
    marks = set(report_tour.MARK.findall((ROOT / "docs/report-tour.md").read_text(encoding="utf-8")))

    assert marks == {"whole", "headline", "cases", *report_tour.PARTS}


def omgate(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMGATE_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-m", "harness.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_walk_from_a_readme_to_a_judged_gate_goes_as_the_page_says(tmp_path):
    page = (ROOT / "docs/own-model.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    script, readme, data = (
        next(one for one in blocks if one.startswith(start)) for start in ("# make_tint", "# Tint", "[dataset]")
    )
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    assert omgate(tmp_path, "baselines", "README.md").stdout in blocks
    assert omgate(tmp_path, "new", "README.md", "--model", "tint.onnx").returncode == 0
    card = tmp_path / "cards/tint/card.toml"
    drafted = card.read_text(encoding="utf-8")
    card.write_text(re.sub(r"^\[dataset\].*?(?=^\[metric\])", data, drafted, flags=re.M | re.S), encoding="utf-8")

    gate = omgate(tmp_path, "gate", "--cards", "cards", "--model", "tint", "--data-dir", "data", "--report-dir", "runs")
    assert gate.returncode == 1
    shown = next(line for line in page.splitlines() if line.startswith("tint-ort-cpu-bs1  accuracy") and "FAIL" in line)
    assert shown in gate.stdout.splitlines()
