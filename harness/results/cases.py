"""A case: one promise to check, as plain data with an identity."""

import hashlib
import json

from harness.cards import Check
from harness.results.records import Record

SCRIPTS = "scripts"
"""The condition of a case that is run through a repository's own scripts."""
HOST_RUNTIMES = ("ort-", "tf-", "torch-")
"""How the names of runtimes begin that are libraries of the host; the others drive a chip's own tools."""


class Case(Record):
    """One promise to check: a model on a runtime and chip, at a batch size."""

    model: str
    runtime: str
    chip: str
    batch: int
    check: Check
    weights: str = "card"
    precision: str = "fp32"
    condition: str = ""
    threads: int = 1
    emulated: bool = False

    @property
    def on_host(self) -> bool:
        """Tell whether a library of the host runs the model, on its processor or whatever else it drives."""
        return self.runtime.startswith(HOST_RUNTIMES)

    @property
    def id(self) -> str:
        """The name in a pytest node: `icnet-tiny-ort-cpu-bs4`, `icnet-msame-Ascend310P3-bs1-seeded-emulated`."""
        chip = [] if self.chip in ("cpu", "any") or self.on_host else [self.chip]
        marks = [SCRIPTS] if self.condition == SCRIPTS else []
        marks += ([] if self.weights == "card" else [self.weights[:8]]) + (["emulated"] if self.emulated else [])
        return "-".join([self.model, self.runtime, *chip, f"bs{self.batch}", *marks])

    @property
    def test_name(self) -> str:
        """The test's name in the suite: `test_parity[icnet-tiny-ort-cpu-bs4]`."""
        return f"test_{self.check.replace('-', '_')}[{self.id}]"

    @property
    def key(self) -> str:
        """The history key: 16 hex digits of the sha256 of the canonical JSON of the declared fields."""
        known = {name: getattr(self, name) for name in type(self).model_fields}
        canonical = json.dumps(known, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]
