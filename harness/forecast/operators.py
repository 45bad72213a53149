"""Which operators contribute most to a mode's error: ranked in one ONNX session, the first few confirmed by ATC.

Ranking switches operators to float16 one at a time in float32 (`switches`). Confirming converts the model once per
operator, with --keep_dtype naming every other one, and compares that OM's outputs with those of the float32 OM.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from pathlib import Path

import numpy as np

from harness import memory, om_build
from harness.artifacts import Artifact, Store, file_sha256
from harness.cards import Atc, ModelCard
from harness.checks import parity
from harness.checks.detections import aligned
from harness.convert.atc import Order
from harness.errors import OmgateError, RunError
from harness.forecast.modes import FLOAT32, INCOMPARABLE, Desk, Rows, answers
from harness.forecast.switches import Operator, Switchboard, named, renamed
from harness.forecast_results import Contributions, OperatorError
from harness.runtimes.batching import Batcher, split
from harness.runtimes.ort import InProcess, OrtCpu
from harness.runtimes.protocol import SessionOptions
from harness.samples import Sample
from harness.units import counted

HEADS = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"})
HEADS_ONLY = frozenset({"allow_fp32_to_fp16", "cube_fp16in_fp32out"})
"""Modes that take convolutions and matrix products to float16 and, by ATC's documentation, nothing else."""
RANKING_SHARE = 0.5
"""Of the time allowed."""
TRIES = 2
"""How many times the operators asked for are tried: ATC fuses operators, and one that is not stored changes nothing."""
TO_KEEP = (
    "To keep one in float32, write its name on a line of a file beside the card, give that file as keep_dtype in the "
    "card's atc.flags, and forecast again."
)
OF_A_FROZEN_GRAPH = (
    "They are named as in the model's ONNX form; a --keep_dtype file takes the names of the frozen graph's own nodes, "
    "which their tensors lead to."
)


@dataclass(frozen=True)
class Suspect:
    """One operator, or all of a type, with the names of its nodes and the error found when ranking."""

    name: str
    type: str
    tensor: str
    nodes: frozenset[str]
    error: float = 0.0


def contributions(desk: Desk, count: int, budget_s: float) -> Contributions:
    """Return the `count` operators that contribute most to a mode's error; what prevents it is in `skipped`."""
    try:
        search = _Search(desk, budget_s)
        return search.found(count)
    except OmgateError as error:
        return Contributions(mode=desk.mode, skipped=str(error))


def distance(card: ModelCard, got: Rows, expected: Rows) -> float:
    """Return the root mean square over the outputs of ‖a−b‖ / ‖b‖, detections in the expected order.

    1e300 where a number is not finite or a shape differs.
    """
    rows = [aligned(card, mine, theirs) for mine, theirs in zip(got, expected, strict=True)]
    squares = []
    for place in range(len(card.kept_outputs)):
        off = size = 0.0
        for mine, theirs in zip(rows, expected, strict=True):
            if mine[place].shape != theirs[place].shape or not np.isfinite(mine[place]).all():
                return INCOMPARABLE
            off += float(np.square(mine[place].astype(np.float64) - theirs[place]).sum())
            size += float(np.square(theirs[place].astype(np.float64)).sum())
        if size == 0.0 and off > 0.0:
            return INCOMPARABLE
        squares.append(off / size if size else 0.0)
    return sqrt(sum(squares) / len(squares))


