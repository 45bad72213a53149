"""Run the model of this folder over its inputs on an NPU, with Python 3.7, numpy and aclruntime.

    python3 run.py [--device N] [--om FILE] [--output DIR] [--seconds S]

Outputs are `<name>_<i>.bin` in DIR (outputs/aclruntime), with summary.json and manifest.json beside them; send the
folder back. A run that was stopped goes on where it was. Nothing outside this folder is read but aclruntime.
"""

# ruff: noqa: B905, T201 - this file runs on Python 3.7 and by itself

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
MANIFEST, SUMMARY, PROGRESS = "manifest.json", "summary.json", "progress.jsonl"
CHUNK_BYTES = 1 << 20
WARMUP, FEWEST, MOST = 3, 10, 200


class Refused(Exception):  # noqa: N818 - the person who runs it reads only its text
    """What keeps this run from going on, as a sentence with what to do."""


class Outputs:
    """The folder of outputs: which files are finished, by a line each in progress.jsonl."""

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        self.folder = folder
        self.digests: dict[str, list[str]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._progress = folder / PROGRESS
        if not self._progress.exists():
            if any(folder.iterdir()):
                raise Refused(f"{folder} holds files of something else; give an empty folder with --output")
            self._note(identity)
            return
        lines = self._progress.read_text(encoding="utf-8").split("\n")
        whole = lines[:-1]  # a last line that was cut off is not finished
        if not whole or json.loads(whole[0]) != identity:
            raise Refused(f"{folder} holds outputs of another model or pack; give another --output")
        for line in whole[1:]:
            done = json.loads(line)
            self.digests[done["name"]] = done["sha256"]
        if lines[-1]:
            self.write_text(PROGRESS, "\n".join(whole) + "\n")

    def has(self, name: str, sizes: list[int]) -> bool:
        """Tell whether the outputs of an input are there, whole."""
        paths = [self.path(name, index) for index in range(len(sizes))]
        whole = [path.is_file() and path.stat().st_size == size for path, size in zip(paths, sizes)]
        return name in self.digests and all(whole)

    def path(self, name: str, index: int) -> Path:
        """Return where an output is written."""
        return self.folder / f"{name}_{index}.bin"

    def write(self, name: str, arrays: list[np.ndarray[Any, Any]]) -> None:
        """Write the outputs of an input, each under a temporary name first, and note that they are finished."""
        digests = []
        for index, array in enumerate(arrays):
            final = self.path(name, index)
            part = final.with_name(final.name + ".part")
            whole = np.ascontiguousarray(array)
            whole.tofile(str(part))
            part.replace(final)
            digests.append(hashlib.sha256(whole.tobytes()).hexdigest())
        self.digests[name] = digests
        self._note({"name": name, "sha256": digests})

    def write_text(self, name: str, text: str) -> None:
        """Write a text beside the outputs."""
        part = self.folder / (name + ".part")
        part.write_text(text, encoding="utf-8")
        part.replace(self.folder / name)

    def _note(self, fact: dict[str, Any]) -> None:
        with self._progress.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(fact) + "\n")
            stream.flush()
            os.fsync(stream.fileno())


def main() -> None:
    """Run everything that is not finished, time the first batch, and write the summary."""
    from worker import AclEngine, EngineError  # type: ignore[import-not-found]  # harness/worker.py, beside it there

    options = parser().parse_args()
    try:
        work(options, lambda om: AclEngine(om, {"device": options.device}))
    except (Refused, EngineError, OSError, ValueError, KeyError) as error:
        sys.exit(f"run.py: {error}")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    made.add_argument("--device", type=int, default=0, metavar="N", help="the NPU's number (0)")
    made.add_argument("--om", type=Path, default=HERE / "model.om", metavar="FILE", help="another OM (model.om)")
    made.add_argument("--output", type=Path, default=HERE / "outputs" / "aclruntime", metavar="DIR")
    made.add_argument("--seconds", type=float, default=2.0, metavar="S", help="how long to time the first batch (2)")
    return made


def work(options: argparse.Namespace, opened: Any) -> None:
    """Do what the command line asks for, on the engine that `opened` makes of an OM.

    Raises Refused and what reading, writing and running raise.
    """
    text = (HERE / MANIFEST).read_text(encoding="utf-8")
    manifest = json.loads(text)
    model = found_model(manifest, options.om)
    identity = {"model_sha256": model, "manifest_sha256": hashlib.sha256(text.encode("utf-8")).hexdigest()}
    outputs = Outputs(options.output, identity)
    engine = opened(str(options.om))
    try:
        check_tensors(manifest, engine)
        count = run_all(manifest, engine, outputs)
        timed = time_first(manifest, engine, options.seconds)
    finally:
        engine.close()
    about = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
    facts = {"schema": 1, "kind": "omgate-outputs", "tool": "aclruntime", "device": options.device}
    summary = dict(facts, batch=manifest["batch"], files=outputs.digests, environment=about, **identity)
    summary.update(timed)
    outputs.write_text(MANIFEST, text)
    outputs.write_text(SUMMARY, json.dumps(summary, indent=1) + "\n")
    print(f"{count} inputs run, {len(outputs.digests) - count} finished before; outputs in {outputs.folder}")


