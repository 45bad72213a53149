"""How each tool names its output files, and which tool's names a folder holds.

`ais_bench` cuts the input's name at its first dot and counts outputs from 0; `msame` cuts at the last dot; `benchmark`
counts from 1; ais_infer, the oldest ais_bench, numbers the samples as it takes them: sorted, numbers by their value.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import DataError

MOST_AFFIXES = 8
_NUMBERS = re.compile(r"(\d+)")
_INDEX = re.compile(r"^(.+?)(?:_output)?_\d+$")
# What stands between a sample's id and the rest of a file's name, as in `frankfurt_000000_000294_leftImg8bit`.
_JOINTS = ("_", "-", ".")


@dataclass(frozen=True)
class Unit:
    """One input file of the tool: its name without `.bin`, and the samples in it; none where it only fills a batch."""

    name: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Scheme:
    """The names of one tool: `pattern` has {stem} or {number}, and {index}, the output counted from `first`."""

    tool: str
    pattern: str
    first: int = 0
    cuts_at_first_dot: bool = False

    @property
    def by_number(self) -> bool:
        """Tell whether files bear the numbers of samples and not their names."""
        return "{number}" in self.pattern

    def stem(self, name: str, number: int, output: int) -> str:
        """Return the name of an output's file without its suffix.

        >>> SCHEMES[0].stem("img_0.v2", 0, 1), SCHEMES[1].stem("img_0.v2", 0, 1), SCHEMES[2].stem("a", 0, 1)
        ('img_0_1', 'img_0.v2_output_1', 'a_2')
        """
        short = name.split(".")[0] if self.cuts_at_first_dot else name
        return self.pattern.format(stem=short, number=number, index=output + self.first)


SCHEMES = (
    Scheme("ais_bench", "{stem}_{index}", cuts_at_first_dot=True),
    Scheme("msame", "{stem}_output_{index}"),
    Scheme("benchmark", "{stem}_{index}", first=1),
    Scheme("ais_bench", "sample_id_{number}_output_{index}"),
)


@dataclass(frozen=True)
class Naming:
    """A scheme, and what the tool's inputs had behind the samples' ids (`_leftImg8bit`); `numbers` by unit name."""

    scheme: Scheme
    affix: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)

    def stems(self, units: Sequence[Unit], outputs: int) -> dict[str, tuple[Unit, int]]:
        """Return the file of every unit and output by its stem.

        Raises DataError for units whose files have the same name: the tool overwrote one with the other.
        """
        found: dict[str, tuple[Unit, int]] = {}
        for stem, unit, output in self._each(units, outputs):
            other = found.setdefault(stem, (unit, output))[0]
            if other is not unit:
                what = f"expected a file name of its own for {unit.name} as {self.scheme.tool} makes it"
                do = "rename the inputs so that they differ before the first dot, and run the tool again"
                raise DataError("outputs", what, f"{stem}, that of {other.name} too", do)
        return found

    def hits(self, units: Sequence[Unit], outputs: int, stems: Collection[str]) -> int:
        """Return how many of the found stems this naming makes."""
        return len({stem for stem, _, _ in self._each(units, outputs)} & set(stems))

    def _each(self, units: Sequence[Unit], outputs: int) -> Iterator[tuple[str, Unit, int]]:
        """Yield what each file is called; a unit without a number has none where files are numbered."""
        for unit in units:
            number = self.numbers.get(unit.name, -1)
            if number < 0 and self.scheme.by_number:
                continue
            for output in range(outputs):
                yield self.scheme.stem(f"{unit.name}{self.affix}", number, output), unit, output


def natural(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key that compares the numbers in names by their value, as ais_bench sorts its inputs.

    >>> sorted(["a10", "a9"], key=natural)
    ['a9', 'a10']
    """
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _NUMBERS.split(name) if part]


def in_input_order(units: Sequence[Unit]) -> dict[str, int]:
    """Return the number that ais_infer gives each unit, by its name."""
    return {name: number for number, name in enumerate(sorted((unit.name for unit in units), key=natural))}


def candidates(tool: str, units: Sequence[Unit], others: Sequence[Unit], stems: Collection[str]) -> Iterator[Naming]:
    """Yield every naming that the found stems may be of; `tool` is a runtime, or empty where it is not known.

    Numbers count the units where only these were run, or the others with them.
    """
    first = next((unit.name for unit in units if unit.ids), "")
    for scheme in SCHEMES:
        if tool not in ("", scheme.tool) and not (tool == "aclruntime" and scheme is SCHEMES[0]):
            continue
        if scheme.by_number:
            yield Naming(scheme, numbers=in_input_order(units))
            yield Naming(scheme, numbers=in_input_order((*units, *others)))
        else:
            yield from (Naming(scheme, affix) for affix in _affixes(first, stems))


def _affixes(first: str, stems: Collection[str]) -> list[str]:
    """Return what may stand behind every id: nothing, or what stands behind the first one in a found name."""
    matches = (_INDEX.match(stem) for stem in stems if stem.startswith(first))
    behind = {match[1].removeprefix(first) for match in matches if match}
    likely = (affix for affix in behind if affix.startswith(_JOINTS) and not affix[1:].isdecimal())
    return ["", *sorted(likely, key=lambda affix: (len(affix), affix))[:MOST_AFFIXES]]
