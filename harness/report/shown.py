"""What may be shown of a text from a card, a log or a file name: no secret, absolute path or control character."""

import re
from collections.abc import Iterable
from functools import lru_cache

from harness.readme.redact import CUT, redact

KEPT_PARTS = 2
"""How much of an absolute path is shown, from its end."""
# A text that is so short, and has none of these signs, holds neither a path nor a secret.
_SIGNS = re.compile(r"[/=:：\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]|\w{20}")
_PATH = re.compile(r"(?<![\w:/.…~<])/(?:[^\s/:'\"<>|,;()\[\]]+/)+[^\s/:'\"<>|,;()\[\]]*")
# Terminal escapes, other control characters but tab and newline, and what turns the direction of writing.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@lru_cache(maxsize=1024)  # a history has the same commits, toolchains and runs over and over
def shown(text: str) -> str:
    """Return a text without secrets and control characters, and with absolute paths cut to their last two parts.

    >>> shown("see /home/me/runs/7/logs/atc.log, https://host/a.om?Signature=1")
    'see …/logs/atc.log, https://host/a.om?<removed>'
    """
    if not _SIGNS.search(text):
        return text
    return _PATH.sub(_shortened, redact(_CONTROL.sub("", text)))


def shown_words(words: Iterable[str]) -> list[str]:
    """Return the words of a command as they may be shown; the value after a word that names a secret is cut, too."""
    found: list[str] = []
    for word in words:
        secret = found and re.fullmatch(r"--?[\w-]*(token|password|secret|api-key)", found[-1], re.IGNORECASE)
        found.append(CUT if secret else shown(word))
    return found


def _shortened(found: re.Match[str]) -> str:
    parts = [part for part in found.group().split("/") if part]
    if len(parts) < KEPT_PARTS:
        return found.group()
    return "/".join(["…", *parts[-KEPT_PARTS:]])
