"""Run one case of a recorded run again, with the options of that run."""

from collections.abc import Sequence
from pathlib import Path

from harness import suite
from harness.commands import arguments


def run(given: Sequence[str]) -> int:
    """Become pytest on one case; a folder that is no run's and a case that is not in it are UsageErrors."""
    parser = arguments.parser("run-case", __doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder: reports/runs/<time>-<commit>-<process>")
    what = "a node id, test_check[case], a case's key, or a case id that only one check has"
    parser.add_argument("case", metavar="ID", help=what)
    parser.epilog = "Further arguments are pytest's."
    options, more = parser.parse_known_args(given)
    suite.run([*suite.rerun(options.run, options.case), *more])
