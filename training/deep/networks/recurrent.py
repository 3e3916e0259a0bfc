"""Small networks over words: BiLSTM, BiGRU, a text CNN, a dense net on averaged vectors."""

from __future__ import annotations

from typing import Literal, get_args

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

Member = Literal["bilstm", "bigru", "cnn", "dense"]
MEMBERS: tuple[Member, ...] = get_args(Member)


def network(
    member: Member, vectors: NDArray[np.float32], *, units: int, dropout: float = 0.3, width: int | None = None
) -> keras.Model:
    """Word numbers (n, width), 0 for none, to logits (n, 3).

    Args:
        vectors: (words, dimensions) where the embedding starts; it is trained further.
        units: of the recurrent layer in each direction, filters of each width, or of the dense layer.
        width: words of every text, and the recurrence written out so often, which LiteRT asks for; open by default.
    """
    ids = keras.Input((width,), dtype="int32", name="ids")
    there = ops.expand_dims(ops.cast(ops.not_equal(ids, 0), "float32"), -1)
    table = layers.Embedding(*vectors.shape, embeddings_initializer=keras.initializers.Constant(vectors), name="words")
    words = layers.SpatialDropout1D(dropout)(table(ids)) * there
    if member == "dense":
        features = _mean(words, there)
        features = layers.Dense(units, "relu")(features)
    elif member == "cnn":
        features = layers.Concatenate()([_convolved(words, there, width, units) for width in (1, 2, 3, 4)])
    else:
        kind = layers.LSTM if member == "bilstm" else layers.GRU
        # Two layers instead of Keras' Bidirectional: that one, unrolled, forgets the mask backwards (Keras 3.15).
        ahead = kind(units, return_sequences=True, unroll=width is not None)(words)
        # Backwards the padding comes first; the mask makes it skip that, so that padding changes nothing.
        back = kind(units, return_sequences=True, go_backwards=True, unroll=width is not None)(
            words, mask=ops.not_equal(ids, 0)
        )
        both = layers.Concatenate()([ahead, ops.flip(back, axis=1)])
        features = layers.Concatenate()([_largest(both, there), _mean(both, there)])
    features = layers.Dropout(dropout)(features)
    return keras.Model(ids, layers.Dense(3, name="logits")(features), name=member)


def _convolved(words: keras.KerasTensor, there: keras.KerasTensor, width: int, filters: int) -> keras.KerasTensor:
    # Kim 2014, arXiv:1408.5882, with the mean beside the maximum over time.
    found = layers.Conv1D(filters, width, padding="same", activation="relu")(words)
    return layers.Concatenate()([_largest(found, there), _mean(found, there)])


def _largest(sequence: keras.KerasTensor, there: keras.KerasTensor) -> keras.KerasTensor:
    return ops.max(sequence - (1 - there) * 1e4, axis=1)


def _mean(sequence: keras.KerasTensor, there: keras.KerasTensor) -> keras.KerasTensor:
    return ops.sum(sequence * there, axis=1) / ops.maximum(ops.sum(there, axis=1), 1.0)
