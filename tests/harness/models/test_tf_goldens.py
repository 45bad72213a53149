"""The two TensorFlow networks against the originals: variables, maps inside, outputs and post-processing.

A golden holds 512 values of a map at given positions and six statistics of all of it, for weights and inputs that
follow from their names. The limit is 3e-4 of the golden's standard deviation; recomputing the originals on other
kernels moves them by 2e-5.
"""

import functools
import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from harness import cards, networks, weights
from harness.cards import TensorSpec
from harness.tf_networks import Constants, Trainable, placeholders, shapes

tf = pytest.importorskip("tensorflow", reason="the networks are TensorFlow's")

GOLDENS = Path(__file__).parents[2] / "goldens"
LIMIT = 3e-4
LEVELS = range(3, 8)
SEGMENTATION, DETECTION = "resnest_seg", "spinenet"
SMALL = {
    SEGMENTATION: {"layers": (1, 1, 1, 1), "width": 4, "stem": 4, "head": (8, 5), "rates": (2, 4, 6)},
    DETECTION: {"size": 128, "classes": 4, "width": 0.07, "stem": 8, "endpoint": 8, "repeats": 1},
}
DETECTIONS = ("num_detections", "detection_boxes", "detection_classes", "detection_scores", "image_info")


def generator(name):
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


def module(family):
    return networks.module_at(cards.MODELS_ROOT / family / "network.py")


def official(family):
    return json.loads((GOLDENS / f"{family}_tf_vars.json").read_text(encoding="utf-8"))


def image_of(family, height, width):
    dtype, name = ("float32", "inputx") if family == SEGMENTATION else ("uint8", "Placeholder")
    return TensorSpec(name=name, dtype=dtype, shape=("N", height, width, 3))


@functools.cache
def lively(family):
    """Return the weights that the goldens were made with."""
    network = module(family)
    return network.enliven(weights.seeded({name: tuple(shape) for name, shape, _live in official(family)["vars"]}))


def session(graph=None):
    one = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    return tf.compat.v1.Session(graph=graph, config=one)


def seen(network, spec, image, names):
    """Run a network with the golden's weights, and return the maps of these names."""
    with tf.Graph().as_default(), session() as running:
        (fed,) = placeholders([spec], 1)
        network(fed, Constants(lively(SEGMENTATION if spec.name == "inputx" else DETECTION)))
        return running.run({name: network.maps[name] for name in names}, {fed: image})


def assert_meets(file, tag, maps):
    with np.load(GOLDENS / f"{file}.npz") as golden:
        deviations = {name: deviation(golden, f"{tag}/{name}", array) for name, array in maps.items()}
    assert {name: value for name, value in deviations.items() if not value <= LIMIT} == {}


def deviation(golden, name, array):
    """Return the largest difference to the golden's values and statistics, in its standard deviations."""
    assert array.shape == tuple(golden[f"{name}/shape"])
    flat = array.ravel().astype(np.float64)
    mean, spread, least, most, size, wave = golden[f"{name}/stats"]
    values = np.abs(flat[golden[f"{name}/idx"]] - golden[f"{name}/val"]).max() / spread
    moments = np.abs([flat.mean() - mean, flat.std() - spread, flat.min() - least, flat.max() - most]) / spread
    sums = np.abs([np.abs(flat).sum() - size, (flat * np.cos(1e-3 * np.arange(flat.size))).sum() - wave]) / size
    return float(max(values, moments.max(), sums.max()))


def probed(file, tag):
    with np.load(GOLDENS / f"{file}.npz") as golden:
        return sorted({name.split("/")[1] for name in golden if name.startswith(f"{tag}/") and name.endswith("/stats")})


@pytest.mark.parametrize(("family", "size", "count"), [(SEGMENTATION, (1024, 2048), 596), (DETECTION, (640, 640), 830)])
def test_names_shapes_and_order_of_the_variables_are_the_checkpoints(family, size, count):
    expected = [(name, tuple(shape)) for name, shape, _live in official(family)["vars"]]

    found = shapes(module(family).build(), [image_of(family, *size)])

    assert len(expected) == count
    assert list(found.items()) == expected


