"""The words of READMEs and what they stand for: chips, metrics, kinds of figures, roles. A user's file adds to them."""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.cards import canonical_chip
from harness.errors import UsageError

WORDS = Path(__file__).with_name("vocabulary.toml")
# Names with a number in them, which no list can hold: top-5, rank@1, BLEU-4, mAP@0.5, AP@[.5:.95].
_FAMILIES = (
    (r"(?:bbox[_ ]?)?(map|ap)[@_ ]*[(\[]?(?:iou ?= ?)?0?\.50?[:~-]0?\.95[)\]]?", "{0}"),
    (r"(map|ap)[@_ ]*[(\[]?(?:iou ?[=:] ?)?0?\.(\d)0?[)\]]?(?!\d)", "{0}{1}0"),
    (r"(map|ap|ar)[@_ ]?(\d{2,3})(?![\d.])", "{0}{1}"),
    (r"top[-_ ]?@?[-_ ]?(\d{1,2})(?![\d.])(?:[-_@ ]?(?:acc(?:uracy)?(?![a-z])|准确率|正确率|精度))?", "top{0}"),
    (r"(?:acc(?:uracy)?|prec)[-_ ]?[@(]?[-_ ]?(?:top[-_ ]?@?)?(\d{1,2})(?![\d.%])\)?", "top{0}"),
    (r"(rank|cmc|hits?|recall|ndcg|auc|pck|pckh|mrr|precision|r|p)[-_ ]?@[-_ ]?(\d{1,3}(?:\.\d+)?)", "{0}@{1}"),
    (r"(rank|cmc|hits?)[-_ ]?(\d{1,2})(?![\d.])", "{0}{1}"),
    (r"(bleu|rouge)[-_ ]?(\d)(?![a-z\d.])", "{0}{1}"),
    (r"f[-_ ]?([12])(?![\d.])(?:[-_ ]?(?:score|值))?", "f{0}"),
)
# Their first letters: that none is here is quicker to see than that none of the patterns matches.
FAMILIES_BEGIN = "abcfhmnprt"
_MAKER = re.compile(r"(?:ascend|昇腾|atlas)[\s_-]{0,3}$")
_INSIDE_NAME = re.compile(r"[a-z0-9.@]")
DIGIT = re.compile(r"\d")
# A label's words are looked up from several sides one after the other.
LATELY = 32


@dataclass(frozen=True)
class Found:
    """A word in a text: what it stands for, and its place."""

    name: str
    start: int
    end: int


class Lexicon:
    """Words with what they stand for, found in one pass; the longest word wins, and a family wins over a word."""

    def __init__(
        self, words: Mapping[str, Iterable[str]], families: Sequence[tuple[str, str]] = (), edge: str = ""
    ) -> None:
        self._names = {lowered(fold(word)): name for name, listed in words.items() for word in listed}
        self._templates = [template for _, template in families]
        self._pattern = re.compile(_tree(self._names, lambda word: _bound(word, edge)))
        numbered = (f"(?P<f{i}>{_numbered(source, i)})" for i, (source, _) in enumerate(families))
        self.families = re.compile(rf"(?=[{FAMILIES_BEGIN}])(?:{'|'.join(numbered)})")
        self._groups = [
            [name for name in self.families.groupindex if name.startswith(f"g{i}_")] for i in range(len(families))
        ]
        self._before = re.compile(rf"[a-z0-9{edge}]")
        self.find = lru_cache(maxsize=LATELY)(self._find)

    def _find(self, text: str) -> Sequence[Found]:
        """Return the words of a folded text in their order."""
        text = lowered(text)
        if not self._templates or not DIGIT.search(text):
            return self._words(text, 0, len(text)) if self._pattern.search(text) else ()
        found: list[Found] = []
        end = 0
        for match in self.families.finditer(text):
            if match.start() and self._before.match(text[match.start() - 1]):
                continue
            found += self._words(text, end, match.start())
            found.append(Found(self._family(match), *match.span()))
            end = match.end()
        return found + self._words(text, end, len(text))

    def whole(self, text: str) -> str:
        """Return what a text stands for as a whole, or nothing."""
        low = lowered(text.strip())
        family = self.families.fullmatch(low) if self._templates else None
        return self._family(family) if family else self._names.get(low, "")

    def has(self, text: str) -> bool:
        """Tell whether a word is in a text."""
        return bool(self.find(text))

    def masked(self, text: str) -> str:
        """Return a text with its words blanked out."""
        for found in reversed(self.find(text)):
            text = f"{text[: found.start]} {text[found.end :]}"
        return text

    def _words(self, text: str, start: int, end: int) -> list[Found]:
        found = []
        while match := self._pattern.search(text, start, end):
            start = match.end()
            before = text[match.start() - 1] if match.start() else ""
            if before and match[0][0].isascii() and match[0][0].isalnum() and self._before.match(before):
                start = match.start() + 1
                continue
            found.append(Found(self._names[match[0]], *match.span()))
        return found

    def _family(self, match: re.Match[str]) -> str:
        number = int((match.lastgroup or "f0").removeprefix("f"))
        return self._templates[number].format(*(match[name] for name in self._groups[number]))


