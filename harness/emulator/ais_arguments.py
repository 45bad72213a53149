"""The command line of ais_bench in its generations: `gen0`, `gen0b` (ais_infer), `old` (2022-11) and `new` (2023)."""

import argparse
import os
import re
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.emulator import console

GENERATIONS = ("gen0", "gen0b", "old", "new")
PROGRAM = "__main__.py"
"""What `python -m ais_bench` finds in its argv[0], and argparse prints."""
LARGEST_DEVICE = 255
LONGEST_PATH, LONGEST_NAME = 4096, 255
PATH_CHARACTERS = re.compile(r"[_A-Za-z0-9/.-]*")
DYNAMIC_CHARACTERS = re.compile(r"[_A-Za-z0-9,;:/.~-]*")
NUMBER_CHARACTERS = re.compile(r"[0-9,;]*")
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
OTHERS_ENTER = OTHERS_WRITE | stat.S_IROTH | stat.S_IXOTH
"""What an existing folder of outputs may allow nobody else, beside what an input may not."""


def parse(argv: Sequence[str], generation: str) -> argparse.Namespace:
    """Return the arguments; ends the process with 2 as argparse does, raises RuntimeError for contradictions."""
    if generation.startswith("gen0"):
        return _gen0(argv)
    new = generation == "new"
    parser = argparse.ArgumentParser(prog=PROGRAM)
    _add_files(parser, new)
    _add_runs(parser, new)
    _add_dynamic(parser, new)
    _add_switches(parser, new)
    args = parser.parse_args(list(argv))
    _contradictions(args)
    return args


