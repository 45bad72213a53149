"""Mutants of the store, the runtime and the stream: stale artifacts, lost rows, wrong references, a slow run."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from harness import pipeline
from harness.results import Case
from harness.samples import Array
from tests.bench.mutants import ICNET, INTRADA, RESNEST, Change, Lab, Mutant, edit, forget, wrap
from tests.bench.mutants_card import SCALE, SWAP
from tests.bench.mutants_onnx import reweighted

SPLIT = "harness.runtimes.engine.split"
BATCHES = "harness.runtimes.batching.Batcher.batches"
LABELLED = "harness.stream.Feed.labelled"
IN_PROCESS = "harness.runtimes.ort.InProcess"
SLOWER = 5
READINGS = 3


def _weights(change: Callable[[Array], Array], layer: str) -> Change:
    def apply(lab: Lab) -> None:
        def rewrite(state: dict[str, Array]) -> None:
            state[layer] = change(state[layer]).astype(state[layer].dtype)

        lab.rewrite_weights(rewrite)

    return apply


def _undeclared_weights(lab: Lab) -> None:
    """Put another training's weights in place without a word on the card."""
    declared = lab.card_file.read_text(encoding="utf-8")
    _weights(lambda array: array * np.float16(1.5), "fc.weight")(lab)
    lab.card_file.write_text(declared, encoding="utf-8")


def _same_export_as_before(lab: Lab) -> None:
    """Let the key of an export miss what is changed after this."""

    def around(original: Any) -> Any:
        recipe = original(lab.bench().builder, lab.card(), "card")
        return lambda *arguments: recipe

    lab.wrap("harness.build.Builder._export_recipe", around)


def _of_batch_1(original: Any) -> Any:
    return lambda self, card, batch, weights="card": replace(original(self, card, 1, weights), batch=batch)


def _undetected(lab: Lab) -> None:
    lab.wrap("harness.artifacts._fault", lambda original: lambda *arguments, **options: "")


def _damaged(lab: Lab) -> None:
    for entry in lab.own("onnx"):
        model = onnx.load(entry / "model.onnx")
        reweighted(lambda weight: -weight, 2)(model.graph)
        onnx.save(model, entry / "model.onnx")


def truncated(lab: Lab) -> None:
    """Cut the gated files of the store short."""
    for entry in lab.own("onnx"):
        path = entry / "model.onnx"
        path.write_bytes(path.read_bytes()[:-5000])


def _broken_alike(original: Any) -> Any:
    def load(network: Any, state: dict[str, Array]) -> Any:
        notes = original(network, state)
        for name, parameter in network.named_parameters():
            if name.startswith("layer3"):
                parameter.data.mul_(0.5)
        return notes

    return load


def _reference_of_other_images(lab: Lab) -> None:
    """Let the key of reference outcomes miss which images they are of, after a run on a subset."""
    same = "harness.checks.accuracy.used"
    lab.wrap(same, lambda used: lambda *given: used(*given).model_copy(update={"ids_digest": "0" * 64}))
    lab.run("accuracy", samples=100)


def _reference_of_other_inputs(lab: Lab) -> None:
    """Let the key of reference outputs miss the inputs they were made from."""
    lab.wrap("harness.checks.parity._samples_digest", lambda original: lambda samples: "0" * 64)
    lab.run("parity")


def _rows_reversed(original: Any) -> Any:
    return lambda outputs, ids: original([output[::-1] for output in outputs], ids)


def _answers_reversed(original: Any) -> Any:
    return lambda outputs, ids: reversed(list(original(outputs, ids)))


def _padding_answered(original: Any) -> Any:
    return lambda outputs, ids: original(outputs, (*ids, *[ids[-1]] * (len(outputs[0]) - len(ids))))


def _only_full_batches(original: Any) -> Any:
    def batches(self: Any, samples: Any) -> Any:
        return (batch for batch in original(self, samples) if len(batch.ids) == self._size)

    return batches


def _without_the_last(original: Any) -> Any:
    return lambda self: original(replace(self, ids=self.ids[:-1]))


