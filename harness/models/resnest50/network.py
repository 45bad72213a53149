"""ResNeSt-50: a ResNet-50 whose 3×3 convolutions attend to two splits of their channels (arXiv 2004.08955).

Parameter names and their order are those of github.com/zhanghang1989/ResNeSt at 1dfb3e8 (Apache-2.0), so that its
checkpoint `resnest50-528c19ca` loads strictly. The code is written anew.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

EXPANSION = 4
RADIX = 2


class SplitAttention(nn.Module):
    """A 3×3 convolution into two splits, and their sum weighted by an attention over the splits, per channel."""

    def __init__(self, channels: int, attention_floor: int) -> None:
        super().__init__()
        self.channels = channels
        inner = max(channels * RADIX // 4, attention_floor)
        self.conv = nn.Conv2d(channels, channels * RADIX, 3, padding=1, groups=RADIX, bias=False)
        self.bn0 = nn.BatchNorm2d(channels * RADIX)
        self.fc1 = nn.Conv2d(channels, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.fc2 = nn.Conv2d(inner, channels * RADIX, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the shape of `x`."""
        first, second = torch.split(functional.relu(self.bn0(self.conv(x))), self.channels, dim=1)
        context = functional.adaptive_avg_pool2d(first + second, 1)
        logits = self.fc2(functional.relu(self.bn1(self.fc1(context))))
        # The batch stays -1 and everything else a constant: the exported graph then needs no Shape nodes.
        weights = logits.reshape(-1, RADIX, self.channels, 1, 1).softmax(dim=1)
        mixed: Tensor = weights[:, 0] * first + weights[:, 1] * second
        return mixed


class Bottleneck(nn.Module):
    """1×1, split attention, 1×1, around a shortcut; a stride is an average pool in both branches (ResNet-D)."""

    def __init__(self, in_channels: int, planes: int, stride: int, attention_floor: int) -> None:
        super().__init__()
        out_channels = planes * EXPANSION
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = SplitAttention(planes, attention_floor)
        self.avd_layer = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else None
        self.conv3 = nn.Conv2d(planes, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Sequential | None = None
        if stride > 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False),
                nn.Conv2d(in_channels, out_channels, 1, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's map: `planes` × 4 channels, the height and width of `x` over the stride."""
        out = self.conv2(functional.relu(self.bn1(self.conv1(x))))
        if self.avd_layer is not None:
            out = self.avd_layer(out)
        shortcut = x if self.downsample is None else self.downsample(x)
        return functional.relu(self.bn3(self.conv3(out)) + shortcut)


class ResNeSt(nn.Module):
    """The classifier; `forward` gives a tuple of one tensor, the logits."""

    def __init__(self, layers: Sequence[int], width: int, stem_width: int, classes: int, attention_floor: int) -> None:
        super().__init__()
        self.attention_floor = attention_floor
        self.channels = 2 * stem_width
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, stem_width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(stem_width),
            nn.ReLU(inplace=True),
            nn.Conv2d(stem_width, stem_width, 3, padding=1, bias=False),
            nn.BatchNorm2d(stem_width),
            nn.ReLU(inplace=True),
            nn.Conv2d(stem_width, 2 * stem_width, 3, padding=1, bias=False),
        )
        self.bn1 = nn.BatchNorm2d(2 * stem_width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._stage(width, layers[0], stride=1)
        self.layer2 = self._stage(2 * width, layers[1], stride=2)
        self.layer3 = self._stage(4 * width, layers[2], stride=2)
        self.layer4 = self._stage(8 * width, layers[3], stride=2)
        self.fc = nn.Linear(self.channels, classes)

    def _stage(self, planes: int, blocks: int, stride: int) -> nn.Sequential:
        stage = []
        for index in range(blocks):
            stage.append(Bottleneck(self.channels, planes, stride if index == 0 else 1, self.attention_floor))
            self.channels = planes * EXPANSION
        return nn.Sequential(*stage)

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Return the logits, N × classes, of a normalised RGB image, N × 3 × H × W."""
        x = self.maxpool(functional.relu(self.bn1(self.conv1(image))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        pooled = torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1)
        return (self.fc(pooled),)


def build(
    *,
    layers: Sequence[int] = (3, 4, 6, 3),
    width: int = 64,
    stem_width: int = 32,
    classes: int = 1000,
    attention_floor: int = 32,
) -> ResNeSt:
    """Return the network; without arguments, the official ResNeSt-50.

    `layers` are the blocks of the four stages, `width` the planes of the first stage (doubled by each next one),
    `stem_width` the channels of the stem's first two convolutions (its last has twice as many), and `attention_floor`
    the fewest channels that an attention is computed in.
    """
    return ResNeSt(layers, width, stem_width, classes, attention_floor)
