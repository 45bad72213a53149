"""Checkpoints frozen by name or with their own graph, into graphs that TensorFlow 1.15 would have read."""

import json
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from harness import cards, networks, tf_checkpoints, tf_networks, weights
from harness.cards import TensorSpec
from harness.convert import tf_frozen
from harness.errors import CardError, MissingNeedError, RunError, WeightsError
from tests.harness.convert.small_tensorflow import OPERATORS, SHAPES, index_file, run_graph, trained, write_card

tf = pytest.importorskip("tensorflow", reason="it freezes TensorFlow's networks")

GOLDENS = Path(__file__).parents[2] / "goldens"
OUTPUT = "resize/ResizeBilinear"


@pytest.fixture
def card(tmp_path):
    return write_card(tmp_path / "small")


def frozen(card, state, batch=1):
    return tf_frozen.freeze(tf_networks.build(card), card, state, batch)


def seeded_graph(card, batch=1):
    return frozen(card, tf_networks.seeded(card), batch)


def fitted(folder):
    return tf_checkpoints.fitted(tf_checkpoints.open_checkpoint(index_file(folder)), SHAPES)


def test_a_checkpoint_frozen_by_name_answers_as_the_trained_graph(card, tmp_path):
    image, (expected, _) = trained(tf, tmp_path)
    state, _ = fitted(tmp_path)

    graph = frozen(card, state)

    np.testing.assert_allclose(run_graph(tf, graph, image, [OUTPUT])[0], expected, rtol=1e-5, atol=1e-6)


def test_what_only_training_needs_is_counted_and_left_out(tmp_path):
    trained(tf, tmp_path)

    state, notes = fitted(tmp_path)

    assert {name: array.shape for name, array in state.items()} == SHAPES
    assert notes == (
        "ignored 5 variables of an optimiser (first head/biases/Momentum)",
        "ignored 1 variables that the network lacks: global_step",
    )


def test_a_variable_that_a_checkpoint_lacks_is_named(tmp_path):
    trained(tf, tmp_path, without="idle/weights")

    with pytest.raises(WeightsError, match=r"the 8 variables .*1 missing \(first idle/weights \[3, 3, 4, 4\]\)"):
        fitted(tmp_path)


def test_a_variable_of_another_shape_is_named(tmp_path):
    trained(tf, tmp_path)
    checkpoint = tf_checkpoints.open_checkpoint(index_file(tmp_path))

    with pytest.raises(WeightsError, match=r"mis-shaped \(first head/biases \[4\] instead of \[5\]\)"):
        tf_checkpoints.fitted(checkpoint, {**SHAPES, "head/biases": (5,)})


@pytest.mark.parametrize("suffix", ["index", "meta", "data-00000-of-00001"])
def test_a_checkpoint_is_opened_by_any_of_its_files_and_identified_by_its_index(tmp_path, suffix):
    trained(tf, tmp_path)
    path = tmp_path / f"model.ckpt-7.{suffix}"

    assert tf_checkpoints.open_checkpoint(path).shapes["stem/weights"] == (3, 3, 3, 4)
    assert tf_checkpoints.identity_file(path) == index_file(tmp_path)


def test_a_changed_byte_of_a_checkpoint_is_an_error(tmp_path):
    trained(tf, tmp_path)
    data = tmp_path / "model.ckpt-7.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    for place in range(0, len(content), 4):
        content[place] ^= 1
    data.write_bytes(content)

    with pytest.raises(WeightsError, match="expected a readable checkpoint"):
        fitted(tmp_path)


@pytest.mark.parametrize("name", ["model.ckpt-7.index", "model.safetensors", "model.pth"])
def test_a_file_that_is_no_checkpoint_is_an_error(tmp_path, name):
    (tmp_path / name).write_bytes(b"no checkpoint")

    with pytest.raises(WeightsError, match=name):
        tf_checkpoints.open_checkpoint(tmp_path / name)


def test_a_safetensors_file_is_read_by_variable_name_as_float32(tmp_path):
    from safetensors.numpy import save_file

    halves = {name: np.full(shape, 0.1, np.float16) for name, shape in SHAPES.items()}
    save_file(halves, tmp_path / "tiny.safetensors")

    state, notes = tf_checkpoints.fitted(tf_checkpoints.open_checkpoint(tmp_path / "tiny.safetensors"), SHAPES)

    assert notes == ()
    assert {array.dtype.name for array in state.values()} == {"float32"}
    np.testing.assert_array_equal(state["head/biases"], np.float32(np.float16(0.1)))


@pytest.mark.parametrize("resource", [True, False], ids=["resource variables", "reference variables"])
def test_a_checkpoints_own_graph_frozen_answers_as_it_did(card, tmp_path, resource):
    image, (expected, _) = trained(tf, tmp_path, resource=resource)

    graph, notes = tf_frozen.freeze_checkpoint(index_file(tmp_path), card)

    np.testing.assert_allclose(run_graph(tf, graph, image, [OUTPUT])[0], expected, rtol=1e-5, atol=1e-6)
    assert not {"VariableV2", "VarHandleOp", "ReadVariableOp"} & set(tf_frozen.inventory(graph))
    assert notes[-1] == "ignored 2 variables that the network lacks: global_step, idle/weights"


