"""Facts read from ONNX graphs, and keeping fewer outputs of one."""

from pathlib import Path

import onnx
import pytest
from onnx import parser

from harness.convert.onnx_graph import inventory, keep_outputs, read, specs
from harness.errors import RunError

TEXT = """<ir_version: 6, opset_import: ["" : 11]>
g (float[1,2] x) => (float[1,2] main, float[1,2] aux, float[1,2] deep)
    <float[2,2] w = {1., 2., 3., 4.}, float[2,2] v = {5., 6., 7., 8.}> {
    h = Relu(x)
    main = MatMul(h, w)
    a = MatMul(h, v)
    aux = Sigmoid(a)
    deep = Tanh(main)
}"""


def model() -> onnx.ModelProto:
    return parser.parse_model(TEXT)


def test_the_inventory_counts_operators_and_names_the_producer_of_each_output() -> None:
    graph = model()
    graph.graph.node[1].name = "/head/MatMul"

    found = inventory(graph)

    assert (found.opset, found.ir_version) == (11, 6)
    assert found.operators == {"MatMul": 2, "Relu": 1, "Sigmoid": 1, "Tanh": 1}
    assert found.producers == {"main": ("/head/MatMul", "MatMul"), "aux": ("", "Sigmoid"), "deep": ("", "Tanh")}


def test_a_model_without_the_standard_opset_is_an_error() -> None:
    graph = model()
    graph.opset_import[0].domain = "com.example"

    with pytest.raises(RunError, match="opset of the standard domain"):
        inventory(graph)


def test_outputs_are_kept_by_index_with_what_they_need_and_nothing_else() -> None:
    graph = model()

    keep_outputs(graph, [0])

    onnx.checker.check_model(graph, full_check=True)
    assert [out.name for out in graph.graph.output] == ["main"]
    assert [node.op_type for node in graph.graph.node] == ["Relu", "MatMul"]
    assert [weight.name for weight in graph.graph.initializer] == ["w"]


def test_a_kept_output_may_be_read_on_the_way_to_another() -> None:
    graph = model()

    keep_outputs(graph, [2, 0])

    onnx.checker.check_model(graph, full_check=True)
    assert [out.name for out in graph.graph.output] == ["deep", "main"]
    assert [node.op_type for node in graph.graph.node] == ["Relu", "MatMul", "Tanh"]


def test_what_a_subgraph_reads_from_outside_is_kept() -> None:
    graph = parser.parse_model(
        """<ir_version: 6, opset_import: ["" : 11]>
        g (float[2] x, bool c) => (float[2] y) {
            used = Relu(x)
            unused = Tanh(x)
            y = If (c) <then_branch = t () => (float[2] p) { p = Identity(used) },
                        else_branch = e () => (float[2] q) { q = Identity(x) }>
        }"""
    )

    keep_outputs(graph, [0])

    assert [node.op_type for node in graph.graph.node] == ["Relu", "If"]


def test_specs_give_name_dtype_and_shape_with_an_open_size_as_the_batch() -> None:
    graph = parser.parse_model(
        '<ir_version: 6, opset_import: ["" : 11]> g (float16[N,3] x) => (float16[N,3] y) { y = Relu(x) }'
    )

    (spec,) = specs(graph.graph.input)

    assert (spec.name, spec.dtype, spec.shape) == ("x", "float16", ("N", 3))


def test_a_tensor_that_no_card_can_declare_is_an_error_that_names_it() -> None:
    graph = parser.parse_model(
        '<ir_version: 6, opset_import: ["" : 11]> g (double[1] odd) => (double[1] y) { y = Abs(odd) }'
    )

    with pytest.raises(RunError, match=r"^odd: expected a tensor of a type"):
        specs(graph.graph.input)


@pytest.mark.parametrize("content", [b"not protobuf at all", None], ids=["damaged", "missing"])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(RunError, match=r"model\.onnx: expected an ONNX file") as caught:
        read(path)

    assert caught.value.kind == "corrupt-artifact"
