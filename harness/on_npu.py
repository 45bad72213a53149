"""A case on an NPU: what the device was before, who else came onto it, and whose fault a failure is."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from harness import measure, npus
from harness.artifacts import Artifact
from harness.card_promises import SPEEDS
from harness.card_tables import TensorSpec
from harness.errors import RunError
from harness.npus import Npu
from harness.results import Case
from harness.runtimes.protocol import Session, SessionOptions
from harness.samples import Sample
from harness.toolchain import Toolchain
from harness.workbench import Workbench

Facts = dict[str, Any]
CANARY_TIMEOUT_S = 120.0


def measured(case: Case, bench: Workbench, check: Callable[[Case, Workbench], Facts], seen: Facts) -> Facts:
    """Return what a check measures of a case on its NPU, whose lease is held; facts of the device go into `seen`.

    A failure is told for what it is before it is raised (`npus.after_failure`), and a bad device is drained.
    """
    npu, toolchain = _npu(case, bench)
    before = npus.look_again(toolchain, npu)
    seen |= {"device": before.chip, "device_memory_mib": before.memory_total_mib}
    seen |= {"device_memory_free_mib": before.memory_free_mib}
    _prove_mapping(case, bench, npu, toolchain)
    try:
        if case.check not in SPEEDS:
            return check(case, bench)
        return _watched(case, bench, check, seen)
    except RunError as error:
        if error.stage in ("atc", "idle"):
            raise
        raise npus.after_failure(toolchain, before, error, lambda: _load_canary(case, bench)) from error


def _watched(case: Case, bench: Workbench, check: Callable[[Case, Workbench], Facts], seen: Facts) -> Facts:
    """Measure a speed while the device is watched; who came onto it is part of the measurement."""
    npu, toolchain = _npu(case, bench)
    with npus.quiet(toolchain, npu) as watch:
        facts = check(case, bench)
    seen["npu"] = watch.facts()
    alone = facts["measurement"].model_copy(update={"occupants": watch.occupants})
    return {**facts, "measurement": alone}


def _npu(case: Case, bench: Workbench) -> tuple[Npu, Toolchain]:
    npu = bench.npu_of(case)
    if npu is None or bench.host is None:
        raise RunError(case.id, "expected an NPU to run on", "none", kind="infra", stage="device")
    return npu, bench.host.toolchain


def _prove_mapping(case: Case, bench: Workbench, npu: Npu, toolchain: Toolchain) -> None:
    """Hold a model on the NPU's number once, and see that this very chip answers; only aclruntime can hold one."""
    if bench.host is None or "aclruntime" not in bench.host.runtimes:
        return
    if npu.key in _PROVEN:
        return
    holder = case.model_copy(update={"runtime": "aclruntime"})
    try:
        npus.prove_mapping(toolchain, npu, lambda: _held(holder, bench))
    except RunError as error:
        if error.stage == "mapping":  # another chip answered; what only breaks here breaks in the case itself, too
            raise
    _PROVEN.add(npu.key)


_PROVEN: set[str] = set()


@contextmanager
def _held(case: Case, bench: Workbench) -> Iterator[None]:
    with _canary_session(case, bench):
        yield None


def _load_canary(case: Case, bench: Workbench) -> None:
    """Run the known-good small OM once; raises RunError when it does not load or run."""
    with _canary_session(case, bench) as session:
        array = measure.canary_input()[0]
        list(session.run([Sample("canary", (array,))]))


@contextmanager
def _canary_session(case: Case, bench: Workbench) -> Iterator[Session]:
    workdir = bench.run_dir / "work" / f"canary-{case.key}"
    options = SessionOptions(batch=1, workdir=workdir, timeout_s=min(CANARY_TIMEOUT_S, bench.tool_timeout_s))
    artifact = _with_batch(bench.builder.canary_om(case.chip))
    try:
        with bench.runtime(case.runtime).open(artifact, bench.device_of(case), options) as session:
            yield session
    finally:
        shutil.rmtree(workdir, ignore_errors=True)


def _with_batch(canary: Artifact) -> Artifact:
    """Return the canary with its batch of 1 written as sessions want it."""
    inputs, outputs = (tuple(_batched(spec) for spec in specs) for specs in (canary.inputs, canary.outputs))
    return dataclasses.replace(canary, inputs=inputs, outputs=outputs)


def _batched(spec: TensorSpec) -> TensorSpec:
    return spec.model_copy(update={"shape": ("N", *spec.shape[1:])})
