"""DeepLabV2 on a ResNet-101, with an auxiliary and a main head, as IntraDA trains it (arXiv 2004.07703, 1606.00915).

Parameter names and their order are those of the network in github.com/feipan664/IntraDA at 070b0b70 (ADVENT, Valeo,
Apache-2.0), so that its checkpoints load strictly. The code is written anew.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

EXPANSION = 4


class Bottleneck(nn.Module):
    """1×1 with the stride (as Caffe places it), 3×3 with the dilation, 1×1, around a shortcut."""

    def __init__(self, in_channels: int, planes: int, stride: int, dilation: int) -> None:
        super().__init__()
        out_channels = planes * EXPANSION
        self.conv1 = nn.Conv2d(in_channels, planes, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Sequential | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's map: `planes` × 4 channels, the height and width of `x` over the stride."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = functional.relu(self.bn2(self.conv2(out)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return functional.relu(self.bn3(self.conv3(out)) + shortcut)


class AtrousClassifier(nn.Module):
    """The sum of 3×3 convolutions with different dilations, straight to class logits."""

    def __init__(self, in_channels: int, classes: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.conv2d_list = nn.ModuleList(
            nn.Conv2d(in_channels, classes, 3, padding=dilation, dilation=dilation) for dilation in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of the height and width of `x`."""
        first, *others = self.conv2d_list
        logits: Tensor = first(x)
        for convolution in others:
            logits = logits + convolution(x)
        return logits


class DeepLabV2(nn.Module):
    """The segmenter; `forward` gives the auxiliary logits (`layer5`), then the main ones (`layer6`)."""

    def __init__(self, layers: Sequence[int], width: int, classes: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.channels = width
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.layer1 = self._stage(width, layers[0], stride=1, dilation=1)
        self.layer2 = self._stage(2 * width, layers[1], stride=2, dilation=1)
        self.layer3 = self._stage(4 * width, layers[2], stride=1, dilation=2)
        auxiliary_channels = self.channels
        self.layer4 = self._stage(8 * width, layers[3], stride=1, dilation=4)
        self.layer5 = AtrousClassifier(auxiliary_channels, classes, dilations)
        self.layer6 = AtrousClassifier(self.channels, classes, dilations)

    def _stage(self, planes: int, blocks: int, stride: int, dilation: int) -> nn.Sequential:
        out_channels = planes * EXPANSION
        stage = []
        for index in range(blocks):
            stage.append(Bottleneck(self.channels, planes, stride if index == 0 else 1, dilation))
            if index == 0:
                stage[0].downsample = nn.Sequential(
                    nn.Conv2d(self.channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
                )
            self.channels = out_channels
        return nn.Sequential(*stage)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return two logit maps at an eighth of the side of a mean-free BGR image, N × 3 × H × W.

        Both are N × classes × h × w with h = ceil(ceil(H / 2) / 4) + 1 for an H that 8 divides (512 gives 65).
        """
        x = self.maxpool(functional.relu(self.bn1(self.conv1(image))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.layer5(x), self.layer6(self.layer4(x))


def build(
    *,
    layers: Sequence[int] = (3, 4, 23, 3),
    width: int = 64,
    classes: int = 19,
    dilations: Sequence[int] = (6, 12, 18, 24),
) -> DeepLabV2:
    """Return the network; without arguments, the official one.

    `layers` are the blocks of the four stages, `width` the planes of the first stage (doubled by each next one), and
    `dilations` those of each head's convolutions.
    """
    return DeepLabV2(layers, width, classes, dilations)
