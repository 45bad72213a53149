"""The self-test of ATC: OMs at batch 1 and 4, and what it does with other names, gears, mistakes, and when killed."""

import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from harness.ascend import atc_text
from harness.convert import atc, atc_run, atc_slots
from harness.convert.atc import Flags, Job
from harness.errors import OmgateError
from harness.selftest import one_operator
from harness.selftest.bench import ATC_S, Bench

BATCHES = (1, 4)
MOST_AT_ONCE = 4
SOURCE, CASTS = "probe.onnx", "casts.onnx"
HEAD_BYTES = 2**20
CHIP_IN_FILE = re.compile(rb"soc_version\W{1,8}(Ascend\d{3}\w{0,12})")
STARTED = "ATC start working now"
KILLED, INT64 = "atc-killed", "atc-int64"
POLL_S = 0.005
INVOCATIONS: dict[str, tuple[str, Flags]] = {
    "atc-batch1": ("probe_bs1", {}),
    "atc-dotted": ("dotted.om", {}),
    "atc-gears": ("gears", {"input_shape": "x:-1,1,4,4", "dynamic_batch_size": "1,4"}),
    "atc-unknown-input": ("unknown_input", {"input_shape": "nosuch:1,1,4,4"}),
    "atc-unknown-out-node": ("unknown_out_node", {"out_nodes": "nosuch:0"}),
    INT64: ("int64", {"input_format": "ND", "input_shape": "whole_in:1,16;real_in:1,16"}),
    KILLED: ("killed", {}),
}
"""Each invocation beside the driver's own: the name that it gives the OM, and its flags where they are others."""


def run(bench: Bench) -> dict[int, Path]:
    """Build the OMs; return those that there are, by batch size."""
    if reason := bench.lacks("atc"):
        bench.absent.update(dict.fromkeys([*INVOCATIONS, "om", "link"], reason))
        bench.check("atc", False, f"{reason}; {bench.toolchain.remedies.get('atc', '')}")
        return {}
    source = bench.folder / SOURCE
    one_operator.write(source)
    one_operator.write_casts(bench.folder / CASTS)
    with ThreadPoolExecutor(min(MOST_AT_ONCE, atc_slots.places())) as pool:
        driven = pool.submit(_driven, bench, source)
        list(pool.map(lambda name: _invoke(bench, name, source), INVOCATIONS))
        built = {BATCHES[1]: driven.result()}
    report = bench.transcripts.get("atc-batch1")
    built[BATCHES[0]] = _own(bench) if report is not None else None
    _look_at(bench, built[BATCHES[0]])
    return {batch: path for batch, path in built.items() if path is not None}


def _invoke(bench: Bench, name: str, source: Path) -> None:
    """Run ATC on a link to the model, as the driver does."""
    place = bench.place(name)
    (place / SOURCE).symlink_to(source if name != INT64 else bench.folder / CASTS)
    output, flags = INVOCATIONS[name]
    with _hunted(bench) if name == KILLED else nullcontext():
        bench.invoke(name, "atc", atc.argv((), _job(bench, SOURCE, output, 1, flags)))


@contextmanager
def _hunted(bench: Bench) -> Iterator[None]:
    """Kill the ATC of this block as the kernel does for memory: its largest process, without warning, at work."""
    over = threading.Event()
    bench.absent["killed"] = "it ended before it could be killed"

    def hunt() -> None:
        while not over.wait(POLL_S):
            log = bench.log(KILLED)
            if log.is_file() and STARTED in log.read_text(encoding="utf-8", errors="replace"):
                if _kill_largest(bench.place(KILLED)):
                    bench.notes["killed"] = "while it was at work"
                return

    hunter = threading.Thread(target=hunt, name="omgate-selftest-kill")
    hunter.start()
    try:
        yield
    finally:
        over.set()
        hunter.join()


def _kill_largest(place: Path) -> bool:
    """Kill the process with most memory among those that work in a folder; tell whether there was one, by /proc."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            if (folder / "cwd").resolve() == place:
                found.append((int((folder / "statm").read_text(encoding="ascii").split()[1]), int(folder.name)))
    with suppress(ProcessLookupError):
        if found:
            os.kill(max(found)[1], signal.SIGKILL)
            return True
    return False


def _job(bench: Bench, model: "str | Path", output: str, batch: int, more: Flags) -> Job:
    shape = f"{one_operator.INPUT.name}:{','.join(map(str, one_operator.INPUT.at(batch)))}"
    flags: Flags = {"framework": "5", "model": model, "output": output, "input_format": "NCHW", "input_shape": shape}
    flags |= {"log": atc.LOG_LEVEL, "soc_version": atc.soc_version(bench.npu.chip), **more}
    return Job(output, flags)


def _driven(bench: Bench, source: Path) -> Path | None:
    """Build the OM of batch 4 as every gate does."""
    batch = BATCHES[1]
    job, path = _job(bench, source, f"probe_bs{batch}", batch, {}), bench.folder / f"probe_bs{batch}.om"
    name = f"atc builds an OM at batch {batch}"
    try:
        facts = atc_run.convert(job, bench.toolchain, path, bench.folder / "logs", bench.seconds_left(ATC_S))
    except OmgateError as error:
        bench.broke(name, error)
        bench.absent["link"] = "no OM was built"
        return None
    bench.notes["link"] = "converted"
    warned = f", {len(facts['warnings'])} warnings" if facts["warnings"] else ""
    bench.check(name, True, f"{facts['seconds']:.1f} s{warned}")
    return path


def _own(bench: Bench) -> Path | None:
    """Return the OM of batch 1 if ATC built one, a private copy under a plain name."""
    batch, transcript = BATCHES[0], bench.transcripts["atc-batch1"]
    made = bench.folder / "atc-batch1" / "probe_bs1.om"
    report = atc_text.parse(transcript.text)
    ok = transcript.succeeded and report.verdict == "success" and made.is_file() and made.stat().st_size > 0
    verdict = f"its word is {report.verdict or 'none'}{f' ({report.summary})' if report.summary else ''}"
    text = "built" if ok else f"{transcript.end}, {verdict}, {'an' if made.is_file() else 'no'} OM"
    bench.check(f"atc builds an OM at batch {batch}", ok, text)
    if not ok:
        return None
    path = bench.folder / "probe_bs1.om"
    shutil.copyfile(made, path)
    path.chmod(0o600)
    bench.notes["om-mode"] = f"{made.stat().st_mode & 0o777:04o}"
    return path


def _look_at(bench: Bench, om: Path | None) -> None:
    if om is None:
        bench.absent.update(dict.fromkeys(("om-mode", "om-chip"), "no OM was built"))
        return
    said = CHIP_IN_FILE.search(om.read_bytes()[:HEAD_BYTES])
    bench.notes["om-chip"] = said[1].decode("ascii") if said else "no chip"
