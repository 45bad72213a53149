"""The plan of a run as text: the cases, what is missing with its remedy, and what nobody promises."""

from collections import defaultdict
from collections.abc import Sequence

from harness.results import Case


def render(cases: Sequence[Case], lacking: Sequence[tuple[str, str]], unpromised: Sequence[Case]) -> str:
    """Return the plan; `lacking` pairs a card's or runtime's name with what it lacks and what to do."""
    lines = [f"{len(cases)} cases"]
    lines += [f"  {case.check:<18}{case.id}" for case in cases]
    lines += ["", f"{len(lacking)} cards or runtimes cannot run here"]
    lines += [f"  {name}: {reason}" for name, reason in lacking]
    lines += ["", f"{len(unpromised)} cases that no card promises (--unpromised runs them, omgate adopt keeps them)"]
    lines += [f"  {line}" for line in _by_model(unpromised)]
    return "\n".join(lines)


def _by_model(cases: Sequence[Case]) -> list[str]:
    """Return one line per model, runtime and check, with its batch sizes."""
    batches: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for case in cases:
        batches[case.model, case.runtime, case.check].append(case.batch)
    return [f"{check:<18}{model}-{runtime} at {sizes}" for (model, runtime, check), sizes in batches.items()]
