"""Which values are said to reach memory."""

import onnx
from onnx import helper

from harness.emulator import fusion
from tests.harness.emulator.toy_graphs import model


def stored(*rows: tuple[str, str, str], outputs: str = "y") -> set[str]:
    """Return what is stored of a graph given as (operator, operands, outputs)."""
    nodes = [helper.make_node(operator, operands.split(), made.split()) for operator, operands, made in rows]
    return fusion.stored(model(nodes, outputs.split()).graph)


def test_a_convolution_is_stored_after_its_normalisation_and_rectifier() -> None:
    assert stored(
        ("Conv", "x w", "a"), ("BatchNormalization", "a s b m v", "n"), ("Relu", "n", "y"),
    ) == {"y"}  # fmt: skip


def test_a_sum_takes_over_its_last_operand_and_needs_the_other() -> None:
    rows = (("Conv", "x w", "a"), ("Conv", "a w", "b"), ("Add", "b a", "s"), ("Relu", "s", "y"))

    assert stored(*rows) == {"a", "y"}


def test_what_two_operators_need_is_stored() -> None:
    assert stored(("Conv", "x w", "a"), ("Relu", "a", "b"), ("Concat", "a b", "y")) == {"a", "b", "y"}


def test_an_output_is_stored_though_an_operator_follows() -> None:
    assert stored(("Conv", "x w", "a"), ("Relu", "a", "y"), outputs="a y") == {"a", "y"}


def test_views_and_changes_of_layout_take_nothing() -> None:
    graph = model(
        [
            helper.make_node("Conv", ["x", "w"], ["a"]),
            helper.make_node("Reshape", ["a", "shape"], ["b"]),
            helper.make_node("Transpose", ["b"], ["c"], perm=[0, 3, 1, 2]),
            helper.make_node("Transpose", ["c"], ["y"], perm=[1, 0, 2, 3]),
        ],
        ["y"],
    ).graph

    assert fusion.stored(graph) == {"a", "y"}


def test_a_value_that_a_branch_uses_is_stored() -> None:
    inner = helper.make_graph([helper.make_node("Neg", ["a"], ["n"])], "inner", [], [onnx.ValueInfoProto(name="n")])
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner),
    ]

    assert fusion.stored(model(nodes, ["b", "y"]).graph) == {"a", "b", "y"}
