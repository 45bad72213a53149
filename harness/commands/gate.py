"""Run the gates: every case that a card promises and that this machine can run."""

from collections.abc import Sequence

from harness import suite

USAGE = """usage: omgate gate [pytest arguments]

{what}

  omgate gate -m onnx                           the shipped models on ONNX Runtime
  omgate gate --model NAME --cards DIR          a model of your own
  omgate gate test_parity.py -k resnest50       one check of some models

Exit codes: 0 green, 1 red, 2 interrupted, 3 internal error, 4 wrong usage, 5 nothing judged, 6 only infrastructure
failed. In a folder outside a clone, runs are reported below ./reports/runs.

{options}

Every other option is pytest's: see pytest --help."""


def run(given: Sequence[str]) -> int:
    """Become pytest on the suite; its exit code is the command's."""
    if not {"-h", "--help"} & set(given):
        suite.run(given)
    print(USAGE.format(what=__doc__, options=suite.options_help()))
    return 0
