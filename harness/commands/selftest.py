"""Test the tools of an NPU host, and what is taken for granted about them; or replay what a host's tools said."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import capture
from harness.commands import arguments, npu_target
from harness.errors import UsageError
from harness.selftest import replay, report, rounds
from harness.units import counted


def run(given: Sequence[str]) -> int:
    """Print what works, what differs and what nobody knows; 1 when something is broken or differs."""
    parser = arguments.parser("selftest", __doc__)
    parser.add_argument("--npu", action="store_true", help="test the tools on an NPU of this host, within two minutes")
    npu_target.add(parser)
    parser.add_argument("--replay", type=Path, metavar="BUNDLE", help="read again what omgate capture wrote")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(given)
    if options.replay is not None:
        if options.npu or options.emulate:
            raise UsageError("--replay", "expected it alone", "--npu or --emulate", "a bundle is read, nothing is run")
        return _replay(options.replay, as_json=options.json)
    if not options.npu:
        raise UsageError("omgate selftest", "expected what to test", "nothing", "--npu, or --replay BUNDLE")
    toolchain, plan = npu_target.chosen(options)
    print(f"testing NPU {plan.npu}, which takes about a minute", file=sys.stderr)
    recording = rounds.record(toolchain, plan)
    print(json.dumps(report.document(recording), indent=1) if options.json else report.text(recording))
    return 0 if report.passed(recording) else 1


def _replay(path: Path, as_json: bool) -> int:
    if not path.is_file():
        raise UsageError(f"--replay {path}", "expected a bundle", "no such file", "correct the path")
    bundle = capture.read(path)
    found = replay.differences(bundle.recording, bundle.statements)
    head = f"{len(bundle.recording.transcripts)} transcripts of NPU {bundle.recording.npu}"
    head += f", CANN {bundle.recording.cann or 'unknown'}{', emulated' if bundle.recording.emulated else ''}"
    if as_json:
        print(json.dumps({"schema": 1, "bundle": str(path), "differences": found}, indent=1))
    else:
        count = counted(len(found), "difference") if found else "nothing differs"
        print("\n".join([head, *found, count]))
    return 1 if found else 0
