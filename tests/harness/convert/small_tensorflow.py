"""A small TensorFlow card, its network and checkpoints of it, as TensorFlow itself writes them."""

from pathlib import Path

import numpy as np
import pytest

from harness import cards

pytest.importorskip("tensorflow", reason="the card, and all that is tested with it, is TensorFlow's")

NETWORK = """
import tensorflow as tf


class Network:
    def __init__(self, width):
        self.width = width

    def __call__(self, image, variable):
        kernel = variable("stem/weights", (3, 3, 3, self.width))
        x = tf.raw_ops.Conv2D(input=image, filter=kernel, strides=[1, 2, 2, 1], padding="SAME", name="stem/Conv2D")
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        parts = [variable(f"stem/{name}", (self.width,)) for name in names]
        x = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=parts[0], offset=parts[1], mean=parts[2], variance=parts[3], epsilon=1e-3, is_training=False
        ).y
        variable("idle/weights", (3, 3, self.width, self.width))
        features = tf.nn.relu(x, name="features")
        head = variable("head/weights", (1, 1, self.width, 4))
        logits = tf.raw_ops.Conv2D(input=features, filter=head, strides=[1, 1, 1, 1], padding="SAME")
        logits = tf.raw_ops.BiasAdd(value=logits, bias=variable("head/biases", (4,)))
        size = [int(side) for side in image.shape[1:3]]
        return tf.raw_ops.ResizeBilinear(images=logits, size=size, name="resize/ResizeBilinear"), features


def build(*, width=4):
    return Network(width)
"""
CARD = """
name = "small"
family = "small"
classes = 4
batches = [1, 4]

[source]
url = "https://example.org"
framework = "tensorflow"

[weights]
file = "model.ckpt-7.index"

[network]
width = 4

[[input]]
name = "inputx"
dtype = "float32"
shape = ["N", 8, 12, 3]

[[output]]
name = "resize/ResizeBilinear"
index = 0
dtype = "float32"
shape = ["N", 8, 12, 4]
scored = true

[[output]]
name = "features"
index = 1
dtype = "float32"
shape = ["N", 4, 6, 4]
om = false

[dataset]
kind = "none"
count = 0

[metric]
name = "miou"
protocol = "dataset"
"""
SHAPES = {
    "stem/weights": (3, 3, 3, 4),
    "stem/gamma": (4,),
    "stem/beta": (4,),
    "stem/moving_mean": (4,),
    "stem/moving_variance": (4,),
    "idle/weights": (3, 3, 4, 4),
    "head/weights": (1, 1, 4, 4),
    "head/biases": (4,),
}
OPERATORS = {
    "BiasAdd": 1,
    "Const": 8,
    "Conv2D": 2,
    "FusedBatchNormV3": 1,
    "Placeholder": 1,
    "Relu": 1,
    "ResizeBilinear": 1,
}


def write_card(folder, *changes):
    """Write network and card, pieces of its text replaced, and return the card."""
    text = CARD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network.py").write_text(NETWORK)
    (folder / "card.toml").write_text(text)
    return cards.load(folder / "card.toml")


def trained(tf, folder, *, without="", resource=True):
    """Train a step with momentum in a version 1 graph, write its checkpoint, and return an image and its outputs."""
    namespace = {}
    exec(NETWORK, namespace)  # noqa: S102
    draw = np.random.default_rng(3)
    image = draw.standard_normal((1, 8, 12, 3)).astype(np.float32)

    def variable(name, shape):
        initial = draw.uniform(0.2, 0.9, shape).astype(np.float32)
        return tf.compat.v1.get_variable(name, initializer=initial, use_resource=resource)

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        fed = tf.compat.v1.placeholder(tf.float32, (1, 8, 12, 3), name="inputx")
        outputs = namespace["build"]()(fed, variable)
        step = tf.compat.v1.train.get_or_create_global_step()
        loss = tf.reduce_mean(tf.square(outputs[0]))
        optimiser = tf.compat.v1.train.MomentumOptimizer(0.01, 0.9).minimize(loss, global_step=step)
        session.run(tf.compat.v1.global_variables_initializer())
        session.run(optimiser, {fed: image})
        saved = [one for one in tf.compat.v1.global_variables() if one.op.name != without]
        tf.compat.v1.train.Saver(saved).save(session, str(folder / "model.ckpt"), global_step=7)
        return image, session.run(outputs, {fed: image})


def run_graph(tf, graph, image, names):
    """Return outputs of a frozen graph, run by TensorFlow."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(graph, name="")
        return session.run([f"{name}:0" for name in names], {"inputx:0": image})


def index_file(folder: Path) -> Path:
    return folder / "model.ckpt-7.index"
