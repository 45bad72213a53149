"""MkDocs hook: pictures of a real report. A small gate is run, rendered by `omgate report`, and looked at in Chromium.

In `report-tour.md` a comment such as `<!-- picture: matrix -->` is where a picture goes. Without Chromium (on PATH or
in `OMGATE_CHROMIUM`) the page holds the report itself; with `OMGATE_DOCS_PICTURES=false` nothing is run or taken.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "harness/models/icnet"
PAGE = "report-tour.md"
REPORT = "sample-report.html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_S = 900
WIDTH = 1100
MARK = re.compile(r"^<!-- picture: ([a-z-]+) -->$", re.MULTILINE)
RED = "details.case.s-red:not(.not-real):has(.worst)"
PARTS = {
    "matrix": "#matrix",
    "judgements": f"{RED} table.stack",
    "classes": f"{RED} figure:has(table.bars)",
    "confusion": f"{RED} figure:has(table.heat)",
    "worst": f"{RED} .worst",
    "speeds": "section:has(#m-resnest50-tiny) > .figures",
    "rounds": "section:has(#m-resnest50-tiny) details.case:not(.not-real) .figures:has(dl)",
}
"""What is shown of each picture of the tour; `headline` is all above the matrix, `cases` the
table of one check's cases."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the sample report, and its pictures where there is a browser; nothing where none are asked for."""
    if not config.extra["pictures"]:
        return files
    with tempfile.TemporaryDirectory() as folder:
        report = made(Path(folder))
        files.append(File.generated(config, REPORT, content=report.read_text(encoding="utf-8")))
        for name, content in pictures(report).items():
            files.append(File.generated(config, f"pictures/{name}.png", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Put the pictures, or the report itself, where the tour has marks for them."""
    if page.file.src_uri != PAGE:
        return markdown
    made_here = files.get_file_from_path(REPORT) is not None
    drawn = files.get_file_from_path("pictures/matrix.png") is not None

    def shown(mark: re.Match[str]) -> str:
        name = mark.group(1)
        if not made_here:
            return "*This site was built without the pictures.*" if name == "whole" else ""
        if name == "whole":
            frame = f'<iframe src="{REPORT}" title="a report" width="100%" height="800"></iframe>'
            return f"[Open the whole report]({REPORT})." if drawn else f"[The report]({REPORT}):\n\n{frame}"
        return f"![{name} of the sample report](pictures/{name}.png)" if drawn else ""

    return MARK.sub(shown, markdown)


def made(folder: Path) -> Path:
    """Return a report of a run that has a red case: a copy of a shipped card promises two points too much."""
    card = (SOURCE / "tiny.toml").read_text(encoding="utf-8")
    changed = card.replace('name = "icnet-tiny"', 'name = "icnet-sample"', 1).replace("0.7378", "0.7578")
    if changed.count("icnet-sample") != 1 or "0.7578" not in changed:
        raise PluginError(
            f"{SOURCE / 'tiny.toml'}: has another name or promise than the tour changes; adapt {__name__}"
        )
    cards = folder / "models/icnet-sample"
    cards.mkdir(parents=True)
    (cards / "card.toml").write_text(changed, encoding="utf-8")
    for name in ("network.py", "tiny.safetensors"):
        shutil.copy(SOURCE / name, cards / name)
    models = ("--cards", str(cards.parent), "--model", "icnet-sample", "--model", "resnest50-tiny")
    _omgate(folder, (1,), "gate", *models, "--emulate", "--report-dir", str(folder / "runs"), "-q")
    run = next((folder / "runs").iterdir())
    _omgate(folder, (0,), "report", str(run), "--cards", str(cards.parent), "--pictures", "3")
    return run / "report.html"


def _omgate(folder: Path, expected: tuple[int, ...], *arguments: str) -> None:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OMGATE_EMULATE_CHIPS": "310P3"}
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if ended.returncode not in expected:
        raise PluginError(f"omgate {arguments[0]} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")


def pictures(report: Path) -> dict[str, bytes]:
    """Return the pictures of a report as PNG by their names, none where there is no browser."""
    browser = os.environ.get("OMGATE_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        return {}
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no sandbox in a container
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=arguments)
        page = started.new_page(viewport={"width": WIDTH, "height": 3000}, color_scheme="light")
        page.goto(report.as_uri())
        above = page.locator("#filters").bounding_box()
        height = above["y"] - 50 if above else 600.0
        taken = {"headline": page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": height})}
        page.select_option("select[name=check]", "accuracy")
        taken["cases"] = page.locator("#cases").screenshot()
        page.click("button[type=reset]")
        page.evaluate("document.querySelectorAll('details.case').forEach(one => one.open = true)")
        for name, selector in PARTS.items():
            taken[name] = page.locator(selector).first.screenshot()
        started.close()
    return taken
