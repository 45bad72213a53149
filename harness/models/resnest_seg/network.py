"""ResNeSt-50 with an ASPP head for segmentation, as ModelZoo-TensorFlow's `resnest_resnet50_segmentation` runs it.

Variable names, shapes and their order of creation are the original's (a2c3332, Apache-2.0), those of the branches that
no output depends on included, so that its checkpoint is read by name. The code is written anew, from raw operators.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Variable = Callable[[str, tuple[int, ...]], Any]
"""Gives the variable (or constant) of a name and shape."""

EPSILON = 1e-5
EXPANSION = 4
# The first block of a stage is named after the stage before it, with these numbers whatever the repeats.
FIRST_SCOPES = {2: "resnest1_4", 3: "resnest2_4", 4: "resnest3_5"}
POOL = 7


class Window(NamedTuple):
    """How a convolution looks at its input: kernel size, stride and dilation rate."""

    size: int = 1
    stride: int = 1
    rate: int = 1


POINT = Window()


class Layers:
    """The layers of one graph; `moving` collects (moving average, statistic of the batch) in training."""

    def __init__(self, variable: Variable, training: bool) -> None:
        self.variable, self.training = variable, training
        self.moving: list[tuple[Any, Any]] = []
        self._made: Counter[str] = Counter()

    def name(self, scope: str = "") -> str:
        """Return the next automatic name of a convolution in a scope: Conv, Conv_1, Conv_2, ..."""
        made = self._made[scope]
        self._made[scope] += 1
        return f"{scope}/Conv" * bool(scope) + "Conv" * (not scope) + f"_{made}" * bool(made)

    def conv(self, x: Any, name: str, filters: int, window: Window) -> Any:
        """Return a convolution without bias, padded to keep the size over the stride."""
        kernel = self.variable(f"{name}/weights", (window.size, window.size, int(x.shape[-1]), filters))
        node = f"{name}/Conv2D"
        if window.rate > 1:
            return _dilated(x, kernel, window, node)
        strides = [1, window.stride, window.stride, 1]
        return tf.raw_ops.Conv2D(input=x, filter=kernel, strides=strides, padding="SAME", name=node)

    def biased(self, x: Any, name: str, filters: int, window: Window) -> Any:
        """Return a convolution with bias."""
        x = self.conv(x, name, filters, window)
        return tf.raw_ops.BiasAdd(value=x, bias=self.variable(f"{name}/biases", (filters,)), name=f"{name}/BiasAdd")

    def normalised(self, x: Any, name: str) -> Any:
        """Return the batch normalisation of `x`, by the moving averages or, in training, by the batch's own."""
        shape = (int(x.shape[-1]),)
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        scale, offset, mean, variance = (self.variable(f"{name}/BatchNorm/{part}", shape) for part in parts)
        result = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=scale,
            offset=offset,
            mean=tf.zeros([0]) if self.training else mean,
            variance=tf.zeros([0]) if self.training else variance,
            epsilon=EPSILON,
            is_training=self.training,
            name=f"{name}/BatchNorm/FusedBatchNormV3",
        )
        if self.training:
            self.moving += [(mean, result.batch_mean), (variance, result.batch_variance)]
        return result.y

    def unit(self, x: Any, name: str, filters: int, window: Window = POINT) -> Any:
        """Return convolution, batch normalisation and ReLU."""
        return tf.nn.relu(self.normalised(self.conv(x, name, filters, window), name), name=f"{name}/Relu")

    def idle(self, x: Any, name: str, filters: int, window: Window) -> None:
        """Make a unit that nothing reads, as the original does: its variables are in the checkpoint."""
        made = len(self.moving)
        self.unit(x, name, filters, window)
        del self.moving[made:]


