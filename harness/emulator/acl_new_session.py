"""What the 2023 generation of `InferenceSession` has more: runs fed by their own outputs, pipelines, dynamic AIPP."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from harness.emulator.acl_process import AclProcess
from harness.emulator.acl_session import Content, Feeds, OldSession
from harness.emulator.acl_tensors import BaseTensor, Tensor
from harness.emulator.console import Log
from harness.emulator.execution import Outputs
from harness.emulator.result_files import read_array, write_array

PADDING = "padding_infer_fake_file"
PURE = "pure_infer_data"


@dataclass
class infer_options:  # noqa: N801 - the real module's name
    """How `run_pipeline` reads and writes files."""

    output_dir: str = ""
    auto_dym_shape: bool = False
    auto_dym_dims: bool = False
    out_format: str = "BIN"
    pure_infer_mode: bool = False
    output_names: list[str] = field(default_factory=list)
    shapes_list: list[Any] = field(default_factory=list)


class NewSession(OldSession):
    """The generation of 2023: its times are pairs, `finalize` belongs to the class, `free_resource` to the session."""

    process: ClassVar[AclProcess] = AclProcess(recent=True)

    def free_resource(self) -> None:
        """Unload the model; the device stays open."""
        self._destroy()

    @staticmethod
    def finalize() -> int:
        """Close all devices of the process."""
        NewSession.process.finalize(Log())
        return 0

    def set_context(self) -> int:
        """Make the session's context the thread's."""
        return 0

    def first_inner_run(self, out_names: Sequence[str], feeds: Feeds, /) -> list[Tensor]:
        """Run once and keep inputs and outputs for `inner_run`."""
        self._kept: list[Content] = self._contents(feeds)
        self._last: Outputs = self._execute(self._kept, 1)
        return self._tensors(out_names)

    def inner_run(self, sources: Sequence[int], out_names: Sequence[str], get_outputs: bool, mem_copy: bool, /) -> Any:
        """Run again, each input i fed with output `sources[i]` of the last run, or as before where that is negative."""
        for i, source in enumerate(sources):
            if source >= 0:
                self._kept[i] = self._last[source].tobytes()
        self._last = self._execute(self._kept, self.options().loop if mem_copy else 1)
        return self._tensors(out_names) if get_outputs else []

    def run_pipeline(self, first: Any, second: Any, *rest: Any) -> list[list[Tensor]]:
        """Run many: files to files `(files, infer_options, sessions)`, or `(names, feeds, shapes, …)` to tensors."""
        if not isinstance(second, infer_options):
            return [self._on_host(first, feeds) for feeds in second]
        for infiles in first:
            self._run_files(infiles, second)
        return []

    def get_max_dym_batchsize(self) -> int:
        """Return the largest batch that the model takes."""
        return int(self._model.shapes[0][0]) if self._model.om.gears.kind != "batch" else self._largest_batch()

    def get_dym_aipp_input_exist(self) -> int:
        """Return how many inputs have dynamic AIPP: none of an emulated OM."""
        return 0

    def check_dym_aipp_input_exist(self) -> int:
        """Accept that there are none."""
        return 0

    def set_dym_aipp_info_set(self) -> int:
        """Accept the AIPP settings made so far."""
        return 0

    def _executed(self, started_ms: float, ended_ms: float) -> Any:
        zero_ms = self.process.zero_ms
        return float(np.float32(started_ms - zero_ms)), float(np.float32(ended_ms - zero_ms))

    def _largest_batch(self) -> int:
        return max(profile[0] for profile in self._model.om.gears.profiles)

    def _tensors(self, out_names: Sequence[str]) -> list[Tensor]:
        return [Tensor.on_device(output, self._number) for output in self._chosen(out_names, self._last)]

    def _on_host(self, out_names: Sequence[str], feeds: Sequence[BaseTensor]) -> list[Tensor]:
        tensors = self.run(out_names, feeds)
        for tensor in tensors:
            tensor.to_host()
        return tensors

    def _run_files(self, infiles: Sequence[Sequence[str]], options: infer_options) -> None:
        """Run the files of one batch, one list per input, and write what each of them gives."""
        sizes = [row.realsize for row in self.get_inputs()]
        feeds = [Tensor(_joined(files, size)) for files, size in zip(infiles, sizes, strict=True)]
        tensors = self.run([row.name for row in self.get_outputs()], feeds)
        if not options.output_dir:
            return
        for i, tensor in enumerate(tensors):
            tensor.to_host()
            for name, part in zip(infiles[0], np.array_split(np.array(tensor), len(infiles[0])), strict=True):
                stem = Path(name).name.split(".")[0]
                if name != PADDING:
                    write_array(Path(options.output_dir) / f"{stem}_{i}.{options.out_format.lower()}", part)


def _joined(files: Sequence[str], size: int) -> Any:
    """Return the bytes of files one behind the other; a padding one is the first again, pure inference is zeros."""
    if files[0].startswith(PURE):
        return (
            np.zeros(size, np.uint8)
            if not files[0].endswith("random")
            else np.random.default_rng().integers(0, 256, size, np.uint8)
        )
    arrays = [read_array(Path(files[0] if name == PADDING else name)) for name in files]
    return np.concatenate([np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays])


def _accepted(name: str) -> Any:
    def accept(self: NewSession, value: Any, /) -> int:
        return 0

    accept.__name__ = name
    accept.__doc__ = "Accept a setting of dynamic AIPP, which no emulated OM has."
    return accept


for _name in (
    "max_batch_size", "input_format", "src_image_size", "rbuv_swap_switch", "ax_swap_switch", "csc_params",
    "crop_params", "padding_params", "dtc_pixel_mean", "dtc_pixel_min", "pixel_var_reci",
):  # fmt: skip
    setattr(NewSession, f"aipp_set_{_name}", _accepted(f"aipp_set_{_name}"))
