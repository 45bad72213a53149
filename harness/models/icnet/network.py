"""ICNet on a ResNet-50 of the v1s kind: three branches at full, half and quarter resolution (arXiv 1704.08545).

Parameter names and their order are those of github.com/liminn/ICNet-pytorch at da394fc (MIT), so that its checkpoints
load. The code is written anew. There are two variants, and they are not equivalent: upstream pools adaptively; the
`ICNet.patch` of the Ascend ModelZoo pools over equal windows, and drops the backbone's unused classifier.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from harness.errors import CardError

EXPANSION = 4
BINS = (1, 2, 3, 6)
IMAGENET_CLASSES = 1000
IGNORED_KEYS = ("pretrained.fc.weight", "pretrained.fc.bias")
"""Keys of upstream checkpoints that no output depends on: the backbone's ImageNet classifier."""


class Bottleneck(nn.Module):
    """1×1, 3×3 with the stride and the dilation, 1×1, around a shortcut."""

    def __init__(self, in_channels: int, planes: int, stride: int, dilation: int) -> None:
        super().__init__()
        out_channels = planes * EXPANSION
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's map: `planes` × 4 channels, the height and width of `x` over the stride."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = functional.relu(self.bn2(self.conv2(out)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return functional.relu(self.bn3(self.conv3(out)) + shortcut)


