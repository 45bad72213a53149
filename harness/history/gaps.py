"""What is missing from hosts' runs that should be one night: shares, cases without a result, one and the same cut."""

from collections.abc import Iterator, Sequence

from harness.history.merge import SourceRun

SHOWN = 5


def gaps(runs: Sequence[SourceRun]) -> tuple[str, ...]:
    """Return in sentences what keeps these runs from being one whole night, nothing where they are."""
    return (*_of_shares(runs), *(text for run in runs for text in _of_plan(run)))


def _of_shares(runs: Sequence[SourceRun]) -> Iterator[str]:
    """Yield which shares nobody ran, and that hosts cut different plans: then cases may be missing, or be twice."""
    cuts: dict[tuple[str, int], dict[int, str]] = {}
    for run in runs:
        share = run.facts.get("shard")
        if isinstance(share, dict):
            cut = str(share.get("partition", "")), int(share.get("count", 1))
            cuts.setdefault(cut, {})[int(share.get("index", 1))] = run.name
    for (_, count), found in cuts.items():
        missing = [str(index) for index in range(1, count + 1) if index not in found]
        if missing:
            yield f"of {count} shares {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    if len(cuts) > 1:
        told = "; ".join(f"{partition} by {', '.join(found.values())}" for (partition, _), found in cuts.items())
        yield f"not shares of one plan, so cases may be missing or be there twice: {told}"


def _of_plan(run: SourceRun) -> Iterator[str]:
    done = {entry.result.case.test_name for entry in run.entries}
    names = [str(node).rpartition("::")[2] for node in run.facts.get("plan", ())]
    left = [name for name in names if name not in done]
    if left:
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        yield f"{run.name}: {len(left)} of {len(names)} planned cases have no result: {', '.join(left[:SHOWN])}{more}"
