"""MkDocs hook: the site's search works from disk, too. The index becomes a script, which a page may load from there."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

SCRIPT = Path(__file__).with_name("search.js")


def on_post_build(config: MkDocsConfig) -> None:
    """Put the index into a script, and our own search in the place of the one that fetches it."""
    folder = Path(config.site_dir) / "search"
    index = (folder / "search_index.json").read_text(encoding="utf-8")
    (folder / "index.js").write_text(f"window.searched = {index};\n", encoding="utf-8")
    (folder / "main.js").write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("search_index.json", "worker.js"):
        (folder / name).unlink()
