"""What a result is known by in the history: its content, its machine, its toolchain, its commit, its time."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.results import Entry, Result

DIGITS = 32
"""Hexadecimal digits of a result's digest: 128 bits."""
MACHINE_DIGITS = 16
OF_MACHINE = ("cpu", "cores", "system", "device", "device_memory_mib")
"""What tells machines apart, beside the memory; never a host's name."""
LIBRARIES = {"ort": ("onnxruntime",), "tf": ("tensorflow", "tensorflow-cpu"), "torch": ("torch",)}
MARK = "history"
"""The key of an exported line that holds what the history knows beside the entry."""


class Document(NamedTuple):
    """An entry as JSON, and the digest of what it says."""

    text: str
    digest: str


def document(entry: Entry) -> Document:
    """Return an entry as it is kept, and its digest: two entries of one digest are one result.

    Where the outcomes of samples lie is not part of it (their own digest is), so that a merged run's are the same.
    """
    whole = entry.model_dump(mode="json", by_alias=True)
    whole.pop(MARK, None)
    text = _canonical(whole)
    outcomes = whole["result"].get("outcomes")
    if outcomes:
        outcomes.pop("path", None)
        return Document(text, _digest(_canonical(whole), DIGITS))
    return Document(text, _digest(text, DIGITS))


def machine(environment: Mapping[str, Any]) -> str:
    """Return the fingerprint of a machine: a digest of processor, cores, memory, system and NPU."""
    facts: dict[str, Any] = {name: environment.get(name) for name in OF_MACHINE}
    memory_mib = environment.get("memory_mib")
    # Kernels keep some MiB more or less for themselves.
    facts["memory_gib"] = round(memory_mib / 1024) if isinstance(memory_mib, int | float) else None
    return _digest(_canonical(facts), MACHINE_DIGITS)


def toolchain(result: Result) -> str:
    """Return what ran the model and its version, `CANN 8.0.RC1` or `onnxruntime 1.20.0`, as far as it is known."""
    named = [str(result.toolchain.get(key, "")) for key in ("name", "version")]
    if any(named):
        return " ".join(filter(None, named))
    packages = result.environment.get("packages", {})
    libraries = LIBRARIES.get(result.case.runtime.partition("-")[0], ())
    return next((f"{library} {packages[library]}" for library in libraries if library in packages), "")


def toolchain_and_driver(result: Result) -> str:
    """Return the toolchain, and the driver where there is one: a change of either starts another page."""
    driver = str(result.toolchain.get("driver") or "")
    return ", ".join(filter(None, (toolchain(result), f"driver {driver}" if driver else "")))


def moment(started_at: str) -> str:
    """Return a time as the history sorts it, UTC to the second; raises ValueError for a text that is no time.

    >>> moment("2026-03-01T05:05:06.25+01:00")
    '2026-03-01T04:05:06Z'
    """
    at = datetime.datetime.fromisoformat(started_at)
    if at.tzinfo is None:
        at = at.replace(tzinfo=datetime.UTC)
    return at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> str:
    """Return this moment."""
    return moment(datetime.datetime.now(datetime.UTC).isoformat())


def left_out(result: Result) -> str:
    """Return why a result has no place in a history, empty if it has: only what real devices did counts."""
    if result.case.emulated or result.toolchain.get("emulated"):
        return "emulated"
    if result.case.weights == "seeded":
        return "of seeded weights"
    if result.status == "not_run":
        return "not run"
    return "" if _has_moment(result.started_at) else "without a time"


def _has_moment(started_at: str) -> bool:
    try:
        return bool(moment(started_at))
    except ValueError:
        return False


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
