"""TensorFlow cards through the store: built once, opened without TensorFlow, at any batch size."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from harness import needs, plan, tf_networks
from harness.artifacts import Store
from harness.build import Builder
from harness.checks.parity import fixed_inputs
from harness.errors import MissingNeedError, WeightsError
from harness.results import Case
from harness.selection import Selection
from harness.workbench import Workbench
from tests.harness.convert.small_tensorflow import OPERATORS, index_file, run_graph, trained, write_card

tf = pytest.importorskip("tensorflow", reason="it freezes TensorFlow's networks")

REPOSITORY = Path(__file__).parents[2]
OUTPUT = "resize/ResizeBilinear"


@pytest.fixture
def folder(tmp_path):
    write_card(tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def builder(tmp_path):
    return Builder(Store(tmp_path / "cache"))


def predict(path, image):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"inputx": image})


@pytest.mark.parametrize("batch", [1, 4])
def test_the_onnx_file_and_the_frozen_graph_answer_as_the_trained_one(builder, folder, batch):
    image, (expected, _) = trained(tf, folder)
    card = write_card(folder)
    images = np.repeat(image, batch, axis=0)

    frozen, onnx = builder.frozen(card, batch), builder.onnx(card, batch)

    graph = tf.compat.v1.GraphDef.FromString(frozen.path.read_bytes())
    for found in (run_graph(tf, graph, images, [OUTPUT])[0], predict(onnx.path, images)[0]):
        np.testing.assert_allclose(found, np.repeat(expected, batch, axis=0), rtol=1e-4, atol=1e-5)
    assert (frozen.format, onnx.format, frozen.batch, onnx.batch) == ("pb", "onnx", batch, batch)


def test_the_recipe_tells_the_operators_and_what_was_left_out(builder, folder):
    trained(tf, folder)

    recipe = builder.frozen(write_card(folder), 1).recipe

    assert recipe["operators"] == OPERATORS
    assert recipe["notes"][0] == "ignored 5 variables of an optimiser (first head/biases/Momentum)"
    assert builder.onnx(write_card(folder), 1).recipe["inventory"]["opset"] == 11


def test_what_is_in_the_store_is_opened_without_tensorflow(builder, folder, tmp_path):
    card = write_card(folder)
    first = builder.onnx(card, 1, "seeded")
    code = (
        "import sys, pathlib\n"
        "from harness import cards\n"
        "from harness.artifacts import Store\n"
        "from harness.build import Builder\n"
        f"card = cards.load(pathlib.Path({str(folder / 'card.toml')!r}))\n"
        f"builder = Builder(Store(pathlib.Path({str(tmp_path / 'cache')!r})))\n"
        "print(builder.onnx(card, 1, 'seeded').digest, builder.frozen(card, 1, 'seeded').format)\n"
        "print(sorted({'tensorflow', 'tf2onnx', 'torch'} & set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:2] == [f"{first.digest} pb", "[]"]


def test_a_changed_checkpoint_network_or_batch_is_another_entry(builder, folder):
    trained(tf, folder)
    card = write_card(folder)
    paths = {builder.frozen(card, batch, weights).path for batch in (1, 2) for weights in ("card", "seeded")}
    wide = write_card(folder, ("width = 4", "width = 8"), ('["N", 4, 6, 4]', '["N", 4, 6, 8]'))

    assert builder.frozen(wide, 1, "seeded").path not in paths
    assert len(paths) == 4
    assert Counter(row.kind for row in builder.store.ls()) == {"frozen-graph": 5}


def test_a_checkpoint_in_the_weights_folder_is_found_by_the_cards_name(folder, tmp_path):
    (tmp_path / "weights").mkdir()
    trained(tf, tmp_path / "weights")
    card = write_card(folder)

    found = Builder(Store(tmp_path / "cache"), tmp_path / "weights").frozen(card, 1)

    assert found.recipe["weights"] == sha256(index_file(tmp_path / "weights"))
    with pytest.raises(MissingNeedError, match=r"model.ckpt-7.index"):
        Builder(Store(tmp_path / "cache")).frozen(card, 1)


def sha256(path):
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_graph_that_the_card_brings_is_taken_as_it_is(builder, folder, tmp_path):
    card = write_card(folder)
    made = builder.frozen(card, 1, "seeded").path.read_bytes()
    (folder / "brought.pb").write_bytes(made)
    brought = write_card(folder, ('[weights]\nfile = "model.ckpt-7.index"', '[artifact]\npb = "brought.pb"'))

    frozen = builder.frozen(brought, 1)

    image = np.zeros((1, 8, 12, 3), np.float32)
    expected = run_graph(tf, tf.compat.v1.GraphDef.FromString(made), image, [OUTPUT])[0]
    assert (frozen.path, frozen.digest) == (folder / "brought.pb", sha256(folder / "brought.pb"))
    np.testing.assert_allclose(predict(builder.onnx(brought, 1).path, image)[0], expected, rtol=1e-4, atol=1e-5)


def test_a_graph_that_the_card_brings_comes_before_its_checkpoint(builder, folder):
    card = write_card(folder, ("[network]", '[artifact]\npb = "brought.pb"\n\n[network]'))
    made = builder.frozen(card, 1, "seeded").path.read_bytes()
    with pytest.raises(MissingNeedError, match=r"model.ckpt-7.index"):
        builder.frozen(card, 1)
    (folder / "brought.pb").write_bytes(made)

    assert builder.frozen(card, 1).path == folder / "brought.pb"
    assert builder.onnx(card, 1).recipe["weights"] == sha256(folder / "brought.pb")


def test_a_brought_graph_that_is_not_there_is_a_missing_need(builder, folder):
    brought = write_card(folder, ('[weights]\nfile = "model.ckpt-7.index"', '[artifact]\npb = "brought.pb"'))

    with pytest.raises(MissingNeedError, match=r"brought.pb"):
        builder.frozen(brought, 1)


def test_a_checkpoint_of_another_network_leaves_nothing_behind(builder, folder):
    trained(tf, folder)
    card = write_card(folder, ("width = 4", "width = 8"), ('["N", 4, 6, 4]', '["N", 4, 6, 8]'))

    with pytest.raises(WeightsError, match="mis-shaped"):
        builder.frozen(card, 1)

    assert builder.store.ls() == ()


def bench(card, builder, tmp_path, weights):
    return Workbench({card.name: card}, builder, tmp_path / "run", needs.Places(), weights)


def case(check="parity", runtime="ort-cpu"):
    return Case(model="small", runtime=runtime, chip="cpu", batch=1, check=check, weights="seeded")


def test_tensorflow_is_the_reference_of_its_cards(builder, folder, tmp_path):
    card = write_card(folder)
    working = bench(card, builder, tmp_path, "seeded")

    reference = working.reference(case())

    assert (reference.runtime, reference.batch) == ("tf-cpu", 1)
    assert working.artifact(reference).format == "pb"
    assert working.artifact(case()).format == "onnx"


def test_seeded_parity_of_a_detector_compares_the_outputs_before_its_post_processing(builder, folder, tmp_path):
    detector = write_card(folder, ('name = "miou"', 'name = "map"'))
    seeded, own = (bench(detector, builder, tmp_path, weights) for weights in ("seeded", "card"))

    assert [spec.name for spec in seeded.card(case()).kept_outputs] == ["features"]
    assert [spec.name for spec in seeded.card(case("throughput")).kept_outputs] == [OUTPUT]
    assert [spec.name for spec in own.card(case()).kept_outputs] == [OUTPUT]
    assert [spec.name for spec in seeded.artifact(case()).outputs] == ["features"]


def test_noise_for_a_picture_input_uses_the_whole_range_of_its_bytes(builder, folder, tmp_path):
    card = write_card(
        folder, ('dtype = "float32"\nshape = ["N", 8, 12, 3]', 'dtype = "uint8"\nshape = ["N", 64, 64, 3]')
    )

    (first, second, *_) = fixed_inputs(card, bench(card, builder, tmp_path, "seeded"))

    assert first.arrays[0].dtype == np.uint8
    assert (first.arrays[0].min(), first.arrays[0].max()) == (0, 255)
    assert abs(float(first.arrays[0].mean()) - 127.5) < 3
    assert (first.arrays[0] != second.arrays[0]).any()


@pytest.mark.parametrize(("name", "own"), [("TF_CPP_MIN_LOG_LEVEL", "3"), ("TF_ENABLE_ONEDNN_OPTS", "0")])
def test_what_tensorflow_is_told_gives_way_to_what_its_user_says(monkeypatch, name, own):
    monkeypatch.delenv(name, raising=False)
    tf_networks.tensorflow()
    assert os.environ[name] == own

    monkeypatch.setenv(name, "1")
    tf_networks.tensorflow()
    assert os.environ[name] == "1"


def test_importing_tensorflow_says_nothing():
    environment = {name: value for name, value in os.environ.items() if name not in tf_networks.QUIET}
    code = "from harness import tf_networks; tf_networks.tensorflow()"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(("runtime", "planned"), [("tf-cpu", True), ("ort-cpu", True), ("torch-cpu", False)])
def test_a_framework_runs_its_own_cards_only(folder, runtime, planned):
    asked = {"runtimes": (runtime,), "weights": "seeded", "checks": ("parity",), "card_folders": (folder,)}

    cases = plan.make(Selection(**asked)).cases

    assert ("small" in {case.model for case in cases}) is planned
    assert ("resnest50" in {case.model for case in cases}) is (runtime != "tf-cpu")
