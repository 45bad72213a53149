"""How resnest-seg-tiny is trained: a schedule, and the cross entropy of the enlarged logits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

EXAMPLES = 2000
EPOCHS = 8
BATCH = 8
LEARNING_RATE = 6e-3
SEED = 1


def truth(network: Any, targets: Sequence[Any]) -> tuple[Any]:
    """Return what `loss` compares with, as arrays: train ids, int32 N × H × W, -1 where not scored."""
    return (np.stack(targets).astype(np.int32),)


def loss(network: Any, image: Any, variable: Any, answers: tuple[Any]) -> Any:
    """Return the mean cross entropy over the scored pixels, in training."""
    (train_ids,) = answers
    (logits,) = network(image, variable, training=True)
    scored = tf.cast(train_ids >= 0, tf.float32)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.maximum(train_ids, 0), logits=logits)
    return tf.reduce_sum(entropy * scored) / tf.reduce_sum(scored)
