"""What aclruntime says of an OM, asked under the interpreter that has it: one line of JSON behind `omgate-acl:`.

`python acl_probe.py MODEL.om DEVICE [describe]`, where `describe` runs nothing, needs the standard library and numpy
alone, in the syntax of Python 3.7.
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
    """Open the model, run it on ones, feed it too little (not where it is only to be described), print what came."""
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
        said.update(described(session))
        if sys.argv[3:] != ["describe"]:
            said.update(examined(session, said, aclruntime.BaseTensor))
    sys.stdout.flush()
    sys.stdout.write(f"\n{MARK} {json.dumps(said)}\n")
    sys.stdout.flush()


def described(session: Any) -> dict[str, Any]:
    """Return the tensors of a session."""
    return {"inputs": tensors(session.get_inputs()), "outputs": tensors(session.get_outputs())}


def examined(session: Any, model: dict[str, Any], tensor: Callable[[int, int], Any]) -> dict[str, Any]:
    """Return the times of a run, and the session's words about an input of another size."""
    said: dict[str, Any] = {}
    names = [each["name"] for each in model["outputs"]]
    whole = np.ones(model["inputs"][0]["bytes"] // 4, np.float32)
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


def tensors(listed: Any) -> Any:
    """Return name, dtype, shape and bytes of each tensor."""
    return [
        {
            "name": one.name,
            "dtype": getattr(one.datatype, "name", None) or str(one.datatype).rpartition(".")[2],
            "shape": list(one.shape),
            "bytes": int(one.realsize),
        }
        for one in listed
    ]


if __name__ == "__main__":
    main()
