"""The gates: from a result and the card's promises to a verdict. Pure; decided here once, rendered elsewhere."""

import datetime
from dataclasses import replace

from harness.card_promises import SPEEDS
from harness.cards import ModelCard, Waiver
from harness.gates import accuracy, failures, parity, ratios, speed
from harness.gates.findings import Finding, verdict
from harness.gates.layers import in_force
from harness.gates.promises import Promise, accuracy_sides, has_promise, promises_for, ratio_batches
from harness.results import Judgement, Result, Verdict

__all__ = ["Promise", "accuracy_sides", "has_promise", "judge", "promises_for", "ratio_batches", "settled"]


def judge(result: Result, card: ModelCard, today: datetime.date, beside: tuple[Finding, ...] = ()) -> Verdict:
    """Return the verdict on a result: what broke, what was promised, what was expected, and what is waived.

    `beside` are findings from elsewhere that count as well: what the history says of it.
    """
    promise = in_force(promises_for(card, result.case), result)
    found = _noted(_findings(result, card, promise), promise.layer_note)
    decided = verdict((*found, *beside))
    if result.unpaired:  # takes nothing from what was judged, and is not passed over in silence
        told = Judgement(name="paired", outcome="NOT_RUN", note=f"not compared with ort-cpu: {result.unpaired}")
        decided = decided.model_copy(update={"judgements": (*decided.judgements, told)})
    return _waived(decided, promise.waivers, today)


def settled(result: Result, card: ModelCard) -> bool:
    """Tell whether an accuracy on a part of the data set needs no more images: nothing is open, or something failed."""
    promise = in_force(promises_for(card, result.case), result)
    found = _with_gap(accuracy.findings(result, card, promise), result, card, promise)
    outcomes = {finding.judgement.outcome for finding in found}
    return "FAIL" in outcomes or "INCONCLUSIVE" not in outcomes


def _findings(result: Result, card: ModelCard, promise: Promise) -> tuple[Finding, ...]:
    if result.status == "not_run":
        return (failures.not_run(result),)
    if result.status == "error":
        return (failures.broken(result, promise),)
    surprise = failures.surprise(result, card, promise)
    if surprise is not None:
        return (surprise,)
    if result.case.check == "accuracy":
        return _with_gap(accuracy.findings(result, card, promise), result, card, promise)
    return _of_check(result, card, promise)


def _noted(found: tuple[Finding, ...], note: str) -> tuple[Finding, ...]:
    """Add to what is judged by a baseline why that layer of it was taken, where the toolchain's version is unknown."""
    layered = ("absolute", *SPEEDS) if note else ()
    return tuple(_with_note(one, note) if one.judgement.name in layered else one for one in found)


def _with_note(finding: Finding, note: str) -> Finding:
    judgement = finding.judgement.model_copy(update={"note": f"{finding.judgement.note}; {note}"})
    return replace(finding, judgement=judgement)


def _of_check(result: Result, card: ModelCard, promise: Promise) -> tuple[Finding, ...]:
    check = result.case.check
    if check == "parity":
        return parity.findings(result, card)
    if check == "batch-consistency":
        return parity.agreement_findings(result, card)
    if check == "ratio":
        return ratios.findings(result, card, promise)
    return speed.findings(result, card, promise)


def _with_gap(found: tuple[Finding, ...], result: Result, card: ModelCard, promise: Promise) -> tuple[Finding, ...]:
    """Replace the absolute judgements by the expectation of a gap, where the card has one."""
    absolute = [finding for finding in found if finding.judgement.name == "absolute"]
    gaps = [failures.accuracy_gap(finding, result, card, promise) for finding in absolute]
    if not any(gaps):
        return found
    return (*filter(None, gaps), *(finding for finding in found if finding not in absolute))


def _waived(decided: Verdict, waivers: tuple[Waiver, ...], today: datetime.date) -> Verdict:
    """Note who owns a failure; a waiver past its date turns every judged case red, until someone renews or ends it."""
    if decided.outcome not in ("PASS", "FAIL", "INCONCLUSIVE") or not waivers:
        return decided
    valid = [waiver for waiver in waivers if today <= waiver.expires]
    if decided.outcome == "FAIL" and valid:
        return decided.model_copy(update={"waived_by": _owner(valid[0])})
    if valid:
        return decided
    reason = f"the waiver of {_owner(waivers[0])} has expired; renew or remove it. {decided.reason}"
    return decided.model_copy(update={"outcome": "FAIL", "code": "waiver-expired", "reason": reason})


def _owner(waiver: Waiver) -> str:
    return f"{waiver.owner} until {waiver.expires}: {waiver.reason} ({waiver.link})"
