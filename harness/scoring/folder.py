"""Finding a tool's output files in a folder: which of its folders has them, whose names they bear, what is amiss."""

import re
from collections.abc import Collection, Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from harness.errors import DataError
from harness.scoring.names import Naming, Unit, candidates

SHOWN = 5
FORMAT_OF = {".bin": "BIN", ".npy": "NPY", ".txt": "TXT"}
# Of benchmark and beside its outputs: rates of a run, the lists of samples.
_OTHER_TEXT = re.compile(r"perf_.*|PureInfer_perf_.*")
_OF_A_DEVICE = re.compile(r"(device|dumpOutput_device)\d+(_\d+)?")
# A tool writes its files steadily; what is this much older than the rest, by both measures, is of another run.
STALE_S = 600.0
STALE_GAPS = 100.0


@dataclass(frozen=True)
class Found:
    """The output files of one run: how they are named, the folders they lie in, and each by unit name and output."""

    naming: Naming
    folders: tuple[Path, ...]
    files: Mapping[tuple[str, int], Path]

    @property
    def format(self) -> str:
        """The format of the files: BIN, NPY or TXT."""
        return FORMAT_OF[next(iter(self.files.values())).suffix.lower()]


@dataclass(frozen=True)
class Wanted:
    """What a folder should hold: units, each with `outputs` files; files of `others` are not read, nor amiss.

    `numbers` are those of the units where they are known; nothing below `ignored` counts.
    """

    units: tuple[Unit, ...]
    outputs: int
    others: tuple[Unit, ...] = ()
    tool: str = ""
    numbers: Mapping[str, int] | None = None
    ignored: Path | None = None

    @property
    def all_units(self) -> tuple[Unit, ...]:
        """Units and others together."""
        return (*self.units, *self.others)


def find(root: Path, wanted: Wanted) -> Found:
    """Return the output files below `root`, whatever folder with a time stamp or device number they lie in.

    Raises DataError, which names the first few samples: no such file, several results, files that are missing, there
    twice, of nothing that was asked, of several formats, or so much older than the rest that another run left them.
    """
    listed = _listing(root, wanted.ignored)
    naming = _recognised(root, wanted, listed)
    stems = naming.stems(wanted.all_units, wanted.outputs)
    ours = {unit.name for unit in wanted.units}
    needed = {stem for stem, (unit, _) in stems.items() if unit.ids and unit.name in ours}
    folders = _folders(root, {folder: set(files) & set(stems) for folder, files in listed.items()}, needed)
    files = _merged(root, [listed[folder] for folder in folders])
    _refuse(root, "expected no files but the outputs of the samples", sorted(set(files) - set(stems)))
    files_of = {(unit.name, output): files[stem] for stem, (unit, output) in stems.items() if stem in files}
    _require_all(root, wanted, files_of)
    kept = {place: path for place, path in files_of.items() if place[0] in ours}
    _check_ages(root, sorted(kept.values()))
    _one_format(root, kept.values())
    return Found(naming, tuple(folders), kept)


def _require_all(root: Path, wanted: Wanted, present: Container[tuple[str, int]]) -> None:
    needed = [(unit, output) for unit in wanted.units if unit.ids for output in range(wanted.outputs)]
    missing = [(unit, output) for unit, output in needed if (unit.name, output) not in present]
    if missing:
        named = [f"output {output} of {first_ids(unit.ids)}" for unit, output in missing[:SHOWN]]
        do = "run the tool on the rest, or give --samples N if N samples, evenly spread, were run"
        got = f"{len(missing)} missing: {_few(named, len(missing))}"
        raise DataError(str(root), f"expected {len(needed)} output files", got, do)


def first_ids(ids: Sequence[str]) -> str:
    """Return the first few ids as text.

    >>> first_ids(("a", "b")), first_ids("abcdefg")
    ('a, b', 'a, b, c, d, e, …')
    """
    return _few(ids[:SHOWN], len(ids))


def _few(shown: Sequence[str], count: int) -> str:
    return ", ".join(shown) + (", …" if count > len(shown) else "")


def _listing(root: Path, ignored: Path | None) -> dict[Path, dict[str, list[Path]]]:
    """Return every file that may be an output, by folder and stem."""
    found: dict[Path, dict[str, list[Path]]] = {}
    for path in sorted(root.rglob("*")):
        kind = FORMAT_OF.get(path.suffix.lower())
        if kind is None or (kind == "TXT" and _OTHER_TEXT.match(path.stem)) or not path.is_file():
            continue
        if ignored is not None and path.is_relative_to(ignored):
            continue
        found.setdefault(path.parent, {}).setdefault(path.stem, []).append(path)
    return found


