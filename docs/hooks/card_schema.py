"""MkDocs hook: the card's JSON Schema, and a page of every key with its rules, from the code that reads cards.

What a key means is taken from the card reference, so a key that the reference does not have stops the build.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from harness.cards import ModelCard

# Sections of the card reference that are not named as the first table of their kind.
SECTIONS = {"Place": "Places", "RatioSide": "Sides of a ratio", "ModelCard": "Top level"}
BOUNDS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "minLength": "length ≥",
    "minItems": "items ≥",
}
DRAFT = "https://json-schema.org/draft/2020-12/schema"
HEAD = """# Card schema

Every key that omgate {version} reads, with its rules; generated from the code when this page was built. The
[card reference](cards.md) explains them in context.

[card.schema.json](card.schema.json) is the same as JSON Schema, for an editor. One that uses Taplo, such as VS Code
with *Even Better TOML*, checks and completes a card whose first line names it:

```toml
#:schema ./card.schema.json
```

`omgate validate PATH` also checks what a schema cannot say, such as whether two keys fit together.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add `card.schema.json` and `card-schema.md`."""
    found = schema()
    reference = (Path(config.docs_dir) / "cards.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "card.schema.json", content=json.dumps(found, indent=1, ensure_ascii=False)))
    files.append(File.generated(config, "card-schema.md", content=page(found, reference)))
    return files


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a card, without what is known from where the card lies."""
    found = ModelCard.model_json_schema(by_alias=True)
    found["properties"].pop("path", None)
    return {"$schema": DRAFT, **found, "title": "omgate card"}


def page(found: Mapping[str, Any], reference: str) -> str:
    """Return the page: one section per kind of table, in the order in which a card has them."""
    from harness import __version__

    parts = [HEAD.format(version=__version__)]
    for kind, places in tables(found).items():
        model = found["$defs"][kind] if kind else found
        title = SECTIONS.get(kind or "ModelCard") or places[0].strip("[]")
        parts += ["", f"## {'Top level' if not kind else title}", ""]
        parts += [" ".join(f"`{place}`" for place in places), ""] if kind else []
        parts += ["| key | type and rules | default | meaning |", "|---|---|---|---|"]
        known = meanings(reference, title)
        parts += [row(name, model, known, title) for name in model["properties"]]
    return "\n".join(parts) + "\n"


def tables(found: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return every kind of table (empty: the card itself) with the places where a card may have it."""
    places: dict[str, list[str]] = {"": []}
    waiting: list[tuple[str, str]] = [("", "")]
    while waiting:
        kind, place = waiting.pop(0)
        model = found["$defs"][kind] if kind else found
        for name, field in model["properties"].items():
            for inner, many in _tables_in(field):
                path = f"{place}.{name}".strip(".")
                if inner not in places:
                    waiting.append((inner, path))
                places.setdefault(inner, []).append(f"[[{path}]]" if many else f"[{path}]")
    return places


def _tables_in(field: Mapping[str, Any], *, many: bool = False) -> Iterator[tuple[str, bool]]:
    if "$ref" in field:
        yield field["$ref"].rpartition("/")[2], many
    for one in field.get("anyOf", ()):
        yield from _tables_in(one, many=many)
    if isinstance(field.get("items"), dict):
        yield from _tables_in(field["items"], many=True)


def row(name: str, model: Mapping[str, Any], known: Mapping[str, str], title: str) -> str:
    """Return a key's row; raises PluginError where the card reference does not explain it."""
    if name not in known:
        raise PluginError(f"docs/cards.md, {title}: does not explain the key {name!r}; add a row for it")
    field = model["properties"][name]
    default = "**required**" if name in model.get("required", ()) else _default(field.get("default"))
    return f"| `{name}` | {rules(field)} | {default} | {known[name]} |"


def _default(value: object) -> str:
    return "" if value in (None, "", [], {}) or isinstance(value, dict) else _code(json.dumps(value))


def rules(field: Mapping[str, Any]) -> str:
    """Return a key's type and bounds in words: `integer, > 0` or `text`."""
    if "$ref" in field:
        return "table"
    if "anyOf" in field:
        return " or ".join(rules(one) for one in field["anyOf"] if one.get("type") != "null")
    if "enum" in field or "const" in field:
        return " or ".join(_code(json.dumps(one)) for one in field.get("enum", [field.get("const")]) if one != "")
    if field.get("type") == "array":
        return f"array of {rules(field.get('items') or {})}"
    words = [field.get("format") or field.get("type", "anything")]
    words += [f"{sign} {field[bound]}" for bound, sign in BOUNDS.items() if bound in field]
    words += [f"like {_code(field['pattern'])}"] if "pattern" in field else []
    return ", ".join(words).replace("object", "table")


def _code(text: str) -> str:
    return f"<code>{html.escape(text).replace('|', '&#124;').replace('*', '&#42;').replace('_', '&#95;')}</code>"


def meanings(reference: str, title: str) -> dict[str, str]:
    """Return what the card reference says of each key below a heading, its links leading there."""
    part = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", reference, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `([^`]+)` \|(?:.*?(?<!\\)\|){2} (.*) \|$", part.group(1) if part else "", re.MULTILINE)
    return {name: re.sub(r"\]\(#", "](cards.md#", meaning) for name, meaning in rows}
