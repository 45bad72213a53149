"""Turning a failed validation into one line that names file, field, what was expected and what was found."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.errors import CardError, closest

# pydantic's error types in the words of TOML; the braces are filled from the error's context.
EXPECTED = {
    "bool_type": "true or false",
    "date_type": "a date such as 2026-12-31, without quotes",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_type": "an integer",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "model_type": "a table",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_short": "some text",
    "string_type": "a string",
    "too_short": "at least {min_length} item",
    "tuple_type": "an array",
}
WIDEST = 80


def explain(path: Path, error: ValidationError, document: Mapping[str, Any], model: type[BaseModel]) -> CardError:
    """Return the first problem as a CardError: `baseline[3].value`, what was expected, what was found, what to do."""
    # A misspelt key is also a missing one; the spelling is what helps.
    details = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
    crumbs = [breadcrumb(detail, document) for detail in details]
    # The branches of a union each report; the one that got furthest into the value knows best what is wrong with it.
    crumb = max((one for one in crumbs if one.startswith(crumbs[0])), key=len)
    group = [detail for detail, one in zip(details, crumbs, strict=True) if one == crumb]
    first, place = group[0], f"{path}: {crumb}"
    if first["type"] == "extra_forbidden":
        return CardError(place, "unknown key", do=closest(str(first["loc"][-1]), _keys_at(first["loc"], model)))
    if first["type"] == "missing":
        return CardError(place, "expected this key", "nothing", "add it")
    cause = first.get("ctx", {}).get("error")
    if cause is not None:
        deeper = ".".join(part for part in (crumb, getattr(cause, "field", "")) if part)
        facts = (getattr(cause, "what", str(cause)), getattr(cause, "got", ""), getattr(cause, "do", ""))
        return CardError(f"{path}: {deeper}", *facts)
    return CardError(place, f"expected {_expected(group)}", shown(first["input"]), _near(group))


def breadcrumb(detail: ErrorDetails, document: Any) -> str:
    """Turn a validation location into `baseline[3].value`, leaving out union branches, which are no keys."""
    text, here, absent = "", document, detail["type"] == "missing"
    for i, part in enumerate(detail["loc"]):
        if isinstance(part, int) and isinstance(here, list):
            text, here = f"{text}[{part}]", here[part] if part < len(here) else None
        elif isinstance(here, dict) and (part in here or (absent and i == len(detail["loc"]) - 1)):
            key = str(part) if re.fullmatch(r"[\w-]+", str(part)) else json.dumps(part)
            text, here = f"{text}.{key}" if text else key, here.get(part)
    return text


def shown(value: Any) -> str:
    """Return a value on one short line."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers of more than 4,300 digits
        text = "a very large integer"
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _expected(group: Sequence[ErrorDetails]) -> str:
    phrases = []
    for detail in group:
        phrase = EXPECTED.get(detail["type"], detail["msg"].removeprefix("Input should be "))
        phrases.append(phrase.format(**detail.get("ctx", {})) if detail["type"] in EXPECTED else phrase)
    return " or ".join(dict.fromkeys(phrases))


def _near(group: Sequence[ErrorDetails]) -> str:
    """Return `did you mean 'x'?` when a word is close to one of the allowed ones."""
    allowed = [word for detail in group for word in re.findall(r"'([^']*)'", detail.get("ctx", {}).get("expected", ""))]
    word = group[0]["input"]
    return closest(word, allowed) if isinstance(word, str) else ""


def _keys_at(loc: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    """Return the keys that the table around `loc` may have."""
    table = model
    for part in loc[:-1]:
        field = table.model_fields.get(part) if isinstance(part, str) else None
        if field is not None:
            inner = (field.annotation, *get_args(field.annotation))
            table = next((one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)), table)
    return [field.alias or name for name, field in table.model_fields.items() if name != "path"]
