"""Results in sentences and short lines: `平均推理性能：10.75ms`, `bs4 28.8`, `60.5x4=242fps`, `310P/310 = 1.6`."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

from harness.readme import markdown
from harness.readme.document import Line
from harness.readme.figures import Cells
from harness.readme.labels import BATCH, Facts, Labels
from harness.readme.quantities import UNIT
from harness.readme.ratios import Quotient, ratio_row
from harness.readme.rows import Row
from harness.readme.sentence_rows import Place, SentenceRows
from harness.readme.surroundings import Surroundings
from harness.readme.vocabulary import fold

LONGEST = 700
LONGEST_LABEL = 40
LONGEST_CLAUSE = 240
MOST_CLAUSES = 24
MOST_NUMBERS = 40
# READMEs with results have some hundred lines with figures. Behind so many nothing is a promise; it bounds the time.
MOST_LINES = 1500
# So many lines are remembered, as they may come again.
LATELY = 256
# A chip named in the text speaks for figures this many lines further down.
CHIP_REACHES = 6
# A line as long as this that names a chip is a sentence about more than one thing.
LONGEST_MENTION = 80
_MARKER = re.compile(r"^(?:[-*+>•]\s+|\d{1,2}[.)、]\s+|\(\d{1,2}\)\s*|#+\s*)+")
_COMMAND = re.compile(
    r"(?:^|\s)--?[A-Za-z][\w-]*[= ]"
    r"|^\s*(?:[$>]\s?)?(?:python[\d.]*|sh|bash|cd|pip[\d.]*|atc|export|source|git|wget|trtexec|mkdir|conda|sudo)\s"
    r"|^\s*(?:import|from|def)\s|\w\.(?:py|sh|cpp|cfg)\b|^\s*\./|==|\+=|0x[0-9a-f]{4}|\bcommit|^\s*[\"'{]|[\"'](?:label|score)[\"']\s?:"
)
# Without a fraction, a share, a bar, a batch and a unit no number of a line is a result.
TELLING = re.compile(
    rf"\d\.\d|[%/]|b[ _-]{{0,3}}(?:atch|s|\d|size)|[\d.]\s?-?(?:batch|bs|{UNIT.pattern})", re.IGNORECASE
)
# The measured one and the one compared with have these words in common. A clause with no others goes on with the same.
_ANYBODYS = frozenset(("推理", "infer", "inference", "测试", "test", "实测", "实际"))
_SECONDS = re.compile(r"\d\s?(?:s|sec|秒)(?![a-z])", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NOISE = re.compile(
    r"(?<!ave_)throughput\s?rate\s?[:=]\s?[\d.]+"
    r"|ave_throughput\s?rate\s?[:=]\s?[\d.]+(?=.{0,40}\d\s?[x×*]\s?4\s?=)"  # what follows is the card's
    r"|\[[\w ]+\]\s?throughput.*|module\s?latency\s?[:=]\s?[\d.]+",
    re.IGNORECASE,
)
_PROGRESS = re.compile(r"\[\s?\d{1,7}\s?/\s?\d{2,7}\s?\]", re.ASCII)
_CLAUSE = re.compile(r"[;,!?。](?!\d)|(?<!\d),|\.(?=\s|$)")
_RATIO = re.compile(r"(?P<sides>[\w .*-]{1,24}/[\w .*-]{1,24}?)\s?(?:=|:)\s?(?P<value>\d{1,9}(?!\d)(?:\.\d+)?).{0,12}")
# A line with one figure, which may be said again as a share: `0.6125, 即61.25%`.
_BARE = re.compile(r"(\d{1,3}\.\d+|\d{1,3}(?=\s?%))\s?(%)?\s?[.;]?(?:\s?[(,]?\s?即.{1,40})?")
_COMPARED = re.compile(r"(?:相差|差距|误差|差异|偏差)\D{0,8}?(?:不超过|小于|低于|在|<)\s?(\d{1,9}(?:\.\d+)?)\s?%")


class Sentences:
    """Reads the lines of one README with a vocabulary, and remembers the chip that they speak of."""

    def __init__(self, labels: Labels, cells: Cells) -> None:
        self.labels, self.words = labels, labels.words
        self.made = SentenceRows(labels, cells)
        self.left = MOST_LINES
        self._chip, self._chip_line, self._labelled = Facts(), 0, False

    def read(
        self, line: Line, around: Callable[[], Surroundings] = Surroundings, batch: int | None = None
    ) -> list[Row]:
        """Return the results of a line; call it for the lines in their order.

        `around` is called for few of them; `batch` is that of the log that the line belongs to.
        """
        counts = any(map(str.isdigit, line.text))
        if self.left <= 0 or not (counts or line.heading or len(line.text) < LONGEST_LABEL):
            return []
        text = _stripped(line.text, line.code)
        if line.heading:
            self._remember(self.labels.read(text), line.number, labelled=False)
        if line.heading or not text or _is_no_sentence(text):
            return []
        self.left -= counts
        if not self.words.chips.has(text) and not (counts and TELLING.search(text)):
            return []
        facts = self.labels.read(text)
        if facts.chip and not (facts.rest or facts.numbers or facts.metrics) and len(text) < LONGEST_LABEL:
            self._remember(facts, line.number, labelled=True)
            return []
        told = facts.is_known or _SECONDS.search(text) or _BARE.fullmatch(text)
        rows: list[Row] = []
        if counts and (told or len(text) > LONGEST_CLAUSE):
            rows = self._distinct(text, Place(line, around(), self._near(line.number), self._labelled, batch))
        if counts and not rows and facts.chip and len(text) < LONGEST_MENTION:
            self._remember(facts, line.number, labelled=False)
        return rows

    def forget(self) -> None:
        """Forget the chip: a table stands between."""
        self._chip, self._labelled = Facts(), False

    def _remember(self, facts: Facts, number: int, labelled: bool) -> None:
        if facts.chip:
            self._chip, self._chip_line, self._labelled = facts, number, labelled

    def _near(self, number: int) -> Facts:
        return self._chip if number - self._chip_line <= CHIP_REACHES or self._labelled else Facts()

    def _distinct(self, text: str, place: Place) -> list[Row]:
        """Return the results of a text, each number once for a kind and batch."""
        rows: dict[object, Row] = {}
        for row in self.results(text, place):
            rows.setdefault((row.kind, row.value, row.batch), row)
        return list(rows.values())

    def results(self, text: str, place: Place) -> Iterator[Row]:
        """Yield the results of a text on a line."""
        ratio = _RATIO.fullmatch(text.strip())
        if ratio and self.labels.read(ratio["sides"].strip()).ratio:
            yield ratio_row(self.labels, Quotient(ratio["sides"].strip(), float(ratio["value"])), place.where(text))
            return
        if bare := _BARE.fullmatch(text):
            yield from self.made.bare(float(bare[1]), bool(bare[2]), text, place)
            return
        compared = _COMPARED.search(text)
        if compared:
            yield from self._compared(text, float(compared[1]), place)
            return
        left = _NOISE.sub(" ", text)
        whole = self.labels.read(left[:LONGEST_CLAUSE])
        clauses = list(self._clauses(left))
        offline = any("offline" in facts.roles and not facts.chips for _, facts in clauses)
        for clause, facts in clauses:
            if offline and facts.chip == "NPU" and "offline" not in facts.roles:  # beside it the NPU trains
                facts = replace(facts, roles=frozenset(("reference",)))
            others = "offline" if whole.chip in self.words.reference_chips else "reference"
            if not facts.chips and whole.chip and others not in facts.roles:
                facts = replace(facts, chips=whole.chips, printed_chip=whole.printed_chip)
            yield from self.made.rows(clause, facts, text, place)

    def _clauses(self, text: str) -> Iterator[tuple[str, Facts]]:
        """Yield the clauses with numbers and what they say; the batch and the roles of earlier clauses go on."""
        batches = {int(one[1] or one[2]) for one in BATCH.finditer(text)}
        batch = batches.pop() if len(batches) == 1 else None
        roles: frozenset[str] = frozenset()
        for clause in _CLAUSE.split(text, maxsplit=MOST_CLAUSES):
            found = self.labels.owners(clause)
            goes_on = all(clause[one.start : one.end].lower() in _ANYBODYS for one in found)
            roles = frozenset(one.name for one in found) | (roles if goes_on else frozenset())
            if re.search(r"\d", clause):
                facts = self.labels.read(clause[:LONGEST_CLAUSE])
                batch = facts.batch or batch
                yield clause, replace(facts, batch=batch, roles=roles)

    def _compared(self, text: str, most: float, place: Place) -> Iterator[Row]:
        """Yield the statement that two chips' accuracies differ by so many per cent at most, for each batch named."""
        found = self.words.chips.find(text)
        chips = list(dict.fromkeys((one.name, text[one.start : one.end].strip()) for one in reversed(found)))
        if len(chips) != 2 or "精度" not in text or {name for name, _ in chips} & self.words.reference_chips:
            return
        batches: tuple[int | None, ...] = tuple(dict.fromkeys(int(one[1] or one[2]) for one in BATCH.finditer(text)))
        for batch in batches or (None,):
            yield Row(
                kind="ratio",
                metric="ratio",
                value=most,
                unit="%",
                chip="/".join(name for name, _ in chips),
                printed_chip="/".join(printed for _, printed in chips),
                batch=batch or None,
                condition="accuracies differ by at most",
                where=place.where(text),
            )


@lru_cache(maxsize=LATELY)
def _stripped(text: str, is_code: bool) -> str:
    if len(text) > 2 * LONGEST:
        return ""
    text = text if is_code else markdown.plain(_MARKER.sub("", text.strip()))
    return _MARKER.sub("", fold(text.strip()).replace("\n", " ")).strip()


def _is_no_sentence(text: str) -> bool:
    # `[40/900] Time: 0.5s` says how far a run is.
    if _PROGRESS.search(text) or _COMMAND.search(text):
        return True
    return len(text) > LONGEST or len(_NUMBER.findall(text)) > MOST_NUMBERS
