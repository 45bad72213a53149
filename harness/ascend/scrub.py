"""Text of a tool without what tells who and where: for bundles of logs that users share."""

import re
from collections.abc import Callable, Iterable

HIDDEN = "REDACTED"

# Each pattern starts only where the run of characters that it reads starts, so that long lines stay linear.
_URL_LOGIN = re.compile(r"(?<=://)[^\s/@:?#]{1,200}(?::[^\s/@?#]{0,200})?@")
_URL_QUERY = re.compile(r"(?<![A-Za-z0-9])(https?://[^\s?#'\"<>]{1,2000})[?#][^\s'\"<>]+", re.I)
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,100}@[A-Za-z0-9-]{1,100}(?:\.[A-Za-z0-9-]{1,100})+")
_PROMPT = re.compile(r"(?<![\w.@+/-])[\w.-]{1,64}@[\w.-]{1,64}(?=[\s:\]~$#]|$)", re.M)
_HOME = re.compile(r"(?<![\w.])(/home|/Users|/root|[A-Za-z]:\\Users)([/\\])(?!user\b)([^/\\\s:'\"\])|,;]{1,200})?")
_BARE_ROOT = re.compile(r"(?<![\w./])/root(?=[/\s:'\"\]),;]|$)")
# Home folders of clusters lie deeper: /mnt/home/NAME, /data/users/NAME.
_DEEP_HOME = re.compile(r"(?<![\w.])((?:/[\w.-]{1,60}){1,4}/(?:home|users))/(?!user\b)[^/\s:'\"\])|,;]{1,200}", re.I)
_TILDE = re.compile(r"(?<![\w/~])~[A-Za-z_][\w.-]{0,60}(?=/)")
_USER_KEY = re.compile(
    r"\b(SUDO_USER|user ?name|user|logname|login(?: as)?)(\s{0,40}[:=]\s{0,8})([A-Za-z_][\w.-]{0,60})", re.I
)
_USER_ID = re.compile(r"\b([ug]id=\d{1,10})\([^)\s]{1,64}\)")
_HOST_KEY = re.compile(
    r"\b(host ?name|host_?ip|node ?name|machine ?name|server ?name)(\s{0,40}[:=]\s{0,8})([^\s,;)\]]+)", re.I
)
_PRIVATE_NAME = re.compile(r"(?<![\w.-])(?:[\w-]{1,63}\.){1,8}(?:local|internal|intranet|lan|corp|localdomain)\b")
_SERIAL = re.compile(
    r"\b((?:serial|s/?n|[nv]?die ?id|uuid|chip serial)(?: ?(?:number|no\.?))?)(\s{0,60}[:=]\s{0,8})"
    r"(?=[^\s,;]{0,80}\d)([^\s,;]{4,}(?: [0-9A-F]{4,8}\b){0,8})",
    re.I,
)
_SECRET = re.compile(
    r"(?<![A-Za-z])((?:[A-Za-z]{1,20}[_-]){0,3}(?:token|secret|password|passwd|api[_-]?key|access[_-]?key(?:[_-]?id)?|"
    r"secret[_-]?key|credential|authorization|signature|cookie))(['\"]?\s{0,8}[:=]\s{0,8}['\"]?)"
    r"(?:(?:Bearer|Basic) )?([^\s,;'\"]+)",
    re.I,
)
_KNOWN_TOKEN = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,255}|hf_[A-Za-z0-9]{20,100}|glpat-[\w-]{15,100}|AKIA[0-9A-Z]{16}"
    r"|eyJ[\w-]{8,2000}\.[\w-]{8,2000}\.[\w-]{8,2000})|(?<=Bearer )[\w.~+/=-]{8,2000}"
)
_MAC = re.compile(r"(?<![0-9A-Fa-f:.-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])")
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IP6 = re.compile(
    r"(?<![\w:.])(?=[0-9A-Fa-f:]{0,45}\d)"
    r"(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,6}:(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?)"
    r"(?![\w:])"
)
# `npu-smi 24.1.0.1`, `Version: 24.1.0.1`, `toolkit_running_version=[1.84.15.1:...]`: four numbers, and no address.
_VERSION_BEFORE = re.compile(r"(?:version\w*\s{0,4}=.*|(?:version|npu-smi|\bcann|\bdriver|\bver)\W{0,20})$", re.I)


def scrub(text: str, words: Iterable[str] = ()) -> str:
    """Return a tool's text without host and user names, addresses, serial numbers and secrets, still parseable.

    Home folders become `/home/user`, prompts `user@host`, addresses `0.0.0.0`; values behind keys that name a secret, a
    serial number or a host, and the query of every URL, become `REDACTED`. `words` are further names to take out whole,
    such as this machine's own. Versions, bus ids, time stamps and numbers stay.
    """
    for pattern, put in _STEPS:
        text = pattern.sub(put, text)
    for word in sorted({word for word in words if len(word) > 2}, key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", HIDDEN, text)
    return text


def _home(hit: re.Match[str]) -> str:
    """Return the folder of a user without the name; `/root/x` has no name in it and becomes `/home/user/x`."""
    root, slash, name = hit.groups()
    if root == "/root":
        return f"/home/user{slash}{name or ''}"
    return f"{root}{slash}user" if name else hit.group()


def _address(hit: re.Match[str]) -> str:
    if any(int(part) > 255 for part in hit.group().split(".")):
        return hit.group()
    line = hit.string[max(hit.string.rfind("\n", 0, hit.start()) + 1, hit.start() - 200) : hit.start()]
    return hit.group() if _VERSION_BEFORE.search(line) else "0.0.0.0"  # noqa: S104 - written, never bound


_STEPS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_URL_LOGIN, ""),
    (_URL_QUERY, rf"\1?{HIDDEN}"),
    (_EMAIL, "user@host"),
    (_PROMPT, "user@host"),
    (_HOME, _home),
    (_BARE_ROOT, "/home/user"),
    (_DEEP_HOME, r"\1/user"),
    (_TILDE, "~user"),
    (_USER_KEY, r"\1\2user"),
    (_USER_ID, r"\1(user)"),
    (_HOST_KEY, rf"\1\2{HIDDEN}"),
    (_PRIVATE_NAME, HIDDEN),
    (_SERIAL, rf"\1\2{HIDDEN}"),
    (_SECRET, rf"\1\2{HIDDEN}"),
    (_KNOWN_TOKEN, HIDDEN),
    (_MAC, HIDDEN),
    (_IP4, _address),
    (_IP6, "::"),
)