def test_the_dead_variables_are_those_that_no_output_depends_on():
    made = {}

    def variable(name, shape):
        return made.setdefault(name, tf.compat.v1.placeholder(tf.float32, shape, name=name))

    with tf.Graph().as_default():
        network = module(SEGMENTATION).build()
        outputs = network(*placeholders([image_of(SEGMENTATION, 128, 256)], 1), variable)
        reached = reachable(outputs)

    live = {name for name, _shape, live in official(SEGMENTATION)["vars"] if live}
    assert {name for name in made if name in reached} == live
    assert len(made) - len(live) == 80


def reachable(outputs):
    found, waiting = set(), [output.op for output in outputs]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found.add(operation.name)
            waiting += [tensor.op for tensor in operation.inputs]
    return found


@pytest.mark.parametrize(("height", "width"), [(128, 256), (97, 161)])
def test_every_map_of_the_segmentation_network_meets_the_original(height, width):
    tag = f"resnest_seg_{height}x{width}"
    image = generator(f"input:{tag}").standard_normal((1, height, width, 3)).astype(np.float32)
    names = probed("resnest_seg_forward", tag)

    found = seen(module(SEGMENTATION).build(), image_of(SEGMENTATION, height, width), image, names)

    assert len(names) == 27
    assert_meets("resnest_seg_forward", tag, found)


@pytest.mark.slow
def test_the_segmentation_network_at_full_size_meets_the_original():
    tag = "resnest_seg_1024x2048"
    image = generator(f"input:{tag}").standard_normal((1, 1024, 2048, 3)).astype(np.float32)
    names = probed("resnest_seg_fullsize", tag)

    found = seen(module(SEGMENTATION).build(), image_of(SEGMENTATION, 1024, 2048), image, names)

    assert "out" in names
    assert_meets("resnest_seg_fullsize", tag, found)


