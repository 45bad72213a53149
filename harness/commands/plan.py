"""Show what `omgate gate` would run: the cases, what each needs, what is missing here, and what nobody promises."""

from collections.abc import Sequence

from harness import suite

USAGE = """usage: omgate plan [pytest arguments]

{what}

  omgate plan -m onnx                           what the default run would do
  omgate plan --model NAME --cards DIR          the same for a model of your own

It takes the arguments of omgate gate, and runs nothing.

{options}"""


def run(given: Sequence[str]) -> int:
    """Print the plan; arguments that no plan can answer are a UsageError."""
    if {"-h", "--help"} & set(given):
        print(USAGE.format(what=__doc__, options=suite.options_help()))
        return 0
    code, text = suite.ask(given, plugins=("planning",))
    print(text.strip("\n"))
    return code
