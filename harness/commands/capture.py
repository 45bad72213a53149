"""Bundle what this host's Ascend tools say, scrubbed of names, for a bug report or as a test."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness import capture
from harness.commands import arguments, npu_target
from harness.errors import UsageError
from harness.selftest import report, rounds

DEFAULT = Path("omgate-capture.tar.gz")


def run(given: Sequence[str]) -> int:
    """Run the self-test, write its transcripts, and print what is in the bundle; 0 also where the test is red."""
    parser = arguments.parser("capture", __doc__)
    npu_target.add(parser)
    parser.add_argument("--output", type=Path, default=DEFAULT, metavar="FILE", help=f"the bundle ({DEFAULT})")
    options = parser.parse_args(given)
    _require_room(options.output)
    toolchain, plan = npu_target.chosen(options)
    print(f"testing NPU {plan.npu}, which takes about a minute", file=sys.stderr)
    asked = replace(plan, questions=capture.questions(plan.npu.npu_id))
    recording = rounds.record(toolchain, asked)
    whole = recording.model_copy(update={"transcripts": (*recording.transcripts, *capture.version_files(toolchain))})
    bundle = capture.bundled(whole, capture.own_names())
    members = capture.write(bundle, options.output)
    print(f"{options.output}: {len(members)} files, {options.output.stat().st_size} bytes")
    print("\n".join(f"  {name} ({size} bytes)" for name, size in members))
    print(report.summary(bundle.recording))
    print("names of users and hosts, addresses, serial numbers and secrets are taken out as far as they can be told;")
    print(f"look before you share it: tar -xzOf {options.output} | less")
    return 0


def _require_room(path: Path) -> None:
    if path.exists():
        raise UsageError(f"--output {path}", "expected a file that does not exist yet", "one that does", "remove it")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--output {path}", "expected a file in a folder that is there", "none", "make the folder")
