"""What became of each README's promises: read, drafted as a card, gated, drifted, hard to believe."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from harness import lint, readme
from harness.cards import Baseline, ModelCard, Ratio, load
from harness.errors import CardError, UsageError
from harness.readme import atc_commands, document, drift
from harness.readme.baselines import stated
from harness.readme.redact import redact
from harness.readme.rows import Parsed, Row
from harness.results import Result
from harness.runs import read_entries
from harness.zoo import owners, walk
from harness.zoo.owners import Owners

# Ten times the largest README that is meant to be read; what is larger is no README.
MOST_BYTES = 100 * 2**20
# A TOML file with one of these is meant to be a card; others (pyproject.toml) are nobody's promises.
CARD_KEYS = ("[[input]]", "[[baseline]]", "[source]")
_FIELD = re.compile(r" \(baseline\[\d+\]\)")
REVISIONS = ("blob", "raw", "tree")


@dataclass(frozen=True)
class Sight:
    """One README: what it promises, and what became of it.

    `gated` counts the last outcomes of its cards' cases; `drifted` and `implausible` say what, `problems` why something
    could not be read.
    """

    path: str
    owner: str = ""
    promises: int = 0
    references: int = 0
    uncertain: int = 0
    atc: int = 0
    cards: tuple[str, ...] = ()
    gated: Mapping[str, int] = field(default_factory=dict)
    drifted: tuple[str, ...] = ()
    implausible: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    readable: bool = True


@dataclass(frozen=True)
class Survey:
    """The READMEs of a zoo, in the order of their paths; `root` is its folder's name."""

    root: str
    sights: tuple[Sight, ...]
    problems: tuple[str, ...] = ()

    @property
    def totals(self) -> dict[str, int]:
        """How many READMEs there are of each kind, and how many promises."""
        return {
            "readmes": len(self.sights),
            "promises": sum(one.promises for one in self.sights),
            **{name: sum(1 for one in self.sights if getattr(one, attribute)) for name, attribute in _KINDS.items()},
            "unreadable": sum(not one.readable for one in self.sights),
        }

    def as_json(self) -> dict[str, Any]:
        """Return the survey as JSON values."""
        return {
            "root": self.root,
            "totals": self.totals,
            "readmes": [asdict(one) for one in self.sights],
            "problems": self.problems,
        }


_KINDS = {
    "with promises": "promises",
    "with atc": "atc",
    "drafted": "cards",
    "gated": "gated",
    "drifted": "drifted",
    "implausible": "implausible",
    "with owner": "owner",
}


@dataclass(frozen=True)
class _Numbers:
    """Numbers of one model under one condition, as the rules of plausibility read them."""

    baseline: tuple[Baseline, ...]
    ratio: tuple[Ratio, ...] = ()


@dataclass(frozen=True)
class _Known:
    """What is known of the zoo beside its READMEs."""

    root: Path
    cards: Sequence[ModelCard]
    outcomes: Mapping[str, Mapping[str, int]]
    owners: Owners
    synonyms: Path | None


def survey(
    places: Sequence[Path], cards: Sequence[ModelCard] = (), runs: Path | None = None, synonyms: Path | None = None
) -> Survey:
    """Survey the READMEs of folders, or READMEs that are given; a single folder is the root that paths are told from.

    `cards` are those that lie elsewhere; `runs` is a run's folder or one with many. Raises UsageError for a place or a
    folder of runs that is not there.
    """
    root = places[0] if len(places) == 1 and places[0].is_dir() else Path()
    outcomes, problems = _outcomes(runs) if runs else ({}, ())
    known = _Known(root, cards, outcomes, owners.read(root), synonyms)
    sights = tuple(_sight(path, known) for path in walk.readmes(places))
    name = printable(root.resolve().name)
    return Survey(name, sights, problems if sights else (*problems, f"no README*.md in {name}"))


def printable(text: str) -> str:
    """Return a text for people: no secrets, no control characters, none that cannot be encoded."""
    return redact("".join(sign if sign.isprintable() else "\ufffd" for sign in text))