def _targets_one_late(original: Any) -> Any:
    def labelled(self: Any) -> Any:
        last = None
        for sample, target in original(self):
            yield sample, target if last is None else last
            last = target

    return labelled


def _first_scored_twice(original: Any) -> Any:
    return lambda self: original(replace(self, ids=(self.ids[0], *self.ids[:-1])))


class _Stack(deque[Any]):
    """Takes first what came last."""

    def popleft(self) -> Any:
        return self.pop()


def _one_buffer(original: Any) -> Any:
    def run(self: Any, arrays: Any) -> Any:
        outputs = original(self, arrays)
        kept = self.__dict__.setdefault("kept", [output.copy() for output in outputs])
        for place, output in zip(kept, outputs, strict=True):
            np.copyto(place, output)
        return kept

    return run


def _first_input_always(original: Any) -> Any:
    def run(self: Any, arrays: Any) -> Any:
        return original(self, self.__dict__.setdefault("first", [array.copy() for array in arrays]))

    return run


def learned(check: str, unit: str) -> Change:
    """Return a change that promises the speed which this machine reaches now, in canaries."""

    def apply(lab: Lab) -> None:
        card = lab.card()
        case = Case(model=card.name, runtime="ort-cpu", chip="cpu", batch=1, check=check)
        values = []
        for _ in range(READINGS):
            timed = pipeline.run(case, lab.bench()).measurement
            canary_ms, round_ms = min(timed.canary_before_ms, timed.canary_after_ms), np.median(timed.rounds_ms)
            values.append(canary_ms / round_ms if check == "throughput" else round_ms / canary_ms)
        row = f'chip = "cpu"\nbatch = 1\nmetric = "{check}"\nvalue = {np.median(values):.6f}\nunit = "{unit}"\n'
        kind = "" if check == "throughput" else "higher_is_better = false\n"
        source = 'role = "measured"\nsource = { file = "a run", text = "learned" }\n'
        with lab.card_file.open("a", encoding="utf-8") as stream:
            stream.write(f"\n[[baseline]]\n{row}{kind}{source}")

    return apply


def _slowed(original: Any) -> Any:
    def step(self: Any, arrays: Any) -> Any:
        once = original(self, arrays)
        return once if self._where == "canary" else lambda: sum(once() for _ in range(SLOWER))

    return step


