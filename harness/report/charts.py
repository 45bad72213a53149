"""Charts as static SVG, made by pygal; the page's style colours them, in light and in dark.

pygal draws a chart in 2 to 5 ms and, without the style and script that it would put into each, in 3 to 10 KB. Every
text goes through its XML tree and so is escaped.
"""

import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import MissingNeedError
from harness.units import written

REMEDY = "install the report extra: pip install 'omgate[report]'"
WIDTH, HEIGHT = 460, 240
MOST_BINS, MOST_SHOWN = 12, 0.95
_LENGTHS = frozenset({"cx", "cy", "d", "height", "transform", "width", "x", "y"})
_OVERLAYS = frozenset({"plot text-overlay", "plot tooltip-overlay"})
# A tenth of a pixel is the least that anyone sees.
_LONG = re.compile(r"(\.\d)\d+")


@dataclass(frozen=True)
class Curve:
    """One line of a chart: its name, and a value for each position or None."""

    name: str
    values: tuple[float | None, ...]


def speed_curves(batches: Sequence[int], curves: Sequence[Curve], unit: str) -> str:
    """Return speed over batch size as SVG, the curves in the order of their colours."""
    chart = _chart("Line", _unit_writer(unit), x_title="batch size", include_x_axis=True)
    chart.x_labels = [str(batch) for batch in batches]
    for curve in curves:
        chart.add(curve.name, list(curve.values))
    return _svg(chart, f"{unit} over batch size")


def distribution(rounds_ms: Sequence[float]) -> str:
    """Return how the times of rounds are distributed, as SVG; empty for fewer than two finite rounds.

    The last bin starts at the 95th percentile and takes all above it, too: one stall would squeeze all the others.
    """
    times = np.array([value for value in rounds_ms if math.isfinite(value)])
    if len(times) < 2:
        return ""
    edges = _edges(times)
    counts, _ = np.histogram(np.minimum(times, edges[-1]), bins=edges)
    chart = _chart("Histogram", _bin_text, x_title="ms a round")
    chart.x_value_formatter = lambda value: f"{value:.4g}"
    bins = zip(counts, edges, edges[1:], strict=False)
    chart.add("rounds", [(int(count), float(low), float(high)) for count, low, high in bins if count])
    return _svg(chart, "rounds by their time")


def _bin_text(value: Any) -> str:
    """Return what a bin, (rounds, from, to), or a number of the axis is called."""
    if isinstance(value, list | tuple):
        return f"{value[0]:g} rounds of {written(value[1], 'ms')} to {written(value[2], 'ms')}"
    return f"{value:g}"


def _edges(times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the edges of equal bins up to the 95th percentile, and of one more for what is above it."""
    low, high = float(times.min()), float(np.quantile(times, MOST_SHOWN))
    if high <= low:
        high = low + max(abs(low), 1e-6) * 0.01
    bins = min(MOST_BINS, max(4, math.ceil(math.sqrt(len(times)))))
    return np.linspace(low, low + (high - low) * bins / (bins - 1), bins + 1)


def _unit_writer(unit: str) -> Callable[[float], str]:
    return lambda value: written(value, unit)


def _chart(kind: str, formatter: Callable[[float], str], **more: Any) -> Any:
    settings: dict[str, Any] = {"width": WIDTH, "height": HEIGHT, "margin": 12, **more}
    return _kinds()[kind](
        css=[], js=[], show_legend=False, disable_xml_declaration=True, no_prefix=True, pretty_print=False,
        dots_size=4, max_scale=6, min_scale=3, formatter=formatter, no_data_text="", **settings,
    )  # fmt: skip


@lru_cache(maxsize=1)
def _kinds() -> dict[str, Any]:
    """Return pygal's chart classes, without the style and the script that they put into every chart."""
    try:
        import pygal
    except ImportError as error:
        raise MissingNeedError("omgate report", "expected pygal, which draws the charts", "none", REMEDY) from error
    # It is for pygal's maps, and for want of find_spec Python 3.11 warns of it at every later import.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

    return {name: _bare(getattr(pygal, name)) for name in ("Line", "Histogram")}


def _bare(kind: Any) -> Any:
    """Return a chart class that puts no style and script into its charts, and finds its attributes at once."""

    class Bare(kind):  # type: ignore[misc]
        def _draw(self) -> None:
            super()._draw()
            self.svg.add_styles = self.svg.add_scripts = lambda: None

        def __getattribute__(self, name: str) -> Any:
            # As pygal's own, which asks itself four times; it is a third of the time of a chart.
            state = object.__getattribute__(self, "__dict__").get("state")
            if state is None or name.startswith("__") or name == "state" or name not in state.__dict__:
                return object.__getattribute__(self, name)
            return state.__dict__[name]

    Bare.__name__ = kind.__name__
    return Bare


def _svg(chart: Any, title: str) -> str:
    chart.title = None
    chart.add_xml_filter(lambda root: _trimmed(root, title))
    drawn: str = chart.render(is_unicode=True)
    return drawn


def _trimmed(root: Any, title: str) -> Any:
    """Take out what only pygal's own script reads; each mark's value becomes the title that a browser shows."""
    root.attrib.pop("id", None)
    root.attrib.update({"class": "chart", "role": "img", "aria-label": title})
    for node in list(root):
        if _local(node) in ("", "defs", "title"):
            root.remove(node)
    for group in list(root[0]):
        if group.get("class") in _OVERLAYS:
            root[0].remove(group)
    for node in list(root.iter()):
        attributes = node.attrib
        for name in _LENGTHS.intersection(attributes):
            if "." in attributes[name]:
                attributes[name] = _LONG.sub(r"\1", attributes[name])
        if len(node) and _local(node) != "svg":
            _title_of(node)
    return root


def _title_of(parent: Any) -> None:
    found = {node.get("class", ""): node for node in parent if _local(node) == "desc"}
    for node in found.values():
        parent.remove(node)
    said = [found[name].text or "" for name in ("x_label", "value") if name in found]
    if said:
        title = next(iter(found.values()))
        title.tag = title.tag.replace("desc", "title")
        title.attrib.clear()
        title.text = ": ".join(filter(None, said))
        parent.insert(0, title)


def _local(node: Any) -> str:
    """Return a node's tag without its namespace; empty for a comment."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
