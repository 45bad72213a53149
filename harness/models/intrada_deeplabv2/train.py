"""How intrada-deeplabv2-tiny is trained: a schedule, and ADVENT's loss of both heads."""

from torch import Tensor
from torch.nn import functional

EXAMPLES = 1500
EPOCHS = 7
BATCH = 8
LEARNING_RATE = 4e-3
SEED = 1
UNSCORED = -1
AUXILIARY = 0.1
"""The weight of the auxiliary head's loss beside that of the main one, as in ADVENT (arXiv 1811.12833)."""


def loss(outputs: tuple[Tensor, ...], train_ids: Tensor) -> Tensor:
    """Return the cross entropy of the enlarged logits; `train_ids` is int64 [N, H, W], -1 where not scored."""
    auxiliary, main = outputs
    return _entropy(main, train_ids) + AUXILIARY * _entropy(auxiliary, train_ids)


def _entropy(logits: Tensor, train_ids: Tensor) -> Tensor:
    enlarged = functional.interpolate(logits, size=train_ids.shape[1:], mode="bilinear", align_corners=True)
    return functional.cross_entropy(enlarged, train_ids, ignore_index=UNSCORED)
