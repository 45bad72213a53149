"""The bench's table: what was to be reached, what was measured, and whether it was enough."""

from dataclasses import dataclass, field

HEADER = ("what", "reach", "measured", "ok")


@dataclass(frozen=True)
class Figure:
    """One row of the table, ready to print."""

    what: str
    reach: str
    measured: str
    ok: bool

    def cells(self) -> tuple[str, ...]:
        return (self.what, self.reach, self.measured, "yes" if self.ok else "NO")


@dataclass
class Figures:
    """The rows of a run; `at_most` and `at_least` add one, then fail the test that asked where it falls short."""

    rows: list[Figure] = field(default_factory=list)

    def at_most(self, what: str, measured: float, bound: float, unit: str = "", note: str = "") -> None:
        self.add(what, f"≤ {bound:g}{unit}", f"{measured:.3g}{unit}{note}", ok=measured <= bound)

    def at_least(self, what: str, measured: float, bound: float, unit: str = "", note: str = "") -> None:
        self.add(what, f"≥ {bound:g}{unit}", f"{measured:.3g}{unit}{note}", ok=measured >= bound)

    def add(self, what: str, reach: str, measured: str, *, ok: bool) -> None:
        self.rows.append(Figure(what, reach, measured, ok))
        assert ok, f"{what}: expected {reach}, measured {measured}"

    def table(self) -> str:
        """Return the rows as a Markdown table with aligned columns."""
        lines = [HEADER, *(row.cells() for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
        text = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        rule = " | ".join("-" * width for width in widths)
        return "\n".join(f"| {line} |" for line in (text[0], rule, *text[1:]))
