"""Command lines as people print them: flags and values of a text that no shell may ever have read.

Quotes may be missing or unbalanced, blanks missing before a flag, prose may follow. Everything here is linear in the
text, and nothing is ever run.
"""

import html
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass

UNCLOSED = "No closing quotation"
QUOTES = "\"'"
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("“”„＂", '"'),
        **dict.fromkeys("‘’＇", "'"),
        "＝": "=",
        **dict.fromkeys("\0\ufeff\u200b\u200c\u200d"),
    }
)
_TAGS = re.compile(r"</?(?:b|br|code|div|em|li|p|pre|span|strong|td|th|tr)\b[^<>\n]{0,200}>", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_LONE_BACKSLASH = re.compile(r"\\(?=\s|$)")
# One or two dashes of any kind before a word; where a blank is missing, only two of them before `word=`.
_FLAG = re.compile(
    r"(?:(?<![^\s\"';])[-—–－−]{1,2}|(?<=[^\s-])--(?=[A-Za-z_][\w-]{0,60}=))(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*)"
)
_SEPARATOR = re.compile(r"\s*=\s*|\s+")
_WORD = re.compile(r"(?:[^\s\"'{｛（）。，；、]|\"[^\"]*\"|'[^']*'|[{｛][^\s{}｛｝][^{}｛｝]{0,60}[}｝]|[{｛])+")
_LIST_WORD = re.compile(r"(?:[^\s\"'{｛（）。]|\"[^\"]*\"|'[^']*'|[{｛][^\s{}｛｝][^{}｛｝]{0,60}[}｝]|[{｛])+")
_BLANK = re.compile(r"\s+")
_OPERATOR = re.compile(r"(?:^|\s)(?:[|;&]|\d?>)")
# No command that is worth reading has its comment further right; beyond it, counting quotes would cost too much.
MOST_BEFORE_COMMENT = 4096
_OPEN_END = (",", ":", "，", "：")


@dataclass(frozen=True)
class Argument:
    """A flag without its dashes, `-` as `_`; its value without quotes; what follows that is neither; what is wrong."""

    name: str
    value: str
    rest: str = ""
    fault: str = ""


@dataclass(frozen=True)
class Flags:
    """What is known of a tool's flags: `names` end a value whose quote is missing, `lists` may hold blanks."""

    names: Collection[str]
    lists: Collection[str] = ()


def plain(line: str) -> str:
    """Return a line without HTML, escapes of Markdown, typographic quotes and invisible characters.

    >>> plain(r'--input\\_shape=“x:1” &amp;&amp; <br>')
    '--input_shape="x:1" &&  '
    """
    line = line.translate(_TYPOGRAPHIC)
    if "<" in line or "&" in line:
        line = html.unescape(_TAGS.sub(" ", line)).translate(_TYPOGRAPHIC)
    return _ESCAPE.sub(r"\1", line) if "\\" in line else line


def uncommented(line: str) -> str:
    """Return a line up to a `#` that starts a word outside quotes.

    >>> uncommented('--x="a #1" \\\\ # why')
    '--x="a #1" \\\\ '
    """
    for mark in re.finditer(r"(?:^|(?<=\s))#", line):
        before = line[: mark.start()]
        if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
            return before
        if mark.start() > MOST_BEFORE_COMMENT:
            break
    return line


def continues(line: str) -> bool:
    """Tell whether a line without its comment ends in a backslash."""
    return line.rstrip().endswith("\\")


def starts_with_flag(line: str) -> str:
    """Return the name of the flag with a value that a line starts with, or an empty string.

    `--model：the file`, as lists of parameters have it, is none.
    """
    flag = _FLAG.match(line)
    if flag is None or not re.match(r"\s*=|\s+[!-9;-~]|\s*\\?$", line[flag.end() :]):
        return ""
    return _name(flag)


def arguments(text: str, known: Flags) -> Iterator[Argument]:
    """Yield the flags of one command up to its end or to a shell operator.

    >>> list(arguments('--a="x:1,2"--b=3 | tee log --c=4', Flags(("a", "b"))))
    [Argument(name='a', value='x:1,2', rest='', fault=''), Argument(name='b', value='3', rest='', fault='')]
    """
    text = _LONE_BACKSLASH.sub(" ", text)
    found = list(_FLAG.finditer(text))
    starts = [flag.start() for flag in found]
    sure = [flag.start() for flag in found if _name(flag) in known.names]
    quotes = {quote: [at.start() for at in re.finditer(quote, text)] for quote in QUOTES}
    end = 0
    for flag in found:
        if flag.start() < end:
            continue  # inside a quoted value
        span = _Span(text, _after(starts, flag.start(), len(text)), _after(sure, flag.start(), len(text)))
        value, end, fault = _value(span, flag.end(), quotes, is_list=_name(flag) in known.lists)
        until = max(end, _after(starts, max(end, flag.end()) - 1, len(text)))
        rest = text[end:until]
        over = _OPERATOR.search(rest)
        ends = value.endswith(";") and _name(flag) not in known.lists
        value = value.rstrip(";") if ends else value
        yield Argument(_name(flag), value, "" if ends else rest[: over.start() if over else None].strip(), fault)
        if over or ends:
            return


@dataclass(frozen=True)
class _Span:
    """A text, where its next flag starts, and where the next known one does."""

    text: str
    next_flag: int
    next_known: int


def _value(span: _Span, start: int, quotes: dict[str, list[int]], *, is_list: bool) -> tuple[str, int, str]:
    """Return a flag's value, where it ends, and what is wrong with it."""
    separator = _SEPARATOR.match(span.text, start)
    begin = separator.end() if separator else start
    if separator is None or begin >= span.next_flag:
        return "", start, ""
    quote = span.text[begin]
    if quote not in QUOTES:
        word, end = _word(span.text, begin, span.next_flag, is_list=is_list)
        return word, end, ""
    close = _after(quotes[quote], begin, len(span.text))
    if close < min(span.next_known, len(span.text)):
        # What touches the closing quote belongs to the word, as in "a"b.
        glued = _WORD.match(span.text, close + 1, max(close + 1, _end_of_glue(span, close)))
        more = glued.group() if glued and not glued.group().startswith(("&", "|", ">", ";")) else ""
        return span.text[begin + 1 : close] + _unquoted(more), close + 1 + len(more), ""
    word, end = _word(span.text, begin + 1, span.next_flag, is_list=is_list)
    return word, end, UNCLOSED


def _end_of_glue(span: _Span, close: int) -> int:
    """Return where text that touches a closing quote must end: at the next flag, where that is behind the quote."""
    return span.next_flag if span.next_flag > close else span.next_known


def _word(text: str, begin: int, stop: int, *, is_list: bool) -> tuple[str, int]:
    """Return the word at `begin` and its end; a list goes on over blanks as long as a separator stands beside them."""
    pattern = _LIST_WORD if is_list else _WORD
    word = pattern.match(text, begin, stop)
    parts, end = [], begin
    while word:
        parts.append(word.group())
        end = word.end()
        if not is_list:
            break
        blank = _BLANK.match(text, end, stop)
        word = pattern.match(text, blank.end(), stop) if blank else None
        if word and not _goes_on(parts[-1], word.group()):
            break
    return _unquoted("".join(parts)), end


def _goes_on(before: str, after: str) -> bool:
    if before.endswith((";", "；")):
        return ":" in after or "：" in after
    return before.endswith(_OPEN_END) or after.startswith(_OPEN_END) or (after[0] in ";；" and ":" in after)


def _unquoted(text: str) -> str:
    return text.replace('"', "").replace("'", "")


def _after(positions: list[int], at: int, otherwise: int) -> int:
    """Return the first of sorted positions behind `at`, or `otherwise`."""
    index = bisect_right(positions, at)
    return positions[index] if index < len(positions) else otherwise


def _name(flag: re.Match[str]) -> str:
    return flag.group("name").replace("-", "_")
