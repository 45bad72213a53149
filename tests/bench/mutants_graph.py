"""How a mutant changes a network on its way out of PyTorch, or a graph just before it is written."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from harness.samples import Array
from tests.bench.mutants import Change, Lab

Graph = onnx.GraphProto
Edit = Callable[[Graph], object]


def written(change: Edit) -> Change:
    """Return a change of every graph just before it is written to its file."""

    def around(check: Any) -> Any:
        def checked(model: onnx.ModelProto, *arguments: Any) -> None:
            check(model, *arguments)
            change(model.graph)
            model.graph.ClearField("value_info")

        return checked

    def apply(lab: Lab) -> None:
        lab.forget("onnx")
        lab.wrap("harness.convert.onnx_graph.check_specs", around)

    return apply


def exported(change: Callable[[torch.nn.Module, pytest.MonkeyPatch], object]) -> Change:
    """Return a change of the network, or of PyTorch, while it is exported."""

    def around(export: Any) -> Any:
        def exporting(network: torch.nn.Module, *arguments: Any) -> Any:
            with pytest.MonkeyPatch.context() as patch, torch.no_grad():
                change(network, patch)
                return export(network, *arguments)

        return exporting

    def apply(lab: Lab) -> None:
        lab.forget("onnx", "onnx-export")
        lab.wrap("harness.convert.torch_onnx.export", around)

    return apply


def behind(make: Callable[[str, str], Sequence[onnx.NodeProto]], constant: Any = None, output: int = 0) -> Edit:
    """Return an edit that puts nodes behind an output; `make` gets the names to read and to write.

    The nodes may read `constant` by that name.
    """

    def change(graph: Graph) -> None:
        name = graph.output[output].name
        hidden = f"{name}_before"
        for node in graph.node:
            node.output[:] = [hidden if item == name else item for item in node.output]
            node.input[:] = [hidden if item == name else item for item in node.input]
        graph.node.extend(make(hidden, name))
        if constant is not None:
            graph.initializer.append(numpy_helper.from_array(np.asarray(constant), "constant"))

    return change


def node(operator: str, read: str | Sequence[str], write: str, **attributes: Any) -> onnx.NodeProto:
    """Return a node of one output."""
    return helper.make_node(operator, [read] if isinstance(read, str) else list(read), [write], **attributes)


def reweighted(change: Callable[[Array], Array], place: int = -1) -> Edit:
    """Return an edit of the weights of one convolution, or of all where `place` is 99."""

    def apply(graph: Graph) -> None:
        found = [weight for weight in graph.initializer if len(weight.dims) == 4]
        for weight in found if place == 99 else [found[place]]:
            changed = change(numpy_helper.to_array(weight)).astype(np.float32)
            weight.CopyFrom(numpy_helper.from_array(changed, weight.name))

    return apply


def replaced(operator: str, new: str, place: int = -1) -> Edit:
    """Return an edit that makes one node of an operator another operator, reading its first input only."""

    def apply(graph: Graph) -> None:
        found = [item for item in graph.node if item.op_type == operator][place]
        found.CopyFrom(helper.make_node(new, [found.input[0]], [found.output[0]]))

    return apply


def attribute(operator: str, name: str, value: Any, place: int = -1) -> Edit:
    """Return an edit of one node's attribute."""

    def apply(graph: Graph) -> None:
        found = [item for item in graph.node if item.op_type == operator][place]
        kept = [item for item in found.attribute if item.name != name]
        del found.attribute[:]
        found.attribute.extend([*kept, helper.make_attribute(name, value)])

    return apply
