"""What the fake tools of this folder share: an OM of a few words of JSON, and the faults asked for by $FAKE_FAULT."""

import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np

FAULT = os.environ.get("FAKE_FAULT", "")
saved = []
FIRST_MS, ROUND_MS = 5.0, 1.0
LOAD_FAILURES = {
    # The order of the lines and the texts are those of the tools' sources; the codes decide what they mean.
    "oom": "EL0004: [PID: 17] 2024-05-06-07:08:09.100.200 Failed to allocate memory.\n",
    "corrupt": "",
}


def say(text):
    sys.stdout.write(text + "\n")


def load(path):
    """Return an OM's inputs, outputs and network; tell a load that fails as the tools do."""
    if FAULT in LOAD_FAILURES:
        sys.stdout.write(LOAD_FAILURES[FAULT])
        say(f"[ERROR] load model from file failed, model file is {path}")
        return None
    return json.loads(Path(path).read_text())


def size(tensor):
    return math.prod(tensor["shape"]) * np.dtype(tensor["dtype"]).itemsize


def execute(om, blobs):
    """Return the outputs for the bytes of every input: `sums` of small_models.py, or `double`."""
    arrays = [
        np.frombuffer(blob, tensor["dtype"]).reshape(tensor["shape"])
        for blob, tensor in zip(blobs, om["inputs"], strict=True)
    ]
    if om["network"] == "double":
        return [2 * arrays[0]]
    x, first = arrays
    return [3 * (x.sum(axis=(1, 2), dtype=np.float32)[:, None] + first), 2 * first]


def save(array, path):
    """Write an output in the format of its suffix, spoilt as the fault says."""
    saved.append(path)
    if FAULT == "missing" and len(saved) > 1:
        return
    if path.suffix == ".txt":
        flat = array.reshape(-1, array.shape[-1])
        path.write_text("".join(" ".join(f"{number:f}" for number in row) + " \n" for row in flat))
    elif path.suffix == ".npy":
        np.save(path, array)
    else:
        array.tofile(path)
    if FAULT == "short":
        os.truncate(path, path.stat().st_size - 1)
    if FAULT == "stale":
        os.utime(path, (time.time() - 86400,) * 2)


def rounds(count):
    """Return the milliseconds of that many executions: the first takes five times as long."""
    return [FIRST_MS] + [ROUND_MS] * (count - 1)


def maybe_hang():
    if FAULT == "hang":
        time.sleep(600)
