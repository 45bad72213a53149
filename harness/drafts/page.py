"""The text of a card with its questions: TOML values, and comments right above the fields that they are about."""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

WIDTH = 116


@dataclass(frozen=True)
class Question:
    """What a person has to say of a field; `needed` tells that nothing can be judged before."""

    field: str
    text: str
    needed: bool = False


class Page:
    """A card being written, line by line; `questions` are those that stand in it."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._table = ""
        self.questions: list[Question] = []

    @property
    def text(self) -> str:
        """The card as TOML."""
        return "\n".join(self._lines).strip("\n") + "\n"

    def table(self, name: str, note: str = "") -> None:
        """Start a table, or with a name in brackets one of an array: `[baseline]`."""
        self._lines.append("")
        self.note(note)
        self._lines.append(f"[{name}]")
        self._table = name.strip("[]")

    def field(self, key: str, value: object, ask: Question | str = "", note: str = "") -> None:
        """Write a field, behind a question or a note about it."""
        question = Question(key, ask) if isinstance(ask, str) else ask
        if question.text:
            self.ask(question)
        self.note(note)
        self._lines.append(f"{key} = {toml(value)}")

    def ask(self, question: Question) -> None:
        """Write a question: a comment that starts with `# ?`."""
        name = f"{self._table}.{question.field}" if self._table else question.field
        self.questions.append(Question(name, question.text, question.needed))
        first = "needed before anything can be judged: " if question.needed else ""
        self._lines += _wrapped(first + question.text, "# ? ")

    def note(self, text: str) -> None:
        """Write a comment; nothing for an empty one."""
        self._lines += _wrapped(text, "# ") if text else []

    def outline(self, lines: list[str]) -> None:
        """Write lines of TOML as comments."""
        self._lines += [f"# {line}".rstrip() for line in lines]

    def remarks(self) -> None:
        """Start a part that has comments only, and is about no table."""
        self._lines.append("")
        self._table = ""


@dataclass(frozen=True)
class Number:
    """A number with as many decimals as are printed."""

    value: float
    decimals: int


def toml(value: object) -> str:
    """Return a value as TOML, in one line.

    >>> toml({"file": "a.md", "line": 3}), toml(("N", 3)), toml(Number(70.1, 2))
    ('{ file = "a.md", line = 3 }', '["N", 3]', '70.10')
    """
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for the delete character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(key))} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, Number):
        return f"{value.value:.{value.decimals}f}"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else toml(name)


def _wrapped(text: str, first: str) -> list[str]:
    plain = "".join(sign if sign.isprintable() else " " for sign in text)
    return textwrap.wrap(plain, WIDTH, initial_indent=first, subsequent_indent="#   ", break_on_hyphens=False)