@dataclass
class ResNeStSegmentation:
    """The network; called, it adds itself to the current graph. Its fields are the card's `[network]` arguments.

    `layers` are the blocks of the four stages, `width` the channels of the first (doubled by each next one), `stem` the
    channels of the first two convolutions, `head` the channels of the ASPP and the classes, `rates` its dilations.
    After a call, `maps` holds the maps inside by name, and `moving` pairs of a moving average and the batch's statistic
    that training moves it to.
    """

    layers: Sequence[int] = (3, 4, 6, 3)
    width: int = 64
    stem: int = 64
    head: Sequence[int] = (256, 19)
    rates: Sequence[int] = (12, 24, 36)
    maps: dict[str, Any] = field(default_factory=dict, init=False)
    moving: list[tuple[Any, Any]] = field(default_factory=list, init=False)

    def __call__(self, image: Any, variable: Variable, training: bool = False) -> tuple[Any]:
        """Return the logits, N × H × W × classes, of a normalised BGR image, N × H × W × 3."""
        layers = Layers(variable, training)
        self.maps, self.moving = {}, layers.moving
        x = self._stem(layers, image)
        for stage, repeats in enumerate(self.layers, start=1):
            x = self._stage(layers, x, stage, repeats)
        logits = self._head(layers, x)
        size = [int(side) for side in image.shape[1:3]]
        return (self._keep("out", tf.raw_ops.ResizeBilinear(images=logits, size=size, name="resize/ResizeBilinear")),)

    def _keep(self, name: str, tensor: Any) -> Any:
        self.maps[name] = tensor
        return tensor

    def _stem(self, layers: Layers, image: Any) -> Any:
        x = layers.unit(image, "conv1_1", self.stem, Window(3, stride=2))
        x = layers.unit(x, "conv1_2", self.stem, Window(3))
        x = layers.unit(x, "conv1_3", 2 * self.stem, Window(3))
        pooled = tf.raw_ops.MaxPool(input=x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME", name="MaxPool")
        return self._keep("pool1", pooled)

    def _stage(self, layers: Layers, x: Any, stage: int, repeats: int) -> Any:
        channels = self.width * 2 ** (stage - 1)
        scopes = [f"resnest{stage}_{block}" for block in range(repeats)]
        if stage in FIRST_SCOPES:
            scopes = [FIRST_SCOPES[stage], *scopes[: repeats - 1]]
        for block, scope in enumerate(scopes):
            # Only the second stage halves the map: the whole encoder has stride 8.
            x = self._block(layers, x, scope, (channels, 2 if (stage, block) == (2, 0) else 1))
            self.maps.setdefault(f"block{stage}_{'first' if stage > 1 else block}", x)
        return self._keep(f"stage{stage}", x)

    def _block(self, layers: Layers, x: Any, scope: str, channels_stride: tuple[int, int]) -> Any:
        """Return shortcut + branch, each with its own ReLU and none after the sum, as the original does."""
        channels, stride = channels_stride
        inner = layers.unit(x, layers.name(), channels)
        layers.idle(inner, layers.name(), channels, Window(3))
        if stride > 1:
            size, strides = [1, 3, 3, 1], [1, stride, stride, 1]
            inner = tf.raw_ops.AvgPool(
                value=inner, ksize=size, strides=strides, padding="SAME", name=f"{scope}/AvgPool"
            )
        inner = self._keep(scope.replace("resnest", "split"), _split_attention(layers, inner, scope))
        shortcut = layers.unit(x, layers.name(), EXPANSION * channels, Window(1, stride))
        return shortcut + layers.unit(inner, layers.name(), EXPANSION * channels)

    def _head(self, layers: Layers, x: Any) -> Any:
        """Return the logits at the encoder's resolution: an ASPP (arXiv 1706.05587) whose pooling is a 7×7 window."""
        width, classes = self.head
        branches = [layers.unit(x, layers.name(), width)]
        branches += [layers.unit(x, layers.name(), width, Window(3, rate=rate)) for rate in self.rates]
        size = [1, POOL, POOL, 1]
        pooled = tf.raw_ops.AvgPool(value=x, ksize=size, strides=[1, 1, 1, 1], padding="SAME", name="aspp/AvgPool")
        branches.append(layers.unit(pooled, layers.name(), width))
        x = self._keep("aspp_concat", tf.concat(branches, -1, name="aspp/concat"))
        x = self._keep("aspp", layers.unit(x, layers.name(), width))
        x = layers.unit(x, layers.name(), width, Window(3))
        return self._keep("logits_small", layers.biased(x, layers.name(), classes, POINT))


build = ResNeStSegmentation


def enliven(weights: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return seeded weights in which the attention matters.

    Its softmax runs over C channels and so gives about 1/C: the moving averages of the convolution behind it are
    divided by C (the variance by C²), lest they drown it.
    """
    lively = dict(weights)
    counted = sum(name.endswith("/biases") for name in weights if name.startswith("resnest")) // 2
    for block in range(counted):
        name = f"Conv_{4 * block + 3}"
        channels = weights[f"{name}/weights"].shape[2]
        for part, divisor in (("moving_mean", channels), ("moving_variance", channels**2)):
            exact = weights[f"{name}/BatchNorm/{part}"].astype(np.float64)
            lively[f"{name}/BatchNorm/{part}"] = (exact / divisor).astype(np.float32)
    return lively


def _split_attention(layers: Layers, x: Any, scope: str) -> Any:
    """Return two splits of `x` mixed by attention.

    The softmax runs over the channels of each split, not over the splits (arXiv 2004.08955): so the original does, and
    its checkpoint was trained that way.
    """
    channels = int(x.shape[-1])
    parts = tf.split(x, 2, axis=-1, name=f"{scope}/halves")
    splits = [layers.biased(part, layers.name(scope), channels, Window(3)) for part in parts]
    both = tf.nn.relu(layers.normalised(tf.concat(splits, -1, name=f"{scope}/concat"), scope), name=f"{scope}/Relu")
    first, second = tf.split(both, 2, axis=-1, name=f"{scope}/splits")
    context = tf.reduce_mean(first + second, [1, 2], keepdims=True, name=f"{scope}/Mean")
    context = layers.unit(context, layers.name(scope), channels // 2)
    logits = layers.conv(context, layers.name(scope), 2 * channels, POINT)
    of_first, of_second = (tf.nn.softmax(part) for part in tf.split(logits, 2, axis=-1, name=f"{scope}/logits"))
    return of_first * first + of_second * second


def _dilated(x: Any, kernel: Any, window: Window, name: str) -> Any:
    """Return a dilated convolution as TensorFlow 1.15 wrote one; another form has no gradient on a CPU."""
    rate = window.rate
    reach = rate * (window.size - 1) // 2
    extra = [-(int(side) + 2 * reach) % rate for side in x.shape[1:3]]
    block = [rate, rate]
    x = tf.raw_ops.SpaceToBatchND(
        input=x, block_shape=block, paddings=[[reach, reach + more] for more in extra], name=f"{name}/SpaceToBatchND"
    )
    x = tf.raw_ops.Conv2D(input=x, filter=kernel, strides=[1, 1, 1, 1], padding="VALID", name=name)
    return tf.raw_ops.BatchToSpaceND(
        input=x, block_shape=block, crops=[[0, more] for more in extra], name=f"{name}/BatchToSpaceND"
    )
