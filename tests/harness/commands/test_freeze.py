"""`omgate freeze`: a checkpoint, a checkpoint's own graph or an existing graph, written for ATC."""

import hashlib

import numpy as np
import pytest

from harness import cli
from tests.harness.convert.small_tensorflow import index_file, run_graph, trained, write_card

tf = pytest.importorskip("tensorflow", reason="it freezes TensorFlow's networks")

OUTPUT = "resize/ResizeBilinear"


@pytest.fixture
def folder(tmp_path):
    write_card(tmp_path / "cards" / "small")
    return tmp_path


def freeze(folder, *arguments, name="small"):
    given = ["freeze", name, "--cards", str(folder / "cards"), "--out", str(folder / "out.pb")]
    return cli.main([*given, *arguments])


def answered(folder, image):
    graph = tf.compat.v1.GraphDef.FromString((folder / "out.pb").read_bytes())
    return run_graph(tf, graph, image, [OUTPUT])[0]


@pytest.mark.parametrize("own", [[], ["--own-graph"]], ids=["by name", "own graph"])
def test_a_checkpoint_is_frozen_and_told_about(folder, capsys, own):
    image, (expected, _) = trained(tf, folder)

    assert freeze(folder, "--weights", str(index_file(folder)), *own) == 0

    printed = capsys.readouterr().out
    digest = hashlib.sha256((folder / "out.pb").read_bytes()).hexdigest()
    np.testing.assert_allclose(answered(folder, image), expected, rtol=1e-5, atol=1e-6)
    assert "global_step" in printed
    assert "FusedBatchNormV3 1" in printed
    assert f'sha256 = "{digest}"' in printed


def test_the_cards_own_checkpoint_is_looked_for_in_the_weights_folder(folder):
    (folder / "weights").mkdir()
    image, (expected, _) = trained(tf, folder / "weights")

    assert freeze(folder, "--weights-dir", str(folder / "weights"), "--batch-size", "2") == 0

    found = answered(folder, np.repeat(image, 2, axis=0))
    np.testing.assert_allclose(found, np.repeat(expected, 2, axis=0), rtol=1e-5, atol=1e-6)


def test_an_existing_graph_is_taken_as_it_is(folder):
    assert freeze(folder, "--weights", "seeded") == 0
    (folder / "out.pb").rename(folder / "first.pb")

    assert freeze(folder, "--weights", str(folder / "first.pb")) == 0

    assert (folder / "out.pb").read_bytes() == (folder / "first.pb").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "weights model.ckpt-7.index"),
        (["--weights", "nowhere.index"], "nowhere.index"),
        (["--weights", "seeded", "--own-graph"], "--own-graph: expected a checkpoint"),
        (["--weights", "seeded", "--batch-size", "0"], "--batch-size: expected 1 or more"),
    ],
)
def test_what_cannot_be_is_told_in_a_line_and_leaves_nothing_behind(folder, capsys, arguments, message):
    assert freeze(folder, *arguments) in (1, 4)

    assert message in capsys.readouterr().err
    assert not list(folder.glob("*.pb*"))


def test_a_checkpoint_that_lacks_a_variable_leaves_nothing_behind(folder, capsys):
    trained(tf, folder, without="stem/gamma")

    assert freeze(folder, "--weights", str(index_file(folder))) == 1

    assert "1 missing (first stem/gamma [4])" in capsys.readouterr().err
    assert not list(folder.glob("*.pb"))
    assert not list(folder.glob(".*.part"))


def test_a_graph_beside_the_card_is_taken_when_there_is_no_checkpoint(folder, capsys):
    own = write_card(folder / "cards" / "small", ("[network]", '[artifact]\npb = "brought.pb"\n\n[network]')).path
    assert freeze(folder, "--weights", "seeded") == 0
    brought = (folder / "out.pb").rename(own.parent / "brought.pb")

    assert freeze(folder) == 0

    assert (folder / "out.pb").read_bytes() == brought.read_bytes()


def test_a_checkpoints_own_graph_is_not_the_graph_beside_the_card(folder, capsys):
    own = write_card(folder / "cards" / "small", ("[network]", '[artifact]\npb = "brought.pb"\n\n[network]')).path
    (own.parent / "brought.pb").write_bytes(b"a graph")

    assert freeze(folder, "--own-graph") == 1

    assert "model.ckpt-7.index" in capsys.readouterr().err


def test_a_file_that_is_there_is_not_overwritten(folder, capsys):
    (folder / "out.pb").write_bytes(b"mine")

    assert freeze(folder, "--weights", "seeded") == 4

    assert "expected a file that does not exist yet" in capsys.readouterr().err
    assert (folder / "out.pb").read_bytes() == b"mine"


def test_a_card_of_another_framework_is_refused(folder, capsys):
    write_card(folder / "cards" / "small", ('framework = "tensorflow"', 'framework = "torch"'))

    assert freeze(folder, "--weights", "seeded") == 4

    assert "expected a TensorFlow card, got torch" in capsys.readouterr().err
