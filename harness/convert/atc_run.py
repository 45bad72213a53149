"""Running ATC in a folder of its own, and telling whether it made an OM: its exit code alone does not."""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from harness.ascend import atc_text, codes
from harness.ascend.atc_text import AtcReport
from harness.convert.atc import Job, argv
from harness.convert.atc_slots import slot
from harness.errors import RunError
from harness.process import run_tool, tail
from harness.results import ErrorKind
from harness.toolchain import Toolchain

TIMEOUT_S = 3600.0
"""A large model with operators to tune takes half an hour."""
DEFAULT_PRECISION = "force_fp16"
"""ATC's --precision_mode where none is given."""
TEXT_BYTES = 16 * 2**20
PLOG_BYTES = 2**20
SUCCEEDED = "exit code 0"


class Facts(TypedDict):
    """What a conversion tells: its command line with names for paths, precision mode, warnings, seconds."""

    argv: list[str]
    precision: str
    warnings: list[str]
    seconds: float


@dataclass(frozen=True)
class Ended:
    """How an ATC ended: its exit in words, whether that was the time limit, its text, last lines and report."""

    exit: str
    timed_out: bool
    text: str
    last_lines: str
    report: AtcReport


def convert(job: Job, toolchain: Toolchain, path: Path, log_dir: Path, timeout_s: float = TIMEOUT_S) -> Facts:
    """Write the OM of a conversion to `path`, through a private folder beside it that is removed afterwards.

    It is one only if ATC ended with exit code 0, said that it succeeded, and left a new file that is not empty. Raises
    MissingNeedError without atc, and RunError with ATC's code, its meaning, the last lines of the log, and the log's
    copy below `log_dir`: kind `compile-error`, `unsupported` or `oom` as ATC's error says, `timeout`, `tool-failed`
    where ATC contradicts itself, `infra` where it ended without a verdict.
    """
    program = toolchain.command("atc")
    work = Path(tempfile.mkdtemp(prefix="atc-", dir=path.parent))
    try:
        command = argv(program, job, _linked(job, work))
        started = time.monotonic()
        with slot(job.name):
            ended = _run(command, toolchain.env, work, timeout_s)
        made = work / f"{job.name}.om"
        fault = _fault(ended, made)
        if fault is not None:
            raise _error(job, ended, fault, _kept_log(job, work, log_dir))
        made.replace(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    warnings = [f"{warning.code}: {warning.text}" for warning in ended.report.warnings]
    precision = str(job.flags.get("precision_mode", DEFAULT_PRECISION))
    seconds = round(time.monotonic() - started, 3)
    return Facts(argv=["atc", *command[len(program) :]], precision=precision, warnings=warnings, seconds=seconds)


def _linked(job: Job, work: Path) -> dict[Path, str]:
    """Link the files that ATC reads into its folder, under names of plain letters; return the names."""
    names = {}
    for flag, value in job.flags.items():
        if isinstance(value, Path):
            names[value] = f"{job.name if flag == 'model' else flag}{value.suffix}"
            (work / names[value]).symlink_to(value.resolve())
    return names


def _run(command: list[str], env: Mapping[str, str], work: Path, timeout_s: float) -> Ended:
    (work / "tmp").mkdir()
    own = {"ASCEND_PROCESS_LOG_PATH": str(work / "plog"), "TMPDIR": str(work / "tmp")}
    log = work / "atc.log"
    end, timed_out = SUCCEEDED, False
    try:
        run_tool(command, cwd=work, env={**env, **own}, timeout_s=timeout_s, log=log)
    except RunError as error:
        timed_out = error.kind == "timeout"
        end = error.what.replace("expected an end", "no end") if timed_out else error.got
    text = _end_of(log, TEXT_BYTES)
    return Ended(end, timed_out, text, tail(log), atc_text.parse(text))


def _fault(ended: Ended, made: Path) -> tuple[str, str] | None:
    """Return the kind of what is wrong and what was found, or None."""
    report, word = ended.report, "its word of success"
    if ended.timed_out:
        return "timeout", ended.exit
    if report.verdict == "failed":
        return codes.error_kind(ended.text, "compile-error"), report.summary or "a failure without a reason"
    if report.verdict != "success":
        said = f" ({report.summary})" if report.summary else ""
        otherwise: ErrorKind = "compile-error" if atc_text.refused_flag(ended.text) else "infra"
        return codes.error_kind(ended.text, otherwise), f"{ended.exit} and no verdict{said}"
    if ended.exit != SUCCEEDED:
        return "tool-failed", f"{word} and {ended.exit}"
    if not made.is_file():
        return "tool-failed", f"{word} and no {made.name}"
    return None if made.stat().st_size else ("tool-failed", f"{word} and an empty {made.name}")


def _error(job: Job, ended: Ended, fault: tuple[str, str], log: Path) -> RunError:
    kind, got = fault
    code = ended.report.errors[0].code if ended.report.errors and not ended.timed_out else ""
    hint = "it did not start, or was killed, perhaps for memory; " if kind == "infra" and not code else ""
    if flag := atc_text.refused_flag(ended.text) if not ended.report.verdict else "":
        hint = f"this ATC refuses --{flag}: correct it in the card's [atc] table, or use a CANN that has it; "
    hint += f"the whole log is {log}, its last lines are:\n{ended.last_lines}"
    where, what = f"atc {job.name} for {job.soc_version}", "expected ATC to write an OM"
    return RunError(where, what, got, hint, kind=kind, stage="atc", log=str(log), code=code)


def _kept_log(job: Job, work: Path, log_dir: Path) -> Path:
    """Copy ATC's output, with the ends of CANN's own logs before it, to a file that outlives the private folder."""
    log_dir.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    log = log_dir / f"atc-{job.name}-{job.soc_version}-{stamp}-{os.getpid()}.log"
    part = log.with_suffix(".part")
    with part.open("w", encoding="utf-8") as stream:
        for plog in sorted((work / "plog").rglob("*.log")):
            stream.write(f"==> {plog.relative_to(work)} <==\n{_end_of(plog, PLOG_BYTES)}\n")
        stream.write(f"==> atc <==\n{_end_of(work / 'atc.log', TEXT_BYTES)}")
    part.replace(log)
    return log


def _end_of(path: Path, limit: int) -> str:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - limit))
        return stream.read().decode("utf-8", errors="replace")
