"""How icnet-tiny is trained: a schedule, and ICNet's cascade label guidance."""

from torch import Tensor
from torch.nn import functional

EXAMPLES = 1500
EPOCHS = 8
BATCH = 4
LEARNING_RATE = 4e-3
SEED = 1
UNSCORED = -1
GUIDANCE = 0.4
"""The weight of each coarser branch's loss beside that of the finest , as ICNet-pytorch weights them."""


def loss(outputs: tuple[Tensor, ...], train_ids: Tensor) -> Tensor:
    """Return the guided cross entropy; `train_ids` is int64 [N, H, W], -1 where a pixel is not scored."""
    full, _, eighth, sixteenth = outputs
    return _entropy(full, train_ids) + GUIDANCE * (_entropy(eighth, train_ids) + _entropy(sixteenth, train_ids))


def _entropy(logits: Tensor, train_ids: Tensor) -> Tensor:
    step = train_ids.shape[1] // logits.shape[2]
    return functional.cross_entropy(logits, train_ids[:, ::step, ::step], ignore_index=UNSCORED)
