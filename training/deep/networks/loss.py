"""One loss for two kinds of labels."""

from __future__ import annotations

import tensorflow as tf

SMOOTHING = 0.05
"""Label smoothing (Szegedy et al. 2016, arXiv:1512.00567): people's labels err, emoticons more so."""


def mixed_loss(targets: tf.Tensor, distant: tf.Tensor, weights: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy, over all three labels for people's rows, between negative and positive for emoticons'.

    An emoticon says nothing about neutral: tweets that people call neutral carry them too. With the loss on
    P(positive) / (P(negative) + P(positive)), such a row moves the direction and leaves the neutral logit alone.

    Args:
        targets: (n, 3) probabilities. distant: (n,) bool. logits: (n, 3).
        weights: (n,) what each row counts.
    """
    logits = tf.cast(logits, tf.float32)
    whole = -tf.reduce_sum(_smoothed(targets, 3) * tf.nn.log_softmax(logits), axis=1)
    pair = tf.gather(targets, [0, 2], axis=1)
    pair = pair / tf.maximum(tf.reduce_sum(pair, axis=1, keepdims=True), 1e-6)
    direction = tf.nn.log_softmax(tf.gather(logits, [0, 2], axis=1))
    polar = -tf.reduce_sum(_smoothed(pair, 2) * direction, axis=1)
    return tf.reduce_mean(weights * tf.where(distant, polar, whole))


def _smoothed(targets: tf.Tensor, labels: int) -> tf.Tensor:
    return (1 - SMOOTHING) * targets + SMOOTHING / labels
