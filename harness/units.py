"""How numbers are written for people, one way everywhere: per cent, images per second, milliseconds."""

import math

ABSENT = "—"


def written(value: float | None, unit: str) -> str:
    """Return a value with its unit; `fraction` is printed in per cent, None as a dash.

    >>> written(0.8098, "fraction"), written(31.22, "images/s"), written(None, "ms")
    ('80.98 %', '31.22 images/s', '—')
    """
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinity"
    if unit == "fraction":
        return f"{_plain(100 * value, 2)} %"
    if unit == "cosine":
        return f"{value:.7f} cosine"
    return f"{_significant(value)} {unit}".rstrip()


def points(value: float) -> str:
    """Return a difference of two fractions in percentage points.

    >>> points(0.005), points(-0.00021)
    ('0.5 points', '-0.021 points')
    """
    return f"{float(f'{100 * value:.2g}'):g} points"


def _significant(value: float) -> str:
    """Return at least four significant digits, and at least two decimals below a thousand."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4:
        return f"{value:.2e}"
    return _plain(value, max(3 - magnitude, 2 if magnitude < 3 else 0))


def _plain(value: float, decimals: int) -> str:
    return f"{value:.{max(decimals, 0)}f}"
