"""What aclruntime says of an OM, asked under the interpreter that has it: one line of JSON behind `omgate-acl:`.

`python acl_probe.py MODEL.om DEVICE` needs the standard library and numpy alone, in the syntax of Python 3.7.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MARK = "omgate-acl:"


def main() -> None:
    """Open the model, run it on ones, feed it too little, and print what came of it."""
    # Started by path, this folder comes first on the import path, where its module names could hide a vendor's.
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]
    import aclruntime  # type: ignore[import-not-found]  # a vendor's wheel

    options = aclruntime.session_options()
    said: dict[str, Any] = {"new": hasattr(aclruntime.InferenceSession, "free_resource")}
    try:
        session = aclruntime.InferenceSession(sys.argv[1], int(sys.argv[2]), options)
        session.set_staticbatch()
    except RuntimeError as error:
        said["open"] = str(error)
    else:
        said.update(examined(session, aclruntime.BaseTensor))
    sys.stdout.flush()
    sys.stdout.write(f"\n{MARK} {json.dumps(said)}\n")
    sys.stdout.flush()


def examined(session: Any, tensor: Callable[[int, int], Any]) -> dict[str, Any]:
    """Return the tensors of a session, the times of a run, and its words about an input of another size."""
    said: dict[str, Any] = {"inputs": tensors(session.get_inputs()), "outputs": tensors(session.get_outputs())}
    names = [each["name"] for each in said["outputs"]]
    whole = np.ones(said["inputs"][0]["bytes"] // 4, np.float32)
    for key, array in (("run", whole), ("wrong_size", whole[:-1].copy())):
        try:
            session.run(names, [tensor(array.__array_interface__["data"][0], array.nbytes)])
            said[key] = ""
        except RuntimeError as error:
            said[key] = str(error)
        if key == "run":
            times = list(session.sumary().exec_time_list)
            said["times"] = [list(time) if isinstance(time, (tuple, list)) else time for time in times]
    return said


def tensors(described: Any) -> Any:
    """Return name, dtype, shape and bytes of each tensor."""
    return [
        {
            "name": one.name,
            "dtype": getattr(one.datatype, "name", None) or str(one.datatype).rpartition(".")[2],
            "shape": list(one.shape),
            "bytes": int(one.realsize),
        }
        for one in described
    ]


if __name__ == "__main__":
    main()
