"""One precision mode of a forecast: its OM built, run on the card's data, and compared with float32."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness import ascend_host, metrics
from harness.artifacts import Artifact
from harness.cards import Atc, Check, ModelCard
from harness.checks import accuracy, parity
from harness.checks.detections import aligned
from harness.convert import atc
from harness.errors import RunError
from harness.forecast_results import DeviceMemory, ModeForecast, OutputError
from harness.npus import Npu
from harness.process import run_tool
from harness.results import Case, Measure, Paired
from harness.samples import Array, Sample
from harness.stream import answered
from harness.toolchain import Toolchain
from harness.workbench import Workbench

FLOAT32 = "must_keep_origin_dtype"
DEFAULT = "force_fp16"
"""ATC's mode where none is given."""
MODES = (
    *(FLOAT32, "force_fp32", DEFAULT, "allow_fp32_to_fp16", "allow_mix_precision", "allow_mix_precision_fp16"),
    "cube_fp16in_fp32out",
)
"""The values of --precision_mode in ATC's documentation without those of bfloat16, which these chips do not have."""
OTHER_FLAGS = ("precision_mode_v2",)
"""Flags of a card that would contradict the mode."""
MIB = 2**20
SHOW_S = 120.0
"""ATC only reads the OM and writes what is in it."""
INCOMPARABLE = 1e300

Outcomes = dict[str, Array]
Rows = list[tuple[Array, ...]]
"""Per sample the arrays of the kept outputs, without a batch axis."""


@dataclass(frozen=True)
class Desk:
    """A card in a precision mode on a chip at a batch size, and the means; `unscored` is why there is no accuracy."""

    card: ModelCard
    mode: str
    chip: str
    batch: int
    bench: Workbench
    npu: Npu
    unscored: str = ""

    @property
    def toolchain(self) -> Toolchain:
        """The emulated toolchain."""
        if self.bench.host is None:
            raise RunError("forecast", "expected an emulated host", "none", kind="infra", stage="prepare")
        return self.bench.host.toolchain

    def at(self, mode: str) -> "Desk":
        """Return the same desk in another mode."""
        return replace(self, mode=mode, bench=replace(self.bench, cards={self.card.name: self._card_in(mode)}))

    def case(self, check: Check) -> Case:
        """Return the case that a check of the OM is.

        Every mode's parity counts as one of half precision, so that the same outputs are compared in all of them.
        """
        precision = "fp16" if check == "parity" else ascend_host.PRECISIONS.get(self.mode, ascend_host.MIXED)
        return Case(
            model=self.card.name,
            runtime="aclruntime",
            chip=self.chip,
            batch=self.batch,
            check=check,
            precision=precision,
            condition=self.mode,
            emulated=True,
        )

    def _card_in(self, mode: str) -> ModelCard:
        if self.card.atc is not None:
            flags = {name: value for name, value in self.card.atc.flags.items() if name not in OTHER_FLAGS}
            return self.card.model_copy(
                update={"atc": self.card.atc.model_copy(update={"precision_mode": mode, "flags": flags})}
            )
        # What ATC is told where the card has no command, now with a mode.
        order = self.bench.builder.om_order(self.card, self.batch, self.chip, self.bench.weights)
        told = atc.settings(order)
        table = Atc.model_validate(
            {
                "framework": int(str(told["framework"])),
                "input_format": told.get("input_format", ""),
                "precision_mode": mode,
            }
        )
        return self.card.model_copy(update={"atc": table})


def own(card: ModelCard) -> str:
    """Return the mode of the card's own conversion; ATC's default where it names none."""
    named = card.atc.precision_mode if card.atc is not None else ""
    return named or DEFAULT


