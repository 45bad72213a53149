"""A self-test from its first look at the NPU to its last."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness import npus, runtimes
from harness.devices import lease
from harness.errors import OmgateError, RunError
from harness.npus import Npu
from harness.npus.health import memory_back
from harness.runtimes.protocol import SessionOptions
from harness.selftest import atc_rounds, driver_rounds, one_operator, tool_rounds
from harness.selftest.bench import BUDGET_S, TOOL_S, Bench
from harness.selftest.recording import Recording
from harness.toolchain import Toolchain

LEASE_S = 60.0
HELD = "smi-info-held"
"""The table with a process in it."""
PCI_DEVICES = Path("/sys/bus/pci/devices")


@dataclass(frozen=True)
class Plan:
    """What a self-test runs on: one of the NPUs that are `seen`, for at most about so many seconds.

    `questions` are further words for `npu-smi info`, each answer a transcript.
    """

    npu: Npu
    seen: tuple[Npu, ...]
    seconds: float = BUDGET_S
    questions: tuple[tuple[str, ...], ...] = ()


def record(toolchain: Toolchain, plan: Plan) -> Recording:
    """Test the tools on an NPU, which is leased alone, and return what was seen.

    Everything is written below a folder of its own, which is removed. Raises RunError (`infra`) when the NPU cannot be
    had within a minute.
    """
    with lease(plan.npu.key, exclusive=True, timeout_s=LEASE_S, case="selftest"), _folder() as folder:
        bench = Bench(toolchain, plan.npu, folder, plan.seconds)
        try:
            _run(bench, plan)
        except OmgateError as error:  # a program that is gone, a table that cannot be read any more
            bench.broke("the self-test comes to its end", error)
        return bench.recording()


def _run(bench: Bench, plan: Plan) -> None:
    before = npus.look_again(bench.toolchain, bench.npu)
    bench.check("npu-smi finds a healthy NPU", before.healthy, f"{before}, health {before.health}")
    bench.invoke("smi-info", "npu-smi", ["info"])
    bench.invoke("smi-mapping", "npu-smi", ["info", "-m"])
    look_at_bus(bench)
    for words in plan.questions:
        bench.invoke("-".join(["smi", *(word.strip("-") for word in words)]), "npu-smi", ["info", *words])
    oms = atc_rounds.run(bench)
    tool_rounds.run(bench, oms, plan.seen)
    _map(bench, oms)
    driver_rounds.run(bench, oms)
    _look_back(bench, before)


def look_at_bus(bench: Bench) -> None:
    """Keep the vendor of the PCI device whose address the NPU's bus id is."""
    if bench.toolchain.emulated:
        bench.absent["pci-vendor"] = "an emulated chip is on no bus"
    elif not bench.npu.bus_id or not PCI_DEVICES.is_dir():
        bench.absent["pci-vendor"] = f"there is no {PCI_DEVICES}" if bench.npu.bus_id else "npu-smi shows no bus id"
    else:
        vendor = ""
        with suppress(OSError):
            vendor = (PCI_DEVICES / bench.npu.bus_id.lower() / "vendor").read_text(encoding="ascii").strip()
        bench.notes["pci-vendor"] = f"vendor {vendor}" if vendor else "no PCI device of that address"


def _map(bench: Bench, oms: dict[int, Path]) -> None:
    """See on which chip a model is that is held on the NPU's number."""
    reason = bench.lacks("python") or ("" if 1 in oms else "there is no OM to hold")
    if reason:
        bench.absent["mapping"] = reason
        return

    @contextmanager
    def held() -> Iterator[None]:
        options = SessionOptions(1, bench.folder / "held", timeout_s=bench.seconds_left(TOOL_S))
        artifact = one_operator.artifact(oms[1], 1)
        runtime = runtimes.get("aclruntime", bench.toolchain)
        with runtime.open(artifact, f"npu:{bench.npu.runtime_id}", options):
            if HELD not in bench.transcripts:
                bench.invoke(HELD, "npu-smi", ["info"])
            yield None

    try:
        if npus.prove_mapping(bench.toolchain, bench.npu, held):
            bench.notes["mapping"] = "the same chip"
        else:
            bench.absent["mapping"] = "nothing in the table moved while a model was held"
        if HELD not in bench.transcripts:  # the mapping was proven before
            with held():
                pass
    except RunError as error:
        if error.stage == "mapping":
            bench.notes["mapping"] = error.got
        else:
            bench.absent["mapping"] = "no model could be held"


def _look_back(bench: Bench, before: Npu) -> None:
    """See that the memory comes back, and keep the last table."""
    kept = memory_back(bench.toolchain, before)
    bench.check("the NPU's memory comes back", kept is None, kept or "nothing is held any more")
    after = npus.look_again(bench.toolchain, before)
    bench.check("the NPU is as well as before", after.healthy or not before.healthy, f"health {after.health}")
    bench.budget_s += TOOL_S  # the last look is taken however late it is
    bench.invoke("smi-info-after", "npu-smi", ["info"])


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="omgate-selftest-") as folder:
        path = Path(folder).resolve()
        path.chmod(0o700)
        yield path
