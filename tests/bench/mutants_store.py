"""Mutants of the store, the checkpoint and the references: stale, damaged or foreign, and taken for what was asked."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from harness.samples import Array
from tests.bench.mutants import ICNET, INTRADA, RESNEST, Change, Lab, Mutant, edit, forget, wrap
from tests.bench.mutants_card import SCALE, SWAP
from tests.bench.mutants_graph import reweighted


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


MUTANTS = (
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
        "the classifier's rows in reverse in the checkpoint",
        ICNET,
        "accuracy",
        (_weights(lambda a: a[::-1], "head.conv_cls.weight"),),
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
