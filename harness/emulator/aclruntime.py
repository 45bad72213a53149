"""The emulated `aclruntime` module: sessions over an OM, fed with addresses of numpy arrays, as the real bindings are.

Imported under its real name from the prefix. OMGATE_EMULATE_ACLRUNTIME chooses the generation: `old` (2022) or `new`
(2023, the default). Names are the real module's.
"""

import os

from harness.emulator.acl_new_session import NewSession
from harness.emulator.acl_pipeline import infer_options
from harness.emulator.acl_session import OldSession
from harness.emulator.acl_tensors import (
    BaseTensor,
    MemorySummary,
    Tensor,
    batch,
    dtype,
    session_options,
    sumary,
    tensor_desc,
    type,  # noqa: A004 - the real module's name
)
from harness.errors import UsageError

VARIABLE = "OMGATE_EMULATE_ACLRUNTIME"
GENERATIONS = ("old", "new")


def _generation() -> str:
    generation = os.environ.get(VARIABLE, "new")
    if generation not in GENERATIONS:
        raise UsageError(VARIABLE, f"expected one of {', '.join(GENERATIONS)}", repr(generation))
    return generation


InferenceSession = {"old": OldSession, "new": NewSession}[_generation()]


def model(modelPath: str, deviceId: int = 0, options: session_options | None = None) -> OldSession:  # noqa: N803
    """Open a session; the one function of the module whose arguments have names."""
    return InferenceSession(modelPath, deviceId, options)


globals().update(dtype.__members__)
__all__ = [
    "BaseTensor", "InferenceSession", "MemorySummary", "Tensor", "batch", "dtype", "infer_options", "model",
    "session_options", "sumary", "tensor_desc", "type", *dtype.__members__,
]  # fmt: skip
if InferenceSession is OldSession:
    del infer_options
    __all__.remove("infer_options")
