"""What the 2023 generation of `InferenceSession` has more: runs fed by their own outputs, pipelines, dynamic AIPP."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from harness.emulator import acl_gears, acl_pipeline
from harness.emulator.acl_pipeline import infer_options
from harness.emulator.acl_process import AclProcess
from harness.emulator.acl_session import Content, Feeds, OldSession
from harness.emulator.acl_tensors import BaseTensor, Tensor
from harness.emulator.console import Log
from harness.emulator.execution import Outputs


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

    def run_pipeline(self, first: Any, second: Any, *rest: Any) -> list[list[Tensor]] | None:
        """Run many, one after the other: files to files, or arrays to tensors on the host.

        `(files, infer_options, sessions)`: a file of each input per run, which the sessions take turns in; the outputs
        are written below the options' folder, and all times are this session's. `(names, feeds, shapes, auto_shape,
        auto_dims)`: feeds for each run, and their shapes, which choose the gear if `auto_dims` says so.
        """
        if isinstance(second, infer_options):
            self._run_files(first, second, *rest)
            return None
        return self._run_feeds(first, second, *rest)

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

    def _run_files(
        self, rows: Sequence[Sequence[str]], options: infer_options, others: Sequence["NewSession"] = ()
    ) -> None:
        sessions = (self, *others)
        names = [row.name for row in self.get_outputs()]
        for i, files in enumerate(rows):
            session = sessions[i % len(sessions)]
            arrays = acl_pipeline.read(files, session.get_inputs(), options)
            feeds = [BaseTensor(array.__array_interface__["data"][0], array.nbytes) for array in arrays]
            shapes = [array.shape for array in arrays]
            outputs = session._run_shaped(names, feeds, shapes, (options.auto_dym_shape, options.auto_dym_dims))
            for path in acl_pipeline.write(files[0], dict(zip(names, outputs, strict=True)), options):
                self.faults.harm(path)
        for other in others:
            self.sumary().exec_time_list.extend(other.sumary().exec_time_list)

    def _run_feeds(
        self, names: Sequence[str], rows: Sequence[Sequence[BaseTensor]], shapes: Sequence[Any], *auto: bool
    ) -> list[list[Tensor]]:
        pairs = zip(rows, shapes, strict=True)
        return [self._run_shaped(names, feeds, listed, auto or (False, False)) for feeds, listed in pairs]

    def _run_shaped(
        self, names: Sequence[str], feeds: Sequence[BaseTensor], shapes: Sequence[Any], auto: Sequence[bool]
    ) -> list[Tensor]:
        """Run once, at the gear of these shapes if either of `auto` (by shape, by dimensions) is set."""
        spelled = acl_gears.spelled([row.name for row in self.get_inputs()], shapes) if any(auto) else ""
        if auto[0]:
            self.set_dynamic_shape(spelled)
        elif auto[1]:
            self.set_dynamic_dims(spelled)
        tensors = self.run(names, feeds)
        for tensor in tensors:
            tensor.to_host()
        return tensors


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
