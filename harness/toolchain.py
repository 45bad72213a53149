"""The Ascend toolchain as one value: where its programs are, the environment they run in, and its versions.

A real host and an emulated one are told apart by nothing but `emulated`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.errors import MissingNeedError

TOOLS = ("atc", "ais_bench", "msame", "benchmark", "npu-smi", "python")
"""The programs by the names used here; `python` is the interpreter that has aclruntime."""


@dataclass(frozen=True)
class Toolchain:
    """How each tool is started (`tools`: its name to the first words of its command), and in which environment.

    `env` is the whole environment of a tool. `cann` and `driver` are versions, empty where they cannot be told.
    `remedies` says, per absent tool, what to do.
    """

    tools: Mapping[str, tuple[str, ...]]
    env: Mapping[str, str]
    cann: str = ""
    driver: str = ""
    emulated: bool = False
    remedies: Mapping[str, str] = field(default_factory=dict)

    def has(self, tool: str) -> bool:
        """Tell whether a tool is there."""
        return tool in self.tools

    def command(self, tool: str) -> tuple[str, ...]:
        """Return the first words of a tool's command; raises MissingNeedError with the remedy if it is absent."""
        if tool not in self.tools:
            raise MissingNeedError(
                tool, "expected this tool of the Ascend toolchain", "nothing", self.remedies.get(tool, "")
            )
        return self.tools[tool]

    def describe(self) -> dict[str, Any]:
        """Return what a recipe and a result say of it: name, version, driver, emulated or not."""
        return {"name": "CANN", "version": self.cann, "driver": self.driver, "emulated": self.emulated}