class Backbone(nn.Module):
    """ResNet-v1s: three 3×3 convolutions as the stem, and dilation instead of stride in the last two stages."""

    def __init__(self, layers: Sequence[int], width: int, with_classifier: bool) -> None:
        super().__init__()
        self.channels = 2 * width
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 2 * width, 3, padding=1, bias=False),
        )
        self.bn1 = nn.BatchNorm2d(2 * width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._stage(width, layers[0], stride=1, dilation=1)
        self.layer2 = self._stage(2 * width, layers[1], stride=2, dilation=1)
        self.layer3 = self._stage(4 * width, layers[2], stride=1, dilation=2)
        self.layer4 = self._stage(8 * width, layers[3], stride=1, dilation=4)
        if with_classifier:
            self.fc = nn.Linear(self.channels, IMAGENET_CLASSES)

    def _stage(self, planes: int, blocks: int, stride: int, dilation: int) -> nn.Sequential:
        stage = []
        for index in range(blocks):
            # A stage's first block still dilates as the stage before it did.
            first = index == 0
            block_dilation = max(dilation // 2, 1) if first else dilation
            stage.append(Bottleneck(self.channels, planes, stride if first else 1, block_dilation))
            self.channels = planes * EXPANSION
        return nn.Sequential(*stage)

    def stride_16(self, x: Tensor) -> Tensor:
        """Return the map after the second stage; its side is an eighth of that of `x`."""
        out: Tensor = self.layer2(self.layer1(self.maxpool(functional.relu(self.bn1(self.conv1(x))))))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Return the map after the last stage; its side is an eighth of that of `x`."""
        out: Tensor = self.layer4(self.layer3(self.stride_16(x)))
        return out


class PyramidPooling(nn.Module):
    """The map plus, for each number of bins, its pooled map resized back; no parameters."""

    def __init__(self, pool: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the shape of `x`."""
        size = _static_size(x)
        return x + sum(_resize(self.pool(x, bins), size) for bins in BINS)


class ConvBNReLU(nn.Module):
    """A 3×3 convolution of stride 2, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of half the side of `x`."""
        return functional.relu(self.bn(self.conv(x)))


class CascadeFeatureFusion(nn.Module):
    """Fuses a coarse map into a finer one, and classifies the coarse one on the way."""

    def __init__(self, low_channels: int, high_channels: int, out_channels: int, classes: int) -> None:
        super().__init__()
        self.conv_low = nn.Sequential(
            nn.Conv2d(low_channels, out_channels, 3, padding=2, dilation=2, bias=False), nn.BatchNorm2d(out_channels)
        )
        self.conv_high = nn.Sequential(
            nn.Conv2d(high_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
        )
        self.conv_low_cls = nn.Conv2d(out_channels, classes, 1, bias=False)

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return the fused map and the auxiliary logits, both of the height and width of `high`."""
        low = self.conv_low(_resize(low, _static_size(high)))
        return functional.relu(low + self.conv_high(high)), self.conv_low_cls(low)


class Head(nn.Module):
    """Two cascade fusions, then the classifier at a quarter of the image's side, enlarged four times."""

    def __init__(self, width: int, coarsest_channels: int, head_width: int, classes: int) -> None:
        super().__init__()
        self.cff_12 = CascadeFeatureFusion(head_width, width, head_width, classes)
        self.cff_24 = CascadeFeatureFusion(coarsest_channels, 2 * width * EXPANSION, head_width, classes)
        self.conv_cls = nn.Conv2d(head_width, classes, 1, bias=False)

    def forward(self, eighth: Tensor, sixteenth: Tensor, coarsest: Tensor) -> tuple[Tensor, ...]:
        """Return the logits at full, quarter, eighth and sixteenth resolution."""
        fused, sixteenth_logits = self.cff_24(coarsest, sixteenth)
        fused, eighth_logits = self.cff_12(fused, eighth)
        quarter_logits = self.conv_cls(_rescale(fused, 2.0))
        return _rescale(quarter_logits, 4.0), quarter_logits, eighth_logits, sixteenth_logits


class ICNet(nn.Module):
    """The segmenter; `forward` gives logits at full, quarter, eighth and sixteenth resolution."""

    def __init__(
        self, layers: Sequence[int], width: int, head_width: int, classes: int, pooling: Literal["windowed", "adaptive"]
    ) -> None:
        super().__init__()
        self.pretrained = Backbone(layers, width, with_classifier=pooling == "adaptive")
        self.conv_sub1 = nn.Sequential(
            ConvBNReLU(3, width // 2), ConvBNReLU(width // 2, width // 2), ConvBNReLU(width // 2, width)
        )
        self.ppm = PyramidPooling(POOLINGS[pooling])
        self.head = Head(width, self.pretrained.channels, head_width, classes)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return four logit maps, N × classes × h × w, of a normalised RGB image, N × 3 × H × W.

        The first map has the size of the image where 8 divides H and W. Raises CardError where the windowed variant's
        coarsest map has less than 6 pixels a side, which takes an image side of about 192.
        """
        eighth = self.conv_sub1(image)
        sixteenth = self.pretrained.stride_16(_rescale(image, 0.5))
        coarsest = self.ppm(self.pretrained(_rescale(image, 0.25)))
        logits: tuple[Tensor, ...] = self.head(eighth, sixteenth, coarsest)
        return logits


def build(
    *,
    layers: Sequence[int] = (3, 4, 6, 3),
    width: int = 64,
    head_width: int = 128,
    classes: int = 19,
    pooling: Literal["windowed", "adaptive"] = "windowed",
) -> ICNet:
    """Return the network; without arguments, the one that the Ascend ModelZoo converts.

    `layers` are the blocks of the backbone's four stages, `width` the planes of its first stage (doubled by each next
    one), `head_width` the channels of the fused maps. `pooling="adaptive"` is upstream's network, with the backbone's
    unused classifier among its parameters. Raises ValueError for another pooling.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling: expected one of {sorted(POOLINGS)}, got {pooling!r}")
    return ICNet(layers, width, head_width, classes, pooling)


def _pool_adaptively(x: Tensor, bins: int) -> Tensor:
    return functional.adaptive_avg_pool2d(x, bins)


def _pool_by_windows(x: Tensor, bins: int) -> Tensor:
    """Return bins × bins means over windows of one size, which drop no pixel but overlap where `bins` does not divide.

    The rule of the patch: stride = side // bins, window = side - (bins - 1) × stride.
    """
    height, width = _static_size(x)
    if min(height, width) < max(BINS):
        raise CardError(
            "icnet: input",
            f"expected a coarsest map of at least {max(BINS)}×{max(BINS)} for the windowed pooling",
            f"{height}×{width}",
            "use images of 192 or more pixels a side",
        )
    stride = (height // bins, width // bins)
    window = (height - (bins - 1) * stride[0], width - (bins - 1) * stride[1])
    return functional.avg_pool2d(x, window, stride)


POOLINGS: dict[str, Callable[[Tensor, int], Tensor]] = {"windowed": _pool_by_windows, "adaptive": _pool_adaptively}


def _static_size(x: Tensor) -> tuple[int, int]:
    """Return height and width as plain integers, which a traced export then holds as constants."""
    with warnings.catch_warnings():
        # That the sizes become constants is the point: opset 11 has no pooling of a size known only at run time.
        warnings.filterwarnings("ignore", "Converting a tensor to a Python integer")
        return int(x.shape[2]), int(x.shape[3])


def _resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(x, size=size, mode="bilinear", align_corners=True)


def _rescale(x: Tensor, factor: float) -> Tensor:
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=True)
