"""Cases that broke or should have: expected failures, strict both ways, and what kept a case from running."""

from harness.cards import Expect, ModelCard
from harness.gates.findings import Finding, plain
from harness.gates.promises import Promise
from harness.results import Code, Result

NEEDS: dict[str, Code] = {
    "weights": "missing-weights",
    "data": "missing-data",
    "tool": "missing-tool",
    "memory": "missing-memory",
    "device": "device-drained",
}
# Nobody can tell a slow tool from one that hangs on its device: a time-out says nothing of the model.
INFRA_KINDS = ("infra", "device-lost", "timeout")


def not_run(result: Result) -> Finding:
    """Return why a case never ran; one that a budget left out is undecided."""
    if result.missing_need == "budget":
        return plain("run", "INCONCLUSIVE", "budget", result.missing)
    code = NEEDS.get(result.missing_need, "infra")
    return plain("run", "NOT_RUN", code, result.missing or "the case did not run")


def broken(result: Result, promise: Promise) -> Finding:
    """Judge a case that ended in an error: as expected, as another than expected, or as nobody expected."""
    error = result.error
    if error is None:
        return plain("run", "NOT_RUN", "infra", "the case broke without saying why")
    if error.kind == "nan":
        return plain("run", "FAIL", "nan", error.message)
    if error.kind in INFRA_KINDS:
        return plain("run", "NOT_RUN", "infra", f"{error.kind}: {error.message}")
    expected = [
        row for row in promise.expectations if row.outcome != "accuracy-gap" and applies(row, result) is not False
    ]
    if any(row.outcome == error.kind for row in expected):
        return plain("expectation", "PASS", "expected", f"{error.kind}, as {_said(expected[0])}")
    too_large = next((row for row in expected if row.outcome == "oom"), None)
    if too_large is not None and (error.kind, error.stage) == ("tool-failed", "load"):
        note = f"it did not load, where {_said(too_large)}, and no code or text says why"
        kept = f"; the whole log is {error.log}" if error.log else ""
        return plain("expectation", "INCONCLUSIVE", "wrong-error", f"{note}: {error.message}{kept}")
    but = f", where {_said(expected[0])}" if expected else ""
    return plain("run", "FAIL", "wrong-error", f"{error.kind}: {error.message}{but}")


def surprise(result: Result, card: ModelCard, promise: Promise) -> Finding | None:
    """Judge a case that ran although the card expects it to break; None where no expectation applies."""
    for row in promise.expectations:
        certain = applies(row, result)
        if row.outcome == "accuracy-gap" or certain is False:
            continue
        note = f"it ran, where {_said(row)}"
        if certain is None:
            note += f" on up to {row.memory_mib_at_most} MiB, and this device's memory is not known"
            return plain("expectation", "INCONCLUSIVE", "now-fits", note)
        return _now_fits(row, card, note)
    return None


def accuracy_gap(head: Finding, result: Result, card: ModelCard, promise: Promise) -> Finding | None:
    """Judge an absolute accuracy where the card expects a gap; None where it expects none or nothing was judged."""
    row = next((row for row in promise.expectations if row.outcome == "accuracy-gap"), None)
    if row is None or result.case.check != "accuracy" or applies(row, result) is False:
        return None
    if head.judgement.outcome == "FAIL" and head.code == "missed":
        return plain("expectation", "PASS", "expected", f"{head.judgement.note}; {_said(row)}")
    if head.judgement.outcome == "PASS":
        return _now_fits(row, card, f"{head.judgement.note}; but {_said(row)}")
    return None


def applies(row: Expect, result: Result) -> bool | None:
    """Tell whether the condition on memory holds; None where the memory is not known.

    The memory is the device's: `environment["device_memory_mib"]`, and on a CPU the host's `memory_mib`.
    """
    if row.memory_mib_at_most is None:
        return True
    known = result.environment.get("device_memory_mib")
    if known is None and result.case.chip == "cpu":
        known = result.environment.get("memory_mib")
    return None if known is None else bool(known <= row.memory_mib_at_most)


def _now_fits(row: Expect, card: ModelCard, note: str) -> Finding:
    finding = plain("expectation", "FAIL", "now-fits", f"{note}; remove the [[expect]] from {card.path.name}")
    patch = (
        f'-[[expect]]\n-chip = "{row.chip}"\n-batch = {row.batch}\n-check = "{row.check}"\n-outcome = "{row.outcome}"\n'
    )
    return Finding(finding.judgement, finding.code, {"file": str(card.path), "patch": patch})


def _said(row: Expect) -> str:
    line = f":{row.source.line}" if row.source.line else ""
    return f"{row.outcome} is stated for {row.chip} at batch {row.batch} ({row.source.file.rpartition('/')[2]}{line})"
