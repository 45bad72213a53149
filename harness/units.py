"""How numbers are written for people, one way everywhere: per cent, images per second, milliseconds."""

import math

ABSENT = "—"
MINUTE_S, MINUTES = 60, 60


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


def duration(seconds: float) -> str:
    """Return a duration in its two largest units.

    >>> duration(4.2), duration(95), duration(5400), duration(36000)
    ('4.2 s', '1 min 35 s', '1 h 30 min', '10 h')
    """
    if seconds < MINUTE_S:
        return f"{float(f'{seconds:.2g}'):g} s"
    minutes, rest_s = divmod(round(seconds), MINUTE_S)
    hours, minutes = divmod(minutes, MINUTES)
    parts = ((hours, "h"), (minutes, "min")) if hours else ((minutes, "min"), (rest_s, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


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
