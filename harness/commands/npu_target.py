"""The NPU that a command works on: its options, and what they come to on this host or on an emulated one."""

import argparse
import math

from harness import npus, toolchains
from harness.commands import arguments
from harness.convert import atc
from harness.errors import MissingNeedError, UsageError
from harness.npus import Npu
from harness.selftest.bench import BUDGET_S
from harness.selftest.rounds import Plan
from harness.toolchain import Toolchain


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the NPU and the toolchain."""
    parser.add_argument("--chip", default="", metavar="C", help="a chip of this host, e.g. Ascend310P3 (the first)")
    parser.add_argument("--npu-device", default="", metavar="N", help="an NPU by its number for a runtime, or bus id")
    parser.add_argument("--emulate", action="store_true", help="on an emulated host, which needs neither NPU nor CANN")
    parser.add_argument("--ascend-python", default="", metavar="PATH", help="the Python that has aclruntime")
    limit = f"stop to start tools after so long ({BUDGET_S:g}); slow hosts need more"
    parser.add_argument("--seconds", type=float, default=BUDGET_S, metavar="S", help=limit)
    arguments.add_folders(parser, "cache-dir")


def chosen(options: argparse.Namespace) -> tuple[Toolchain, Plan]:
    """Return the toolchain and the NPU that is meant; raises UsageError when there is none."""
    if not (math.isfinite(options.seconds) and options.seconds > 0):
        raise UsageError("--seconds", "expected a number above 0", f"{options.seconds:g}")
    soc = atc.soc_version(options.chip) if options.chip else ""
    if options.emulate:
        toolchain = toolchains.emulated(arguments.cache_dir(options), [soc] if soc else ())
    else:
        toolchain = toolchains.real(options.ascend_python)
    seen = _listed(toolchain)
    npu = npus.choose(seen, soc or _first(seen, options.npu_device).chip, options.npu_device)
    return toolchain, Plan(npu, seen, options.seconds)


def _listed(toolchain: Toolchain) -> tuple[Npu, ...]:
    try:
        seen = npus.listing(toolchain)
    except MissingNeedError as error:
        raise UsageError("--npu", "expected a host with an NPU", error.got, f"{error.do}, or add --emulate") from error
    if not seen:
        raise UsageError("--npu", "expected a host with an NPU", "none", "add --emulate to rehearse")
    return seen


def _first(seen: tuple[Npu, ...], wanted: str) -> Npu:
    """Return the NPU that is wanted, else the first that is fit for use, else the first."""
    named = [npu for npu in seen if wanted and wanted.lower() in (str(npu.runtime_id), npu.bus_id.lower())]
    fit = [npu for npu in seen if npu.healthy and npus.drained(npu) is None]
    return (named or fit or list(seen))[0]