class _Search:
    """The model of a desk as ONNX with named nodes, the fixed inputs, and the clock."""

    def __init__(self, desk: Desk, budget_s: float) -> None:
        case, self._budget_s = desk.case("parity"), budget_s
        self._desk, self._card = desk, desk.bench.card(case)
        self._deadline = time.monotonic() + budget_s
        self._folder = desk.bench.run_dir / "operators"
        self._folder.mkdir(parents=True, exist_ok=True)
        source = desk.bench.builder.onnx(self._card, desk.batch, desk.bench.weights)
        model = named(source.path)
        graph_only = self._card.source.framework == "tensorflow"
        self._advice = OF_A_FROZEN_GRAPH if graph_only else "" if renamed(source.path, model) else TO_KEEP
        path = self._folder / "named.onnx"
        path.write_bytes(model.SerializeToString())
        self._source = replace(source, path=path, digest=file_sha256(path))
        self._all = tuple(node.name for node in model.graph.node)
        self._board = Switchboard(model)
        self._samples = parity.fixed_inputs(self._card, desk.bench)

    def found(self, count: int) -> Contributions:
        """Return the operators that contribute most, as many as the time allows; raises OmgateError."""
        suspects, ranked = _suspects(self._board.operators, self._desk.mode), ""
        considered = len(suspects)
        if considered > count:
            suspects, ranked = self._ranked(suspects)
        whole = self._confirmed(self._all_but(frozenset(self._all)))
        tried, rows = 0, list[OperatorError]()
        while tried < min(len(suspects), TRIES * count) and len(rows) < count and not self._late(tried):
            suspect = suspects[tried]
            error = self._confirmed(self._all_but(suspect.nodes))
            rows += [_row(suspect, error, whole)] if error else []
            tried += 1
        rows.sort(key=lambda row: row.error, reverse=True)
        method = (
            f"{ranked}{tried} of {len(suspects)} were each the only one in float16 in an OM by the emulated ATC, with "
            f"--keep_dtype naming all others, on {counted(len(self._samples), 'input')}; those that change the final "
            f"outputs of the float32 OM are listed. {self._advice}"
        )
        return Contributions(
            mode=self._desk.mode, method=method.strip(), error=whole, considered=considered, rows=tuple(rows)
        )

    def _late(self, tried: int) -> bool:
        return tried > 0 and time.monotonic() > self._deadline

    def _all_but(self, nodes: frozenset[str]) -> tuple[str, ...]:
        return tuple(name for name in self._all if name not in nodes)

    def _confirmed(self, keep: Sequence[str]) -> float:
        """Return the error of an OM in which the named nodes stay in float32."""
        return distance(self._card, answers(self._desk, self._om(self._desk.mode, keep), self._samples), self._float32)

    @cached_property
    def _float32(self) -> Rows:
        return answers(self._desk, self._om(FLOAT32, ()), self._samples)

    def _om(self, mode: str, keep: Sequence[str]) -> Artifact:
        """Build an OM of the named model in a store of its own: nothing else would ever ask for it."""
        flags = dict(self._card.atc.flags) if self._card.atc else {}
        flags.pop("keep_dtype", None)
        if keep:
            path = self._folder / "keep.txt"
            path.write_text("\n".join(keep) + "\n", encoding="utf-8")
            flags["keep_dtype"] = str(path.resolve())
        layout = self._card.atc.input_format if self._card.atc else ""
        table = Atc(framework=5, input_format=layout, precision_mode=mode, flags=flags)
        card = self._card.model_copy(update={"atc": table})
        means = om_build.Means(
            Store(self._folder), self._desk.toolchain, self._desk.bench.builder.store.root.parent / "logs"
        )
        return om_build.build(Order(card, self._desk.batch, self._desk.chip, self._source), means)

    def _ranked(self, suspects: tuple[Suspect, ...]) -> tuple[tuple[Suspect, ...], str]:
        """Return the suspects, or one per type where there is no time for each, worst first, and how that was done."""
        ranking = _Ranking(self._board, self._source, self._card, self._folder)
        share = self._budget_s * RANKING_SHARE
        samples = self._samples
        needed = ranking.prepare(samples)
        if needed * len(suspects) > share:
            samples = samples[: self._desk.batch]
            needed = ranking.prepare(samples)
        what = f"{len(suspects)} operators"
        if needed * len(suspects) > share:
            suspects = by_type(suspects)
            what = f"{len(suspects)} types of operators, for want of time not the {what},"
        if needed * len(suspects) > share:
            got, do = f"{needed * len(suspects):.0f} s", f"pass --budget {needed * len(suspects) / RANKING_SHARE:.0f}"
            raise RunError("operators", f"expected to rank them in {share:.0f} s", got, do, kind="timeout")
        scored = [replace(suspect, error=ranking.error(suspect)) for suspect in suspects]
        scored.sort(key=lambda suspect: suspect.error, reverse=True)
        on = counted(len(samples), "input")
        method = f"The {what} were ranked by ONNX Runtime on {on}, each in turn the only one whose "
        return tuple(scored), f"{method}weights and results are rounded to float16; then, worst first, "


class _Ranking:
    """The switchboard in a session of ONNX Runtime."""

    def __init__(self, board: Switchboard, source: Artifact, card: ModelCard, folder: Path) -> None:
        self._places = {operator.name: place for place, operator in enumerate(board.operators)}
        self._card, self._source = card, source
        path = folder / "switches.onnx"
        path.write_bytes(board.model.SerializeToString())
        memory.require(memory.onnx_mib(path), card.name)
        options = SessionOptions(batch=source.batch, workdir=folder)
        self._engine = InProcess(path.name, str(path), OrtCpu().settings("cpu", options))
        self._samples: Sequence[Sample] = ()
        self._expected: Rows = []

    def prepare(self, samples: Sequence[Sample]) -> float:
        """Take these inputs from now on; return the seconds that one operator will take."""
        self._samples = samples
        self._answers(frozenset())  # the first run allocates
        started = time.monotonic()
        self._expected = self._answers(frozenset())
        return time.monotonic() - started

    def error(self, suspect: Suspect) -> float:
        """Return the error of the final outputs with a suspect in float16."""
        return distance(self._card, self._answers(suspect.nodes), self._expected)

    def _answers(self, nodes: frozenset[str]) -> Rows:
        switches = np.zeros(len(self._places), np.bool_)
        switches[[self._places[name] for name in nodes]] = True
        batches = Batcher(self._source.path.name, self._source.inputs, self._source.batch).batches(self._samples)
        return [
            tuple(array.copy() for array in outputs.arrays)
            for batch in batches
            for outputs in split(self._engine.run([*batch.arrays, switches]), batch.ids)
        ]


def _suspects(operators: Sequence[Operator], mode: str) -> tuple[Suspect, ...]:
    admitted = [one for one in operators if mode not in HEADS_ONLY or one.type in HEADS]
    return tuple(Suspect(one.name, one.type, one.tensor, frozenset({one.name})) for one in admitted)


def by_type(suspects: Sequence[Suspect]) -> tuple[Suspect, ...]:
    """Return one suspect per type of operator, of all its nodes, in the order of the first ones."""
    types: dict[str, list[Suspect]] = {}
    for suspect in suspects:
        types.setdefault(suspect.type, []).append(suspect)
    return tuple(some[0] if len(some) == 1 else _together(some) for some in types.values())


def _together(some: Sequence[Suspect]) -> Suspect:
    nodes = frozenset[str]().union(*(suspect.nodes for suspect in some))
    return Suspect(f"all {len(some)}", some[0].type, f"the last: {some[-1].tensor}", nodes)


def _row(suspect: Suspect, error: float, whole: float) -> OperatorError:
    comparable = max(error, whole) < INCOMPARABLE and whole > 0.0
    share = (error / whole) ** 2 if comparable else None
    return OperatorError(name=suspect.name, type=suspect.type, tensor=suspect.tensor, error=error, share=share)
