"""Mutants of the conversion: a network changed on its way out of PyTorch, or a graph changed before it is written.

The reference keeps the network as it is, so parity has to see each of them, whatever it costs in accuracy.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch.nn import functional

from harness.samples import Array
from tests.bench.mutants import ICNET, INTRADA, RESNEST, Change, Mutant, edit
from tests.bench.mutants_graph import Edit, Graph, attribute, behind, exported, node, replaced, reweighted, written


def _as_half(hidden: str, name: str) -> list[onnx.NodeProto]:
    return [node("Cast", hidden, "half", to=TensorProto.FLOAT16), node("Cast", "half", name, to=TensorProto.FLOAT)]


def _as_integers(hidden: str, name: str) -> list[onnx.NodeProto]:
    return [node("Cast", hidden, "whole", to=TensorProto.INT64), node("Cast", "whole", name, to=TensorProto.FLOAT)]


def _to_tenths(hidden: str, name: str) -> list[onnx.NodeProto]:
    scaled = node("Mul", (hidden, "constant"), "scaled")
    return [scaled, node("Floor", "scaled", "floor"), node("Div", ("floor", "constant"), name)]


def _added(hidden: str, name: str) -> list[onnx.NodeProto]:
    return [node("Add", (hidden, "constant"), name)]


def _gathered(axis: int) -> Callable[[str, str], list[onnx.NodeProto]]:
    return lambda hidden, name: [node("Gather", (hidden, "constant"), name, axis=axis)]


def _centred_over_the_batch(hidden: str, name: str) -> list[onnx.NodeProto]:
    return [node("ReduceMean", hidden, "mean", axes=[0], keepdims=1), node("Sub", (hidden, "mean"), name)]


def _one_bad(shape: tuple[int, ...], value: float) -> Array:
    bad = np.zeros(shape, np.float32)
    bad.reshape(-1)[3] = value
    return bad


def _outputs_exchanged(graph: Graph) -> None:
    first, second = (output.name for output in graph.output)
    names = {first: second, second: first}
    for item in graph.node:
        item.output[:] = [names.get(name, name) for name in item.output]


def _input_transposed(graph: Graph) -> None:
    name = graph.input[0].name
    for item in graph.node:
        item.input[:] = ["transposed" if read == name else read for read in item.input]
    graph.node.insert(0, node("Transpose", name, "transposed", perm=[0, 1, 3, 2]))


def _quantised(weight: Array) -> Array:
    step = np.abs(weight).max() / 127
    return np.round(weight / step) * step


def _noised(weight: Array) -> Array:
    noise = np.random.default_rng(3).standard_normal(weight.shape)
    return weight + 1e-3 * weight.std() * noise


def _corners_not_aligned(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    resize = functional.interpolate
    patch.setattr(functional, "interpolate", lambda x, **given: resize(x, **{**given, "align_corners": False}))


def _statistics_of_the_picture(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    def normalise(x: Any, mean: Any, variance: Any, weight: Any, bias: Any, *rest: Any) -> Any:
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * weight[:, None, None] + bias[:, None, None]

    patch.setattr(functional, "batch_norm", normalise)


def _statistics_lost(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()


def _larger_epsilon(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-3


def _at_opset_12(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    export = torch.onnx.export
    patch.setattr(torch.onnx, "export", lambda *given, **named: export(*given, **{**named, "opset_version": 12}))


def _without_the_ceiling(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    network.maxpool.ceil_mode = False


def _other_splits(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    split = torch.split
    patch.setattr(torch, "split", lambda *given, **named: tuple(reversed(split(*given, **named))))


def _pooled_adaptively(network: torch.nn.Module, patch: pytest.MonkeyPatch) -> None:
    network.ppm.pool = _adaptive_means


def _adaptive_means(x: torch.Tensor, bins: int) -> torch.Tensor:
    """Return what adaptive_avg_pool2d does, in operators that opset 11 has for any size."""
    for axis in (2, 3):
        side = int(x.shape[axis])
        edges = [(number * side // bins, -(-(number + 1) * side // bins)) for number in range(bins)]
        x = torch.cat([x.narrow(axis, low, high - low).mean(axis, keepdim=True) for low, high in edges], axis)
    return x


# A coarsest map of 9 × 12, which 6 windows of one size cannot part evenly: 192 × 384 gives 6 × 12, where the two agree.
TALLER = (
    edit(r"^shape = \[\"N\", 3, 192, 384\]", 'shape = ["N", 3, 288, 384]'),
    edit(r"^shape = \[\"N\", 11, 192, 384\]", 'shape = ["N", 11, 288, 384]'),
    edit(r"^shape = \[\"N\", 11, 48, 96\]", 'shape = ["N", 11, 72, 96]'),
    edit(r"^shape = \[\"N\", 11, 24, 48\]", 'shape = ["N", 11, 36, 48]'),
    edit(r"^shape = \[\"N\", 11, 12, 24\]", 'shape = ["N", 11, 18, 24]'),
    edit("^height = 192", "height = 288"),
    edit("^count = .*", "count = 8"),
    edit(r"(params\]\n(?:.*\n)*?)count = .*", r"\1count = 8"),
)


def _parity(name: str, card: str, *how: Change, code: str = "parity", batch: int = 1) -> Mutant:
    return Mutant(name, card, "parity", how, code, batch)


EXPORT = (
    _parity("align_corners flipped in the export", ICNET, exported(_corners_not_aligned)),
    _parity("batch normalisation in training mode", INTRADA, exported(_statistics_of_the_picture)),
    _parity("running statistics lost", RESNEST, exported(_statistics_lost)),
    _parity("another epsilon of the normalisation", RESNEST, exported(_larger_epsilon)),
    _parity("the two splits exchanged in the export", RESNEST, exported(_other_splits)),
    _parity("adaptive for windowed pooling", ICNET, *TALLER, exported(_pooled_adaptively)),
    _parity("another opset than asked for", RESNEST, exported(_at_opset_12), code="wrong-error"),
    _parity("a pooling that rounds down", INTRADA, exported(_without_the_ceiling), code="wrong-error"),
)

WEIGHTS = (
    _parity("a layer's weights zeroed", RESNEST, written(reweighted(np.zeros_like, 0))),
    _parity("a layer's weights noised by a thousandth", RESNEST, written(reweighted(_noised, 5))),
    _parity("weights rounded to half", ICNET, written(reweighted(lambda w: w.astype(np.float16), 99))),
    _parity("weights quantised to 8 bits", INTRADA, written(reweighted(_quantised, 99))),
    _parity("a kernel transposed", ICNET, written(reweighted(lambda w: w.swapaxes(2, 3), 0))),
    _parity("a ReLU dropped", RESNEST, written(replaced("Relu", "Identity"))),
    _parity("a shortcut dropped", INTRADA, written(replaced("Add", "Identity", 1))),
    _parity("maximum for average pooling", RESNEST, written(replaced("GlobalAveragePool", "GlobalMaxPool", 0))),
    _parity("a softmax over the wrong axis", RESNEST, written(attribute("Softmax", "axis", 1))),
    _parity("nearest for linear resizing", ICNET, written(attribute("Resize", "mode", "nearest"))),
    _parity("a convolution padded on one side", INTRADA, written(attribute("Conv", "pads", [4, 4, 2, 2], 0))),
    _parity("the input transposed", RESNEST, written(_input_transposed)),
)

OUTPUTS = (
    _parity("kept outputs exchanged", INTRADA, written(_outputs_exchanged)),
    _parity("classes in reverse order", RESNEST, written(behind(_gathered(1), np.arange(10)[::-1].copy()))),
    _parity("class indices off by one", ICNET, written(behind(_gathered(1), np.roll(np.arange(11), 1)))),
    _parity("logits rounded to half", ICNET, written(behind(_as_half))),
    _parity("logits cut to integers", RESNEST, written(behind(_as_integers))),
    _parity("logits rounded to tenths", INTRADA, written(behind(_to_tenths, np.float32(10), 1))),
    _parity("NaN in one logit", RESNEST, written(behind(_added, _one_bad((1, 10), np.nan))), code="nan"),
    Mutant("NaN in one logit", RESNEST, "accuracy", (written(behind(_added, _one_bad((1, 10), np.nan))),), "nan"),
    Mutant(
        "infinity in one logit", ICNET, "accuracy", (written(behind(_added, _one_bad((1, 11, 1, 1), np.inf))),), "nan"
    ),
    Mutant(
        "NaN in an output that is not scored",
        INTRADA,
        "accuracy",
        (written(behind(_added, _one_bad((1, 11, 1, 1), np.nan))),),
        "nan",
    ),
    Mutant(
        "NaN in one logit",
        RESNEST,
        "batch-consistency",
        (written(behind(_added, _one_bad((1, 10), np.nan))),),
        "nan",
        4,
    ),
)


def _at_batch(batch: int, change: Edit) -> Edit:
    def apply(graph: Graph) -> None:
        if graph.input[0].type.tensor_type.shape.dim[0].dim_value == batch:
            change(graph)

    return apply


def _of_four(name: str, card: str, change: Edit) -> Mutant:
    return Mutant(name, card, "batch-consistency", (written(_at_batch(4, change)),), "parity", 4)


BATCH = (
    _of_four("the first row's answer in every row", RESNEST, behind(_gathered(0), np.zeros(4, np.int64))),
    _of_four("the first row's answer in every row", INTRADA, behind(_gathered(0), np.zeros(4, np.int64), 1)),
    _of_four("the batch's rows in reverse", ICNET, behind(_gathered(0), np.arange(4)[::-1].copy())),
    _of_four("a mean over the batch", RESNEST, behind(_centred_over_the_batch)),
    _parity(
        "the batch's rows in reverse",
        RESNEST,
        written(_at_batch(4, behind(_gathered(0), np.arange(4)[::-1].copy()))),
        batch=4,
    ),
)

MUTANTS = (*EXPORT, *WEIGHTS, *OUTPUTS, *BATCH)
