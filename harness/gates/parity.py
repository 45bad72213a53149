"""The gates that compare with another run: parity of outputs, and equal predictions at another batch size."""

import math
from collections.abc import Iterator

from harness.cards import ModelCard
from harness.gates import thresholds
from harness.gates.findings import Finding, plain
from harness.results import Judgement, OutputParity, Result
from harness.units import written


def findings(result: Result, card: ModelCard) -> tuple[Finding, ...]:
    """Return two judgements per output, cosine and largest relative difference; every kept output must be there."""
    compared = {item.output for item in result.parity}
    lacking = max(len(card.kept_outputs) - len(compared), 0)
    if lacking:
        note = f"{lacking} of {len(card.kept_outputs)} outputs were not compared"
        return (plain("parity", "FAIL", "parity", note),)
    outputs = tuple(finding for item in result.parity for finding in _output(item, result, card))
    return (*outputs, *_repeat(result))


def _repeat(result: Result) -> tuple[Finding, ...]:
    """Return whether a second run on the same inputs answered the very same, where there was one."""
    found = result.repeat
    if found is None:
        return ()
    named = f": {', '.join(found.differing)}" if found.differing else ""
    judgement = Judgement(
        name="repeat",
        target=1.0,
        observed=found.equal / found.n,
        unit="fraction",
        tolerance=0.0,
        origin="default",
        outcome="PASS" if found.equal == found.n else "FAIL",
        note=f"{found.equal} of {found.n} inputs gave the very same outputs in a second run{named}",
    )
    return (_finding(judgement),)


def _output(item: OutputParity, result: Result, card: ModelCard) -> Iterator[Finding]:
    if not (item.finite and math.isfinite(item.cosine) and math.isfinite(item.max_rel)):
        yield plain(f"{item.output} finite", "FAIL", "nan", f"output {item.output}: NaN or infinity, or another shape")
        return
    cosine, max_rel, origin = thresholds.parity(card, result.case)
    yield _finding(
        Judgement(
            name=f"{item.output} cosine",
            target=cosine,
            observed=item.cosine,
            unit="cosine",
            origin=origin,
            outcome="PASS" if item.cosine >= cosine else "FAIL",
            note=f"output {item.output}: {written(item.cosine, 'cosine')}, at least {cosine:g} ({origin})",
        )
    )
    yield _finding(
        Judgement(
            name=f"{item.output} max-rel",
            target=max_rel,
            observed=item.max_rel,
            unit="max-rel",
            origin=origin,
            outcome="PASS" if item.max_rel <= max_rel else "FAIL",
            note=f"output {item.output}: max|a−b| / max|b| {written(item.max_rel, '')}, at most {max_rel:g} ({origin})",
        )
    )


def _finding(judgement: Judgement) -> Finding:
    return Finding(judgement, "met" if judgement.outcome == "PASS" else "parity")


def agreement_findings(result: Result, card: ModelCard) -> tuple[Finding, ...]:
    """Return whether predictions are those of the other batch size.

    Classes must be equal. Of a label map, one pixel in ten thousand may differ: where two classes tie, another batch
    size's kernels may break the tie the other way.
    """
    found = result.agreement
    if result.parity:  # without a data set there are no predictions: the outputs for noise are compared
        return findings(result, card)
    if found is None or found.n == 0:
        return (plain("agreement", "NOT_RUN", "infra", "the result compares no prediction"),)
    ties = card.metric.name != "top1" and (found.differing_share or 1.0) <= thresholds.AGREEMENT
    same = found.equal == found.n or ties
    share = "" if found.equal == found.n else f", at most {written(found.differing_share, 'fraction')} of a prediction"
    named = f": {', '.join(found.differing)}" if found.differing else ""
    note = (
        f"{found.equal} of {found.n} predictions at batch {result.case.batch} equal those at batch "
        f"{found.reference_batch}{share}{named}"
    )
    judgement = Judgement(
        name="agreement",
        target=1.0,
        observed=found.equal / found.n,
        unit="fraction",
        tolerance=0.0 if card.metric.name == "top1" else thresholds.AGREEMENT,
        origin="default",
        outcome="PASS" if same else "FAIL",
        note=note,
    )
    return (_finding(judgement),)
