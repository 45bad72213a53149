"""Changes that alter no answer: none of them may turn a check red."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from tests.bench.mutants import ICNET, INTRADA, RESNEST, Equivalent, Lab, edit, forget, wrap
from tests.bench.mutants_card import NORMALIZE, RESIZE, SCALE, SUBTRACT, SWAP, step
from tests.bench.mutants_graph import Graph, exported, node, written
from tests.bench.mutants_input import on_disk, shuffled_lines
from tests.bench.mutants_store import truncated

ALL = (("accuracy", 1), ("accuracy", 4), ("parity", 1), ("parity", 4), ("batch-consistency", 4))
ACCURACY = (("accuracy", 1),)


def _resaved(
    suffix: str, change: Callable[[Image.Image], Image.Image] = lambda picture: picture, **options: Any
) -> Any:
    def apply(root: Path) -> None:
        for path in sorted((root / "val" if (root / "val").is_dir() else root / "leftImg8bit").rglob("*.png")):
            change(Image.open(path)).save(path.with_suffix(suffix), **options)

    return on_disk(apply)


def _opaque(picture: Image.Image) -> Image.Image:
    picture.putalpha(255)
    return picture


def _tables_reordered(lab: Lab) -> None:
    """Put the tables after the first keys of a card in reverse, those of one array in their order."""
    head, *tables = lab.card_file.read_text(encoding="utf-8").split("\n[")
    arrays = [table for table in tables if table.startswith("[")]
    plain = [table for table in tables if not table.startswith("[")]
    lab.card_file.write_text("\n[".join([head, *reversed(plain), *arrays]) + "\n", encoding="utf-8")


def _comments(lab: Lab) -> None:
    lines = lab.card_file.read_text(encoding="utf-8").splitlines()
    spaced = [line.replace(" = ", "   =   ", 1) + "  # as is" if line and line[0].isalpha() else line for line in lines]
    lab.card_file.write_text("\n# A card.\n" + "\n".join(spaced) + "\n", encoding="utf-8")


def _saved_in_float32(lab: Lab) -> None:
    from safetensors.numpy import load_file, save_file

    state = load_file(lab.models / "tiny.safetensors")
    path = lab.models / "again.safetensors"
    wide = {name: a.astype(np.float32) if a.dtype == np.float16 else a for name, a in reversed(state.items())}
    save_file(wide, path, {"note": "saved again"})
    lab.declare_weights(path)


def _saved_by_torch(lab: Lab) -> None:
    from safetensors.torch import load_file

    state = load_file(lab.models / "tiny.safetensors")
    path = lab.models / "again.pth"
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, path)
    lab.declare_weights(path)


def _another_folder(lab: Lab) -> None:
    moved = lab.root / "my models" / "renamed"
    shutil.move(lab.models, moved)
    lab.models, lab.card_file = moved, moved / lab.card_file.name


def _another_run_folder(lab: Lab) -> None:
    lab.run_dir = lab.root / "runs of today" / "ünother"


def _no_folding(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    export = torch.onnx.export
    patch.setattr(torch.onnx, "export", lambda *g, **named: export(*g, **{**named, "do_constant_folding": False}))


def _folded_by_hand(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    """Fold every normalisation that stands behind a convolution of its number into it."""
    for module in list(network.modules()):
        for number in (1, 2, 3):
            convolution, norm = getattr(module, f"conv{number}", None), getattr(module, f"bn{number}", None)
            if isinstance(convolution, torch.nn.Conv2d) and isinstance(norm, torch.nn.BatchNorm2d):
                fused = torch.nn.utils.fusion.fuse_conv_bn_eval(convolution, norm)
                setattr(module, f"conv{number}", fused)
                setattr(module, f"bn{number}", torch.nn.Identity())


def _identities(graph: Graph) -> None:
    name = graph.input[0].name
    for item in graph.node:
        item.input[:] = ["same" if read == name else read for read in item.input]
        item.name = f"renamed_{item.name}"
        item.doc_string = "renamed"
    graph.node.insert(0, node("Identity", name, "same"))


def _initializers_reversed(graph: Graph) -> None:
    weights = [onnx.TensorProto.FromString(weight.SerializeToString()) for weight in graph.initializer]
    del graph.initializer[:]
    graph.initializer.extend(reversed(weights))


def _run_before(lab: Lab) -> None:
    lab.run("accuracy")


def _ties_the_other_way(original: Any) -> Any:
    def row(scores: Any, label: int) -> Any:
        pred, hit1, hit5, standard1, standard5, margin = original(scores, label)
        return pred, standard1, standard5, hit1, hit5, margin

    return row


MUTANTS = (
    Equivalent("another batch size", RESNEST, checks=ALL),
    Equivalent("another batch size", INTRADA, checks=ALL),
    Equivalent("nothing prefetched", RESNEST, (wrap("harness.checks.accuracy.depth", lambda f: lambda *given: 1),)),
    Equivalent("much prefetched", INTRADA, (wrap("harness.checks.accuracy.depth", lambda f: lambda *given: 64),)),
    Equivalent("two threads", INTRADA, case={"threads": 2}),
    Equivalent("not simplified", RESNEST, (edit("^simplify = true", "simplify = false"),)),
    Equivalent("opset 12", RESNEST, (edit("^opset = 11", "opset = 12"),)),
    Equivalent("constants not folded", INTRADA, (exported(_no_folding),)),
    Equivalent("batch normalisation folded into the convolutions", INTRADA, (exported(_folded_by_hand),)),
    Equivalent("an Identity more, other node names", RESNEST, (written(_identities),)),
    Equivalent("weights of the graph in another order", ICNET, (written(_initializers_reversed),)),
    Equivalent("tables of the card in another order", RESNEST, (_tables_reordered,)),
    Equivalent("comments and blanks on the card", ICNET, (_comments,)),
    Equivalent(
        "a card of one's own, in another folder",
        INTRADA,
        (edit(r'^name = "intrada-deeplabv2-tiny"', 'name = "mine"'), _another_folder),
    ),
    Equivalent("another run folder", RESNEST, (_another_run_folder,)),
    Equivalent("PNG compressed harder", RESNEST, (_resaved(".png", compress_level=9),)),
    Equivalent("PNG with an opaque alpha channel", INTRADA, (_resaved(".png", _opaque),)),
    Equivalent("label lines in another order", RESNEST, (on_disk(shuffled_lines),)),
    Equivalent("weights saved again in float32", RESNEST, (_saved_in_float32,)),
    Equivalent("weights saved by torch, wrapped and prefixed", INTRADA, (_saved_by_torch,)),
    Equivalent("a resize to the size it has", RESNEST, (edit(RESIZE, r"\g<0>\g<0>"),)),
    Equivalent("channels swapped twice", ICNET, (edit(SCALE, SWAP + SWAP + r"\g<0>"),)),
    Equivalent(
        "mean and std in two steps",
        ICNET,
        (
            edit(
                NORMALIZE,
                step("subtract", "mean = [0.485, 0.456, 0.406]")
                + step("normalize", "mean = [0.0, 0.0, 0.0], std = [0.229, 0.224, 0.225]"),
            ),
        ),
    ),
    Equivalent(
        "a mean of zero subtracted as well",
        INTRADA,
        (edit(SUBTRACT, r'\g<0>[[preprocess]]\nstep = "subtract"\nparams = { mean = [0.0, 0.0, 0.0] }\n\n'),),
    ),
    Equivalent("in a process of its own", RESNEST, means={"isolate": True}),
    Equivalent("in a process of its own", ICNET, means={"isolate": True}),
    Equivalent("through files", INTRADA, case={"runtime": "ort-files"}),
    Equivalent("PyTorch as the candidate", RESNEST, case={"runtime": "torch-cpu"}, checks=ACCURACY),
    Equivalent("a cold store", INTRADA, (forget(),)),
    Equivalent("a second run on one store", RESNEST, (_run_before,)),
    Equivalent("a truncated artifact, built again", RESNEST, (truncated,)),
    Equivalent("all four outputs kept", ICNET, (edit("^om = false\n", ""), edit("^om = false\n", ""))),
    Equivalent(
        "a confusion matrix transposed, as IoU is symmetric",
        INTRADA,
        (wrap("harness.metrics.iou.dense", lambda f: lambda outcomes: f(outcomes).swapaxes(1, 2)),),
        checks=ACCURACY,
    ),
    Equivalent(
        "adaptive pooling where windows part evenly",
        ICNET,
        (edit('"windowed": _pool_by_windows', '"windowed": _pool_adaptively', "network.py"),),
    ),
    Equivalent(
        "ties to the other class, where none is tied",
        RESNEST,
        (wrap("harness.metrics.topk._row", _ties_the_other_way),),
        checks=ACCURACY,
    ),
)