def test_an_operator_unknown_here_matters_only_on_the_way_to_the_outputs(card, tmp_path):
    image, (expected, _) = trained(tf, tmp_path)
    meta = tmp_path / "model.ckpt-7.meta"
    original = tf.compat.v1.MetaGraphDef.FromString(meta.read_bytes())
    aside, within = tf.compat.v1.MetaGraphDef(), tf.compat.v1.MetaGraphDef()
    aside.CopyFrom(original)
    within.CopyFrom(original)
    aside.graph_def.node.add(name="allreduce", op="HcomAllReduce", input=["features"])
    next(node for node in within.graph_def.node if node.op == "Relu").op = "NpuRelu"

    meta.write_bytes(aside.SerializeToString())
    graph, _ = tf_frozen.freeze_checkpoint(meta, card)

    np.testing.assert_allclose(run_graph(tf, graph, image, [OUTPUT])[0], expected, rtol=1e-5, atol=1e-6)
    meta.write_bytes(within.SerializeToString())
    with pytest.raises(RunError, match=r"expected operators of TensorFlow 1.15, got node 'features' is a NpuRelu"):
        tf_frozen.freeze_checkpoint(meta, card)


def test_a_checkpoint_without_a_graph_of_its_own_is_an_error(card, tmp_path):
    trained(tf, tmp_path)
    (tmp_path / "model.ckpt-7.meta").unlink()

    with pytest.raises(RunError, match=r"model.ckpt-7.meta: expected the graph of a checkpoint"):
        tf_frozen.freeze_checkpoint(index_file(tmp_path), card)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_frozen_graph_holds_the_inference_only_under_the_cards_names(card, batch):
    graph = seeded_graph(card, batch)

    nodes = {node.name: node for node in graph.node}
    assert tf_frozen.inventory(graph) == OPERATORS
    assert [size.size for size in nodes["inputx"].attr["shape"].shape.dim] == [batch, 8, 12, 3]
    assert "idle/weights" not in nodes
    assert OUTPUT in nodes


def test_attributes_are_written_only_where_they_differ_from_their_defaults(card):
    nodes = {node.op: set(node.attr) for node in seeded_graph(card).node}

    assert nodes["Conv2D"] == {"T", "padding", "strides"}
    assert nodes["FusedBatchNormV3"] == {"T", "U", "epsilon", "is_training"}
    assert nodes["ResizeBilinear"] == {"T"}


@pytest.mark.parametrize("family", ["resnest_seg", "spinenet"])
def test_the_frozen_networks_have_the_originals_operators_and_only_such_of_1_15(family):
    graph = frozen(*small_official(family))

    found = Counter(node.op for node in graph.node)
    original = json.loads((GOLDENS / f"{family}_tf_vars.json").read_text(encoding="utf-8"))["live_op_types"]
    # Batch normalisation is one operator here, suppression another version; additions and constants are counted anew.
    compared = {
        "resnest_seg": "Conv2D FusedBatchNormV3 Relu MaxPool Split BiasAdd ConcatV2 Mean Softmax Mul AvgPool "
        "SpaceToBatchND BatchToSpaceND ResizeBilinear",
        "spinenet": "Conv2D MaxPool BiasAdd Placeholder",
    }[family].split()
    assert {name: found[name] for name in compared} == {name: original[name] for name in compared}
    assert not {"PartitionedCall", "StatefulPartitionedCall", "While", "If", "VariableV2"} & set(found)
    assert len(graph.library.function) == 0
    assert "index_type" not in {name for node in graph.node for name in node.attr}  # of TopKV2, since version 2.12
    assert "exponential_avg_factor" not in {name for node in graph.node for name in node.attr}
    assert found["FusedBatchNormV3"] == {"resnest_seg": 90, "spinenet": 170}[family]
    assert found["NonMaxSuppressionV3"] == {"resnest_seg": 0, "spinenet": 90}[family]


def small_official(family):
    """Return the card of an official network with few channels, whose operators are the same, and seeded weights."""
    narrow = {
        "resnest_seg": {"width": 4, "stem": 4},
        "spinenet": {"width": 0.07, "stem": 4, "endpoint": 4, "size": 128},
    }
    image, outputs = {
        "resnest_seg": (("inputx", "float32", ("N", 64, 128, 3)), [(OUTPUT, ("N", 64, 128, 19))]),
        "spinenet": (
            ("Placeholder", "uint8", ("N", 128, 128, 3)),
            [
                ("NumDetections", ("N",)),
                ("DetectionBoxes", ("N", 100, 4)),
                ("DetectionClasses", ("N", 100)),
                ("DetectionScores", ("N", 100)),
                ("ImageInfo", ("N", 4, 2)),
            ],
        ),
    }[family]
    card = cards.ModelCard.model_validate(
        {
            "name": family,
            "family": family,
            "classes": 19,
            "source": {"url": "https://example.org", "framework": "tensorflow"},
            "network": narrow[family],
            "input": (TensorSpec(name=image[0], dtype=image[1], shape=image[2]).model_dump(),),
            "output": tuple(
                {"name": name, "index": index, "dtype": "float32", "shape": shape, "scored": index == 0}
                for index, (name, shape) in enumerate(outputs)
            ),
            "dataset": {"kind": "none", "count": 0},
            "metric": {"name": "miou", "protocol": "dataset"},
            "path": cards.MODELS_ROOT / family / "card.toml",
        }
    )
    return card, tf_networks.seeded(card)


