"""SpineNet-49S RetinaNet with its post-processing in the graph, as ModelZoo-TensorFlow serves it.

Variable names, shapes and their order of creation are those of its checkpoint `model.ckpt-231500` (a2c3332, Apache-2.0,
after github.com/tensorflow/tpu). The code is written anew, from raw operators.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Variable = Callable[[str, tuple[int, ...]], Any]
"""Gives the variable (or constant) of a name and shape."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
EPSILON = 1e-4
BASE_FILTERS = {2: 64, 3: 128, 4: 256, 5: 256, 6: 256, 7: 256}
COARSEST = 7
BOTTLENECK = 4
"""A bottleneck's output has this many times its filters."""
# The scale-permuted network of arXiv 1912.05027: level, bottleneck or residual, and two parents (0 and 1: the stem).
BLOCKS = (
    *((2, "b", 0, 1), (4, "r", 0, 1), (3, "b", 2, 3), (4, "b", 2, 4), (6, "r", 3, 5)),
    *((4, "b", 3, 5), (5, "r", 6, 7), (7, "r", 6, 8), (5, "b", 8, 9), (5, "b", 8, 10)),
    *((4, "b", 5, 10), (3, "b", 4, 10), (5, "b", 7, 12), (7, "b", 5, 14), (6, "b", 12, 14)),
)
OUTPUT_BLOCKS = {3: 13, 4: 12, 5: 14, 6: 16, 7: 15}
# The only map that nothing reads is added to this block, so that every variable matters.
LEFTOVER, TAKES_LEFTOVER = 11, 14
SCALES, ASPECTS = 3, (1.0, 2.0, 0.5)
ANCHORS = SCALES * len(ASPECTS)
MOST_GROWTH = math.log(1000 / 16)
"""A box grows at most this much (logarithm) over its anchor."""


class Map(NamedTuple):
    """A feature map, and whether a bottleneck made it."""

    tensor: Any
    bottleneck: bool


class Layers:
    """The layers of one graph; `moving` collects (moving average, statistic of the batch) in training."""

    def __init__(self, variable: Variable, training: bool) -> None:
        self.variable, self.training = variable, training
        self.moving: list[tuple[Any, Any]] = []
        self._made: Counter[str] = Counter()

    def unit(self, x: Any, scope: str, filters: int, size_stride: tuple[int, int] = (1, 1)) -> Any:
        """Return the convolution and batch normalisation that come next in a scope: conv2d, conv2d_1, ..."""
        suffix = f"_{self._made[scope]}" * bool(self._made[scope])
        self._made[scope] += 1
        x = self.conv(x, f"{scope}/conv2d{suffix}", filters, size_stride)
        return self.normalised(x, f"{scope}/batch_normalization{suffix}")

    def conv(self, x: Any, name: str, filters: int, size_stride: tuple[int, int]) -> Any:
        """Return a convolution without bias; with a stride, padded alike on both sides whatever the size."""
        size, stride = size_stride
        kernel = self.variable(f"{name}/kernel", (size, size, int(x.shape[-1]), filters))
        if stride > 1:
            around = [(size - 1) // 2, size - 1 - (size - 1) // 2]
            x = tf.raw_ops.Pad(input=x, paddings=[[0, 0], around, around, [0, 0]], name=f"{name}/Pad")
        strides, padding = [1, stride, stride, 1], "VALID" if stride > 1 else "SAME"
        return tf.raw_ops.Conv2D(input=x, filter=kernel, strides=strides, padding=padding, name=f"{name}/Conv2D")

    def biased(self, x: Any, name: str, filters: int) -> Any:
        """Return a 3×3 convolution with bias."""
        x = self.conv(x, name, filters, (3, 1))
        return tf.raw_ops.BiasAdd(value=x, bias=self.variable(f"{name}/bias", (filters,)), name=f"{name}/BiasAdd")

    def normalised(self, x: Any, name: str) -> Any:
        """Return the batch normalisation of `x`, by the moving averages or, in training, by the batch's own."""
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        scale, offset, mean, variance = (self.variable(f"{name}/{part}", (int(x.shape[-1]),)) for part in parts)
        result = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=scale,
            offset=offset,
            mean=tf.zeros([0]) if self.training else mean,
            variance=tf.zeros([0]) if self.training else variance,
            epsilon=EPSILON,
            is_training=self.training,
            name=f"{name}/FusedBatchNormV3",
        )
        if self.training:
            self.moving += [(mean, result.batch_mean), (variance, result.batch_variance)]
        return result.y


