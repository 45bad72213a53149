"""Make one run of the runs of several hosts: results, outcomes, plans; nothing twice, nothing lost."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness import cards
from harness.adopt import card_folders
from harness.commands import arguments
from harness.errors import CardError, UsageError
from harness.gates import subset
from harness.gates.findings import ROUNDING
from harness.history.gaps import gaps
from harness.history.merge import Merged, SourceRun, merge
from harness.render import benchmark_json, ending, table
from harness.runs import RunFolder, read_entries, read_run


def run(given: Sequence[str]) -> int:
    """Write the merged run and tell what became of it; raises UsageError for a folder that is no run's."""
    parser = arguments.parser("merge", __doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's folder")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="the new run's folder")
    options = parser.parse_args(given)
    folders = list(dict.fromkeys(path.resolve() for path in options.runs))
    output = options.output.resolve()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"--output {options.output}", "expected a new or empty folder", "another", "choose another")
    sources = [_source(folder) for folder in folders]
    merged = merge(sources)
    told = (*gaps(sources), *_beyond_one_night(merged))
    _write(replace(merged, facts={**merged.facts, "gaps": list(told)}), folders, output)
    for gap in told:
        print(gap)
    for conflict in merged.conflicts:
        print(f"both kept: {conflict}")
    for line in ending.lines(merged.entries):
        print(line)
    count, runs = len(merged.entries), len(folders)
    print(f"{output}: {count} entries of {runs} runs, {merged.duplicates} duplicates left out")
    return 0


def _beyond_one_night(merged: Merged) -> Iterator[str]:
    """Yield how likely a false red is where the runs did not share the error of one night, as shares of a plan do."""
    together = subset.false_red(entry.result for entry in merged.entries)
    if together > subset.FALSE_RED * (1 + ROUNDING):
        yield (
            f"accuracies on parts of data sets: red by chance in up to {100 * together:.3g} % of such nights, not in "
            f"{100 * subset.FALSE_RED:g} %: the runs were planned apart, and each counted its own cases only"
        )


def _source(folder: Path) -> SourceRun:
    return SourceRun(folder.name, read_run(folder), read_entries(folder))


def _write(merged: Merged, folders: Sequence[Path], output: Path) -> None:
    """Write the whole folder beside its place and rename it."""
    temporary = output.with_name(f".{output.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _copy_sidecars(merged, folders, temporary)
        _copy_logs(folders, temporary)
        made = RunFolder(temporary)
        made.start(merged.facts)
        made.write("results.jsonl", "".join(f"{entry.to_json()}\n" for entry in merged.entries))
        made.write("table.md", table.markdown(merged.entries, _known_cards(folders)))
        made.write("benchmark.json", benchmark_json.render(merged.entries))
        if output.exists():
            output.rmdir()
        temporary.replace(output)
    except OSError as error:
        raise UsageError(f"--output {output}", "expected a place to write", str(error.strerror)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy_sidecars(merged: Merged, folders: Sequence[Path], target: Path) -> None:
    target.mkdir(parents=True)
    for path, sidecar in merged.sidecars.items():
        source, there = (folders[sidecar.run] / sidecar.path).resolve(), (target / path).resolve()
        inside = source.is_relative_to(folders[sidecar.run]) and there.is_relative_to(target.resolve())
        if not inside or not source.is_file():
            where = str(folders[sidecar.run] / sidecar.path)
            raise UsageError(
                where, "expected the outcomes that results.jsonl names", "none", "copy the whole run folder"
            )
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, there)


def _copy_logs(folders: Sequence[Path], target: Path) -> None:
    """Copy each run's logs into a folder of its own: tools call theirs alike on every host."""
    for number, folder in enumerate(folders):
        if (folder / "logs").is_dir():
            taken = target / "logs" / folder.name
            place = taken if not taken.exists() else taken.with_name(f"{folder.name}-{number}")
            shutil.copytree(folder / "logs", place)


def _known_cards(folders: Sequence[Path]) -> dict[str, cards.ModelCard]:
    """Return the cards that are here: they order the table, and another host's folders may be missing."""
    known = [path for folder in folders for path in card_folders(folder) if path.is_dir()]
    try:
        return {card.name: card for card in cards.load_all(list(dict.fromkeys(known)))}
    except (CardError, UsageError):
        return {}