def found_model(manifest: dict[str, Any], om: Path) -> str:
    """Return the sha256 of the OM; raises Refused if it is not there, or not the one that was packed."""
    if not om.is_file():
        raise Refused(f"no {om.name}; make it with the atc command in commands.txt, or give it with --om")
    digest = hashlib.sha256()
    with om.open("rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK_BYTES), b""):
            digest.update(chunk)
    packed = manifest["model"]
    if packed["format"] == "om" and om.resolve() == HERE / packed["file"] and digest.hexdigest() != packed["sha256"]:
        raise Refused(f"{om.name} is damaged or not the one that was packed; copy the folder again")
    return digest.hexdigest()


def check_tensors(manifest: dict[str, Any], engine: Any) -> None:
    """Raise Refused where the OM takes or gives other tensors than the manifest says."""
    files = manifest["batch"] // manifest["rows"]
    for kind, ours in (("inputs", engine.inputs), ("outputs", engine.outputs)):
        expected = [(tensor["dtype"], files * size_of(tensor)) for tensor in manifest[kind]]
        found = [(tensor["dtype"], tensor["bytes"]) for tensor in ours]
        if expected != found:
            hint = f"make it again for batch {manifest['batch']}"
            raise Refused(f"the OM has the {kind} {found}, expected {expected} (dtype, bytes); {hint}")


def size_of(tensor: dict[str, Any]) -> int:
    """Return the bytes of a tensor's file."""
    count = int(np.prod(tensor["shape"], dtype=np.int64))
    return count * int(np.dtype(tensor["dtype"]).itemsize)


def run_all(manifest: dict[str, Any], engine: Any, outputs: Outputs) -> int:
    """Run what is not finished, batch by batch; return how many files that was."""
    sizes = [size_of(tensor) for tensor in manifest["outputs"]]
    names, count = [file["name"] for file in manifest["files"]], 0
    for batch in batches(manifest):
        if all(outputs.has(name, sizes) for name in batch):
            continue
        arrays = engine.run(load(manifest, batch))
        parts = [split(array, tensor, len(batch)) for array, tensor in zip(arrays, manifest["outputs"])]
        for position, name in enumerate(batch):
            outputs.write(name, [part[position] for part in parts])
        count += len(batch)
        print(f"\r{names.index(batch[-1]) + 1} of {len(names)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return count


def batches(manifest: dict[str, Any]) -> list[list[str]]:
    """Return the names of the files of each batch; the pack holds whole batches."""
    names = [file["name"] for file in manifest["files"]]
    several = manifest["batch"] // manifest["rows"]
    return [names[start : start + several] for start in range(0, len(names), several)]


def load(manifest: dict[str, Any], names: list[str]) -> list[np.ndarray[Any, Any]]:
    """Return the inputs of a batch; raises Refused for a file of another size."""
    arrays = []
    for index, tensor in enumerate(manifest["inputs"]):
        parts = []
        for name in names:
            path = HERE / "inputs" / f"input_{index}" / (name + ".bin")
            if path.stat().st_size != size_of(tensor):
                size = path.stat().st_size
                name = f"{path.parent.name}/{path.name}"
                raise Refused(f"{name} has {size} bytes, expected {size_of(tensor)}; copy the folder again")
            parts.append(np.fromfile(str(path), np.dtype(tensor["dtype"])).reshape(tensor["shape"]))
        arrays.append(np.concatenate(parts))
    return arrays


def split(array: np.ndarray[Any, Any], tensor: dict[str, Any], files: int) -> list[np.ndarray[Any, Any]]:
    """Return an output in the shape of each file; raises Refused for another dtype or size."""
    if (str(array.dtype), array.nbytes) != (tensor["dtype"], files * size_of(tensor)):
        found, expected = f"{array.dtype} of {array.nbytes} bytes", f"{tensor['dtype']} of {files * size_of(tensor)}"
        raise Refused(f"the OM gave {found} for the output {tensor['name']}, expected {expected}")
    parts: list[np.ndarray[Any, Any]] = list(array.reshape([files, *tensor["shape"]]))
    return parts


def time_first(manifest: dict[str, Any], engine: Any, seconds: float) -> dict[str, Any]:
    """Return the milliseconds that the device took for one batch, again and again: the first, or what was promised."""
    kind = manifest["timed"]
    arrays = load(manifest, batches(manifest)[0]) if kind == "real" else made_up(engine, kind)
    warmup = [engine.time(arrays) for _ in range(WARMUP)]
    rounds: list[float] = []
    start = time.time()
    while len(rounds) < FEWEST or (len(rounds) < MOST and time.time() - start < seconds):
        rounds.append(engine.time(arrays))
    return {"warmup_ms": warmup, "rounds_ms": rounds, "inputs": kind}


def made_up(engine: Any, kind: str) -> list[np.ndarray[Any, Any]]:
    """Return zero or random bytes for every input, as ais_bench makes them."""
    random = np.random.RandomState(310)
    sizes = [tensor["bytes"] for tensor in engine.inputs]
    return [random.randint(0, 256 if kind == "random" else 1, size).astype(np.uint8) for size in sizes]


if __name__ == "__main__":
    main()