@dataclass
class SpineNet:
    """The network; called, it adds itself to the current graph. Its fields are the card's `[network]` arguments.

    `width` scales the filters of every block, `stem`, `endpoint` and `repeats` are those of the first convolution, of
    the pyramid and of the heads; `classes` counts the background. After a call, `maps` holds the maps inside by name,
    and `moving` pairs of a moving average and the batch's statistic that training moves it to.
    """

    size: int = 640
    classes: int = 91
    width: float = 0.65
    stem: int = 64
    endpoint: int = 128
    levels: Sequence[int] = (3, 7)
    repeats: int = 4
    anchor: float = 3.0
    candidates: int = 5000
    detections: int = 100
    overlap: float = 0.5
    least_score: float = 0.05
    maps: dict[str, Any] = field(default_factory=dict, init=False)
    moving: list[tuple[Any, Any]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if self.size % 2**COARSEST:
            raise ValueError(f"size {self.size} is no multiple of {2**COARSEST}")
        self.pyramid = range(self.levels[0], self.levels[1] + 1)

    def __call__(self, image: Any, variable: Variable) -> tuple[Any, ...]:
        """Return count, boxes, classes, scores and image information, then the class logits and box codes per level.

        `image` is uint8, N × size × size × 3, RGB. Detections are float32: N, N × 100 × 4 (ymin, xmin, ymax, xmax in
        pixels), N × 100, N × 100, N × 4 × 2.
        """
        classes, boxes = self.heads(image, variable)
        return (*self.detections_of(classes, boxes), *classes, *boxes)

    def heads(self, image: Any, variable: Variable, training: bool = False) -> tuple[list[Any], list[Any]]:
        """Return class logits, N × h × w × 9·classes, and box codes, N × h × w × 9·4, of every level."""
        layers = Layers(variable, training)
        x = tf.cast(image, tf.float32) * tf.constant(1 / 255) - tf.constant(MEAN)
        maps = {"images": x / tf.constant(STD)}
        features = _backbone(layers, maps["images"], self.width, self.stem)
        for level in self.pyramid:
            x = layers.unit(features[OUTPUT_BLOCKS[level]].tensor, "spinenet", self.endpoint)
            maps[f"endpoint{level}"] = _swish(x)
        for level in self.pyramid:
            logits = self._head(layers, maps[f"endpoint{level}"], f"class_net/class/{level}", ANCHORS * self.classes)
            codes = self._head(layers, maps[f"endpoint{level}"], f"box_net/box/{level}", ANCHORS * 4)
            maps[f"cls{level}"] = tf.identity(logits, name=f"ClassLogits{level}")
            maps[f"box{level}"] = tf.identity(codes, name=f"BoxCodes{level}")
        self.maps, self.moving = maps, layers.moving
        return [maps[f"cls{level}"] for level in self.pyramid], [maps[f"box{level}"] for level in self.pyramid]

    def anchors(self) -> npt.NDArray[np.float32]:
        """Return all anchors, anchors × 4: ymin, xmin, ymax, xmax in pixels; rows, columns, scales, then aspects."""
        found = []
        for level in self.pyramid:
            stride = 2**level
            centres = np.arange(stride / 2, self.size, stride)
            sizes = [self.anchor * stride * 2 ** (scale / SCALES) for scale in range(SCALES)]
            halves = np.array([[side / aspect**0.5, side * aspect**0.5] for side in sizes for aspect in ASPECTS]) / 2
            places = np.stack(np.meshgrid(centres, centres, indexing="ij"), -1)[:, :, None, :]
            found.append(np.concatenate([places - halves, places + halves], -1).reshape(-1, 4))
        return np.concatenate(found).astype(np.float32)

    def detections_of(self, classes: Sequence[Any], boxes: Sequence[Any]) -> tuple[Any, ...]:
        """Return the five outputs from class logits and box codes per level: per-class NMS, then the best of all.

        A class with fewer than 100 detections is filled up with its best candidate at score -1.
        """
        batch = int(classes[0].shape[0])
        logits = tf.concat([tf.reshape(x, [batch, -1, self.classes]) for x in classes], 1)
        decoded = self._decoded(tf.concat([tf.reshape(x, [batch, -1, 4]) for x in boxes], 1))
        scores = tf.transpose(tf.sigmoid(logits)[:, :, 1:], [0, 2, 1])
        top, order = tf.raw_ops.TopKV2(input=scores, k=min(self.candidates, int(scores.shape[-1])))
        best = [self._best(decoded[row], top[row], order[row]) for row in range(batch)]
        found, kinds, confidences = (tf.stack(part) for part in zip(*best, strict=True))
        count = tf.reduce_sum(tf.cast(confidences > tf.constant(-1.0), tf.float32), 1)
        side = float(self.size)
        info = np.tile(np.array([[[side, side], [side, side], [1, 1], [0, 0]]], np.float32), (batch, 1, 1))
        return (
            tf.identity(count, name="NumDetections"),
            tf.identity(found, name="DetectionBoxes"),
            tf.identity(kinds, name="DetectionClasses"),
            tf.identity(confidences, name="DetectionScores"),
            tf.identity(tf.constant(info), name="ImageInfo"),
        )

    def _head(self, layers: Layers, x: Any, place: str, filters: int) -> Any:
        """Return a head's output at a level; all levels share its convolutions, each normalises on its own."""
        net, kind, level = place.split("/")
        scope = f"retinanet/{net}/{kind}"
        for repeat in range(self.repeats):
            x = layers.biased(x, f"{scope}-{repeat}", int(x.shape[-1]))
            x = _swish(layers.normalised(x, f"{scope}-{repeat}-{level}"))
        return layers.biased(x, f"{scope}-predict", filters)

    def _decoded(self, codes: Any) -> Any:
        """Return the boxes of box codes, N × anchors × 4, clipped to the image; both ends of a box belong to it."""
        anchors = self.anchors()
        sides = anchors[:, 2:] - anchors[:, :2] + np.float32(1)
        centres = codes[:, :, :2] * tf.constant(sides) + tf.constant(anchors[:, :2] + sides / np.float32(2))
        grown = tf.exp(tf.minimum(codes[:, :, 2:], tf.constant(MOST_GROWTH, tf.float32))) * tf.constant(sides)
        first = centres - grown / tf.constant(2.0)
        ends = tf.concat([first, first + grown - tf.constant(1.0)], -1)
        return tf.maximum(tf.minimum(ends, tf.constant(float(self.size - 1))), tf.constant(0.0))

    def _best(self, boxes: Any, scores: Any, order: Any) -> tuple[Any, Any, Any]:
        """Return the best boxes of one image, their class numbers and scores; ties go to the lower class."""
        parts = zip(tf.unstack(tf.gather(boxes, order)), tf.unstack(scores), strict=True)
        kept, confidences = zip(*(self._suppressed(*part) for part in parts), strict=True)
        best, index = tf.raw_ops.TopKV2(input=tf.concat(confidences, 0), k=self.detections)
        kinds = np.repeat(np.arange(1, self.classes, dtype=np.float32), self.detections)
        return tf.gather(tf.concat(kept, 0), index), tf.gather(tf.constant(kinds), index), best

    def _suppressed(self, boxes: Any, scores: Any) -> tuple[Any, Any]:
        """Return exactly 100 boxes and scores of one class, what is missing filled up with candidate 0 at score -1."""
        chosen = tf.raw_ops.NonMaxSuppressionV3(
            boxes=boxes,
            scores=scores,
            max_output_size=self.detections,
            iou_threshold=self.overlap,
            score_threshold=self.least_score,
        )
        filler = np.zeros(self.detections, np.int32)
        index = tf.slice(tf.concat([chosen, tf.constant(filler)], 0), [0], [self.detections])
        rest = tf.constant(np.full(self.detections, -1, np.float32))
        confidences = tf.slice(tf.concat([tf.gather(scores, chosen), rest], 0), [0], [self.detections])
        return tf.gather(boxes, index), confidences


build = SpineNet


def enliven(weights: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return seeded weights with livelier activations (scales × 1.25) and few detections (class biases - 4)."""
    lively = {name: array * np.float32(1.25 if name.endswith("/gamma") else 1) for name, array in weights.items()}
    bias = "retinanet/class_net/class-predict/bias"
    return {**lively, bias: weights[bias] + np.float32(-4)}


def _backbone(layers: Layers, image: Any, width: float, stem: int) -> list[Map]:
    """Return the stem's two maps and those of all scale-permuted blocks."""
    filters = {level: int(width * base) for level, base in BASE_FILTERS.items()}
    x = _pooled(_swish(layers.unit(image, "spinenet", stem, (7, 2))), 3, 2)
    features: list[Map] = []
    for _ in range(2):
        x = _bottleneck(layers, x, "spinenet", filters[2])
        features.append(Map(x, True))
    for index, (level, kind, *parents) in enumerate(BLOCKS):
        channels = filters[level] * (BOTTLENECK if kind == "b" else 1)
        target = (-(-int(image.shape[2]) // 2**level), channels)
        scope = f"spinenet/sub_policy{index}"
        inputs = [
            _resampled(layers, features[parent], f"{scope}/resample_with_alpha_resample_{index}_{place}", target)
            for place, parent in enumerate(parents)
        ]
        x = inputs[0] + inputs[1]
        if len(features) == TAKES_LEFTOVER:
            x = x + features[LEFTOVER].tensor
        block = _bottleneck if kind == "b" else _residual
        x = block(layers, _swish(x), f"{scope}/scale_permuted_block_{len(features)}", filters[level])
        features.append(Map(x, kind == "b"))
    return features


def _resampled(layers: Layers, parent: Map, scope: str, target: tuple[int, int]) -> Any:
    """Return a parent's map at the target's width and channels, taken through half of its filters."""
    x = parent.tensor
    inner = int(0.5 * int(x.shape[-1]) / (BOTTLENECK if parent.bottleneck else 1))
    ratio = int(x.shape[2]) / target[0]
    x = _swish(layers.unit(x, scope, inner))
    if ratio > 1:
        x = _swish(layers.unit(x, scope, inner, (3, 2)))
        if ratio > 2:
            x = _pooled(x, 3 if ratio <= 4 else 5, int(ratio / 2))
    elif ratio < 1:
        x = tf.raw_ops.ResizeNearestNeighbor(images=x, size=[target[0], target[0]], name=f"{scope}/Upsample")
    return layers.unit(x, scope, target[1])


def _bottleneck(layers: Layers, x: Any, scope: str, filters: int) -> Any:
    shortcut = x
    if int(x.shape[-1]) != BOTTLENECK * filters:
        shortcut = layers.unit(x, scope, BOTTLENECK * filters)
    x = _swish(layers.unit(x, scope, filters))
    x = _swish(layers.unit(x, scope, filters, (3, 1)))
    return _swish(layers.unit(x, scope, BOTTLENECK * filters) + shortcut)


def _residual(layers: Layers, x: Any, scope: str, filters: int) -> Any:
    shortcut = x
    x = _swish(layers.unit(x, scope, filters, (3, 1)))
    return _swish(layers.unit(x, scope, filters, (3, 1)) + shortcut)


def _swish(x: Any) -> Any:
    return x * tf.sigmoid(x)


def _pooled(x: Any, size: int, stride: int) -> Any:
    return tf.raw_ops.MaxPool(input=x, ksize=[1, size, size, 1], strides=[1, stride, stride, 1], padding="SAME")
