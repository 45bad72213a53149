"""The site: links hold in it, it loads nothing from elsewhere, the card's schema is the code's, and a walk works."""

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

from docs.hooks import card_schema, report_tour

ROOT = Path(__file__).parents[2]
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
    hooks = [str(ROOT / "docs/hooks" / name) for name in ("links.py", "card_schema.py")]
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), hooks=hooks, strict=True))
    return folder


def test_the_site_has_every_page_of_the_repository(site):
    sources = [*ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "README.zh-CN.md"]

    assert {f"{path.stem}.html" for path in sources} | {"index.html"} <= {path.name for path in site.glob("*.html")}


def test_every_link_of_the_site_leads_somewhere(site):
    broken = []
    for path in sorted(site.glob("*.html")):
        if path.name == "404.html":
            continue
        for _, target in Links(path).targets:
            place, _, anchor = target.partition("#")
            there = path.parent / place if place else path
            if "://" in target or place in (".", ""):
                continue
            if not there.is_file() or (anchor and there.suffix == ".html" and anchor not in Links(there).anchors):
                broken.append((path.name, target))

    assert broken == []


def test_a_page_loads_nothing_from_elsewhere(site):
    loaded = {(tag, target) for path in site.glob("*.html") for tag, target in Links(path).targets if tag != "a"}

    assert loaded
    assert {target for tag, target in loaded if re.match(r"(https?:)?//", target)} == set()


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
