"""Nothing secret leaves a README: signed links, tokens, passwords and download codes are cut out of printed text."""

import re

CUT = "<removed>"
# A query is cut whole: signed links differ by provider (`Signature`, `X-Amz-Signature`, `sig`, `token`, ...).
QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]{1,19}://[^\s?#<>\"'|)]{1,2000})[?#][^\s<>\"'|)]{1,8000}", re.IGNORECASE)
USER = re.compile(r"(\b[a-z][a-z0-9+.-]{1,19}://)[^\s/@<>]{1,300}@", re.IGNORECASE)
NAMED = re.compile(
    r"(?i)((?:access[_-]?key(?:[_-]?id)?|secret(?:[_-]?key)?|signature|security[_-]token|token|passw(?:or)?d|pwd|api[_-]?key"
    r"|authorization|提取码|访问码|密码|口令)\"?\s{0,3}[:=：]\s{0,3}\"?(?:bearer\s)?)[^\s,;&|，。；)）\"']{3,2000}"
)
# GitHub, GitLab, Hugging Face, AWS and Slack tokens and JSON web tokens, by the prefixes that their makers publish.
TOKEN = re.compile(
    r"\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{12,}"
    r"|xox[abpr]-[\w-]{10,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,})"
)
# The shortest token has 15 signs.
_SUSPECT = re.compile(r"[:=：]|[\w.-]{15}")


def may_hide(text: str) -> bool:
    """Tell whether a text can hold a secret: a token is a long word, and all else has a colon or an equals sign."""
    return _SUSPECT.search(text) is not None


def redact(text: str) -> str:
    """Return a text without link queries, link passwords, named secrets and tokens.

    >>> redact("https://bucket.example.com/a.om?AccessKeyId=1&Signature=2 and 提取码：abcd")
    'https://bucket.example.com/a.om?<removed> and 提取码：<removed>'
    """
    return cut(text) if may_hide(text) else text


def cut(text: str) -> str:
    """Return a text without its secrets, whether or not it looks as if it had any."""
    if "://" in text:
        text = USER.sub(rf"\1{CUT}@", QUERY.sub(rf"\1?{CUT}", text))
    return TOKEN.sub(CUT, NAMED.sub(rf"\1{CUT}", text))
