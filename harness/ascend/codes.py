"""The codes of the Ascend tools: found in text, explained, and turned into the kind of error they mean."""

import re
from dataclasses import dataclass

from harness.ascend import code_tables
from harness.ascend.console import CODE, lines
from harness.results import ErrorKind


@dataclass(frozen=True)
class Message:
    """One coded message of a tool: `code` such as `E10016`, `text` without process id and time stamp."""

    code: str
    text: str


_ORIGIN = re.compile(r"^(?:\[PID:\s?\d+\]\s*)?(?:\d{4}-\d{2}-\d{2}-[\d:.]{6,20}\s*)?")
_REMEDY = re.compile(r"\s*(?:Possible Cause:|Solution:|TraceBack \(most recent)")
_NEW_STYLE = re.compile(r"\S+\([EW][A-Z\d]\d{4}$")
_ACL = re.compile(
    r"(?:\bret(?:urn)?[_ ]?(?:code|val|value)?|(?:result|failed|code|errno|status|aclError)\b)"
    r"\s{0,3}(?:is\s{1,3})?[:=(\[]{0,2}\s{0,3}(-?\d{6})(?!\d)",
    re.I,
)
_RAISED = re.compile(r"\[(-?\d{1,6})\]\[(?:ACL:|Error code|Invalid param|Infer:)[^\]\n]{0,120}\]")


def messages(text: str) -> tuple[Message, ...]:
    """Return the coded messages of a text in order, repeated ones included.

    `Inner Error!` says nothing by itself: the line after it is added to the message's text.
    """
    found: list[Message] = []
    rows = lines(text)
    for number, line in enumerate(rows):
        hits = list(CODE.finditer(line))
        ends = [hit.start() for hit in hits[1:]] + [len(line)]
        for hit, end in zip(hits, ends, strict=False):
            after = rows[number + 1] if end == len(line) and number + 1 < len(rows) else ""
            found.append(_message(hit.group(1), line[hit.end() : end], after))
    return tuple(found)


def acl_codes(text: str) -> tuple[int, ...]:
    """Return the aclError numbers and codes of aclruntime's exceptions in a text, in order.

    A bare number is none: it must stand where a return code stands (`ret=507033`, `runtime result = 207001`,
    `[2][ACL: memory allocation fail]`).
    """
    found = [(hit.start(), int(hit.group(1))) for pattern in (_ACL, _RAISED) for hit in pattern.finditer(text)]
    return tuple(code for _, code in sorted(found))


def first_code(text: str) -> str:
    """Return the code to name in an error: the first E code, else the first aclError, else a code of aclruntime."""
    for message in messages(text):
        if message.code.startswith("E"):
            return message.code
    numbers = acl_codes(text)
    return str(next((number for number in numbers if number >= 100_000), numbers[0] if numbers else ""))


def meaning(code: str) -> str:
    """Return what a code such as `E10016` means in one phrase; for an unlisted one what its family means."""
    return code_tables.MEANINGS.get(code) or next(
        (text for prefix, text in code_tables.FAMILIES.items() if code.startswith(prefix)), ""
    )


def acl_meaning(number: int) -> str:
    """Return what an aclError or a code of aclruntime means in one phrase, or an empty string."""
    return code_tables.ACL_MEANINGS.get(number, "")


def error_kind(text: str, otherwise: ErrorKind) -> ErrorKind:
    """Return the kind of error that a failed tool's whole text shows, or `otherwise` where it shows none.

    Device memory comes first: it is what else is reported as a device or load failure. A bare
    `[1][ACL: invalid parameter]` is `otherwise`, since a load that ran out of memory and a damaged OM read the same.
    """
    numbers = set(acl_codes(text))
    if numbers & code_tables.OUT_OF_MEMORY or any(pattern.search(text) for pattern in code_tables.MEMORY_TEXTS):
        return "oom"
    if numbers & code_tables.DEVICE_LOST or any(pattern.search(text) for pattern in code_tables.LOST_TEXTS):
        return "device-lost"
    found = [message.code for message in messages(text)]
    if numbers & code_tables.HOST or any(pattern.search(text) for pattern in code_tables.HOST_TEXTS):
        return "infra"
    listed = {code_tables.KINDS[code] for code in found if code in code_tables.KINDS}
    for kind in code_tables.STRONGEST_FIRST:
        if kind in listed:
            return kind
    if code_tables.UNFIT.search(text) or numbers & code_tables.WRONG_CHIP:
        return "corrupt-artifact"
    inner = any(code.startswith(code_tables.INNER) for code in found)
    return "compile-error" if inner and code_tables.ATC_FAILED.search(text) else otherwise


def smells_of_device(text: str) -> bool:
    """Tell whether a failure may be the device's own: a health probe should look before the next case runs.

    That is any aclError 507xxx (the driver's and the device's), no device (207004), a lost device or heartbeat, an
    AI core that faulted, and a driver interface that does not start. A wrong device id (107001) is the caller's.
    """
    numbers = acl_codes(text)
    if any(number // 1000 == 507 or number in code_tables.DEVICE_GONE for number in numbers):
        return True
    return any(pattern.search(text) for pattern in (*code_tables.LOST_TEXTS, *code_tables.FAULT_TEXTS))


def _message(code: str, rest: str, after: str) -> Message:
    text = _REMEDY.split(_ORIGIN.sub("", rest.strip()), maxsplit=1)[0]
    text = _NEW_STYLE.sub("", text).strip()
    follows = after.strip()
    if text.startswith("Inner Error") and follows and not CODE.search(follows):
        text = f"{text} {follows.removeprefix(code).strip()}"
    return Message(code, text)