@pytest.mark.parametrize("size", [256, pytest.param(640, marks=pytest.mark.slow)])
def test_every_map_of_the_detection_network_meets_the_original(size):
    tag = f"spinenet_{size}"
    coarse = generator(f"input:{tag}").integers(0, 256, (1, size // 16, size // 16, 3), np.uint8)
    image = coarse.repeat(16, axis=1).repeat(16, axis=2)
    names = [name for name in probed("spinenet_forward", tag) if name != "image_info"]

    found = seen(module(DETECTION).build(size=size), image_of(DETECTION, size, size), image, names)

    assert len(names) == 16
    assert_meets("spinenet_forward", tag, found)


def golden_heads(size, few):
    """Return the class logits and box codes of the post-processing goldens, which follow from names."""
    classes, boxes = [], []
    for level in LEVELS:
        side = size // 2**level
        draw = generator(f"spinenet_post_{size}:cls{level}")
        logits = np.asarray(draw.standard_normal((1, side, side, 819)) - 7.0, np.float32)
        place = draw.choice(side * side, size=min(25, side * side), replace=False)
        kinds = draw.choice(np.array([1, 3, 17, 44, 90]), size=len(place))
        firing = np.zeros((side * side, 9, 91), bool)
        for where, kind in zip(place, kinds, strict=True):
            firing[where, :, kind] = True
        strong = np.asarray(draw.uniform(-3.5, 3.0, size=logits.shape), np.float32)
        classes.append(few_logits(level, side) if few else np.where(firing.reshape(logits.shape), strong, logits))
        codes = generator(f"spinenet_post_{size}:box{level}").standard_normal((1, side, side, 36))
        boxes.append(np.asarray(0.3 * codes, np.float32))
    return classes, boxes


def few_logits(level, side):
    logits = np.full((1, side, side, 819), -12.0, np.float32)
    if level == 4:
        for place, value in {(3, 3, 1): 3.0, (5, 9, 17): 1.0, (6, 2, 91 + 44): -1.0, (3, 4, 1): 2.5}.items():
            logits[0][place] = value
    return logits


@pytest.mark.parametrize("kind", ["post", "post_few"])
@pytest.mark.parametrize("size", [256, 640])
def test_detections_meet_the_original_for_its_head_outputs(size, kind):
    classes, boxes = golden_heads(size, few=kind == "post_few")

    with tf.Graph().as_default(), session() as running:
        network = module(DETECTION).build(size=size)
        outputs = network.detections_of([tf.constant(x) for x in classes], [tf.constant(x) for x in boxes])
        found = dict(zip(DETECTIONS, running.run(outputs), strict=True))

    with np.load(GOLDENS / "spinenet_forward.npz") as golden:
        for name, array in found.items():
            expected = golden[f"spinenet_{size}/{kind}/{name}"]
            assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
            np.testing.assert_allclose(array, expected, rtol=1e-6, atol=2e-4 if name == "detection_boxes" else 1e-6)
    assert found["num_detections"] == (4 if kind == "post_few" else 100)


@pytest.mark.parametrize("family", [SEGMENTATION, DETECTION])
def test_training_optimises_every_weight_that_an_output_depends_on_and_follows_the_batch(family):
    network = module(family).build(**SMALL[family])
    spec = image_of(family, 64, 128) if family == SEGMENTATION else image_of(family, 128, 128)
    state = weights.seeded(shapes(network, [spec]))
    image = generator("training").integers(0, 256, spec.at(2)).astype(spec.dtype)

    with tf.Graph().as_default(), session() as running:
        (fed,) = placeholders([spec], 2)
        variables = Trainable(state)
        outputs = (network if family == SEGMENTATION else forward_heads(network))(fed, variables, training=True)
        loss = tf.add_n([tf.reduce_sum(tf.square(output)) for output in outputs])
        optimised = tf.compat.v1.trainable_variables()
        slopes = tf.compat.v1.gradients(loss, optimised)
        step = variables.moved(network.moving, decay=0.9)
        running.run(tf.compat.v1.global_variables_initializer())
        fetched = ([slope for slope in slopes if slope is not None], [one for _average, one in network.moving], step)
        values, statistics, _ = running.run(fetched, {fed: image})
        after = variables.state(running)

    unused = {variable.op.name for variable, slope in zip(optimised, slopes, strict=True) if slope is None}
    dead = {f"Conv_{n}" for n in (1, 5, 9, 13)} if family == SEGMENTATION else set()
    assert {name.split("/")[0] for name in unused} == dead
    assert all(np.isfinite(value).all() for value in values)
    assert {variable.op.name for variable in optimised} == {name for name in state if "/moving_" not in name}
    for (average, _), statistic in zip(network.moving, statistics, strict=True):
        expected = 0.9 * state[average.op.name] + 0.1 * statistic
        np.testing.assert_allclose(after[average.op.name], expected, rtol=1e-5, atol=1e-5)


def forward_heads(network):
    def run(*arguments, **options):
        classes, boxes = network.heads(*arguments, **options)
        return [*classes, *boxes]

    return run


def test_training_normalises_by_the_batch_and_inference_by_the_moving_averages():
    network = module(SEGMENTATION).build(**SMALL[SEGMENTATION])
    spec = image_of(SEGMENTATION, 64, 128)
    state = weights.seeded(shapes(network, [spec]))
    image = generator("modes").standard_normal(spec.at(2)).astype(np.float32)

    with tf.Graph().as_default(), session() as running:
        (fed,) = placeholders([spec], 2)
        variables = Trainable(state)
        (trained,) = network(fed, variables, training=True)
        (inferred,) = network(fed, variables)
        running.run(tf.compat.v1.global_variables_initializer())
        in_training, in_inference = running.run([trained, inferred], {fed: image})

    assert network.moving == []
    assert np.abs(in_training - in_inference).max() > 0.1 * in_inference.std()


def test_a_size_that_the_pyramid_cannot_halve_is_refused():
    with pytest.raises(ValueError, match="size 200 is no multiple of 128"):
        module(DETECTION).build(size=200)
