"""`InferenceSession` of the `aclruntime` module, as the generations of 2022 and 2023 behave.

Failures are RuntimeErrors "[code][text] " behind the lines that the C++ prints. The codes are the module's own (1 for
whatever breaks a model's loading, out of memory included), an aclError only where a device cannot be opened.
"""

import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from harness.emulator import acl_gears, console
from harness.emulator.acl_device import AclError, AclModel
from harness.emulator.acl_process import AclProcess, failure
from harness.emulator.acl_tensors import (
    BaseTensor,
    MemorySummary,
    Tensor,
    content_of,
    dtype,
    session_options,
    sumary,
    tensor_desc,
)
from harness.emulator.console import Log
from harness.emulator.execution import BATCH, DIMS, IMAGE, Outputs, Shapes
from harness.emulator.faults import Faults
from harness.emulator.om import Tensor as Port

Feeds = Sequence[Tensor | BaseTensor] | Mapping[str, Tensor]
Content = bytes | memoryview
FORMATS = {"NCHW": 0, "NHWC": 1, "ND": 2}
"""Numbers of aclFormat."""
GENERAL, INVALID, NO_MEMORY = -1, 1, 2
"""The module's own codes."""


class OldSession:
    """A model on a device, in the generation of 2022: `finalize` belongs to the session and closes the device too."""

    process: ClassVar[AclProcess] = AclProcess(recent=False)
    tool: ClassVar[str] = "aclruntime"

    def __init__(self, model_path: str, device_id: int, options: session_options | None = None, /) -> None:
        self._options = options or session_options()
        self._path, self._number = model_path, device_id
        self._log, self._sumary = Log(self._options.log_level), sumary()
        self._device = self.process.open(device_id, self.tool, self._log)
        self._model = self._load()
        self._shapes: Shapes | None = None if self._model.om.gears.kind else self._model.shapes
        self._id = self.process.models = self.process.models + 1
        self._unload = weakref.finalize(self, _unload, self._model, self._id, self._log)
        self._log.info(f"load model {model_path} success")
        self._log.info("create model description success")

    def run(self, out_names: Sequence[str], feeds: Feeds, /) -> list[Tensor]:
        """Execute `loop` times and return the last outputs, in the order of their names, on the device."""
        _require_signature(out_names, feeds)
        outputs = self._execute(self._contents(feeds), self._options.loop)
        return [Tensor.on_device(output, self._number) for output in self._chosen(out_names, outputs)]

    def options(self) -> session_options:
        """Return the options, which may be changed between runs."""
        return self._options

    def sumary(self) -> sumary:
        """Return what was executed since the last reset."""
        return self._sumary

    def reset_sumaryinfo(self) -> int:
        """Forget what was executed."""
        self._sumary.exec_time_list.clear()
        return 0

    def get_inputs(self) -> list[tensor_desc]:
        """Describe the inputs, at the gear that is set."""
        shapes = self._shapes or self._model.shapes
        return [_described(port, shape) for port, shape in zip(self._model.om.inputs, shapes, strict=True)]

    def get_outputs(self) -> list[tensor_desc]:
        """Describe the outputs."""
        return [_described(port, None) for port in self._model.om.outputs]

    def set_staticbatch(self) -> int:
        """Run a static model; a dynamic one fails at the run, unless a gear is set until then."""
        return 0

    def set_dynamic_batchsize(self, size: int, /) -> int:
        """Choose the gear by its batch."""
        checked = "processModel->CheckDynamicBatchSize(batchsize, is_dymbatch)"
        return self._gear(checked, lambda: acl_gears.shapes(self._model.om, BATCH, (size,)))

    def set_dynamic_hw(self, first: int, second: int, /) -> int:
        """Choose the gear by its image size, in the order in which ATC was given it."""
        checked = "processModel->CheckDynamicHWSize(dynamicHW, is_dymHW)"
        return self._gear(checked, lambda: acl_gears.shapes(self._model.om, IMAGE, (first, second)))

    def set_dynamic_dims(self, dims: str, /) -> int:
        """Choose the gear by the shapes of all inputs, `name:1,3,224,224;name2:…`."""
        om = self._model.om
        return self._gear("", lambda: acl_gears.shapes(om, DIMS, acl_gears.profile_of(om, dims)))

    def set_dynamic_shape(self, shapes: str, /) -> int:
        """Refuse: an emulated OM has gears or is static."""
        self._log.fail(f"the model is not converted with dynamic shapes, got {shapes}")
        raise self._failed(GENERAL, "check dynamic shape failed")

    def set_custom_outsize(self, sizes: Sequence[int], /) -> int:
        """Accept the sizes of outputs without a size of their own, of which an emulated OM has none."""
        return 0

    def create_tensor_from_fileslist(self, description: tensor_desc, files: Sequence[str], /) -> Tensor:
        """Join files to one tensor of the described type and shape, on the device."""
        joined = bytearray(description.realsize)
        offset = 0
        for number, name in enumerate(files):
            content = Path(name).read_bytes() if Path(name).is_file() else b""
            if not content or offset + len(content) > len(joined):
                self._log.fail(f"TensorBaseMalloc i:{number} file:{name} failed ret:1")
                raise failure(INVALID)
            joined[offset : offset + len(content)] = content
            offset += len(content)
        element = {"double": "float64"}.get(description.datatype.name, description.datatype.name)
        tensor = Tensor(np.frombuffer(bytes(joined), element).reshape(description.shape))
        tensor.to_device(self._number)
        return tensor

    @property
    def faults(self) -> Faults:
        """The faults of this session, for a front end that writes files."""
        return self._device.faults

    def finalize(self) -> int:
        """Unload the model and close the device."""
        self._destroy()
        self.process.finalize(self._log)
        return 0

    def __str__(self) -> str:
        ports = {"input": self.get_inputs(), "output": self.get_outputs()}
        rows = [
            f"{kind}:\n" + "".join(f"  #{i}    {row}\n" for i, row in enumerate(found)) for kind, found in ports.items()
        ]
        return f"<Model>\ndevice:\t{self._number}\n{''.join(rows)}"

    __repr__ = __str__

    def _load(self) -> AclModel:
        try:
            return self._device.load(self._path)
        except AclError as error:
            console.line(error.message)
            self._log.fail(f"load model from file failed, model file is {self._path}")
            self._log.warn("Check failed:processModel->LoadModelFromFile(modelPath), ret:1")
            console.line()
            self._log.warn("no model had been loaded, unload failed")
            raise failure(INVALID) from None

    def _destroy(self) -> None:
        self._unload()

    def _contents(self, feeds: Feeds) -> list[Content]:
        """Return the bytes of every input; raises RuntimeError [-1] where their number or a size is wrong."""
        wanted = self.get_inputs()
        contents = [_copied(feed) for feed in self._listed(feeds, wanted)]
        for i, (row, content) in enumerate(zip(wanted, contents, strict=False)):
            if len(content) != row.realsize:
                self._log.fail(f"Check i:{i} name:{row.name} in size:{len(content)} needsize:{row.realsize} not match")
                raise self._failed(GENERAL, "Check InVector failed ret:-1")
        if len(contents) != len(wanted):
            self._log.warn(f"intensors in:{len(contents)} need:{len(wanted)} not match")
            raise self._failed(GENERAL, "Set InputsData failed ret:-1")
        return contents

    def _listed(self, feeds: Feeds, wanted: Sequence[tensor_desc]) -> list[Tensor | BaseTensor]:
        """Return the feeds in the inputs' order; raises RuntimeError [-1] for a dictionary of other names."""
        if not isinstance(feeds, Mapping):
            return list(feeds)
        if len(feeds) != len(wanted):
            self._log.fail(f"intensors size:{len(feeds)} need size:{len(wanted)} not match")
            raise self._failed(GENERAL, "Check InVector failed ret:-1")
        for i, row in enumerate(wanted):
            if row.name not in feeds:
                self._log.fail(f"intensors i:{i} name:{row.name} not find")
                raise self._failed(GENERAL, "Check InVector failed ret:-1")
        return [feeds[row.name] for row in wanted]

    def _execute(self, contents: Sequence[Content], loop: int) -> Outputs:
        if self._shapes is None:
            self._log.warn(acl_gears.unset(self._model.om))
            raise self._failed(GENERAL, "Set InputsData failed ret:-1")
        self._hold_io()
        outputs: Outputs = []
        if loop > 1:
            console.line()
        for i in range(loop):
            outputs = self._once(contents)
            if loop > 1:
                console.write(f"\rloop inference exec: ({i + 1}/{loop})")
        if loop > 1:
            console.line()
        return outputs

    def _once(self, contents: Sequence[Content]) -> Outputs:
        try:
            outputs, started_ms, ended_ms = self._model.execute(contents)
        except AclError as error:
            console.line(error.message)
            self._log.fail(f"execute model failed, modelId is {self._id}")
            self._log.fail("acl execute failed:1")
            raise self._failed(GENERAL, "Execute Infer failed ret:-1") from None
        self._sumary.exec_time_list.append(self._executed(started_ms, ended_ms))
        return outputs

    def _executed(self, started_ms: float, ended_ms: float) -> Any:
        return float(np.float32(ended_ms - started_ms))

    def _hold_io(self) -> None:
        """Take the memory of inputs and outputs at the first run; raises RuntimeError [2] where it is not free."""
        try:
            self._model.hold_io()
        except AclError as error:
            first = self._model.om.outputs[0]
            console.write(f"[{error.code}][Error code unknown] Malloc ptrData failed.")
            self._log.fail(f"MemoryHelper::MxbsMalloc failed.i:0 name:{first.name} size:{first.nbytes} ret:2")
            self._log.fail("create outmemory data failed:2")
            raise self._failed(NO_MEMORY, "Set InputsData failed ret:2") from None

    def _chosen(self, names: Sequence[str], outputs: Outputs) -> Outputs:
        by_name = dict(zip((port.name for port in self._model.om.outputs), outputs, strict=True))
        for name in names:
            if name not in by_name:
                self._log.fail(f"outnames {name} not valid")
                raise self._failed(GENERAL, "Get OutTensors failed ret:-1")
        return [by_name[name] for name in names]

    def _gear(self, checked: str, choose: Callable[[], Shapes]) -> int:
        """Set a gear; without a check of its own name, as for dimensions, the module's code is that of a failed run."""
        try:
            self._shapes = self._model.shapes = choose()
        except acl_gears.GearError as error:
            self._log.fail(str(error))
            if checked:
                self._log.warn(f"Check failed:{checked}, ret:1")
                raise failure(INVALID) from None
            text = "check dynamic dims failed, please set correct dymDims paramenter"
            raise self._failed(GENERAL, text) from None
        return 0

    def _failed(self, code: int, text: str) -> RuntimeError:
        self._log.fail(text)
        return failure(code)


