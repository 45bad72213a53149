"""The inputs and outputs of an OM: their names, types, shapes and sizes, as the flags about them ask."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

from harness.emulator.atc_errors import AtcError
from harness.emulator.atc_onnx import Output, sizes
from harness.emulator.om import Tensor

if TYPE_CHECKING:
    import onnx

PICTURE_RANK = 4


class Ends:
    """Describes, and where flags ask for it changes, the ends of a `model`; `largest` is it at its largest gear."""

    def __init__(
        self, model: "onnx.ModelProto", largest: "onnx.ModelProto", asked: Sequence[Output], layout: str
    ) -> None:
        self.model, self.asked, self.layout = model, asked, layout
        self.largest = {value.name: sizes(value) for value in (*largest.graph.input, *largest.graph.output)}

    def inputs(self, names: Mapping[str, str], flags: Mapping[str, str], with_aipp: set[str]) -> tuple[Tensor, ...]:
        """Return the inputs; those of --input_fp16_nodes take float16.

        `names` are the tools' names by the values'. Raises AtcError E10016 for another name, E10034 with AIPP.
        """
        halves = {name.strip() for name in flags["input_fp16_nodes"].split(";") if name.strip()}
        for name in halves:
            if name not in names.values():
                raise AtcError("E10016", name, "input_fp16_nodes")
            if with_aipp:
                raise AtcError("E10034", name)
        found = []
        for value in self.model.graph.input:
            name, nbytes = value.name, self._items(value.name)
            if names[name] in halves:
                self._halve(value)
            dtype = _dtype(value)
            layout = "NHWC" if name.endswith("/aipp") else self.layout
            found.append(self._tensor(value, (names[name], dtype, layout), nbytes))
        return tuple(found)

    def outputs(self, types: tuple[str, Mapping[tuple[str, int], str]]) -> tuple[Tensor, ...]:
        """Return the outputs in order, cast to the type asked for all or for one by (node, index).

        Raises AtcError E10016 for a type asked for what is no output.
        """
        everywhere, single = types
        known = {(output.node, output.index) for output in self.asked}
        for node, index in single:
            if (node, index) not in known:
                raise AtcError("E10016", f"{node}:{index}", "output_type")
        found = []
        for position, output in enumerate(self.asked):
            items = self._items(output.value)
            value = self.model.graph.output[position]
            wanted = single.get((output.node, output.index), everywhere) or _dtype(value)
            if wanted != _dtype(value):
                self._cast(value, wanted)
            found.append(self._tensor(value, (output.name, wanted, self.layout), items))
        return tuple(found)

    def _items(self, name: str) -> int:
        """Return how many items a value has at the largest gear; 0 where that depends on data."""
        return max(prod(self.largest[name]), 0) if -1 not in self.largest[name] else 0

    @staticmethod
    def _tensor(value: "onnx.ValueInfoProto", words: tuple[str, str, str], items: int) -> Tensor:
        import numpy as np

        name, dtype, layout = words
        shape = sizes(value)
        layout = layout if len(shape) == PICTURE_RANK else "ND"
        return Tensor(name, value.name, dtype, shape, layout, items * np.dtype(dtype).itemsize)

    def _halve(self, value: "onnx.ValueInfoProto") -> None:
        """Let an input be float16: a Cast behind it makes what the model takes."""
        from onnx import TensorProto, helper

        name, half = value.name, f"{value.name}/float16_input"
        cast = helper.make_node("Cast", [half], [name], f"{half}/cast", to=TensorProto.FLOAT)
        copies = [type(node).FromString(node.SerializeToString()) for node in self.model.graph.node]
        del self.model.graph.node[:]
        self.model.graph.node.extend([cast, *copies])
        value.name, value.type.tensor_type.elem_type = half, TensorProto.FLOAT16

    def _cast(self, value: "onnx.ValueInfoProto", dtype: str) -> None:
        """Let an output be of another type: a Cast before it, and a name of its own."""
        import numpy as np
        from onnx import helper

        to = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        target = f"{value.name}/{dtype}"
        self.model.graph.node.append(helper.make_node("Cast", [value.name], [target], f"{target}/cast", to=to))
        value.name, value.type.tensor_type.elem_type = target, to


def _dtype(value: "onnx.ValueInfoProto") -> str:
    import onnx

    return onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