def broken(card, change):
    graph = seeded_graph(card)
    change(next(node for node in graph.node if node.op == "Relu"), graph)
    return graph


def call(node, graph):
    node.op = "PartitionedCall"
    node.attr["f"].func.name = "swish"


def branch(node, graph):
    node.op = "If"
    node.attr["then_branch"].func.name = "swish"


def library(node, graph):
    graph.library.function.add().signature.name = "swish"


def newer_operator(node, graph):
    node.op = "BatchMatMulV3"


def newer_attribute(node, graph):
    top = graph.node.add(name="top", op="TopKV2", input=["features", "features"])
    top.attr["T"].type = top.attr["index_type"].type = tf.int64.as_datatype_enum


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (call, "without functions, got PartitionedCall node 'features'"),
        (branch, "without functions, got If node 'features'"),
        (library, "without functions, got a library of them"),
        (newer_operator, "TensorFlow 1.15, got node 'features' is a BatchMatMulV3"),
        (newer_attribute, "TensorFlow 1.15, got TopKV2 node 'top' has the attribute index_type"),
    ],
)
def test_what_1_15_would_not_have_understood_is_refused_by_name(card, change, got):
    graph = broken(card, change)

    with pytest.raises(RunError, match=got) as caught:
        tf_frozen.as_in_1_15(graph, "small")

    assert caught.value.kind == "unsupported"


def test_a_card_that_names_an_output_otherwise_than_the_network_is_an_error(tmp_path):
    card = write_card(tmp_path / "small", ('name = "features"', 'name = "maps"'))

    with pytest.raises(CardError, match="output 1: expected 'features', as in the graph, got maps"):
        seeded_graph(card)


def test_a_card_with_more_outputs_than_the_network_is_an_error(tmp_path):
    card = write_card(tmp_path / "small", ("index = 1", "index = 2"))

    with pytest.raises(CardError, match="output 2: expected '2 outputs'"):
        seeded_graph(card)


def test_a_graph_that_lacks_the_cards_tensors_is_an_error_naming_one(card, tmp_path):
    graph = seeded_graph(card)
    other_input = write_card(tmp_path / "a", ('name = "inputx"', 'name = "image"'))
    other_output = write_card(tmp_path / "b", (f'name = "{OUTPUT}"', 'name = "logits"'))

    tf_frozen.require_names(graph, card)
    with pytest.raises(CardError, match="input 'image': expected a placeholder of the graph: inputx, got image"):
        tf_frozen.require_names(graph, other_input)
    with pytest.raises(CardError, match="output 'logits': expected a node of the graph"):
        tf_frozen.require_names(graph, other_output)


@pytest.mark.parametrize("content", [b"\xff\xff\xff", b""], ids=["damaged", "empty"])
def test_a_file_that_is_no_graph_is_an_error(tmp_path, content):
    (tmp_path / "model.pb").write_bytes(content)

    with pytest.raises(RunError, match="expected a frozen graph") as caught:
        tf_frozen.read(tmp_path / "model.pb")

    assert caught.value.kind == "corrupt-artifact"


def test_seeded_weights_follow_the_goldens_rule_with_tensorflows_names():
    shapes = {"a/weights": (3, 3, 2, 5), "a/biases": (5,), "a/gamma": (5,), "a/beta": (5,), "a/moving_variance": (5,)}

    state = weights.seeded(shapes)

    draw = np.random.Generator(np.random.PCG64(zlib.crc32(b"a/weights"))).standard_normal((3, 3, 2, 5))
    np.testing.assert_array_equal(state["a/weights"], np.float32(draw * np.sqrt(2 / 18)))
    assert 0.4 <= state["a/gamma"].min() <= state["a/gamma"].max() < 0.9
    assert 0.5 <= state["a/moving_variance"].min() <= state["a/moving_variance"].max() < 1.5
    assert state["a/beta"].std() > state["a/biases"].std() / 4 > 0


def test_a_network_without_its_framework_is_a_missing_need(card, monkeypatch):
    monkeypatch.setattr(tf_networks.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(MissingNeedError, match=r"omgate\[tf\]"):
        tf_networks.build(card)


def test_a_build_that_makes_no_network_is_an_error(card):
    networks.network_file(card).write_text("def build(*, width): return width\n")

    with pytest.raises(CardError, match="expected a function of the inputs and their variables, got int"):
        tf_networks.build(card)
