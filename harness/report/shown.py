"""What may be shown of a text from a card, a log or a file name: no secret, absolute path or control character."""

import re
from collections.abc import Iterable

CUT = "<removed>"
KEPT_PARTS = 2
"""How much of an absolute path is shown, from its end."""
# A text that is so short, and has none of these signs, holds neither a path nor a secret.
_SIGNS = re.compile(r"[/=:：\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]|\w{20}")
# Signed links differ by provider (Signature, X-Amz-Signature, sig, token, ...): a query is cut whole.
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]{1,19}://[^\s?#<>\"'|)]{1,2000})[?#][^\s<>\"'|)]{1,8000}", re.IGNORECASE)
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]{1,19}://)[^\s/@<>]{1,300}@", re.IGNORECASE)
_NAMED = re.compile(
    r"(?i)((?:access[_-]?key(?:[_-]?id)?|secret(?:[_-]?key)?|signature|token|passw(?:or)?d|api[_-]?key|authorization"
    r"|提取码|密码)\"?\s{0,3}[:=：]\s{0,3}\"?(?:bearer\s+)?)[^\s,;&|，。；)）\"'<]{3,2000}"
)
# The prefixes that GitHub, GitLab, Hugging Face, AWS and Slack publish for their tokens, and JSON web tokens.
_TOKEN = re.compile(
    r"\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{12,}"
    r"|xox[abpr]-[\w-]{10,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,})"
)
_PATH = re.compile(r"(?<![\w:/.…~<])/(?:[^\s/:'\"<>|,;()\[\]]+/)+[^\s/:'\"<>|,;()\[\]]*")
# Terminal escapes, other control characters but tab and newline, and what turns the direction of writing.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """Return a text without secrets and control characters, and with absolute paths cut to their last two parts.

    >>> shown("see /home/me/runs/7/logs/atc.log, https://host/a.om?Signature=1")
    'see …/logs/atc.log, https://host/a.om?<removed>'
    """
    if not _SIGNS.search(text):
        return text
    return _PATH.sub(_shortened, _redacted(_CONTROL.sub("", text)))


def shown_words(words: Iterable[str]) -> list[str]:
    """Return the words of a command as they may be shown; the value after a word that names a secret is cut, too."""
    found: list[str] = []
    for word in words:
        secret = found and re.fullmatch(r"--?[\w-]*(token|password|secret|api-key)", found[-1], re.IGNORECASE)
        found.append(CUT if secret else shown(word))
    return found


def _redacted(text: str) -> str:
    if "://" in text:
        text = _USER.sub(rf"\1{CUT}@", _QUERY.sub(rf"\1?{CUT}", text))
    return _TOKEN.sub(CUT, _NAMED.sub(rf"\1{CUT}", text))


def _shortened(found: re.Match[str]) -> str:
    parts = [part for part in found.group().split("/") if part]
    if len(parts) < KEPT_PARTS:
        return found.group()
    return "/".join(["…", *parts[-KEPT_PARTS:]])
