"""An aclruntime of the generation in $FAKE_GENERATION, with no more than the calls that its front end makes."""

import ctypes
import enum
import os

import fake_om
import numpy as np
from fake_om import say

NEW = os.environ.get("FAKE_GENERATION") == "new"


class dtype(enum.Enum):  # noqa: N801 - the module's own name
    float32 = 0
    float16 = 1
    double = 11


class session_options:  # noqa: N801
    loop = 1


class tensor_desc:  # noqa: N801
    def __init__(self, tensor):
        self.name, self.shape = tensor["name"], list(tensor["shape"])
        self.datatype = dtype[tensor["dtype"]]
        self.realsize = self.size = fake_om.size(tensor)


class sumary:  # noqa: N801
    exec_time_list = ()


class BaseTensor:
    def __init__(self, buf, size):
        self.buf, self.size = buf, size


class Tensor:
    def __init__(self, array, device):
        self._array, self.device = array, device

    def to_host(self):
        self.device = -1

    def __array__(self, dtype=None, copy=None):
        if self.device != -1:
            raise RuntimeError("tensor is in npu. can't convert to numpy array")
        return self._array


class InferenceSession:
    def __init__(self, model_path, device_id, options, /):
        if fake_om.FAULT == "no-device":
            say("[ERROR] acl open device 0 failed")
            raise RuntimeError("[507033][Error code unknown] ")
        self._om = fake_om.load(model_path)
        if self._om is None:
            raise RuntimeError("[1][ACL: invalid parameter] ")
        self._device, self._times, self._static = device_id, [], False

    def set_staticbatch(self):
        self._static = True

    def get_inputs(self):
        return [tensor_desc(tensor) for tensor in self._om["inputs"]]

    def get_outputs(self):
        # The names of an OM's outputs are its own.
        return [
            tensor_desc({**tensor, "name": f"node_{index}:0:{tensor['name']}"})
            for index, tensor in enumerate(self._om["outputs"])
        ]

    def reset_sumaryinfo(self):
        self._times.clear()

    def sumary(self):
        result = sumary()
        result.exec_time_list = [(7.0, 7.0 + ms) for ms in self._times] if NEW else list(self._times)
        return result

    def run(self, out_names, feeds, /):
        fake_om.maybe_hang()
        if fake_om.FAULT == "execute":
            say("EL0004: Failed to allocate memory.\n[ERROR] execute model failed, modelId is 1")
            raise RuntimeError("[-1][ACL: general failure] ")
        if fake_om.FAULT == "segfault":
            ctypes.string_at(0)
        sizes = [fake_om.size(tensor) for tensor in self._om["inputs"]]
        if not self._static or [feed.size for feed in feeds] != sizes:
            raise RuntimeError("[-1][ACL: general failure] ")
        blobs = [ctypes.string_at(feed.buf, feed.size) for feed in feeds]
        self._times.append(fake_om.ROUND_MS if any(any(blob) for blob in blobs) else 4 * fake_om.ROUND_MS)
        outputs = dict(
            zip((tensor.name for tensor in self.get_outputs()), fake_om.execute(self._om, blobs), strict=True)
        )
        device = 7 if fake_om.FAULT == "other-device" else self._device
        return [Tensor(np.ascontiguousarray(outputs[name]), device) for name in out_names]

    def finalize(self):
        say("finalized")


def _free_resource(self):
    say("freed")


if NEW:
    InferenceSession.free_resource = _free_resource
    InferenceSession.finalize = staticmethod(lambda: say("finalized"))