def _require_signature(names: Any, feeds: Any) -> None:
    """Raise TypeError for what no signature of the bindings takes, such as arrays in place of tensors."""
    mapped = isinstance(feeds, Mapping)
    values = list(feeds.values() if mapped else feeds)
    kinds: tuple[type, ...] = (Tensor,) if mapped else (Tensor, BaseTensor)
    alike = any(all(isinstance(value, kind) for value in values) for kind in kinds)
    if isinstance(names, str) or not isinstance(names, Sequence) or not alike:
        raise TypeError("run(): incompatible function arguments: output names, and tensors or base tensors, are needed")


def _unload(model: AclModel, number: int, log: Log) -> None:
    model.unload()
    log.info(f"unload model success, model Id is {number}")


def _copied(feed: Tensor | BaseTensor) -> Content:
    """Return a feed's bytes; those of a caller's buffer are copied to the device, which is noted."""
    content = content_of(feed)
    return MemorySummary().to_device(content).data if isinstance(feed, BaseTensor) else content


def _described(port: Port, shape: Sequence[int] | None) -> tensor_desc:
    """Describe a port; `shape` is that of the gear that is set, if any."""
    name = {"float64": "double"}.get(port.dtype, port.dtype)
    realsize = port.nbytes if shape is None else math.prod(shape) * np.dtype(port.dtype).itemsize
    return tensor_desc(port.name, dtype[name], FORMATS.get(port.format, 2), list(port.shape), realsize, port.nbytes)
