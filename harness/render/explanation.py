"""What a person reads of a red case."""

from harness.results import Result, Verdict


def explain(result: Result, verdict: Verdict, command: str) -> str:
    """Return every judgement of a case, its worst samples, its log, and the command that repeats it."""
    lines = [f"{verdict.outcome} {verdict.code}: {verdict.reason}"]
    lines += [f"  {judgement.outcome:<12} {judgement.name}: {judgement.note}" for judgement in verdict.judgements]
    if result.worst and verdict.outcome == "FAIL":
        lines.append(f"  worst samples: {', '.join(result.worst)}")
    if result.error and result.error.log:
        lines.append(f"  log: {result.error.log}")
    return "\n".join([*lines, f"  reproduce: {command}"])