class ChipLexicon(Lexicon):
    """Chips' names, with or without `Ascend` before them."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        super().__init__({canonical_chip(name): listed for name, listed in words.items()})
        self._pattern = re.compile(_tree(self._names, lambda _: r"(?![a-z0-9])(?!\.\d)(?!\s*(?:张|epochs?\b))"))

    def _words(self, text: str, start: int, end: int) -> list[Found]:
        found = []
        while match := self._pattern.search(text, start, end):
            maker = _MAKER.search(text, max(start, match.start() - 12), match.start())
            first = maker.start() if maker else match.start()
            start = match.end()
            if first and _INSIDE_NAME.match(text[first - 1]):
                start = match.start() + 1
                continue
            found.append(Found(self._names[match[0]], first, match.end()))
        return found


@dataclass(frozen=True)
class Vocabulary:
    """Every list of words, ready to be looked up."""

    chips: ChipLexicon
    reference_chips: frozenset[str]
    metrics: Lexicon
    unbounded: frozenset[str]
    kinds: Lexicon
    parts: Lexicon
    roles: Lexicon
    projects: Lexicon
    labels: Lexicon
    cells: Mapping[str, str]
    states: Lexicon
    prose: Mapping[str, Lexicon]
    best: Lexicon


def fold(text: str) -> str:
    """Return a text with full-width and compatibility characters as plain ones.

    >>> fold("Acc@1：70.5％（b４）")
    'Acc@1:70.5%(b4)'
    """
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def lowered(text: str) -> str:
    """Return a text in lower case and of the same length, so that places in it stay."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(sign if len(sign.lower()) > 1 else sign.lower() for sign in text)


def read(synonyms: Path | None = None) -> Vocabulary:
    """Return the vocabulary, with a user's TOML file of the same tables added.

    Raises UsageError for a file that cannot be read or has other tables.
    """
    return _compiled(synonyms.resolve() if synonyms else None)


@lru_cache(maxsize=8)
def _compiled(synonyms: Path | None) -> Vocabulary:
    tables = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    if synonyms:
        _add(tables, synonyms)
    cells = {fold(word).lower(): state for state in ("empty", "ditto") for word in tables["cells"][state]}
    return Vocabulary(
        chips=ChipLexicon(tables["chips"]),
        reference_chips=frozenset(tables["reference_chips"]["names"]),
        metrics=Lexicon(tables["metrics"], _FAMILIES),
        unbounded=frozenset(tables["unbounded"]["names"]),
        kinds=Lexicon(tables["kinds"]),
        parts=Lexicon(tables["parts"]),
        roles=Lexicon(tables["roles"], edge="_-"),
        projects=Lexicon({"project": tables["projects"]["names"]}),
        labels=Lexicon(tables["labels"]),
        cells=cells,
        states=Lexicon({state: tables["cells"][state] for state in ("memory", "unsupported")}),
        best=Lexicon({"best": tables["labels"]["best"]}),
        prose={name: Lexicon({name: words}) for name, words in tables["prose"].items()},
    )


def _add(tables: dict[str, dict[str, list[str]]], path: Path) -> None:
    try:
        added = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        got = " ".join(str(error).split())
        raise UsageError(f"--synonyms {path}", "expected a readable TOML file", got) from error
    for table, lists in added.items():
        if table not in tables or not isinstance(lists, dict):
            known = ", ".join(tables)
            raise UsageError(f"--synonyms {path}", "expected tables of the vocabulary", repr(table), f"known: {known}")
        for name, words in lists.items():
            if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
                raise UsageError(f"--synonyms {path}: {table}.{name}", "expected a list of words", repr(words))
            _check_name(path, table, name, tables)
            tables[table].setdefault(name, []).extend(words)


def _check_name(path: Path, table: str, name: str, tables: Mapping[str, Mapping[str, list[str]]]) -> None:
    if table not in ("chips", "metrics") and name not in tables[table]:
        known = ", ".join(tables[table])
        raise UsageError(f"--synonyms {path}: {table}", "unknown list", repr(name), f"known: {known}")


def _numbered(source: str, number: int) -> str:
    """Return a family's pattern with its groups named, so that many patterns can stand in one."""
    count = iter(range(9))
    return re.sub(r"(?<!\\)\((?!\?)", lambda _: f"(?P<g{number}_{next(count)}>", source)


def _bound(word: str, edge: str) -> str:
    """Return the pattern of what is behind a word: one that ends with a Latin letter or digit begins no longer one."""
    return rf"(?![a-z0-9{edge}])" if re.search(r"[a-z0-9]$", word) else ""


def _tree(words: Iterable[str], bound: Callable[[str], str], stem: str = "") -> str:
    """Return the pattern of words, each with its bound behind it, that tells them apart sign by sign, longest first.

    Of hundreds of words side by side the search would try each at every sign that one of them begins with.
    """
    rests: dict[str, list[str]] = {}
    for word in sorted(words):
        rests.setdefault(word[:1], []).append(word[1:])
    ends = bound(stem) if rests.pop("", None) else None
    options = [re.escape(sign) + _tree(rest, bound, stem + sign) for sign, rest in rests.items()]
    options += [] if ends is None else [ends]
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options) or '(?!)'})"
