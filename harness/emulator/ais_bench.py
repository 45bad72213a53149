"""The emulated `python -m ais_bench`: a front end of its own over the emulated `aclruntime`.

OMGATE_EMULATE_AIS_BENCH chooses the generation: `gen0` and `gen0b` (ais_infer of 2022, without and with the input's
name in the output's), `old` (2022-11), `new` (2023, the default). As the real one, it fails by RuntimeErrors that end
the process with a traceback and exit code 1, its reasons on stdout.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.emulator import acl_gears, ais_inputs, ais_outputs, ais_summary, console, om
from harness.emulator.acl_new_session import NewSession
from harness.emulator.acl_session import OldSession
from harness.emulator.acl_tensors import BaseTensor, MemorySummary, Tensor, session_options
from harness.emulator.ais_arguments import GENERATIONS, parse
from harness.emulator.ais_inputs import Run
from harness.emulator.ais_outputs import Writer
from harness.emulator.ais_progress import bar
from harness.emulator.ais_summary import Summary, Times
from harness.emulator.console import Log
from harness.errors import OmgateError, UsageError

VARIABLE = "OMGATE_EMULATE_AIS_BENCH"
NOT_EMULATED = (
    "profiler", "dump", "acl_json_path", "dymShape_range", "aipp_config", "energy_consumption", "backend", "perf",
    "pipeline",
)  # fmt: skip
TITLES = {"full": "Inference Processing full"}
"""What stands before the progress bar of a run mode, where it is not `Inference <mode> Processing`."""


class _OldSession(OldSession):
    tool = "ais_bench"


class _NewSession(NewSession):
    tool = "ais_bench"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on the process's arguments; return its exit code, or raise as the real one does."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        generation = os.environ.get(VARIABLE, "new")
        if generation not in GENERATIONS:
            raise UsageError(VARIABLE, f"expected one of {', '.join(GENERATIONS)}", repr(generation))
        args = parse(argv, generation)
        _require_emulated(args)
        if isinstance(args.device, list):
            return _several(args, generation)
        Bench(args, generation).run()
    except OmgateError as error:
        console.complain(str(error))
        return 1
    return 0


def _require_emulated(args: argparse.Namespace) -> None:
    """Raise UsageError for what the real tool does and this one does not, rather than leave it out unsaid."""
    for flag in NOT_EMULATED:
        if vars(args).get(flag):
            raise UsageError(f"ais_bench --{flag}", "expected a flag that is emulated", flag, "leave it out here")


class Bench:
    """One run of the tool on one device."""

    def __init__(self, args: argparse.Namespace, generation: str) -> None:
        self.args, self.generation = args, generation
        self.log = Log(console.DEBUG if args.debug else console.INFO)
        kind = _NewSession if generation == "new" else _OldSession
        options = session_options(loop=args.loop, log_level=self.log.level)
        self.session = kind(args.model, args.device, options)
        self.names = [row.name for row in self.session.get_outputs()]
        self.summary = Summary(generation, [sys.argv[0], *sys.argv[1:]])
        self.batches: list[int] = []

    def run(self, dirname: str | None = None) -> float:
        """Run all inputs; return the throughput in samples per second."""
        self._set_gear()
        batchsize = self._batchsize()
        folder = self._folder(dirname or self.args.output_dirname)
        combine = not (self.args.auto_set_dymshape_mode or self.args.auto_set_dymdims_mode)
        runs = ais_inputs.runs(self.args.input, self.session.get_inputs(), combine, self.log)
        self._warm_up(runs[0])
        self._infer(runs, folder)
        document = self.summary.report(
            self._times(), self._mean_batch(batchsize), self.args.display_all_summary, self.log
        )
        if folder:
            ais_summary.write(self.summary.path(folder), document)
        if isinstance(self.session, NewSession):
            self.session.free_resource()
        self.session.finalize()
        return float(document["throughput"])

    def _set_gear(self) -> None:
        args = self.args
        if args.dymBatch:
            self.session.set_dynamic_batchsize(args.dymBatch)
        elif args.dymHW:
            first, _, second = args.dymHW.partition(",")
            self.session.set_dynamic_hw(int(first), int(second))
        elif args.dymDims:
            self.session.set_dynamic_dims(args.dymDims)
        elif args.dymShape:
            self.session.set_dynamic_shape(args.dymShape)
        else:
            self.session.set_staticbatch()

    def _batchsize(self) -> int:
        """Return the batch of the throughput: as given, else the gear's, else the first input's first axis."""
        args = self.args
        if args.batchsize is not None:
            return int(args.batchsize)
        first = self.session.get_inputs()[0]
        batchsize = args.dymBatch or first.shape[0]
        for part in (args.dymDims or args.dymShape or "").split(";"):
            name, _, shape = part.rpartition(":")
            batchsize = int(shape.split(",")[0]) if name == first.name else batchsize
        self.log.info(f"try get model batchsize:{batchsize}")
        if self.generation == "new" and batchsize < 0 and not args.auto_set_dymdims_mode:
            raise RuntimeError("dynamic batch om model detected, but dymbatch, dymdims or dymshape not set!")
        return int(batchsize)

    def _folder(self, dirname: str | None) -> str:
        if self.args.output is None:
            return ""
        folder = ais_outputs.make_folder(self.args.output, dirname, self.generation)
        self.log.info(f"output path:{folder}")
        return folder

    def _warm_up(self, run: Run) -> None:
        feeds = self._feeds(run)
        self.session.options().loop = 1
        for _ in range(self.args.warmup_count):
            self._once(feeds)
        self.session.options().loop = self.args.loop
        self.session.reset_sumaryinfo()
        MemorySummary().reset()
        self.batches.clear()
        if not self.generation.startswith("gen0"):
            self.log.info(f"warm up {self.args.warmup_count} done")

    def _infer(self, runs: Sequence[Run], folder: str) -> None:
        faults = self.session.faults
        writer = Writer(folder, self.args.outfmt, self.args.output_batchsize_axis, self.summary, faults, self.log)
        mode = self.args.run_mode
        for number, run in enumerate(bar(runs, TITLES.get(mode, f"Inference {mode} Processing"))):
            if mode == "files":
                _require_plain(run)
            outputs = self._once(self._feeds(run))
            if folder:
                writer.write(number, run, outputs)

    def _feeds(self, run: Run) -> list[npt.NDArray[Any]]:
        inputs = self.session.get_inputs()
        pure = self.args.pure_data_type
        return [ais_inputs.joined(files, row.realsize, pure, self.log) for files, row in zip(run, inputs, strict=True)]

    def _once(self, feeds: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run once; return the outputs on the host."""
        if self.args.auto_set_dymdims_mode or self.args.auto_set_dymshape_mode:
            self._set_shapes(feeds)
        addresses = [BaseTensor(feed.__array_interface__["data"][0], feed.nbytes) for feed in feeds]
        tensors = self.session.run(self.names, addresses)
        return [_on_host(tensor) for tensor in tensors]

    def _set_shapes(self, feeds: Sequence[npt.NDArray[Any]]) -> None:
        rows = self.session.get_inputs()
        text = acl_gears.spelled([row.name for row in rows], [feed.shape for feed in feeds])
        self.batches.append(feeds[0].shape[0])
        if self.args.auto_set_dymdims_mode:
            self.session.set_dynamic_dims(text)
        else:
            self.session.set_dynamic_shape(text)

    def _mean_batch(self, batchsize: int) -> float:
        return sum(self.batches) / len(self.batches) if self.batches else batchsize

    def _times(self) -> Times:
        executed = self.session.sumary().exec_time_list
        compute = [row[1] - row[0] if isinstance(row, tuple) else row for row in executed]
        copies = MemorySummary()
        return Times(compute, copies.H2D_time_list, copies.D2H_time_list)