STORE = (
    Mutant(
        "an artifact from before its weights changed",
        RESNEST,
        "parity",
        (_same_export_as_before, _weights(lambda a: a * np.float16(1.5), "fc.weight")),
        "parity",
    ),
    Mutant(
        "an artifact from before its weights changed",
        ICNET,
        "parity",
        (_same_export_as_before, _weights(lambda a: a * np.float16(0.9), "head.conv_cls.weight")),
        "parity",
    ),
    Mutant(
        "an artifact from before an argument of its network changed",
        INTRADA,
        "parity",
        (_same_export_as_before, edit(r"dilations = \[1, 2\]", "dilations = [2, 1]")),
        "parity",
    ),
    Mutant(
        "an artifact of another batch size",
        RESNEST,
        "batch-consistency",
        (wrap("harness.build.Builder.onnx", _of_batch_1),),
        "wrong-error",
        4,
    ),
    Mutant("a damaged artifact taken for a sound one", RESNEST, "parity", (_damaged, _undetected), "parity"),
    Mutant("a half-written artifact taken for a whole one", INTRADA, "parity", (truncated, _undetected), "wrong-error"),
    Mutant("another checkpoint than the card declares", RESNEST, "accuracy", (_undeclared_weights,), "wrong-error"),
    Mutant(
        "a layer of the checkpoint zeroed", RESNEST, "accuracy", (_weights(np.zeros_like, "layer2.0.conv1.weight"),)
    ),
    Mutant(
        "a checkpoint after one noisy step", ICNET, "accuracy", (_weights(lambda a: a[::-1], "head.conv_cls.weight"),)
    ),
    Mutant("NaN in the checkpoint", RESNEST, "accuracy", (_weights(lambda a: a * np.nan, "fc.bias"),), "nan"),
    Mutant(
        "candidate and reference broken alike",
        RESNEST,
        "accuracy",
        (wrap("harness.networks.load_state", _broken_alike), forget("onnx", "onnx-export", "torch-state")),
    ),
    Mutant(
        "candidate and reference broken alike",
        INTRADA,
        "accuracy",
        (wrap("harness.networks.load_state", _broken_alike), forget("onnx", "onnx-export", "torch-state")),
    ),
    Mutant(
        "a softmax over the wrong axis in the network",
        RESNEST,
        "accuracy",
        (edit(r"softmax\(dim=1\)", "softmax(dim=2)", "network.py"),),
    ),
    Mutant(
        "the two splits exchanged in the network",
        RESNEST,
        "accuracy",
        (
            edit(
                r"weights\[:, 0\] \* first \+ weights\[:, 1\] \* second",
                "weights[:, 1] * first + weights[:, 0] * second",
                "network.py",
            ),
        ),
    ),
    Mutant(
        "a shortcut left out in the network",
        INTRADA,
        "accuracy",
        (edit(r"self.bn3\(self.conv3\(out\)\) \+ shortcut", "self.bn3(self.conv3(out))", "network.py"),),
    ),
    Mutant(
        "align_corners flipped in the network",
        ICNET,
        "accuracy",
        (
            edit(
                'scale_factor=factor, mode="bilinear", align_corners=True',
                'scale_factor=factor, mode="bilinear", align_corners=False',
                "network.py",
            ),
        ),
    ),
    Mutant("cached reference of other images", RESNEST, "accuracy", (_reference_of_other_images,), "wrong-error"),
    Mutant(
        "cached reference of other inputs",
        RESNEST,
        "parity",
        (_reference_of_other_inputs, edit(SCALE, SWAP + r"\g<0>")),
        "parity",
    ),
)

STREAM = (
    Mutant(
        "a batch's answers in reverse rows", RESNEST, "batch-consistency", (wrap(SPLIT, _rows_reversed),), "parity", 4
    ),
    Mutant(
        "a batch's answers in reverse order",
        ICNET,
        "batch-consistency",
        (wrap(SPLIT, _answers_reversed),),
        "wrong-error",
        4,
    ),
    Mutant("padding scored as data", RESNEST, "batch-consistency", (wrap(SPLIT, _padding_answered),), "wrong-error", 4),
    Mutant(
        "the tail of the last batch dropped",
        RESNEST,
        "batch-consistency",
        (wrap(BATCHES, _only_full_batches),),
        "wrong-error",
        4,
    ),
    Mutant("the last picture left out", RESNEST, "accuracy", (wrap(LABELLED, _without_the_last),), "wrong-error"),
    Mutant(
        "the first picture scored twice, the last never",
        INTRADA,
        "accuracy",
        (wrap(LABELLED, _first_scored_twice),),
        "wrong-error",
    ),
    Mutant("targets one picture late", RESNEST, "accuracy", (wrap(LABELLED, _targets_one_late),)),
    Mutant(
        "targets taken from the wrong end",
        RESNEST,
        "accuracy",
        (wrap("harness.stream.deque", lambda original: _Stack),),
        "wrong-error",
        4,
    ),
    Mutant(
        "answers in one buffer, overwritten by the next",
        ICNET,
        "parity",
        (wrap(f"{IN_PROCESS}.run", _one_buffer),),
        "parity",
    ),
    Mutant(
        "the first input run again and again",
        INTRADA,
        "parity",
        (wrap(f"{IN_PROCESS}.run", _first_input_always),),
        "parity",
    ),
)

SPEED = (
    Mutant(
        "five times slower",
        RESNEST,
        "throughput",
        (learned("throughput", "images/canary"), wrap(f"{IN_PROCESS}.step", _slowed)),
    ),
    Mutant(
        "five times slower", INTRADA, "latency", (learned("latency", "canary"), wrap(f"{IN_PROCESS}.step", _slowed))
    ),
)

MUTANTS = (*STORE, *STREAM, *SPEED)
