"""Matrices are multiplied in the type that this processor is faster at."""

from __future__ import annotations

import numpy as np


def test_the_choice_is_set_and_products_stay_right() -> None:
    import tensorflow as tf

    from training.deep.runs.precision import multiply_in_the_faster_type

    chosen = multiply_in_the_faster_type()

    options = tf.config.optimizer.get_experimental_options()
    assert options["auto_mixed_precision_onednn_bfloat16"] is chosen
    left = np.random.default_rng(0).normal(size=(64, 128)).astype(np.float32)
    product = tf.function(tf.matmul, autograph=False)(left, left.T).numpy()
    np.testing.assert_allclose(product, left @ left.T, rtol=0.02 if chosen else 1e-4, atol=0.5 if chosen else 1e-3)
