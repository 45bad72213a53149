"""From a case to its result: the one place where building, data, runtimes and metrics meet."""

import datetime
import time
from collections.abc import Callable
from typing import Any

from harness import environment, memory, scripts
from harness.checks import accuracy, consistency, parity, speed
from harness.devices import lease
from harness.errors import CardError, DataError, MissingNeedError, OmgateError, RunError, WeightsError
from harness.plan import SPEED
from harness.results import SCRIPTS, Case, Failure, Result
from harness.workbench import Workbench

Facts = dict[str, Any]
CHECKS: dict[str, Callable[[Case, Workbench], Facts]] = {
    "accuracy": accuracy.measure,
    "batch-consistency": consistency.measure,
    "parity": parity.measure,
    "throughput": speed.measure,
    "latency": speed.measure,
}


def run(case: Case, bench: Workbench) -> Result:
    """Measure one case; whatever breaks is in the result, never raised.

    The artifact is built first, beside others; then the case holds its device: speed alone, the rest beside others.
    """
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    clock = time.monotonic()
    facts = _attempt(case, bench)
    return Result(
        case=case,
        environment=environment.describe(),
        started_at=started,
        seconds=round(time.monotonic() - clock, 3),
        **facts,
    )


def _attempt(case: Case, bench: Workbench) -> Facts:
    try:
        device = bench.device_of(case)
        if case.condition == SCRIPTS:
            with lease(device, exclusive=False):
                return {"status": "measured", **scripts.measure(case, bench)}
        with lease(device, exclusive=False):
            artifact = bench.artifact(case)
        if artifact.format == "onnx":
            memory.require(memory.onnx_mib(artifact.path), case.id)
        with lease(device, exclusive=case.check in SPEED):
            built = {"digest": artifact.digest, "recipe": dict(artifact.recipe)}
            return {"status": "measured", "artifact": built, **CHECKS[case.check](case, bench)}
    except MissingNeedError as error:
        return {"status": "not_run", "missing": str(error), "missing_need": error.need}
    except RunError as error:
        return _failed(error, error.kind, error.stage, error.log)
    except DataError as error:
        return _failed(error, "data", "data", "")
    except (CardError, WeightsError) as error:  # what the user gave is wrong: nothing of the machine
        return _failed(error, "data", "prepare", "")
    except OmgateError as error:
        return _failed(error, "infra", "prepare", "")


def _failed(error: OmgateError, kind: str, stage: str, log: str) -> Facts:
    failure = Failure.model_validate({"kind": kind, "stage": stage, "message": str(error), "log": log})
    return {"status": "error", "error": failure}
