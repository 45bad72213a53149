"""Changes of the TensorFlow pair that alter no answer: none of them may turn a check red."""

from pathlib import Path
from typing import Any

import numpy as np

from harness.datasets.tfrecord import Record, places, read
from tests.bench.mutants import SEGMENTATION, SPINENET, Equivalent, Lab, edit, forget
from tests.bench.mutants_graph import attribute, written
from tests.bench.mutants_input import on_disk
from tests.bench.mutants_tf_data import Rows, annotations, enlarged, records, serialized, shrunk
from tests.bench.mutants_tf_network import FROZEN, code
from tests.bench.mutants_tf_score import DOUBLED

ACCURACY = (("accuracy", 1),)
OF_ONE = (("accuracy", 1), ("parity", 1))
ALL = (("accuracy", 4), ("parity", 4), ("batch-consistency", 4))


def _more_features(found: list[Record]) -> list[bytes]:
    return [serialized(record, filename=b"scene.png", _first=1) for record in found]


def _two_files(root: Path) -> None:
    path = root / "val.tfrecord"
    content = [serialized(read(place)) for place in places(path)]
    path.unlink()
    for number, part in enumerate((content[:100], content[100:])):
        (root / f"val-{number:05d}-of-00002.tfrecord").write_bytes(b"".join(part))


def _listed_otherwise(document: Rows, folder: Path) -> None:
    random = np.random.default_rng(7)
    for table in ("images", "annotations", "categories"):
        random.shuffle(document[table])


def _dead_branches_noised(lab: Lab) -> None:
    def rewrite(state: dict[str, Any]) -> None:
        # Every block names four convolutions outside its attention, and the second of them is never read.
        dead = [name for name in state if name.startswith(("Conv_1/", "Conv_5/", "Conv_9/", "Conv_13/", "Conv_17/"))]
        for name in dead:
            state[name] = state[name] + np.float16(1)

    lab.rewrite_weights(rewrite)


def _tensorflow_checkpoint(lab: Lab) -> None:
    """Save the weights as TensorFlow 1 does, with the optimiser's slots."""
    import tensorflow as tf
    from safetensors.numpy import load_file

    state = load_file(lab.models / "tiny.safetensors")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, array in state.items():
            wide = array.astype(np.float32)
            tf.compat.v1.Variable(wide, name=name, use_resource=True)
            tf.compat.v1.Variable(np.zeros_like(wide), name=f"{name}/Momentum", use_resource=True)
        tf.compat.v1.Variable(np.int64(9), name="global_step", use_resource=True)
        session.run(tf.compat.v1.global_variables_initializer())
        saved = tf.compat.v1.train.Saver().save(session, str(lab.models / "again.ckpt"), global_step=9)
    lab.declare_weights(Path(f"{saved}.index"))


MUTANTS = (
    Equivalent("another batch size", SEGMENTATION, checks=ALL),
    Equivalent("not simplified", SEGMENTATION, (edit("^simplify = true|^opset = 11", r"\g<0>\nsimplify = false"),)),
    Equivalent("opset 13", SPINENET, (edit("^opset = 11", "opset = 13"),), checks=OF_ONE),
    Equivalent(
        "a softmax from the axis on which all but the channels is 1",
        SEGMENTATION,
        (written(attribute("Softmax", "axis", 1)),),
        checks=(("parity", 1),),
    ),
    Equivalent("TensorFlow as the candidate", SPINENET, case=FROZEN, checks=ACCURACY),
    Equivalent("a cold store", SEGMENTATION, (forget(),), checks=OF_ONE),
    Equivalent(
        "a ReLU more, after a sum of what is not negative",
        SEGMENTATION,
        (
            code(
                r"return shortcut \+ layers.unit\(inner, layers.name\(\), EXPANSION \* channels\)",
                "return tf.nn.relu(shortcut + layers.unit(inner, layers.name(), EXPANSION * channels))",
            ),
        ),
        checks=OF_ONE,
    ),
    Equivalent("weights that nothing reads", SEGMENTATION, (_dead_branches_noised,), checks=OF_ONE),
    Equivalent("a TensorFlow checkpoint with slots", SEGMENTATION, (_tensorflow_checkpoint,), checks=OF_ONE),
    Equivalent("records in two files", SEGMENTATION, (on_disk(_two_files),), checks=ACCURACY),
    Equivalent("records with more features", SEGMENTATION, (records(_more_features),), checks=ACCURACY),
    Equivalent("boxes twice as large, and a scale that says so", SPINENET, DOUBLED, checks=OF_ONE),
    Equivalent("annotations in another order", SPINENET, (annotations(_listed_otherwise),), checks=ACCURACY),
    Equivalent(
        "a letterbox of the size it has",
        SPINENET,
        (shrunk("letterbox", fill="[0, 0, 0]"),),
        case=FROZEN,
        checks=ACCURACY,
    ),
    Equivalent(
        "pictures twice as large, resized by the card",
        SPINENET,
        (enlarged(2, 2), shrunk("resize", filter='"nearest"')),
        case=FROZEN,
        checks=ACCURACY,
    ),
)