def _recognised(root: Path, wanted: Wanted, listed: Mapping[Path, Mapping[str, object]]) -> Naming:
    """Return the naming that explains most of the files."""
    stems = {stem for files in listed.values() for stem in files}
    namings = [_numbered(one, wanted) for one in candidates(wanted.tool, wanted.units, wanted.others, stems)]
    scored = [(naming.hits(wanted.all_units, wanted.outputs, stems), naming) for naming in namings]
    most, best = max(scored, key=lambda pair: pair[0])  # of equals the first
    if most:
        return best
    shown = next((unit for unit in wanted.units if unit.ids), wanted.units[0])
    # Without an affix a naming is its scheme: what a scheme would call the first sample's first output.
    names = dict.fromkeys(naming.scheme.stem(shown.name, 0, 0) for naming in namings if not naming.affix)
    what = f"expected output files of {wanted.tool or 'a tool'}, such as {', '.join(names)} for {shown.name}"
    got = _few(sorted(stems)[:SHOWN], len(stems)) if stems else "no .bin, .npy or .txt file"
    raise DataError(str(root), what, got, "give the folder that the tool wrote, and --tool if it is known")


def _numbered(naming: Naming, wanted: Wanted) -> Naming:
    return naming if wanted.numbers is None else Naming(naming.scheme, naming.affix, wanted.numbers)


def _folders(root: Path, hits: Mapping[Path, Set[str]], needed: Set[str]) -> list[Path]:
    """Return the folders of one run: the one that has all, or one per device side by side.

    Beside a whole run there may be others: one that was stopped, or one that only timed the first sample.
    """
    whole = [folder for folder, found in hits.items() if found >= needed]
    holding = whole or [folder for folder, found in hits.items() if found]
    parents = {folder.parent for folder in holding}
    if len(holding) == 1 or (len(parents) == 1 and all(_OF_A_DEVICE.fullmatch(folder.name) for folder in holding)):
        return holding
    names = [str(folder.relative_to(root)) for folder in holding]
    what = "expected the outputs of one run"
    raise DataError(str(root), what, f"{len(names)} folders: {_few(names[:SHOWN], len(names))}", "give one of them")


def _merged(root: Path, folders: Sequence[Mapping[str, Sequence[Path]]]) -> dict[str, Path]:
    """Return each file by its stem; one that is there twice is refused: which of them is meant?"""
    each: dict[str, list[Path]] = {}
    for files in folders:
        for stem, paths in files.items():
            each.setdefault(stem, []).extend(paths)
    twice = [" and ".join(str(path.relative_to(root)) for path in paths) for paths in each.values() if len(paths) > 1]
    _refuse(root, "expected one file for each output", twice)
    return {stem: paths[0] for stem, paths in each.items()}


def _refuse(root: Path, what: str, wrong: Sequence[str]) -> None:
    if wrong:
        do = "they may be of another run: run the tool into an empty folder, or give the folder of one run"
        raise DataError(str(root), what, f"{len(wrong)} others: {_few(wrong[:SHOWN], len(wrong))}", do)


def _check_ages(root: Path, paths: Sequence[Path]) -> None:
    """Refuse files that lie far back in time of the others: an earlier run into the same folder left them."""
    dated = sorted((path.stat().st_mtime, path.name) for path in paths)
    gaps = [after[0] - before[0] for before, after in pairwise(dated)]
    if not gaps or max(gaps) <= STALE_S or max(gaps) <= STALE_GAPS * median(gaps):
        return
    old = [name for _, name in dated[: gaps.index(max(gaps)) + 1]]
    got = f"{len(old)} that are {max(gaps) / 60:.0f} minutes older than the rest: {_few(old[:SHOWN], len(old))}"
    do = "run the tool again into an empty folder; if they are right, copy the folder with new time stamps (cp -r)"
    raise DataError(str(root), "expected the files of one run", got, do)


def _one_format(root: Path, paths: Iterable[Path]) -> None:
    suffixes = sorted({path.suffix.lower() for path in paths})
    if len(suffixes) > 1:
        raise DataError(str(root), "expected outputs of one format", " and ".join(suffixes), "give one run's folder")


def unit_of(sample_ids: Collection[str]) -> tuple[Unit, ...]:
    """Return a unit per sample, named as the sample: what a script that prepares one file per picture makes."""
    return tuple(Unit(sample_id, (sample_id,)) for sample_id in sample_ids)
