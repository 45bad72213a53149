"""Frozen graphs converted to ONNX: equal numbers, the asked opset, and no operator that is not ONNX's."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from harness import cards, networks, tf_networks
from harness.cards import ModelCard, TensorSpec
from harness.convert import onnx_graph, tf_frozen, tf_onnx
from harness.convert.simplify import simplify
from harness.convert.specialise import write_checked
from harness.errors import CardError, RunError
from tests.harness.convert.small_tensorflow import run_graph, write_card

tf = pytest.importorskip("tensorflow", reason="it converts TensorFlow's graphs")
pytest.importorskip("tf2onnx", reason="it converts with tf2onnx")

GOLDENS = Path(__file__).parents[2] / "goldens"
OUTPUT = "resize/ResizeBilinear"
LEVELS = range(3, 8)
LIMIT = 3e-4


@pytest.fixture
def card(tmp_path):
    return write_card(tmp_path / "small")


def write_frozen(card, path, batch=1):
    graph = tf_frozen.freeze(tf_networks.build(card), card, tf_networks.seeded(card), batch)
    path.write_bytes(graph.SerializeToString())
    return graph


def predict(path, feeds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, feeds), strict=True))


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("simplified", [False, True])
def test_the_file_answers_as_the_frozen_graph_under_the_cards_names(card, tmp_path, batch, simplified):
    graph = write_frozen(card, tmp_path / "model.pb", batch)
    image = np.random.default_rng(1).standard_normal((batch, 8, 12, 3)).astype(np.float32)

    model = tf_onnx.convert(tmp_path / "model.pb", card, batch)
    found = write_checked(simplify(model) if simplified else model, card, batch, tmp_path / "model.onnx")

    (expected,) = run_graph(tf, graph, image, [OUTPUT])
    answered = predict(tmp_path / "model.onnx", {"inputx": image})
    np.testing.assert_allclose(answered[OUTPUT], expected, rtol=1e-4, atol=1e-5)
    assert (found.opset, list(found.producers)) == (11, [OUTPUT])


def test_all_outputs_of_a_card_are_converted_in_the_order_of_their_index(card, tmp_path):
    both = card.model_copy(update={"output": tuple(one.model_copy(update={"om": True}) for one in card.output)})
    write_frozen(both, tmp_path / "model.pb")

    model = tf_onnx.convert(tmp_path / "model.pb", both, 1)

    assert [value.name for value in model.graph.output] == [OUTPUT, "features"]


def test_a_graph_of_unknown_batch_size_is_converted_at_the_asked_one(card, tmp_path):
    graph = write_frozen(card, tmp_path / "model.pb")
    placeholder = next(node for node in graph.node if node.op == "Placeholder")
    placeholder.attr["shape"].shape.dim[0].size = -1
    (tmp_path / "model.pb").write_bytes(graph.SerializeToString())

    model = tf_onnx.convert(tmp_path / "model.pb", card, 4)

    assert onnx_graph.specs(model.graph.input)[0].shape == (4, 8, 12, 3)


def test_an_opset_that_lacks_what_the_graphs_need_is_refused(tmp_path):
    card = write_card(tmp_path / "small", ("[dataset]", "[export]\nopset = 10\n\n[dataset]"))

    with pytest.raises(CardError, match=r"export.opset: expected 11 or later, got 10"):
        tf_onnx.convert(tmp_path / "model.pb", card, 1)


def test_another_opset_than_asked_for_is_an_error(card, tmp_path, monkeypatch):
    import tf2onnx

    real = tf2onnx.convert.from_graph_def
    write_frozen(card, tmp_path / "model.pb")
    monkeypatch.setattr(tf2onnx.convert, "from_graph_def", lambda graph, **given: real(graph, **{**given, "opset": 13}))

    with pytest.raises(RunError, match="expected opset 11, got 13"):
        tf_onnx.convert(tmp_path / "model.pb", card, 1)


def test_an_operator_that_onnx_lacks_is_an_error_that_names_it(card, tmp_path):
    graph = write_frozen(card, tmp_path / "model.pb")
    relu = next(node for node in graph.node if node.op == "Relu")
    relu.op = "Digamma"
    (tmp_path / "model.pb").write_bytes(graph.SerializeToString())

    with pytest.raises(RunError, match="expected operators of ONNX only, got Digamma node") as caught:
        tf_onnx.convert(tmp_path / "model.pb", card, 1)

    assert caught.value.kind == "unsupported"


def test_a_file_that_onnx_runtime_cannot_open_is_an_error(card, tmp_path):
    write_frozen(card, tmp_path / "model.pb")
    model = tf_onnx.convert(tmp_path / "model.pb", card, 1)
    onnx.save(model, tmp_path / "good.onnx")
    model.graph.node[0].input[0] = "nobody"
    onnx.save(model, tmp_path / "bad.onnx")

    tf_onnx.require_session(tmp_path / "good.onnx", card)
    with pytest.raises(RunError, match="expected a file that ONNX Runtime opens"):
        tf_onnx.require_session(tmp_path / "bad.onnx", card)


def detector(outputs, **arguments):
    """Return a SpineNet card of input 128 × 128 that keeps these outputs: pairs of a name and a shape, by index."""
    tables = [
        {"name": name, "index": index, "dtype": "float32", "shape": shape, "scored": name == "DetectionBoxes"}
        for index, (name, shape) in outputs.items()
    ]
    tables[0]["scored"] = not any(table["scored"] for table in tables)
    return ModelCard.model_validate(
        {
            "name": "detector",
            "family": "spinenet",
            "classes": arguments["classes"],
            "source": {"url": "https://example.org", "framework": "tensorflow"},
            "network": arguments,
            "input": (TensorSpec(name="Placeholder", dtype="uint8", shape=("N", 128, 128, 3)).model_dump(),),
            "output": tuple(tables),
            "dataset": {"kind": "none", "count": 0},
            "metric": {"name": "map", "protocol": "all-rows"},
            "path": cards.MODELS_ROOT / "spinenet" / "card.toml",
        }
    )


def test_the_ten_raw_head_tensors_are_those_of_tensorflow(tmp_path):
    names = [f"{kind}{level}" for kind in ("ClassLogits", "BoxCodes") for level in LEVELS]
    heads = {
        5 + place: (name, ("N", 128 >> int(name[-1]), 128 >> int(name[-1]), 36)) for place, name in enumerate(names)
    }
    card = detector(heads, size=128, classes=4, width=0.07, stem=8, endpoint=8, repeats=1)
    graph = write_frozen(card, tmp_path / "model.pb")
    image = np.random.default_rng(2).integers(0, 256, (1, 128, 128, 3), np.uint8)

    model = tf_onnx.convert(tmp_path / "model.pb", card, 1)
    write_checked(model, card, 1, tmp_path / "model.onnx")

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(graph, name="")
        expected = dict(zip(names, session.run([f"{name}:0" for name in names], {"Placeholder:0": image}), strict=True))
    answered = predict(tmp_path / "model.onnx", {"Placeholder": image})
    assert list(answered) == names
    assert len(names) == 10
    for name, array in answered.items():
        assert np.abs(array - expected[name]).max() <= LIMIT * np.abs(expected[name]).max()


@pytest.mark.parametrize("kind", ["post", "post_few"])
def test_the_post_processing_in_onnx_gives_the_goldens_detections(tmp_path, kind):
    path = tmp_path / "post.onnx"
    feeds = golden_heads(256, few=kind == "post_few")

    onnx.save(converted_post_processing(256), path)
    found = predict(path, feeds)

    with np.load(GOLDENS / "spinenet_forward.npz") as golden:
        expected = {name: golden[f"spinenet_256/{kind}/{role}"] for name, role in ROLES.items()}
    assert found["NumDetections"] == expected["NumDetections"]
    for name in ROLES:
        assert found[name].shape == expected[name].shape
    np.testing.assert_allclose(by_key(found), by_key(expected), rtol=1e-5, atol=2e-4)


ROLES = {
    "NumDetections": "num_detections",
    "DetectionBoxes": "detection_boxes",
    "DetectionClasses": "detection_classes",
    "DetectionScores": "detection_scores",
}


def by_key(outputs):
    """Return the rows class, score, box, sorted by class, then score, then the top of the box."""
    classes, scores = outputs["DetectionClasses"][0], outputs["DetectionScores"][0]
    rows = np.column_stack([classes, scores, outputs["DetectionBoxes"][0]])
    return rows[np.lexsort((rows[:, 2].round(2), scores.round(5), classes))]


def converted_post_processing(size):
    import tf2onnx

    network = networks.module_at(cards.MODELS_ROOT / "spinenet" / "network.py").build(size=size)
    sides = [size // 2**level for level in LEVELS]
    with tf.Graph().as_default() as graph:
        shapes = [
            (f"{kind}{side}", (1, side, side, depth)) for kind, depth in (("cls", 819), ("box", 36)) for side in sides
        ]
        fed = [tf.compat.v1.placeholder(tf.float32, shape, name=name) for name, shape in shapes]
        network.detections_of(fed[:5], fed[5:])
        definition = graph.as_graph_def()
    model, _ = tf2onnx.convert.from_graph_def(
        definition,
        input_names=[f"{name}:0" for name, _ in shapes],
        output_names=[f"{name}:0" for name in ROLES],
        opset=11,
        tensors_to_rename={f"{name}:0": name for name in (*dict(shapes), *ROLES)},
    )
    return model


def golden_heads(size, few):
    """Return the class logits and box codes of the post-processing goldens, which follow from names."""
    feeds = {}
    for level in LEVELS:
        side = size // 2**level
        draw = generator(f"spinenet_post_{size}:cls{level}")
        logits = np.asarray(draw.standard_normal((1, side, side, 819)) - 7.0, np.float32)
        place = draw.choice(side * side, size=min(25, side * side), replace=False)
        firing = np.zeros((side * side, 9, 91), bool)
        for where, kind in zip(place, draw.choice(np.array([1, 3, 17, 44, 90]), size=len(place)), strict=True):
            firing[where, :, kind] = True
        strong = np.asarray(draw.uniform(-3.5, 3.0, size=logits.shape), np.float32)
        logits = np.where(firing.reshape(logits.shape), strong, logits)
        if few:
            logits = np.full_like(logits, -12.0)
            if level == 4:
                logits[0, 3, 3, 1], logits[0, 5, 9, 17], logits[0, 6, 2, 91 + 44], logits[0, 3, 4, 1] = 3, 1, -1, 2.5
        codes = generator(f"spinenet_post_{size}:box{level}").standard_normal((1, side, side, 36))
        feeds |= {f"cls{side}": logits, f"box{side}": np.asarray(0.3 * codes, np.float32)}
    return feeds


def generator(name):
    import zlib

    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
