"""What kind of number a metric is, and how numbers are written for people, one way everywhere."""

import math
from collections.abc import Mapping

ABSENT = "—"
SHARE = "fraction"
"""The unit of every share once it is normalised, whatever it is printed in."""
PLAIN = "1"
"""How a card says that a number is no share and has no unit: an FID, a loss."""
WHOLES: Mapping[str, float] = {"%": 100.0, SHARE: 1.0}
"""The units of shares, and what the whole is in each."""
_MORE_IS_BETTER: Mapping[str, bool | None] = {
    **dict.fromkeys(
        ("psnr", "ssim", "ms-ssim", "uqim", "snr", "inception score", "is", "mos", "eao", "cosine similarity"), True
    ),
    **dict.fromkeys(
        ("fid", "kid", "lpips", "niqe", "mse", "rmse", "mae", "epe", "nme", "mpjpe", "abs rel", "sq rel", "sad"), False
    ),
    **dict.fromkeys(("loss", "ppl", "perplexity", "mean rank", "bpc", "bits/dim"), False),
    "robustness": None,  # the VOT challenge counted failures until 2019, and since then what was tracked
}
"""The metrics that are no shares, by the README parser's names, and whether more of each is better, if known."""
_ERROR_SHARES = ("wer", "cer", "eer", "error rate", "mape", "smape")
_ERROR_ENDS = (" error", " error rate", " loss")
MINUTE_S, MINUTES = 60, 60


def is_score(metric: str) -> bool:
    """Tell whether a metric is known to be no share: it, or the part of its name before or behind an underscore.

    >>> is_score("PSNR"), is_score("psnr_set5"), is_score("top1")
    (True, True, False)
    """
    return bool(_known(metric))


def more_is_better(metric: str) -> bool | None:
    """Tell by a metric's name whether more of it is better; None where the name does not tell.

    >>> more_is_better("psnr"), more_is_better("FID"), more_is_better("wer"), more_is_better("robustness")
    (True, False, False, None)
    """
    if metric.lower() in _ERROR_SHARES or metric.lower().endswith(_ERROR_ENDS) or metric == "latency":
        return False
    known = _known(metric)
    return _MORE_IS_BETTER[known] if known else None


def compared_in(metric: str, unit: str) -> str:
    """Return the unit in which an accuracy is compared: `fraction` for every share, nothing for a plain number.

    >>> compared_in("top1", "%"), compared_in("top1", ""), compared_in("psnr", "dB"), compared_in("fid", "")
    ('fraction', 'fraction', 'dB', '')
    """
    if unit in WHOLES or not (unit or is_score(metric)):
        return SHARE
    return "" if unit == PLAIN else unit


def _known(metric: str) -> str:
    """Return the name of `_MORE_IS_BETTER` that a metric goes by, or nothing."""
    name = metric.lower()
    return next((part for part in (name, *name.split("_")) if part in _MORE_IS_BETTER), "")


def written(value: float | None, unit: str) -> str:
    """Return a value with its unit; `fraction` is printed in per cent, None as a dash.

    >>> written(0.8098, "fraction"), written(31.22, "images/s"), written(None, "ms")
    ('80.98 %', '31.22 images/s', '—')
    """
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinity"
    if unit == SHARE:
        return f"{_plain(100 * value, 2)} %"
    if unit == "cosine":
        return f"{value:.7f} cosine"
    return f"{_significant(value)} {unit}".rstrip()


def points(value: float) -> str:
    """Return a difference of two fractions in percentage points.

    >>> points(0.005), points(-0.00021), points(-6.3e-7)
    ('0.5 points', '-0.021 points', '-0.000063 points')
    """
    two_digits = round(float(f"{100 * value:.2g}"), 9) + 0.0  # no minus before a zero
    return f"{f'{two_digits:.9f}'.rstrip('0').rstrip('.')} points"


def difference(value: float, unit: str) -> str:
    """Return a difference of two numbers in their unit: of shares in points.

    >>> difference(0.005, "fraction"), difference(-0.3153, "dB"), difference(0.02, "")
    ('0.5 points', '-0.3153 dB', '0.02')
    """
    return points(value) if unit == SHARE else f"{value + 0.0:.4g} {unit}".rstrip()


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things, `many` being their name unless it is `one` with an s.

    >>> counted(1, "row"), counted(2, "row"), counted(0, "entry", "entries")
    ('1 row', '2 rows', '0 entries')
    """
    return f"{count} {one if count == 1 else many or f'{one}s'}"


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
