"""MkDocs hook: the repository's own pages are in the site, and a link that works on GitHub works there too."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT_PAGES = ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")
LINK = re.compile(r"(?<=\]\()([^)\s#:]+)(?=[#)])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages beside `docs/`, and every file beside `docs/` that a page links to."""
    root = Path(config.config_file_path).parent
    linked = {one for name in _pages(root) for one in _targets(root, name) if not one.startswith("docs/")}
    for name in sorted({*ROOT_PAGES, *linked}):
        files.append(File.generated(config, name, abs_src_path=str(root / name)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Point the links of a page at the places that their targets have in the site."""
    source = page.file.src_uri
    place = source if source in ROOT_PAGES else f"docs/{source}"

    def moved(link: re.Match[str]) -> str:
        target = _inside(place, link.group(1)).removeprefix("docs/")
        return posixpath.relpath(target, posixpath.dirname(source) or ".")

    return LINK.sub(moved, markdown)


def _pages(root: Path) -> list[str]:
    return [*ROOT_PAGES, *(path.relative_to(root).as_posix() for path in sorted(root.glob("docs/*.md")))]


def _targets(root: Path, name: str) -> set[str]:
    """Return the files that a page links to, as paths below the root."""
    text = (root / name).read_text(encoding="utf-8")
    return {one for one in (_inside(name, link) for link in LINK.findall(text)) if (root / one).is_file()}


def _inside(page: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