def _require_plain(run: Run) -> None:
    """Raise RuntimeError for what the run mode `files` does not read."""
    for name in (name for files in run for name in files):
        if name == ais_inputs.PURE:
            raise RuntimeError("not support pure infer")
        if name.lower().endswith(".npy"):
            raise RuntimeError(f"not support npy file:{name}")


def _on_host(tensor: Tensor) -> npt.NDArray[Any]:
    tensor.to_host()
    return np.array(tensor)


def _several(args: argparse.Namespace, generation: str) -> int:
    """Run on several devices, one after the other, each with its part of the inputs; return the tool's exit code."""
    log = Log()
    log.info(f"multidevice:{args.device} run begin")
    started = time.strftime("%Y_%m_%d-%H_%M_%S")
    rates: list[tuple[int, int, float, float, float]] = []
    for index, device in enumerate(args.device):
        log.info(f"subprocess_{index} main run")
        suffix = f"device{device}_{index}" if generation == "new" else f"device{device}"
        part = argparse.Namespace(**{**vars(args), "device": device, "input": _part(args, index, generation)})
        begun = time.time()
        try:
            rate = Bench(part, generation).run(f"{args.output_dirname or started}/{suffix}")
        except RuntimeError as error:
            log.fail(f"subprocess run failed error_callback:{error}")
            continue
        rates.append((index, device, rate, begun, time.time()))
    failed = len(rates) < len(args.device)
    log.info(f"multidevice run end qsize:{2 * len(rates)} result:{int(failed)}")
    blanks, tag = (" " * 17, "[INFO] ") if generation == "new" else (" ", "")
    for index, device, rate, begun, ended in rates:
        console.line(f"{tag}i:{index} device_{device} throughput:{rate}{blanks}start_time:{begun} end_time:{ended}")
    log.info(f"summary throughput:{sum(row[2] for row in rates)}")
    return int(failed)


def _part(args: argparse.Namespace, index: int, generation: str) -> str | None:
    """Return the inputs of one of several devices: its share of each input's files, or all where they are not split."""
    if args.input is None or not args.divide_input:
        return args.input if args.input is None else str(args.input)
    items = str(args.input).split(",")
    inputs = len(om.read_header(Path(args.model)).inputs)
    listed = ais_inputs.chunks(items, max(1, len(items) // inputs), "")
    if Path(items[0]).is_dir():
        listed = [ais_inputs.folder(item, Log()) for item in items]
    return ",".join(name for files in listed for name in _share(files, index, len(args.device), generation) if name)


def _share(files: Sequence[str], index: int, count: int, generation: str) -> Sequence[str]:
    """Return one device's part: of 10 for 4, the 2023 generation deals 3, 3, 2, 2, those before it 3, 3, 3, 1."""
    if generation != "new":
        size = -(-len(files) // count)
        return files[index * size : (index + 1) * size]
    size, left = divmod(len(files), count)
    start = index * size + min(index, left)
    return files[start : start + size + (index < left)]
