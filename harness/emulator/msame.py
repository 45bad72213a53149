"""The emulated msame: one OM over zeros, files or folders, with the real one's text, names and exit codes.

It ends with 0 on most failures, as the real one does: what it was asked wrongly, an output folder that it cannot make,
and in folder mode every execution that fails but the second file's, after which all later ones fail too, as their
inputs pile up behind those of the failed one.
"""

import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from harness.emulator import acl_gears, console, faults
from harness.emulator.acl_device import AclDevice, AclError, AclModel
from harness.emulator.console import Log
from harness.emulator.execution import BATCH, DIMS, IMAGE, Outputs
from harness.emulator.msame_arguments import Arguments, Ended, parse
from harness.emulator.result_files import text
from harness.errors import OmgateError

SECOND = 1
"""The index of the one file whose failure the folder mode reports."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool on the process's arguments; return its exit code."""
    try:
        args = parse(sys.argv[1:] if argv is None else argv)
        return Msame(args).run()
    except Ended as end:
        return end.code
    except OmgateError as error:
        console.complain(str(error))
        return 1


class Failed(Exception):  # noqa: N818 - the tool's own word
    """A step failed; its reason is printed, the tool ends with 1."""


class Msame:
    """One run of the tool."""

    def __init__(self, args: Arguments) -> None:
        self.args, self.log = args, Log()
        self.faults = faults.active("msame", args.device)
        self.pending: list[bytes] = []

    def run(self) -> int:
        """Do everything; return the exit code."""
        self.faults.start()
        code = 0
        try:
            device = self._open()
            self._process(device)
            self.log.info(f"pid: {os.getpid()} Execute sample success")
        except Failed as failure:
            self.log.fail(str(failure))
            code = 1
        for step in ("destroy stream", "destroy context", f"reset device is {self.args.device}", "finalize acl"):
            self.log.info(f"end to {step}")
        return code

    def _open(self) -> AclDevice:
        self.log.info("acl init success")
        try:
            device = AclDevice.open(self.args.device, self.faults, "msame")
        except AclError as error:
            console.line(error.message)
            self.log.fail(f"acl open device {self.args.device} failed")
            raise Failed("Sample init resource failed") from None
        self.log.info(f"open device {self.args.device} success")
        for step in ("create context", "create stream", "get run mode"):
            self.log.info(f"{step} success")
        return device

    def _process(self, device: AclDevice) -> None:
        model = self._load(device)
        try:
            self._set_gear(model)
            self._create_output(model)
            self._run_model(model, self._make_folder())
        except Ended:  # the process ends where it is: nothing is said of unloading
            model.unload()
            raise
        except Failed:
            self._unload(model)
            raise
        self._unload(model)

    def _unload(self, model: AclModel) -> None:
        model.unload()
        self.log.info("unload model success, model Id is 1")

    def _load(self, device: AclDevice) -> AclModel:
        try:
            model = device.load(self.args.model)
        except AclError as error:
            console.line(error.message)
            self.log.fail(f"load model from file failed, model file is {self.args.model}")
            self.log.fail("load model from file failed")
            self.log.warn("no model had been loaded, unload failed")
            raise Failed("Sample process failed") from None
        self.log.info(f"load model {self.args.model} success")
        self.log.info("create model description success")
        self.log.info("get input dynamic gear count success")
        return model

    def _set_gear(self, model: AclModel) -> None:
        others, om = self.args.others, model.om
        try:
            if "dymBatch" in others:
                model.shapes = acl_gears.shapes(om, BATCH, (int(others["dymBatch"]),))
            elif "dymHW" in others:
                model.shapes = acl_gears.shapes(om, IMAGE, tuple(int(size) for size in others["dymHW"].split(",")))
            elif "dymDims" in others:
                model.shapes = acl_gears.shapes(om, DIMS, acl_gears.profile_of(om, others["dymDims"]))
            elif om.gears.kind:
                raise self._failed(f"model has {acl_gears.PARAMETERS[om.gears.kind]}, please add its parameter")
            elif "dymShape" in others:
                raise self._failed("check dynamic shape failed")
        except (acl_gears.GearError, ValueError) as error:
            raise self._failed(str(error)) from None

    def _create_output(self, model: AclModel) -> None:
        try:
            model.hold_io()
        except AclError as error:
            console.line(error.message)
            self.log.fail(f"can't malloc buffer, size is {model.om.outputs[0].nbytes}, create output failed")
            raise self._failed("create model output failed") from None
        self.log.info("create model output success")

    def _make_folder(self) -> Path:
        """Make `<output>/<stamp>` and print it; ends with 0 where it cannot be, as at the root without --output."""
        now = datetime.now().astimezone()
        stamp = f"{now.year}{now.month}{now.day}_{now.hour}_{now.minute}_{now.second}_{now.microsecond}"
        printed = f"{self.args.output}/{stamp}"
        console.line(printed)
        try:
            if not self.args.output:
                raise PermissionError(printed)
            Path(self.args.output).mkdir(mode=0o775, exist_ok=True)
            Path(printed).mkdir(mode=0o775)
        except OSError:
            self.log.fail("current user does not have permission")
            raise Ended(0) from None
        return Path(printed)

    def _run_model(self, model: AclModel, folder: Path) -> None:
        if self.args.from_folders:
            self._run_folders(model, folder)
            return
        if self.args.inputs:
            for index, path in enumerate(self.args.inputs):
                self.log.info(f"start to process file:{path}")
                self.pending.append(self._content(Path(path), index))
        else:
            self.pending = [bytes(size) for size in model.sizes_bytes()]
        times: list[float] = []
        outputs: Outputs = []
        for _ in range(self.args.loop):
            outputs, elapsed_ms = self._execute(model)
            times.append(elapsed_ms)
        self._write(folder, self.args.stem, outputs)
        console.line(f"Inference average time: {np.mean(times):f} ms")
        if len(times) > 1:
            console.line(f"Inference average time without first time: {np.mean(times[1:]):f} ms")
        self.log.info("destroy model input success")

    def _run_folders(self, model: AclModel, folder: Path) -> None:
        self._require_folders()
        times: list[float] = []
        names = sorted(path.name for path in Path(self.args.inputs[0]).iterdir() if not path.name.startswith("."))
        for number, name in enumerate(names):
            for index, parent in enumerate(self.args.inputs):
                self.log.info(f"start to process file:{parent}/{name}")
                self.pending.append(self._content(Path(parent, name), index))
            try:
                outputs, elapsed_ms = self._execute(model)
            except Failed:
                if number == SECOND:
                    raise
                continue
            times.append(elapsed_ms)
            self._write(folder, _stem(name), outputs)
            self.pending.clear()
            self.log.info("destroy model input success")
        average = f"{np.mean(times):.2f}" if times else "-nan"
        console.line(f"Inference average time : {average} ms")
        if len(times) > 1:
            console.line(f"Inference average time without first time: {np.mean(times[1:]):.2f} ms")

    def _require_folders(self) -> None:
        for path in map(Path, self.args.inputs):
            if path.is_file():
                self.log.fail("input parameter must be folder or file ending in '.bin'")
                raise Ended(0)
            if not path.exists():
                self.log.fail(f"{self.args.inputs[0]} doesn't exist")
                raise Ended(0)

    def _content(self, path: Path, index: int) -> bytes:
        content = path.read_bytes() if path.is_file() else b""
        if not content:
            self.log.fail(f"binfile is empty, filename is {path}" if path.is_file() else f"{path} is not a file")
            raise self._failed(f"get pic device buffer failed,index is {index}")
        return content

    def _execute(self, model: AclModel) -> tuple[Outputs, float]:
        try:
            outputs, started_ms, ended_ms = model.execute(self.pending)
        except AclError as error:
            console.line(error.message)
            self.log.fail("execute model failed, modelId is 1")
            raise self._failed("model execute failed") from None
        self.log.info("model execute success")
        elapsed_ms = round(ended_ms - started_ms, 3)
        console.line(f"Inference time: {elapsed_ms:g}ms")
        return outputs, elapsed_ms

    def _write(self, folder: Path, stem: str, outputs: Outputs) -> None:
        self.log.info("get max dynamic batch size success")
        for index, output in enumerate(outputs):
            path = folder / f"{stem}_output_{index}.{'txt' if self.args.text else 'bin'}"
            if self.args.text:
                path.write_text(text(output, "%g "))
            else:
                output.tofile(path)
            self.faults.harm(path)
        self.log.info("output data success")

    def _failed(self, text: str) -> Failed:
        self.log.fail(text)
        return Failed("Sample process failed")


def _stem(name: str) -> str:
    """Return a file's name up to its last dot; a name without one aborts, as the real one's exception does."""
    stem, dot, _ = name.rpartition(".")
    if not dot:
        console.complain("terminate called after throwing an instance of 'std::out_of_range'")
        signal.raise_signal(signal.SIGABRT)
    return stem
