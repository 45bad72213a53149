"""Error numbers of AscendCL, and the blocks of text that it keeps about its last error, in CANN's words."""

import os
import re
from datetime import datetime
from pathlib import Path

INVALID_DEVICE = 107001
"""ACL_ERROR_RT_INVALID_DEVICEID."""
NO_MEMORY = 207001
"""ACL_ERROR_RT_MEMORY_ALLOCATION."""
DEVICE_SETUP = 507033
"""ACL_ERROR_RT_DEV_SETUP_ERROR."""
DRIVER = 507899
"""ACL_ERROR_RT_DRV_INTERNAL_ERROR."""
MODEL_EXECUTE = 507011
"""ACL_ERROR_RT_MODEL_EXECUTE."""
WRONG_SOC = 507008
"""ACL_ERROR_RT_SOC_VERSION."""
PARAMETER = 145000
"""ACL_ERROR_GE_PARAM_INVALID."""
LOAD = 545001
"""ACL_ERROR_GE_LOAD_MODEL: a file that is no OM, or a damaged one."""
NO_FILE = 145002
"""ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID: no file of that name."""
INNER = "E19999: Inner Error!"
TRACE = "        TraceBack (most recent call last):"
_RELEASE = re.compile(r"^toolkit_running_version=\[[^:\]]*:(\d+)\.(\d+)", re.MULTILINE)
STAMPED, NAMED = (8, 0), (8, 3)
"""The CANN from which a block begins with process and time, and the one from which its error has a name."""


def out_of_memory(nbytes: int, cann: tuple[int, int] = (0, 0)) -> str:
    """Return the block of EL0004, in the words of a CANN of that version."""
    stamp = f"[PID: {os.getpid()}] {datetime.now():%Y-%m-%d-%H:%M:%S}.000.000 "
    text = "Failed to allocate memory."
    head = f"EL0004: {stamp if cann >= STAMPED else ''}{text}"
    if cann >= NAMED:
        head = f"{stamp}Memory_Allocation_Failure(EL0004): {text[:-1]} requested by GE module."
    return "\n".join(
        (
            head,
            "        Possible Cause: Available memory is insufficient.",
            "        Solution: Close applications not in use.",
            TRACE,
            f"        Call rtMalloc fail, purpose: model memory, size:{nbytes}[FUNC:MallocMemory][FILE:memory.cc]",
            f"        {_result('alloc device memory failed', NO_MEMORY)}",
        )
    )


def cann_version(root: Path) -> tuple[int, int]:
    """Return the first two numbers of a prefix's CANN, (0, 0) where it does not say."""
    try:
        found = _RELEASE.search((root / "toolkit" / "version.cfg").read_text(encoding="utf-8"))
    except OSError:
        return 0, 0
    return (int(found[1]), int(found[2])) if found else (0, 0)


def wrong_soc(model: str, device: str) -> str:
    """Return the block for an OM of another chip."""
    text = f"the soc version of the model is {model}, that of the device is {device}"
    return inner(text, WRONG_SOC)


def aicore(cause: str) -> str:
    """Return the block of an execution that the AI cores gave up."""
    failed = _result("model execute failed", MODEL_EXECUTE)
    return f"EZ9999: Inner Error!\nEZ9999  aicore exception: {cause}\n{TRACE}\n        {failed}"


def lost(number: int) -> str:
    """Return the block of a device that no longer answers."""
    cause = f"EE9999  The error from device({number}), heartbeat lost, drvRetCode=87"
    failed = (f"        {_result(text, DRIVER)}" for text in ("rtModelExecute failed", f"device {number} is offline"))
    return "\n".join(("EE9999: Inner Error!", cause, TRACE, *failed))


def not_loaded(cause: str) -> str:
    """Return the block of a model that cannot be loaded."""
    return f"{INNER}\nE19999  {cause}\n{TRACE}\n        [Model][FromFile]load model from file failed, ge result[{LOAD}]"


def inner(cause: str, code: int) -> str:
    """Return the block of an inner error with its number."""
    return f"{INNER}\nE19999  {cause}\n{TRACE}\n        {_result(cause, code)}"


def _result(text: str, code: int) -> str:
    return f"{text}, runtime result = {code}[FUNC:ReportCallError][FILE:log_inner.cpp]"
