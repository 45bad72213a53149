"""How spinenet-tiny is trained: a schedule, anchors given to objects by overlap, and RetinaNet's losses.

Focal loss and box codes are those of RetinaNet (arXiv 1708.02002), and anchors are given out as there: to an object
from an overlap of 0.5 on, to the background below 0.4, and to nobody in between.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

EXAMPLES = 1200
EPOCHS = 8
BATCH = 8
LEARNING_RATE = 4e-3
SEED = 1
TAKEN, LEFT = 0.5, 0.4
"""From which overlap on an anchor is an object's, and below which it is background."""
NOBODYS = -1
ALPHA, GAMMA = 0.25, 1.5
BOX_WEIGHT = 8.0
BEND = 0.1
"""Where the box loss turns from quadratic to linear."""
Boxes = npt.NDArray[np.float32]


def truth(network: Any, targets: Sequence[Any]) -> tuple[Any, Any]:
    """Return what `loss` compares with, as arrays: class numbers int32 N × anchors, box codes float32 N × anchors × 4.

    The class number is 0 for background, -1 for an anchor that teaches nothing.
    """
    anchors = network.anchors()
    rows = [_assigned(anchors, target) for target in targets]
    return np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])


def loss(network: Any, image: Any, variable: Any, answers: tuple[Any, Any]) -> Any:
    """Return focal loss and Huber loss, both per anchor that is an object's, in training."""
    numbers, codes = answers
    classes, boxes = network.heads(image, variable, training=True)
    batch = int(image.shape[0])
    logits = tf.concat([tf.reshape(x, [batch, -1, network.classes]) for x in classes], 1)
    found = tf.concat([tf.reshape(x, [batch, -1, 4]) for x in boxes], 1)
    taken = tf.cast(numbers > 0, tf.float32)
    count = tf.reduce_sum(taken) + 1.0
    taught = tf.cast(tf.not_equal(numbers, NOBODYS), tf.float32)[:, :, None]
    right = tf.one_hot(tf.where(numbers > 0, numbers, tf.fill(tf.shape(numbers), -1)), network.classes)
    return (tf.reduce_sum(_focal(logits, right) * taught) + BOX_WEIGHT * _huber(found - codes, taken)) / count


def _focal(logits: Any, right: Any) -> Any:
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=right, logits=logits)
    share = tf.sigmoid(logits)
    missing = right * (1 - share) + (1 - right) * share
    return entropy * tf.pow(missing, GAMMA) * (right * ALPHA + (1 - right) * (1 - ALPHA))


def _huber(difference: Any, taken: Any) -> Any:
    size = tf.abs(difference)
    bent = tf.where(size < BEND, size * size / (2 * BEND), size - BEND / 2)
    return tf.reduce_sum(tf.reduce_mean(bent, -1) * taken)


def _assigned(anchors: Boxes, target: Any) -> tuple[npt.NDArray[np.int32], Boxes]:
    """Give every anchor to an object, to the background or to nobody; each object gets its best anchors at least."""
    numbers, codes = np.zeros(len(anchors), np.int32), np.zeros((len(anchors), 4), np.float32)
    if not len(target.boxes):
        return numbers, codes
    left, top, width, height = target.boxes.T
    corners = np.stack([top, left, top + height, left + width], -1).astype(np.float32)
    overlap = _overlap(anchors, corners)
    nearest, most = overlap.argmax(1), overlap.max(1)
    numbers[most >= LEFT] = NOBODYS
    taken = most >= TAKEN
    for row in range(len(corners)):
        best = overlap[:, row] == overlap[:, row].max()
        taken |= best
        nearest[best] = row
    numbers[taken] = target.classes[nearest[taken]]
    codes[taken] = _codes(anchors[taken], corners[nearest[taken]])
    return numbers, codes


def _overlap(anchors: Boxes, corners: Boxes) -> Boxes:
    """Return intersection over union of anchors × objects."""
    first = np.maximum(anchors[:, None, :2], corners[None, :, :2])
    last = np.minimum(anchors[:, None, 2:], corners[None, :, 2:])
    common = np.maximum(last - first, 0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (anchors, corners)]
    found: Boxes = common / (areas[0][:, None] + areas[1][None, :] - common)
    return found


def _codes(anchors: Boxes, corners: Boxes) -> Boxes:
    """Return what the network decodes into these boxes; both ends of a box belong to it."""
    sides, wanted = (boxes[:, 2:] - boxes[:, :2] + 1 for boxes in (anchors, corners))
    moved = (corners[:, :2] + wanted / 2 - anchors[:, :2] - sides / 2) / sides
    return np.concatenate([moved, np.log(wanted / sides)], -1).astype(np.float32)
