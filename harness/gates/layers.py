"""Which of a card's baselines are in force: of layers for several toolchains, the narrowest that matches."""

from dataclasses import replace

from harness.cards import Baseline
from harness.gates.promises import Promise
from harness.results import Result
from harness.version_ranges import known_version


def in_force(promise: Promise, result: Result) -> Promise:
    """Return the promise with only those baselines that hold for the result's toolchain.

    A row `when = "CANN >= 8"` replaces, where it matches, the row that says the same without a condition or under a
    wider one. Where the version is not known, the rows without a condition hold, and `layer_note` says so.
    """
    states = {row.when: _matches(row, result) for row in promise.baselines}
    matching = [row for row in promise.baselines if states[row.when]]
    kept = tuple(row for row in matching if not any(_narrower(other, row) for other in matching))
    unknown = sorted(when for when, state in states.items() if state is None)
    return replace(promise, baselines=kept, layer_note=_note(unknown, kept))


def _matches(row: Baseline, result: Result) -> bool | None:
    """Tell whether a row's condition holds; None where nobody knows the version."""
    if row.versions is None:
        return True
    packages = result.environment.get("packages", {})
    version = known_version(row.versions.name, result.toolchain, packages if isinstance(packages, dict) else {})
    return row.versions.holds(version) if version else None


def _narrower(other: Baseline, row: Baseline) -> bool:
    if other.layered_identity != row.layered_identity or other.versions is None or other.versions == row.versions:
        return False
    return row.versions is None or other.versions.within(row.versions)


def _note(unknown: list[str], kept: tuple[Baseline, ...]) -> str:
    if not unknown:
        return ""
    instead = "the number without a condition is used" if kept else "no number without a condition is there"
    return f"whether {' and '.join(unknown)} holds is not known, so {instead}"
