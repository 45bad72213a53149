"""Frozen graphs run by TensorFlow itself, with the same session as every other runtime."""

import numpy as np
import pytest

from harness.artifacts import Artifact
from harness.cards import TensorSpec
from harness.errors import MissingNeedError, RunError, UsageError
from harness.measure import TimePlan
from harness.runtimes import get
from harness.runtimes import tf as tf_runtime
from harness.runtimes.protocol import SessionOptions
from harness.samples import Sample

tf = pytest.importorskip("tensorflow", reason="it runs TensorFlow's graphs")

IMAGE = TensorSpec(name="image", dtype="float32", shape=("N", 2, 3))
TOTAL = TensorSpec(name="total", dtype="float32", shape=("N",))
DOUBLE = TensorSpec(name="double", dtype="float32", shape=("N", 2, 3))


def artifact(folder, batch, inputs=(IMAGE,), outputs=(TOTAL, DOUBLE)):
    """Write a graph that doubles and sums its input."""
    with tf.Graph().as_default() as graph:
        fed = tf.compat.v1.placeholder(tf.float32, (batch, 2, 3), name="image")
        tf.add(fed, fed, name="double")
        tf.reduce_sum(fed, [1, 2], name="total")
    path = folder / "model.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return Artifact(path, "pb", "", {}, inputs, outputs, batch or 1)


def options(folder, batch):
    return SessionOptions(batch=batch, workdir=folder / "work")


def samples(count):
    return [Sample(f"s{n}", (np.full((2, 3), n, np.float32),)) for n in range(count)]


@pytest.mark.parametrize(("batch", "count"), [(1, 3), (4, 6), (4, 8)])
def test_samples_are_answered_in_order_without_the_padding(tmp_path, batch, count):
    with get("tf-cpu").open(artifact(tmp_path, batch), "cpu", options(tmp_path, batch)) as session:
        answers = list(session.run(samples(count)))

    assert [answer.sample_id for answer in answers] == [f"s{n}" for n in range(count)]
    assert [float(answer.arrays[0]) for answer in answers] == [6.0 * n for n in range(count)]
    assert all((answer.arrays[1] == 2 * n).all() for n, answer in enumerate(answers))
    assert session.runs_on == "cpu"


def test_the_outputs_come_in_the_artifacts_order_and_number(tmp_path):
    one = artifact(tmp_path, 1, outputs=(DOUBLE,))

    with get("tf-cpu").open(one, "cpu", options(tmp_path, 1)) as session:
        (answer,) = session.run(samples(1))

    assert [array.shape for array in answer.arrays] == [(2, 3)]


def test_a_graph_of_free_batch_size_takes_any(tmp_path):
    free = artifact(tmp_path, None)

    with get("tf-cpu").open(free, "cpu", options(tmp_path, 3)) as session:
        assert len(list(session.run(samples(4)))) == 4


def test_its_time_is_the_wall_clock_of_whole_batches(tmp_path):
    plan = TimePlan(warmup=1, min_rounds=3, max_rounds=3)

    with get("tf-cpu").open(artifact(tmp_path, 2), "cpu", options(tmp_path, 2)) as session:
        measured = session.time(plan, samples(2))

    assert (measured.definition, measured.batch) == ("wall", 2)
    assert len(measured.rounds_ms) == 3
    assert min(measured.rounds_ms) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": (IMAGE.model_copy(update={"name": "picture"}),)}, "picture"),
        ({"outputs": (TOTAL.model_copy(update={"name": "sum"}),)}, "sum"),
        ({"outputs": (TOTAL.model_copy(update={"dtype": "int32"}),)}, "int32"),
        ({"inputs": (IMAGE.model_copy(update={"shape": ("N", 3, 2)}),)}, r"\(1, 3, 2\)"),
    ],
    ids=["input name", "output name", "dtype", "shape"],
)
def test_a_graph_with_other_tensors_than_the_artifacts_is_refused(tmp_path, change, message):
    with pytest.raises(RunError, match=message) as caught:
        get("tf-cpu").open(artifact(tmp_path, 1, **change), "cpu", options(tmp_path, 1))

    assert caught.value.kind == "corrupt-artifact"


def test_a_damaged_graph_is_refused(tmp_path):
    damaged = artifact(tmp_path, 1)
    damaged.path.write_bytes(damaged.path.read_bytes()[:-9])

    with pytest.raises(RunError, match="expected a frozen graph") as caught:
        get("tf-cpu").open(damaged, "cpu", options(tmp_path, 1))

    assert caught.value.kind == "corrupt-artifact"


def test_an_error_inside_the_graph_is_a_run_error(tmp_path):
    with tf.Graph().as_default() as graph:
        fed = tf.compat.v1.placeholder(tf.float32, (1, 2, 3), name="image")
        tf.debugging.check_numerics(fed, "a value that is none", name="double")
    path = tmp_path / "model.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    checked = Artifact(path, "pb", "", {}, (IMAGE,), (DOUBLE,), 1)

    with get("tf-cpu").open(checked, "cpu", options(tmp_path, 1)) as session:
        broken = Sample("nan", (np.full((2, 3), np.nan, np.float32),))
        with pytest.raises(RunError, match="a value that is none"):
            list(session.run([broken]))


def test_another_device_than_the_cpu_is_refused(tmp_path):
    with pytest.raises(UsageError, match="tf-cpu expects 'cpu', got 'cuda'"):
        get("tf-cpu").open(artifact(tmp_path, 1), "cuda", options(tmp_path, 1))


def test_without_tensorflow_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(tf_runtime, "find_spec", lambda name: None)

    assert "omgate[tf]" in get("tf-cpu").missing()
    with pytest.raises(MissingNeedError, match="expected TensorFlow"):
        get("tf-cpu").open(artifact(tmp_path, 1), "cpu", options(tmp_path, 1))