def measured(desk: Desk, float32: Outcomes | None) -> tuple[ModeForecast, Outcomes | None]:
    """Return the row of a mode and its outcomes, None without accuracy; `float32` are the outcomes to compare with.

    What breaks is in the row. Float32 itself must run where it fits: raises what else it breaks with.
    """
    row = ModeForecast(mode=desk.mode, own=own(desk.card) == desk.mode)
    failures, found = [], None
    facts: dict[str, object] = {}
    try:
        facts |= _needed(desk)
        facts["parity"] = _parity(desk)
        if not desk.unscored:
            facts["measure"], found, facts["paired"] = _scored(desk, float32)
    except RunError as error:
        if desk.mode == FLOAT32 and error.kind != "oom":
            raise
        failures.append(f"{error.kind}: {error}")
    return row.model_copy(update={**facts, "failures": tuple(failures)}), found


def _needed(desk: Desk) -> dict[str, object]:
    artifact = desk.bench.artifact(desk.case("accuracy"))
    needed = device_memory(desk.toolchain, artifact.path, desk.bench.run_dir)
    free = (desk.npu.memory_total_mib - desk.npu.memory_used_mib) * MIB
    return {"memory": needed, "fits": needed.total <= free}


def device_memory(toolchain: Toolchain, om: Path, folder: Path) -> DeviceMemory:
    """Return the memory that the emulated ATC estimates for an OM; raises RunError where it does not tell."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{om.stem}.json"
    argv = [*toolchain.command("atc"), "--mode=1", f"--om={om}", f"--json={target}"]
    run_tool(argv, cwd=folder, env=toolchain.env, timeout_s=SHOW_S, log=folder / "atc-show.log")
    try:
        return DeviceMemory.model_validate(json.loads(target.read_text(encoding="utf-8"))["memory"])
    except (OSError, ValueError, KeyError) as error:
        what = "expected the OM's memory from ATC"
        raise RunError(om.name, what, str(error), kind="tool-failed", stage="atc") from error


def _parity(desk: Desk) -> tuple[OutputError, ...]:
    """Compare every kept output with the framework's on the fixed inputs."""
    case, bench = desk.case("parity"), desk.bench
    card = bench.card(case)
    samples = parity.fixed_inputs(card, bench)
    expected = parity.reference_outputs(case, bench, samples)
    got = [
        aligned(card, mine, theirs)
        for mine, theirs in zip(answers(desk, bench.artifact(case), samples), expected, strict=True)
    ]
    return tuple(
        output_error(spec.name, [row[place] for row in got], [row[place] for row in expected])
        for place, spec in enumerate(card.kept_outputs)
    )


def answers(desk: Desk, artifact: Artifact, samples: Sequence[Sample]) -> Rows:
    """Return what an OM answers to some samples."""
    with desk.bench.open(desk.case("parity"), artifact) as session:
        return [outputs.arrays for outputs in answered(session, samples)]


def output_error(name: str, got: list[Array], expected: list[Array]) -> OutputError:
    """Return parity's cosine and largest error of an output, and its mean error; all in float64."""
    compared = parity.compare(name, got, expected)
    if not compared.finite:
        return OutputError(**compared.model_dump(), mean_rel=INCOMPARABLE)
    pairs = [(mine.astype(np.float64), theirs.astype(np.float64)) for mine, theirs in zip(got, expected, strict=True)]
    off = sum(float(np.abs(mine - theirs).sum()) for mine, theirs in pairs)
    size = sum(float(np.abs(theirs).sum()) for _, theirs in pairs)
    mean = off / size if size else (INCOMPARABLE if off else 0.0)
    return OutputError(**compared.model_dump(), mean_rel=mean)


def _scored(desk: Desk, float32: Outcomes | None) -> tuple[Measure, Outcomes, Paired | None]:
    case, bench = desk.case("accuracy"), desk.bench
    card = bench.card(case)
    feed = bench.feed(card)
    with bench.open(case, bench.artifact(case)) as session:
        scorer, outcomes = accuracy.scored(case, bench, feed, session)
    compared = None if float32 is None else metrics.paired(card, outcomes, float32, FLOAT32)
    return scorer.measures()[0], outcomes, compared
