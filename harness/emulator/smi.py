"""The face of `npu-smi`: `info` in its forms, over the chips of the prefix and what processes hold of them.

    npu-smi info                                        the table, and below it the processes
    npu-smi info -l | -m                                ids of the NPUs; ids of all chips
    npu-smi info -t usages|memory|common|board|power -i N [-c C]

The table has the columns of 22.0 and 23.0, with the processes of 23.0, and of the HBM parts where all chips have HBM.
Wrong words and ids are refused in the real tool's words; its exit codes are the negative codes of its library, as the
shell sees them.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.emulator import faults, smi_tables
from harness.emulator.devices import Devices
from harness.errors import RunError, UsageError

BAD_COMMAND = "Command or option is not found."
BAD_COMMAND_CODE = 1
NO_BOARD = "npu get board type failed. ret is -9005"
NO_BOARD_CODE = -9005 % 256
NO_MODULE = "dcmi module initialize failed. ret is -8005"
NO_MODULE_CODE = -8005 % 256
DRIVER_FILE = Path("driver/version.info")


class _RefusalError(RunError):
    """Words of the tool, and its exit code in `code`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run npu-smi on a command line, the process's own unless given; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        active = faults.active("npu-smi")
        active.start()
        active.hang()
        sys.stdout.write(f"{NO_MODULE}\n" if "exit-0" in active else _answer(words))
    except _RefusalError as error:
        sys.stdout.write(f"{error.what}\n")
        return int(error.code)
    except (RunError, UsageError) as error:
        sys.stdout.write(f"{NO_MODULE}\n")
        sys.stderr.write(f"{error}\n")
        return NO_MODULE_CODE
    return 0


def _answer(words: Sequence[str]) -> str:
    devices = Devices.of(os.environ)
    if not words or words[0] != "info":
        raise _bad_command()
    if len(words) == 1:
        return smi_tables.table(devices, _driver())
    options = _options(words[1:])
    forms: Mapping[frozenset[str], Callable[[], str]] = {
        frozenset({"-l"}): lambda: smi_tables.listing(devices.chips()),
        frozenset({"-m"}): lambda: smi_tables.mapping(devices.chips()),
        frozenset({"-t", "-i"}): lambda: _topic(devices, options),
        frozenset({"-t", "-i", "-c"}): lambda: _topic(devices, options),
    }
    if frozenset(options) not in forms:
        raise _bad_command()
    return forms[frozenset(options)]()


def _options(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word not in ("-l", "-m", "-t", "-i", "-c") or word in found:
            raise _bad_command()
        found[word] = "" if word in ("-l", "-m") else next(rest, "")
    return found


def _topic(devices: Devices, options: Mapping[str, str]) -> str:
    if options["-t"] not in smi_tables.TOPICS:
        raise _bad_command()
    chips = [chip for chip in devices.chips() if str(chip.npu_id) == options["-i"]]
    if not chips:
        raise _RefusalError("npu-smi", NO_BOARD, code=str(NO_BOARD_CODE))
    wanted = [chip for chip in chips if options.get("-c", str(chip.chip_id)) == str(chip.chip_id)]
    if not wanted:
        raise _RefusalError("npu-smi", NO_BOARD, code=str(NO_BOARD_CODE))
    return smi_tables.topic(options["-t"], devices, wanted, len(chips), one="-c" in options)


def _driver() -> str:
    try:
        text = (Path(os.environ["OMGATE_EMULATE_ROOT"]) / DRIVER_FILE).read_text(encoding="utf-8")
    except OSError:
        return ""
    return next((line.partition("=")[2] for line in text.splitlines() if line.startswith("Version=")), "")


def _bad_command() -> _RefusalError:
    return _RefusalError("npu-smi", BAD_COMMAND, code=str(BAD_COMMAND_CODE))