def _sight(path: Path, known: _Known) -> Sight:
    relative = _relative(path, known.root)
    name, owner = printable(relative.as_posix()), known.owners.of(relative)
    data = _content(path)
    if isinstance(data, str):
        return Sight(path=name, owner=printable(owner), problems=(data,), readable=False)
    parsed = readme.parse(data, known.synonyms)
    cards, problems = _cards_of(path, known)
    found = drift.between(cards, parsed, path).differences if cards else ()
    promised = [row for row in parsed.rows if row.role == "promise"]
    gated = Counter[str]()
    for card in cards:
        gated.update(known.outcomes.get(card.name, {}))
    return Sight(
        path=name,
        owner=printable(owner or ", ".join(dict.fromkeys(card.owner for card in cards if card.owner))),
        promises=len(promised),
        references=len(parsed.rows) - len(promised),
        uncertain=sum(not row.certain for row in parsed.rows),
        atc=len(atc_commands.parse(document.decode(data))),
        cards=tuple(card.name for card in cards),
        gated=dict(sorted(gated.items())),
        drifted=tuple(printable(f"line {pair.line}: {pair.state}: {pair.place}") for pair in found),
        implausible=tuple(dict.fromkeys(_implausible(parsed, path.name))),
        problems=problems,
    )


def _relative(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _content(path: Path) -> bytes | str:
    """Return a README's bytes, or why it is not read."""
    try:
        status = path.lstat()
        if path.is_symlink():
            return "a link, which is not followed"
        if not path.is_file():
            return "not a plain file"
        if status.st_size > MOST_BYTES:
            return f"larger than {MOST_BYTES // 2**20} MiB"
        return path.read_bytes()
    except OSError as error:
        return error.strerror or str(error)


def _cards_of(path: Path, known: _Known) -> tuple[tuple[ModelCard, ...], tuple[str, ...]]:
    """Return the cards of a README, from beside it and from elsewhere, and what keeps a card from being read."""
    siblings = [one for one in walk.beside(path, "") if walk.README.fullmatch(one.name)]
    found: list[ModelCard] = []
    problems = []
    for file in walk.beside(path, ".toml"):
        try:
            card = load(file) if _is_card(file) else None
        except CardError as error:
            problems.append(printable(str(error)))
            continue
        if card is not None and path in drift.belongs(card, siblings):
            found.append(card)
    names = {card.name for card in found}
    found += [card for card in known.cards if card.name not in names and _is_at(card.source.readme, path.absolute())]
    return tuple(found), tuple(problems)


def _is_card(file: Path) -> bool:
    try:
        text = file.read_bytes().decode("utf-8", "replace")
    except OSError:
        return False
    return any(line.strip() in CARD_KEYS for line in text.splitlines())


def _is_at(address: str, path: Path) -> bool:
    """Tell whether a card's README, by its address in a repository, is the one at the end of this absolute path."""
    parts = [part for part in unquote(urlsplit(address).path).split("/") if part]
    for i, part in enumerate(parts):
        if part in REVISIONS and i + 2 < len(parts):
            parts = parts[i + 2 :]
            break
    return len(parts) > 1 and path.parts[-len(parts) :] == tuple(parts)


def _outcomes(runs: Path) -> tuple[dict[str, dict[str, int]], tuple[str, ...]]:
    """Return how often each outcome came out last, by model, and which runs cannot be read."""
    folders = (
        [runs] if (runs / "results.jsonl").is_file() else sorted(path.parent for path in runs.glob("*/results.jsonl"))
    )
    if not folders:
        raise UsageError(f"--results {runs}", "expected a run folder, or a folder of them", "no results.jsonl")
    last: dict[str, tuple[str, Result, str]] = {}
    problems = []
    for folder in folders:
        try:
            entries = read_entries(folder)
        except UsageError as error:
            problems.append(printable(str(error)))
            continue
        for entry in entries:
            key, started = entry.result.case.key, entry.result.started_at
            if key not in last or last[key][0] <= started:
                last[key] = (started, entry.result, entry.verdict.outcome)
    counts: dict[str, dict[str, int]] = {}
    for _, result, outcome in last.values():
        mine = counts.setdefault(result.case.model, {})
        mine[outcome] = mine.get(outcome, 0) + 1
    return counts, tuple(problems)


def _implausible(parsed: Parsed, file: str) -> Iterable[str]:
    """Yield what is hard to believe of a README's certain rows: by model and condition, each beside the references."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in parsed.rows:
        if row.certain and row.role == "promise":
            groups.setdefault((row.model, row.dataset, row.condition), []).append(row)
    references = [row for row in parsed.rows if row.certain and row.role == "reference" and row.kind == "accuracy"]
    for (model, *_), rows in groups.items():
        same = [row for row in references if row.model in ("", model)]
        made = [one for row in (*rows, *same) if (one := stated(row, file)) is not None]
        numbers = _Numbers(
            tuple(one for one in made if isinstance(one, Baseline)),
            tuple(one for one in made if isinstance(one, Ratio)),
        )
        for mark in lint.implausible(numbers):
            text = _FIELD.sub("", mark.text)  # of a card, which there may be none of
            yield printable(f"{mark.rule}: {' '.join(filter(None, (model, text)))}")
