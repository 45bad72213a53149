"""Nothing secret leaves a README: signed links, tokens, passwords and download codes are cut out of printed text."""

import re

CUT = "<removed>"
# No token is so short, and a named secret or a link has a colon or an equals sign.
LEAST = 16
# A query is cut whole: signed links differ by provider (`Signature`, `X-Amz-Signature`, `sig`, `token`, ...).
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]{1,19}://[^\s?#<>\"'|)]{1,2000})[?#][^\s<>\"'|)]{1,8000}", re.IGNORECASE)
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]{1,19}://)[^\s/@<>]{1,300}@", re.IGNORECASE)
_NAMED = re.compile(
    r"(?i)((?:access[_-]?key(?:[_-]?id)?|secret(?:[_-]?key)?|signature|security[_-]token|token|passw(?:or)?d|pwd|api[_-]?key"
    r"|authorization|提取码|访问码|密码|口令)\"?\s{0,3}[:=：]\s{0,3}\"?(?:bearer\s)?)[^\s,;&|，。；)）\"']{3,2000}"
)
# GitHub, GitLab, Hugging Face, AWS and Slack tokens and JSON web tokens, by the prefixes that their makers publish.
_TOKEN = re.compile(
    r"\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{12,}"
    r"|xox[abpr]-[\w-]{10,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{4,})"
)


def redact(text: str) -> str:
    """Return a text without link queries, link passwords, named secrets and tokens.

    >>> redact("https://bucket.example.com/a.om?AccessKeyId=1&Signature=2 and 提取码：abcd")
    'https://bucket.example.com/a.om?<removed> and 提取码：<removed>'
    """
    if len(text) < LEAST and not (":" in text or "=" in text or "：" in text):
        return text
    if "://" in text:
        text = _USER.sub(rf"\1{CUT}@", _QUERY.sub(rf"\1?{CUT}", text))
    return _TOKEN.sub(CUT, _NAMED.sub(rf"\1{CUT}", text))
