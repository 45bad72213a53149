"""The model over files by a README's tool: the prepared folders go in as they are, its result folder comes out.

The tool makes its batches itself, pads the last as it does, and names its outputs as it does.
"""

import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.card_scripts import PostprocessStep, filled
from harness.cards import TensorSpec
from harness.errors import RunError
from harness.runtimes.ascend_files import OmSession
from harness.runtimes.files import FILE_MODE, FOLDER_MODE, Written
from harness.runtimes.output_files import FORMATS
from harness.scripts.prepared import Prepared, wrong
from harness.scripts.workspace import Workspace
from harness.units import counted

FILES = "script.postprocess.files"


def run_by_tool(session: OmSession, prepared: Prepared, place: Workspace, step: PostprocessStep) -> Path:
    """Run the tool over the prepared files, leave its outputs in the folder that the step reads; return its log.

    Raises RunError for files that the tool does not take, as it would glue them together or read beyond them, for
    outputs that are missing, old or of another size, and for other names of them than the card says.
    """
    _require_fit(session, prepared)
    staging = place.output.parent / "staged"
    names = _staged_names(prepared)
    folders = [
        _staged(folder, staging / f"input_{number}", prepared.names) for number, folder in enumerate(prepared.folders)
    ]
    since_ns = folders[0].stat().st_mtime_ns
    written = session.run_folders(folders, staging / "written")
    rows = dict(prepared.files)
    for staged, path in _outputs(written, names, session.outputs):
        _require_whole(path, (written, since_ns), session.outputs[staged[1]], rows[names[staged[0]]])
    _hand_over(written, place.path(step.results), step, next(iter(names)))
    return written.log


def _require_fit(session: OmSession, prepared: Prepared) -> None:
    for name, rows in prepared.files:
        refusal = session.refusal(rows, Path(name).suffix)
        if refusal:
            do = "let the preprocess step write such files ({batch} is the batch size), or ask for another --runtime"
            got = f"{counted(rows, 'sample')} in {name}"
            raise wrong(str(prepared.folders[0] / name), f"expected files for the tool: {refusal}", got, do)


def _staged_names(prepared: Prepared) -> dict[str, str]:
    """Return each file by its name without suffix, as tools call the outputs."""
    names = {Path(name).stem: name for name in prepared.names}
    if len(names) != len(prepared.names):
        twice = sorted(set(prepared.names) - set(names.values()))[0]
        do = "let the preprocess step write files of one kind"
        raise wrong(twice, "expected file names that differ in more than their suffix", "another of its name", do)
    return names


def _staged(source: Path, target: Path, names: Sequence[str]) -> Path:
    """Return a new folder with the files and nothing else.

    What lies elsewhere under another name too is copied: the tools' newer front ends ask for modes of their own.
    """
    target.mkdir(FOLDER_MODE, parents=True)
    for name in names:
        file, place = source / name, target / name
        status = file.lstat()
        try:
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                place.hardlink_to(file)
            else:
                shutil.copyfile(file, place)
            place.chmod(FILE_MODE)
        except OSError as error:
            what, do = "expected room for the model's inputs", "free disk space, or choose another --report-dir"
            raise RunError(str(place), what, str(error), do, kind="infra", stage="run") from error
    return target


def _outputs(
    written: Written, names: Mapping[str, str], specs: Sequence[TensorSpec]
) -> list[tuple[tuple[str, int], Path]]:
    """Return where each output of each input lies; raises RunError where two of them are one file."""
    found = [((name, index), written.output_file(name, index)) for name in names for index in range(len(specs))]
    first: dict[Path, str] = {}
    for (name, _), path in found:
        other = first.setdefault(path, name)
        if other != name:
            what, do = f"expected outputs of its own for {names[name]}", "let the preprocess step write other names"
            raise wrong(path.name, what, f"one file for it and for {names[other]}", do)
    return found


def _require_whole(path: Path, run: tuple[Written, int], spec: TensorSpec, rows: int) -> None:
    """Raise RunError for an output that is missing, older than what was fed, or not of the model's size."""
    written, since_ns = run
    problem = _problem(path, since_ns, spec, rows)
    if problem:
        form = FORMATS[path.suffix[1:].upper()]
        what = f"expected a new file {path.name} with {form.expects(spec.dtype, spec.at(rows))}"
        do, log = f"the tool's log is {written.log}", str(written.log)
        raise RunError(str(path.parent), what, problem, do, kind="tool-failed", stage="run", log=log)


def _problem(path: Path, since_ns: int, spec: TensorSpec, rows: int) -> str:
    form = FORMATS[path.suffix[1:].upper()]
    if not path.is_file():
        return "no such file"
    if path.stat().st_mtime_ns < since_ns:
        return "a file older than its input: one of an earlier run"
    if path.suffix == ".bin":  # of exactly one size, so that nothing has to be read
        found = path.stat().st_size
        return f"{found} bytes" if found != form.planned_bytes(spec.dtype, spec.at(rows)) else ""
    try:
        form.read(path, spec.dtype, spec.at(rows))
    except ValueError as error:
        return str(error)
    return ""


def _hand_over(written: Written, results: Path, step: PostprocessStep, name: str) -> None:
    """Move what the tool wrote to where the postprocess step reads it, `name` being one of the inputs.

    A card that says how outputs are called is held to it; one that says nothing takes the tool's names.
    """
    results.rmdir()
    shutil.move(str(written.folder), results)
    said = [filled(step.files, {"name": stem, "index": "0", "number": "1"}) for stem in (name, name.split(".")[0])]
    if "files" in step.model_fields_set and not any((results / one).is_file() for one in said):
        found = sorted(path.name for path in results.iterdir())[0]
        do = "correct `files`, and see what the postprocess step reads, or correct the card's tools"
        raise wrong(FILES, f"expected an output {said[0]}, as the card says", found, do)