def _gen0(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ais_infer.py")
    parser.add_argument("--model", "--om", required=True)
    parser.add_argument("--input", "-i")
    parser.add_argument("--output", "-o")
    parser.add_argument("--outfmt", default="BIN", choices=["NPY", "BIN"])
    parser.add_argument("--loop", "-r", type=_positive, default=1)
    parser.add_argument("--debug", action="store_true")
    parser.add_argument("--device_id", "--device", dest="device", type=_devices, default=0)
    parser.add_argument("--batchsize", type=_positive, default=1)
    _add_dynamic(parser, new=False)
    defaults = parser.parse_args(list(argv))
    fixed = {"output_dirname": None, "warmup_count": 1, "display_all_summary": True, "output_batchsize_axis": 0}
    return argparse.Namespace(**vars(defaults), **fixed, pure_data_type="zero", run_mode="array", divide_input=False)


def _add_files(parser: argparse.ArgumentParser, new: bool) -> None:
    kinds: dict[str, Callable[[str], Any]] = {"model": str, "input": str, "output": str}
    if new:
        kinds = {"model": _om_path, "input": _input_paths, "output": _output_path}
    parser.add_argument("--model", "-m", type=kinds["model"], required=True, help="the om model")
    parser.add_argument("--input", "-i", type=kinds["input"], help="input files or folders, separated by commas")
    parser.add_argument("--output", "-o", type=kinds["output"], help="output folder")
    parser.add_argument("--output_dirname", type=kinds["output"], help="name of the folder below --output")
    parser.add_argument("--outfmt", default="BIN", choices=["NPY", "BIN", "TXT"], help="format of output files")
    parser.add_argument("--acl_json_path", help="acl json for profiling or dump")
    parser.add_argument("--output_batchsize_axis", type=_nonnegative, default=0, help="axis along which outputs split")


def _add_runs(parser: argparse.ArgumentParser, new: bool) -> None:
    parser.add_argument("--loop", "-l", type=_positive, default=1, help="executions of each run")
    parser.add_argument("--device", "-d", type=_devices, default=0, help="device ids, 0 to 255")
    parser.add_argument("--batchsize", type=_positive, help="batch size of the throughput")
    parser.add_argument("--pure_data_type", default="zero", choices=["zero", "random"], help="pure inference's input")
    parser.add_argument("--run_mode", default="array", choices=["array", "files", "tensor", "full"], help="run mode")
    spellings = ["--warmup_count", "--warmup-count"] if new else ["--warmup_count"]
    parser.add_argument(*spellings, type=_nonnegative, default=1, help="executions before the first that counts")
    parser.add_argument("--display_all_summary", type=_boolean, default=False, help="show copies as well")


def _add_dynamic(parser: argparse.ArgumentParser, new: bool) -> None:
    text = _dynamic if new else str
    parser.add_argument("--dymBatch", type=_positive if new else int, default=0, help="batch of a dynamic model")
    parser.add_argument("--dymHW", type=text, help="image size of a dynamic model")
    parser.add_argument("--dymDims", type=text, help="shapes of a dynamic model")
    parser.add_argument("--dymShape", *(["--dym-shape"] if new else []), type=text, help="shapes of a dynamic model")
    parser.add_argument("--dymShape_range", type=text, help="several shapes of a dynamic model")
    parser.add_argument("--outputSize", type=_numbers if new else str, help="output sizes of a dynamic model")
    parser.add_argument("--auto_set_dymshape_mode", type=_boolean, default=False, help="shapes from the npy files")
    parser.add_argument("--auto_set_dymdims_mode", type=_boolean, default=False, help="shapes from the npy files")


def _add_switches(parser: argparse.ArgumentParser, new: bool) -> None:
    switches = ["debug", "profiler", "dump"]
    switches += ["energy_consumption", "perf", "pipeline", "dump_npy", "divide_input"] if new else []
    for switch in switches:
        parser.add_argument(f"--{switch}", type=_boolean, default=False, help=f"{switch} switch")
    if not new:
        parser.set_defaults(divide_input=True)
        return
    parser.add_argument("--profiler_rename", type=_boolean, default=True, help="rename profiling files")
    parser.add_argument("--aipp_config", help="configuration of dynamic AIPP")
    parser.add_argument("--npu_id", type=_nonnegative, default=0, help="NPU whose power is read")
    parser.add_argument("--backend", choices=["trtexec"], help="another backend")
    parser.add_argument("--threads", type=_positive, default=1, help="threads of the pipeline")


def _contradictions(args: argparse.Namespace) -> None:
    log = console.Log()
    if args.profiler and args.dump:
        log.fail("parameter --profiler cannot be true at the same time as parameter --dump, please check them!\n")
        raise RuntimeError("error bad parameters --profiler and --dump")
    if (args.profiler or args.dump) and args.output is None:
        log.fail("when dump or profiler, miss output path, please check them!")
        raise RuntimeError("miss output parameter!")
    if args.output is None and args.output_dirname is not None:
        log.fail(
            "parameter --output_dirname cann't be used alone. Please use it together with the parameter --output!\n"
        )
        raise RuntimeError("error bad parameters --output_dirname")
    if vars(args).get("threads", 1) > 1 and not args.pipeline:
        log.info("need to set --pipeline when setting threads number to be more than one.")


def _boolean(word: str) -> bool:
    if word.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if word.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise argparse.ArgumentTypeError("Boolean value expected true, 1, false, 0 with case insensitive.")


def _positive(word: str) -> int:
    if int(word) <= 0:
        raise argparse.ArgumentTypeError(f"{word} is an invalid positive int value")
    return int(word)


def _nonnegative(word: str) -> int:
    if int(word) < 0:
        raise argparse.ArgumentTypeError(f"{word} is an invalid nonnegative int value")
    return int(word)


def _devices(word: str) -> int | list[int]:
    numbers = [int(part) for part in word.split(",")]
    for number in numbers:
        if not 0 <= number <= LARGEST_DEVICE:
            allowed = f"valid value range is [0, {LARGEST_DEVICE}]"
            raise argparse.ArgumentTypeError(f"device:{word} is invalid. {allowed}")
    return numbers if "," in word else numbers[0]


def _dynamic(word: str) -> str:
    return _spelled(word, DYNAMIC_CHARACTERS, f'dym string "{word}" is not a legal string')


def _numbers(word: str) -> str:
    return _spelled(word, NUMBER_CHARACTERS, f'number_list "{word}" is not a legal list')


def _spelled(word: str, characters: re.Pattern[str], complaint: str) -> str:
    if not characters.fullmatch(word):
        raise argparse.ArgumentTypeError(complaint)
    return word


def _om_path(word: str) -> str:
    if (cause := _unsafe(word)) or Path(word).suffix != ".om" or not Path(word).is_file():
        console.Log().fail(cause or f"path: {word} is not a .om file")
        raise argparse.ArgumentTypeError(f"om path:{word} is illegal. Please check.")
    return word


def _input_paths(word: str) -> str:
    for part in word.split(","):
        if cause := _unsafe(part):
            console.Log().fail(cause)
            raise argparse.ArgumentTypeError(f"input path:{part} is illegal. Please check.")
    return word


def _output_path(word: str) -> str:
    cause = _unsafe(word, OTHERS_ENTER) if Path(word).exists() else _misspelled(word)
    if cause:
        console.Log().fail(cause)
        raise argparse.ArgumentTypeError(f"output path:{word} is illegal. Please check.")
    return word


def _misspelled(word: str) -> str:
    """Return what is wrong with a path's spelling, or nothing."""
    if len(word) > LONGEST_PATH or any(len(part) > LONGEST_NAME for part in word.split("/")):
        return f"path:{word} is too long"
    return "" if PATH_CHARACTERS.fullmatch(word) else f"path:{word} contains illegal char"


def _unsafe(word: str, forbidden: int = OTHERS_WRITE) -> str:
    """Return why the 2023 generation does not take a path, whose mode has none of `forbidden`, or nothing."""
    if cause := _misspelled(word):
        return cause
    path = Path(word)
    if path.is_symlink():
        return f"path :{word} is a symbolic link, considering security, not supported"
    if not path.exists():
        return f"path: {word} not exist, please check if file or dir is exist"
    status = path.stat()
    if status.st_uid != os.geteuid() and status.st_gid not in os.getgroups():
        return f"current user isn't path:{word}'s owner or ownergroup"
    return f"The file {word} is group writable, or open to others" if status.st_mode & forbidden else ""
