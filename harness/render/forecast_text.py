"""A forecast as text: modes side by side, their outputs' errors, and the operators that contribute most."""

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from harness.forecast_results import SHARE, Contributions, DeviceMemory, Forecast, ModeForecast
from harness.results import Paired
from harness.units import ABSENT, counted, points, written

MIB = 2**20
WIDTH = 110
LARGEST_SHARE = 9.99
"""Above it roundings cancel each other in the whole mode, and digits say nothing."""
INCOMPARABLE = 1e300
"""What stands for an error that no number tells: NaN, infinity, or something where zeros are expected."""


def render(forecast: Forecast) -> str:
    """Return the forecast with its labels: emulated, a floor, an estimate."""
    parts = [_head(forecast), _modes(forecast), _outputs(forecast), _failures(forecast.modes)]
    if forecast.contributions is not None:
        parts.append(_operators(forecast.contributions))
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines)


def _head(forecast: Forecast) -> Iterator[str]:
    tool = forecast.toolchain
    yield f"Forecast for {forecast.model} on {forecast.chip} at batch {forecast.batch}, weights: {forecast.weights}"
    yield f"EMULATED by {tool.get('name', '')} {tool.get('version', '')} (emulated). It judges nothing."
    for note in forecast.notes:
        yield from wrap(note, WIDTH)


def _modes(forecast: Forecast) -> Iterator[str]:
    samples = forecast.samples
    scored = f"{samples.used} of {samples.declared} samples" if samples else f"not scored: {forecast.unscored}"
    yield f"Accuracy ({scored}) and memory of {forecast.chip_mib} MiB, {forecast.chip_idle_mib} taken when idle"
    title = _measure_title(forecast.modes)
    titles = ("mode", title, "from float32", "lost", "gained", "weights", "memory", "")
    yield from _table(titles, (_mode(row, forecast) for row in forecast.modes))
    if any(row.own for row in forecast.modes):
        yield "  * the card's own mode"


def _measure_title(rows: Sequence[ModeForecast]) -> str:
    measure = next((row.measure for row in rows if row.measure), None)
    return f"{measure.name} ({measure.protocol})" if measure else "accuracy"


def _mode(row: ModeForecast, forecast: Forecast) -> tuple[str, ...]:
    measure = written(row.measure.value, row.measure.unit) if row.measure else ABSENT
    return (f"{row.mode}{' *' if row.own else ''}", measure, *_paired(row.paired), *_memory(row.memory), _fits(row))


def _paired(paired: Paired | None) -> tuple[str, str, str]:
    if paired is None:
        return ABSENT, ABSENT, ABSENT
    counts = [ABSENT if count is None else str(count) for count in (paired.lost, paired.gained)]
    return (points(-paired.loss + 0.0), *counts)  # type: ignore[return-value]  # two counts


def _memory(memory: DeviceMemory | None) -> tuple[str, str]:
    if memory is None:
        return ABSENT, ABSENT
    return _mib(memory.weights), _mib(memory.total)


def _fits(row: ModeForecast) -> str:
    return "" if row.fits is None else "fits" if row.fits else "DOES NOT FIT"


def _outputs(forecast: Forecast) -> Iterator[str]:
    count = forecast.parity_inputs
    yield f"Outputs against {forecast.parity_reference}, on {counted(count, 'input')}"
    rows = [
        (one.output, row.mode, f"{one.cosine:.7f}", _error(one.max_rel), _error(one.mean_rel))
        for row in forecast.modes
        for one in row.parity
    ]
    rows.sort(key=lambda cells: [one.output for one in forecast.modes[0].parity].index(cells[0]))
    yield from _table(("output", "mode", "cosine", "max |a-b| / max |b|", "mean |a-b| / mean |b|"), rows)


def _failures(rows: Sequence[ModeForecast]) -> Iterator[str]:
    for row in rows:
        for failure in row.failures:
            yield f"{row.mode} broke: {failure}"


def _operators(found: Contributions) -> Iterator[str]:
    if found.skipped:
        yield f"Operators behind {found.mode}: not looked for: {found.skipped}"
        return
    yield f"Operators that contribute most to {found.mode}, whose error is {_error(found.error)} (||a-b|| / ||b||)"
    rows = [(_share(row.share), _error(row.error), row.type, row.name, row.tensor) for row in found.rows]
    yield from _table(("share", "error", "type", "operator", "output tensor"), rows)
    shares = [row.share for row in found.rows if row.share is not None]
    if len(shares) > 1:
        yield f"  together {_share(sum(shares))}"
    yield from wrap(found.method, WIDTH)
    yield from wrap(SHARE, WIDTH)


def _share(value: float | None) -> str:
    if value is None:
        return ABSENT
    return f"{value:.1%}" if value <= LARGEST_SHARE else f"> {LARGEST_SHARE:.0%}"


def _error(value: float) -> str:
    return "incomparable" if value >= INCOMPARABLE else f"{value:.2e}"


def _mib(count: int) -> str:
    return f"{count / MIB:.1f} MiB"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [titles, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for cells in lines:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
