"""In which numbers matrices are multiplied: bfloat16 or float32, whichever this processor is faster at."""

from __future__ import annotations

import time
from typing import Any, Final

import tensorflow as tf

_OPTION: Final = "auto_mixed_precision_onednn_bfloat16"
_TIMES: Final = 5
_WORTH: Final = 1.1
"""bfloat16 has to be so many times as fast, for its three digits cost a little accuracy."""
_ROWS: Final = 512
_SIZE: Final = 768
_WIDE: Final = 3072
"""The feed-forward part of a base-sized transformer, which takes most of its time."""


def multiply_in_the_faster_type() -> bool:
    """Tell TensorFlow to multiply matrices in bfloat16, and keep the rest in float32, where that is faster.

    Measured, and not read from the processor's flags: of two that have AVX512-BF16 one (AMD EPYC) trains 1.5 times as
    fast by it, the other (Intel Xeon) half as fast.

    Returns:
        Whether it is bfloat16.
    """
    step, rows = _step(), tf.ones((_ROWS, _SIZE))
    seconds = {False: float("inf"), True: float("inf")}
    # In turn, and the least of each: other work on the machine disturbs both alike.
    for _ in range(_TIMES):
        for in_bfloat16 in seconds:
            tf.config.optimizer.set_experimental_options({_OPTION: in_bfloat16})
            step(rows)  # what is set when it is called counts, and the first call after a change prepares it
            started = time.perf_counter()
            step(rows)[0].numpy()
            seconds[in_bfloat16] = min(seconds[in_bfloat16], time.perf_counter() - started)
    chosen = seconds[False] > _WORTH * seconds[True]
    tf.config.optimizer.set_experimental_options({_OPTION: chosen})
    return chosen


def _step() -> Any:
    """Forward and back once, as a function of the input."""
    wider = tf.Variable(tf.ones((_SIZE, _WIDE)) / _SIZE)
    narrower = tf.Variable(tf.ones((_WIDE, _SIZE)) / _WIDE)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(rows: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            answer = tf.reduce_mean(tf.matmul(tf.nn.gelu(tf.matmul(rows, wider)), narrower) ** 2)
        return list(tape.gradient(answer, [wider, narrower]))

    return step
