"""A command-line tool in the manner of the vendors' runners, on ONNX Runtime: `.bin` files in, `.bin` files out.

`python -m harness.runtimes.bin_runner --model M.onnx --input DIR [DIR …] --output DIR [--batch N] [--threads N]`

One folder per input; files of the same name belong together. Output i of `<name>.bin` is `<name>_<i>.bin`; what the
tool measured and saw is in `summary.json` beside them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.measure import TimePlan, clocked, timed_rounds
from harness.samples import Array
from harness.worker import EngineError, OrtEngine

SUMMARY = "summary.json"
PROVIDER = "CPUExecutionProvider"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool; an engine's failure ends it with exit code 1 and one line on stderr."""
    options = _parser().parse_args(argv)
    try:
        engine = OrtEngine(
            str(options.model), {"provider": PROVIDER, "provider_options": {}, "threads": options.threads}
        )
        summary: dict[str, object] = {"runs_on": engine.runs_on, "inputs": engine.inputs, "outputs": engine.outputs}
        if options.rounds:
            summary |= _time(engine, options)
        elif not options.describe:
            _run(engine, options)
    except (EngineError, OSError, ValueError) as error:
        sys.exit(f"[ERROR] {error}")
    (options.output / SUMMARY).write_text(json.dumps(summary))


def _run(engine: OrtEngine, options: argparse.Namespace) -> None:
    for path in sorted(options.input[0].glob("*.bin")):
        for index, output in enumerate(engine.run(_read(engine, options, path.name))):
            np.ascontiguousarray(output).tofile(options.output / f"{path.stem}_{index}.bin")


def _time(engine: OrtEngine, options: argparse.Namespace) -> dict[str, object]:
    arrays = _read(engine, options, min(path.name for path in options.input[0].glob("*.bin")))
    warmup, least, most, seconds = options.rounds
    plan = TimePlan(int(warmup), int(least), int(most), seconds)
    rounds = timed_rounds(clocked(lambda: engine.run(arrays)), plan)
    return {"warmup_ms": rounds.warmup_ms, "rounds_ms": rounds.rounds_ms}


def _read(engine: OrtEngine, options: argparse.Namespace, name: str) -> list[Array]:
    """Return the arrays of one file name, a free dimension of the model taking the batch size."""
    return [
        np.fromfile(folder / name, np.dtype(tensor["dtype"])).reshape(
            [options.batch if size is None else size for size in tensor["shape"]]
        )
        for folder, tensor in zip(options.input, engine.inputs, strict=True)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin_runner", description="Run an ONNX file on folders of .bin files.")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--input", type=Path, nargs="+", default=[], help="one folder per input")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=1, help="what a free dimension of the model becomes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--describe", action="store_true", help="only load the model and write the summary")
    parser.add_argument(
        "--rounds", nargs=4, type=float, metavar=("WARMUP", "LEAST", "MOST", "SECONDS"), help="time the first file"
    )
    return parser


if __name__ == "__main__":
    main()
