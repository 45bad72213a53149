"""From a case to its result: the one place where building, data, runtimes and metrics meet."""

import datetime
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import environment, gates, memory, on_npu, scripts, sources
from harness.artifacts import Artifact
from harness.card_promises import SPEEDS
from harness.checks import consistency, looks, parity, ratio, speed
from harness.devices import lease
from harness.errors import CardError, DataError, MissingNeedError, OmgateError, RunError, WeightsError
from harness.results import SCRIPTS, Case, Failure, Result
from harness.runtimes import OM_RUNTIMES
from harness.workbench import Workbench

Facts = dict[str, Any]
Check = Callable[[Case, Workbench], Facts]
CHECKS: dict[str, Check] = {
    "accuracy": looks.measure,
    "batch-consistency": consistency.measure,
    "parity": parity.measure,
    "throughput": speed.measure,
    "latency": speed.measure,
}
FAULTS_OF_THE_HOST = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE)
DISK_FULL = os.strerror(errno.ENOSPC)


def run(case: Case, bench: Workbench) -> Result:
    """Measure one case; whatever breaks is in the result, never raised.

    The artifact is built first, beside others; then the case holds its device: speed alone, the rest beside others.
    """
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    clock = time.monotonic()
    seen: Facts = {}
    spent: dict[str, float] = {}
    effort = bench.builder.store.effort
    before_s, before_bytes = effort.seconds, effort.bytes
    facts = _attempt(case, bench, seen, spent)
    toolchain = bench.toolchain_of(case)
    source = sources.digest(bench.cards[case.model], bench.weights, bench.places, toolchain)
    built = {"build_s": round(effort.seconds - before_s, 3), "build_bytes": effort.bytes - before_bytes}
    return Result(
        case=case,
        environment={**environment.describe(), **seen},
        toolchain=toolchain,
        started_at=started,
        seconds=round(time.monotonic() - clock, 3),
        spent={**spent, **built},
        digests={**facts.pop("digests", {}), "source": source},
        **facts,
    )


def _attempt(case: Case, bench: Workbench, seen: Facts, spent: dict[str, float]) -> Facts:
    """Return what was measured, or why not; facts of the device go into `seen`, also when the case breaks.

    What was spent on waiting goes into `spent`.
    """
    try:
        return {"status": "measured", **_measured(case, bench, seen, spent)}
    except MissingNeedError as error:
        return {"status": "not_run", "missing": str(error), "missing_need": error.need}
    except RunError as error:
        kind = "infra" if DISK_FULL in str(error) else error.kind
        return _failed(error, kind, error.stage, error.log, error.code)
    except DataError as error:
        return _failed(error, "data", "data", "")
    except (CardError, WeightsError) as error:  # what the user gave is wrong: nothing of the machine
        return _failed(error, "data", "prepare", "")
    except OmgateError as error:
        return _failed(error, "infra", "prepare", "")
    except OSError as error:
        if error.errno not in FAULTS_OF_THE_HOST:
            raise
        return _failed(error, "infra", "host", "")


def _measured(case: Case, bench: Workbench, seen: Facts, spent: dict[str, float]) -> Facts:
    if case.check == "ratio":  # nothing runs: it is made of other cases' results, and waits for them
        return ratio.measure(case, bench)
    bench.lease_of(case)  # an NPU that is not fit for use is told before anything is built for it
    if case.condition == SCRIPTS:
        return _scripted(case, bench, seen, spent)
    with lease("cpu", exclusive=False, case=case.id):
        artifact = bench.artifact(case)
    _require_memory(case, bench, artifact)
    built = {"digest": artifact.digest, "recipe": dict(artifact.recipe)}
    with _leased(case, bench, spent):
        return {"artifact": built, **_checked(case, bench, CHECKS[case.check], seen)}


def _scripted(case: Case, bench: Workbench, seen: Facts, spent: dict[str, float]) -> Facts:
    """Run a case through its repository's scripts; an NPU is held only while the model runs on it."""
    if case.runtime not in OM_RUNTIMES:
        with _leased(case, bench, spent):
            return scripts.measure(case, bench, lambda check: check(case, bench))

    def hold(check: Check) -> Facts:
        with _leased(case, bench, spent):
            return _checked(case, bench, check, seen)

    with lease("cpu", exclusive=False, case=case.id):
        return scripts.measure(case, bench, hold)


@contextmanager
def _leased(case: Case, bench: Workbench, spent: dict[str, float]) -> Iterator[None]:
    """Hold the case's device: a speed alone, the rest beside others. How long was waited goes into `spent`."""
    asked = time.monotonic()
    with lease(bench.lease_of(case), exclusive=case.check in SPEEDS, case=case.id):
        spent["waiting_s"] = round(time.monotonic() - asked, 3)
        yield


def _clear(work: Path) -> None:
    """Remove the inputs, outputs and OMs that an attempt left which was killed, gigabytes of them; its logs stay."""
    for chunk in work.glob("*/chunk-*"):
        shutil.rmtree(chunk, ignore_errors=True)
    for om in work.glob("*/*.om"):
        om.unlink(missing_ok=True)


def _checked(case: Case, bench: Workbench, check: Check, seen: Facts) -> Facts:
    _clear(bench.run_dir / "work" / case.key)
    if case.runtime not in OM_RUNTIMES:
        return check(case, bench)
    return on_npu.measured(case, bench, check, seen)


def _require_memory(case: Case, bench: Workbench, artifact: Artifact) -> None:
    """Raise MissingNeedError where a network does not fit this host, which runs it itself or emulates an NPU.

    A case that is expected to break is not held back: the emulated device refuses it before anything runs. How much an
    OM from elsewhere takes is not known.
    """
    if artifact.format == "onnx":
        memory.require(_onnx_mib(artifact, case), case.id)
    card = bench.card(case)
    built_here = artifact.format == "om" and artifact.recipe.get("kind") != "brought"
    if built_here and case.emulated and not gates.promises_for(card, case).expectations:
        source = bench.builder.onnx(card, case.batch, bench.weights)
        memory.require(_onnx_mib(source, case), case.id)


def _onnx_mib(artifact: Artifact, case: Case) -> int:
    return memory.onnx_mib(artifact.path, {spec.name: spec.at(case.batch) for spec in artifact.inputs})


def _failed(error: OmgateError | OSError, kind: str, stage: str, log: str, code: str = "") -> Facts:
    failure = Failure.model_validate({"kind": kind, "stage": stage, "message": str(error), "log": log, "code": code})
    return {"status": "error", "error": failure}
