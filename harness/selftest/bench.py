"""The place where a self-test works: it starts tools, each in a folder of its own, and keeps what they say."""

import math
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.errors import OmgateError, RunError
from harness.npus import Npu
from harness.process import run_tool
from harness.selftest import one_operator
from harness.selftest.recording import Check, Recording, Transcript
from harness.toolchain import Toolchain

BUDGET_S = 90.0
"""With the last look at the device a self-test ends within two minutes; what is not reached by then is said so."""
ATC_S = 75.0
TOOL_S = 25.0
TEXT_BYTES = 2**20
LAST_LINES = 4
RUNNERS = ("python", "ais_bench", "msame", "benchmark")
SMALL_BYTES = 64 * 2**10
TEXT_SUFFIXES = (".json", ".txt")
MODEL, DAMAGED = "model.om", "damaged.om"


@dataclass
class Bench:
    """A toolchain, an NPU, a folder, and what has been seen so far.

    A tool that has hung once is not started again: `given_up` says so of it.
    """

    toolchain: Toolchain
    npu: Npu
    folder: Path
    budget_s: float = BUDGET_S
    transcripts: dict[str, Transcript] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def lacks(self, tool: str) -> str:
        """Return why a tool cannot be started (any more), or an empty string."""
        if not self.toolchain.has(tool):
            return f"{tool} is not there"
        if self.seconds_left() <= 0:
            return f"not reached within {self.budget_s:g} s"
        return self.given_up.get(tool, "")

    def seconds_left(self, limit_s: float = math.inf) -> float:
        """Return the seconds that something may take: the limit, or what is left of the whole."""
        return min(limit_s, self.started + self.budget_s - time.monotonic())

    def place(self, name: str) -> Path:
        """Return the folder of an invocation, made."""
        path = self.folder / name
        path.mkdir(mode=0o750, exist_ok=True)
        return path

    def placed(self, name: str, om: Path, samples: int = 0) -> Path:
        """Return the folder of an invocation with a private copy of an OM, and the first samples in `inputs`."""
        place = self.place(name)
        shutil.copyfile(om, place / MODEL)
        (place / MODEL).chmod(0o600)
        for folder in ("inputs", "out"):
            (place / folder).mkdir(mode=0o750)
        for number in range(samples):
            path = place / "inputs" / f"{number:08d}.bin"
            one_operator.sample(number).tofile(path)
            path.chmod(0o644)
        return place

    def invoke(
        self, name: str, tool: str, arguments: Sequence[str], env: Mapping[str, str] | None = None
    ) -> Transcript | None:
        """Start a tool in its folder, and return what it said; None, with the reason in `absent`, where it cannot be.

        Only the programs of a toolchain that have gone since it was found raise (MissingNeedError).
        """
        if reason := self.lacks(tool):
            self.absent[name] = reason
            return None
        place = self.place(name)
        before = set(place.rglob("*"))
        argv = [*self.toolchain.command(tool), *arguments]
        end = self._run(name, tool, argv, env or {})
        made = sorted(path for path in set(place.rglob("*")) - before if path.is_file() and not path.is_symlink())
        self.transcripts[name] = Transcript(
            name=name,
            tool=tool,
            argv=tuple(map(self.local, argv)),
            end=end,
            text=self.local(_text(self.log(name))),
            files={str(path.relative_to(place)): path.stat().st_size for path in made},
            texts={str(path.relative_to(place)): self.local(_text(path)) for path in made if _is_text(path)},
            values={str(path.relative_to(place)): _numbers(path) for path in made if _is_numbers(path)},
        )
        return self.transcripts[name]

    def _run(self, name: str, tool: str, argv: Sequence[str], env: Mapping[str, str]) -> str:
        """Return how a tool ended, in words; one that hangs is given up."""
        limit_s = self.seconds_left(ATC_S if tool == "atc" else TOOL_S)
        whole = {**self.toolchain.env, **env}
        try:
            run_tool(argv, cwd=self.place(name), env=whole, timeout_s=limit_s, log=self.log(name))
        except RunError as error:
            if error.kind != "timeout":
                return error.got
            self.given_up[tool] = f"an earlier {tool} did not end within {limit_s:.0f} s"
            return f"no end within {limit_s:.0f} s"
        return "exit code 0"

    def log(self, name: str) -> Path:
        """Return where the text of an invocation goes."""
        return self.folder / f"{name}.log"

    def local(self, text: str) -> str:
        """Return a text without the path of the scratch folder, which no one else has."""
        return text.replace(f"{self.folder}/", "../").replace(str(self.folder), "..")

    def check(self, name: str, ok: bool, text: str) -> None:
        """Keep whether something works."""
        self.checks.append(Check(name=name, ok=ok, text=self.local(text)))

    def broke(self, name: str, error: OmgateError) -> None:
        """Keep that something broke, with the last words of the tool; after a lost device no runner is started."""
        kind = f"{error.kind}: " if isinstance(error, RunError) else ""
        hint = re.sub(r"the whole log is \S+, its last lines are:", "its last lines are:", error.do)  # it is removed
        lines = f"{kind}{error.what}, got {error.got or 'nothing'}; {hint}".splitlines()
        self.check(name, False, "\n".join([*lines[:1], *lines[1:][-LAST_LINES:]]))
        if isinstance(error, RunError) and error.kind == "device-lost":
            self.given_up.update(dict.fromkeys(RUNNERS, "the NPU was lost before"))

    def recording(self) -> Recording:
        """Return all that was seen."""
        return Recording(
            emulated=self.toolchain.emulated,
            chip=self.npu.chip,
            npu=str(self.npu),
            npu_id=self.npu.npu_id,
            chip_id=self.npu.chip_id,
            runtime_id=self.npu.runtime_id,
            cann=self.toolchain.cann,
            driver=self.toolchain.driver,
            tools=dict.fromkeys(self.toolchain.tools, True) | dict.fromkeys(self.toolchain.remedies, False),
            transcripts=tuple(self.transcripts.values()),
            checks=tuple(self.checks),
            notes=self.notes,
            absent=self.absent,
        )


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - TEXT_BYTES))
        return stream.read().decode("utf-8", errors="replace")


def _is_text(path: Path) -> bool:
    return path.suffix in TEXT_SUFFIXES and path.stat().st_size <= SMALL_BYTES


def _is_numbers(path: Path) -> bool:
    return path.suffix == ".bin" and path.stat().st_size <= SMALL_BYTES and path.stat().st_size % 4 == 0


def _numbers(path: Path) -> tuple[float, ...]:
    return tuple(float(number) for number in np.fromfile(path, np.float32))
