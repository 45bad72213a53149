"""Where ais_bench writes outputs: a folder per run of the tool, a file per sample and output."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.emulator.ais_inputs import PADDING, Run
from harness.emulator.ais_summary import Summary
from harness.emulator.console import Log
from harness.emulator.faults import Faults
from harness.emulator.result_files import write_array

PRIVATE = 0o750
"""The mode of folders that the 2023 generation makes."""


@dataclass
class Writer:
    """Writes the outputs of each run into `folder`, split into the files that went in along `axis`."""

    folder: str
    outfmt: str
    axis: int
    summary: Summary
    faults: Faults
    log: Log

    def write(self, number: int, run: Run, outputs: Sequence[npt.NDArray[Any]]) -> None:
        """Write a run's outputs but those of padding; raises RuntimeError where they do not split."""
        for index, output in enumerate(outputs):
            for j, part in enumerate(self._split(index, output, run)):
                infiles = [files[j] for files in run]
                if infiles[0] != PADDING:
                    sample = number * len(run[0]) + j
                    path = Path(self.folder, f"{self._stem(sample, infiles[0], index)}.{self.outfmt.lower()}")
                    self.summary.add(sample, infiles, joined(self.folder, path.name))
                    write_array(path, part)
                    self.faults.harm(path)

    def _split(self, index: int, output: npt.NDArray[Any], run: Run) -> list[npt.NDArray[Any]]:
        count = len(run[0])
        if self.axis >= output.ndim:
            where = f"error i:{index} ndata.shape:{output.shape} len:{output.ndim}"
            self.log.fail(f"{where} <= output_batchsize_axis:{self.axis}  is invalid")
            raise RuntimeError
        if count > 1 and output.shape[self.axis] % count:
            counts = f"files_count_perbatch:{count} ndata.shape{self.axis}:{output.shape[self.axis]}"
            self.log.fail(f"save out files error array shape:{output.shape} filesinfo:{run} {counts}")
            raise RuntimeError
        return np.array_split(output, count, self.axis)

    def _stem(self, sample: int, infile: str, index: int) -> str:
        """Return an output file's name: cut at the first dot of the input's, by number in the first generation."""
        if self.summary.generation == "gen0":
            return f"sample_id_{sample}_output_{index}"
        return f"{Path(infile).name.split('.')[0]}_{index}"


def make_folder(output: str, dirname: str | None, generation: str) -> str:
    """Make the folder of outputs, named after the time unless it has a name; raises OSError where it cannot be.

    The 2023 generation shuts others out of it, and of `output`.
    """
    folder = joined(output, dirname or time.strftime("%Y_%m_%d-%H_%M_%S"))
    Path(folder).mkdir(mode=PRIVATE if generation == "new" else 0o755, parents=True, exist_ok=True)
    if generation == "new":
        Path(output).chmod(PRIVATE)
    return folder


def joined(folder: str, name: str) -> str:
    """Join two paths as the tool spells them: `./` and `./result` are `././result`."""
    if name.startswith("/"):
        return name
    return f"{folder}{name}" if folder.endswith("/") else f"{folder}/{name}"
