"""Markdown as far as results need it: code blocks, headings, text without markup, and rows between bars."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from harness.errors import MissingNeedError
from harness.readme.grid import Cell, Grid, rectangular

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

    Rule = Callable[[StateBlock, int, int, bool], bool]

# Longer texts are no cells and no sentences with results; their markup is left alone, which bounds the time.
LONGEST_INLINE = 4000
_MARKUP = re.compile(r"[\[*_`<&\\~]")
_MARKED = re.compile(rf"{_MARKUP.pattern}|://")
_ESCAPE = re.compile(r"\\[!-/:-@\[-`{-~]")
_URL = re.compile(r"(?:https?|ftp)://[^\s|<>\u3400-\u9fff]+", re.IGNORECASE)
_BREAK = re.compile(r"<\s?/?\s?br\s?/?\s?>", re.IGNORECASE)
_DELIMITER = re.compile(r"[\s|:+=-]*[-=][\s|:+=-]*")
_QUOTE = re.compile(r"^[\s>]*")
# A word without marks in it, as bold or as a link to an address without marks.
_WORD = r"[^\s\[\]()*_`<>&\\~!|]+(?: [^\s\[\]()*_`<>&\\~!|]+)*"
SIMPLE = re.compile(rf"\*\*({_WORD})\*\*|\[({_WORD})\]\([\w:/.#%-]*\)")
_ESCAPED = "\ue000"
# What blocks, their marks and their underlines begin with (CommonMark 0.31), and empty lines.
_BEGINS_BLOCK = frozenset(["", *" \t#>*+-_=`~0123456789"])


@dataclass(frozen=True)
class Outline:
    """Which lines are code (from 0, by line: the fence's language), and which are headings."""

    code: dict[int, str]
    headings: frozenset[int]


@cache
def _parsers() -> tuple["MarkdownIt", "MarkdownIt"]:
    """Return the parsers of blocks and of what is in them; raises MissingNeedError without their library."""
    if find_spec("markdown_it") is None or find_spec("lxml") is None:
        do = "install the readme extra: pip install 'omgate[readme]'"
        raise MissingNeedError("README", "expected markdown-it-py and lxml, which read it", "not both", do)
    from markdown_it import MarkdownIt

    blocks = MarkdownIt("commonmark").disable(["inline", "text_join", "code", "html_block", "reference", "heading"])
    _note_places(blocks)
    return blocks, MarkdownIt("commonmark", {"maxNesting": 12}).enable("strikethrough")


def outline(text: str) -> Outline:
    """Return the code blocks and headings of a Markdown text, in time linear in its length."""
    lines = text.split("\n")
    kept = [i for i in range(len(lines)) if not (i and is_word(lines[i]) and is_word(lines[i - 1]))]
    short = full_outline("\n".join([lines[i] for i in kept]))
    ends = [*kept[1:], len(lines)]
    code = {line: language for i, language in short.code.items() for line in range(kept[i], ends[i])}
    return Outline(code, frozenset(kept[i] for i in short.headings))


def full_outline(text: str) -> Outline:
    """Return what `outline` does, with every line parsed."""
    code: dict[int, str] = {}
    headings: set[int] = set()
    _parsers()[0].parse(text, {"code": code, "headings": headings})
    return Outline(code, frozenset(headings))


def is_word(line: str) -> bool:
    """Tell whether a line begins no block. Behind another such line it can only be more of the same: text, or code."""
    return line[:1] not in _BEGINS_BLOCK


def _note_places(blocks: "MarkdownIt") -> None:
    """Let a parser of blocks note where code and headings are, and keep no tokens of them and of paragraphs.

    No other rule takes a line that begins with `#`, so that of headings can stand first.
    """
    from markdown_it import rules_block
    from markdown_it.ruler import RuleOptionsType

    def heading(state: "StateBlock", start: int, end: int, silent: bool) -> bool:
        if not rules_block.heading(state, start, end, True):
            return False
        if not silent:
            state.line = start + 1
            state.env["headings"].add(start)
        return True

    def fence(state: "StateBlock", start: int, end: int, silent: bool) -> bool:
        found = rules_block.fence(state, start, end, silent)
        if found and not silent:
            language = state.tokens.pop().info.strip().split(" ")[0].lower()
            state.env["code"].update(dict.fromkeys(range(start, state.line), language))
        return found

    rules = blocks.block.ruler
    interrupting: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote"]}
    rules.before("fence", "title", heading, interrupting)
    rules.at("fence", fence, {"alt": [*interrupting["alt"], "list"]})
    rules.at("lheading", _underlined)
    rules.at("paragraph", _without_tokens(rules_block.paragraph))


def _underlined(state: "StateBlock", start: int, end: int, silent: bool) -> bool:
    from markdown_it import rules_block

    found = rules_block.lheading(state, start, end, silent)
    if found:
        del state.tokens[-3:]
        state.env["headings"].add(start)
    return found


def _without_tokens(rule: "Rule") -> "Rule":
    def quiet(state: "StateBlock", start: int, end: int, silent: bool) -> bool:
        count = len(state.tokens)
        found = rule(state, start, end, silent)
        del state.tokens[count:]
        return found

    return quiet


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Return a text without Markdown's and HTML's marks: links by their words, pictures and addresses not at all.

    >>> plain("**[79.4%](https://example.org/v1)**<br>ok")
    '79.4%\\nok'
    """
    if "://" in text:
        text = _URL.sub(lambda match: match[0] if _is_linked(text, match.start()) else "", text)
    if len(text) > LONGEST_INLINE or is_unmarked(text):
        return text.strip()
    words = simple(text)
    return rendered(text) if words is None else words


def _is_linked(text: str, place: int) -> bool:
    """Tell whether an address is that of a link; of one that is cut by a bar the beginning is missing."""
    return text.endswith("](", 0, place) and "[" in text[: place - 2]


def simple(text: str) -> str | None:
    """Return the words of a text that is nothing but a link or one bold word, or None; most marked cells are."""
    match = SIMPLE.fullmatch(text)
    return (match[1] or match[2]).strip() if match else None


def rendered(text: str) -> str:
    """Return the words that Markdown makes of a text."""
    tokens = _parsers()[1].parseInline(_BREAK.sub("\n", text), {})
    return "".join(_text_of(tokens[0].children or [])).strip() if tokens else ""


def is_unmarked(text: str) -> bool:
    """Tell whether a text has no signs of Markdown, or each alone, or without the one that ends it."""
    return not _MARKUP.search(text) or not (
        "\n" in text
        or "](" in text
        or "~~" in text
        or any(text.count(sign) > 1 for sign in "*_`")
        or ("<" in text and ">" in text)
        or ("&" in text and ";" in text)
        or ("\\" in text and _ESCAPE.search(text))
    )


def _text_of(tokens: Sequence["Token"]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("text", "code_inline", "text_special"):
            yield token.content
        elif token.type in ("softbreak", "hardbreak"):
            yield "\n"


def has_bar(line: str) -> bool:
    """Tell whether a bar is in a line: without one it is no row."""
    return "|" in line or "｜" in line


def is_row(line: str) -> bool:
    """Tell whether a line can be a row of a table."""
    return ("|" in line and line.count("|") > line.count("\\|")) or line.count("｜") > 1


def is_delimiter(line: str) -> bool:
    """Tell whether a line only divides header and rows."""
    line = _with_plain_bars(line)
    return _DELIMITER.fullmatch(line) is not None and any(sign in line for sign in ("|", "---", "==="))


def _with_plain_bars(line: str) -> str:
    return line.replace("｜", "|") if "|" not in line else line


def pipe_grid(lines: Sequence[tuple[int, str]], fenced: bool) -> Grid | None:
    """Return the table of consecutive lines (number from 1, text), or None where they are none.

    It needs a dividing line, or bars at the front of at least two rows.
    """
    bodies = [(number, _QUOTE.sub("", text).strip()) for number, text in lines]
    rows: list[list[Cell]] = []
    headers = 0
    for number, body in bodies:
        if is_delimiter(body):
            headers = headers or len(rows)
        else:
            words = _cells(body) if _MARKED.search(body) is None else map(plain, _cells(body))
            rows.append([Cell(text, number) for text in words])
    divided = len(rows) < len(bodies)
    if not divided and sum(body.startswith(("|", "｜")) for _, body in bodies) < 2:
        return None
    return rectangular(rows, headers, fenced)


def _cells(body: str) -> list[str]:
    body = _with_plain_bars(body)
    if "\\|" in body:
        body = body.replace("\\|", _ESCAPED)
    cells = body.removeprefix("|").removesuffix("|").split("|")
    return [cell.replace(_ESCAPED, "|").strip() for cell in cells]
