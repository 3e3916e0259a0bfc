"""MPNet's encoder (Song et al. 2020, arXiv:2004.09297), which keras-hub does not have.

BERT's layers, with a bias on the attention by the distance of two tokens: 32 buckets, one bias a head, the same in all
layers. Positions count from 2, and there are no token types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer.json"
_FIRST_POSITION: Final = 2
_FARTHEST: Final = 128
"""Tokens farther apart than this share a bucket."""
_MASKED: Final = -1e9


class MPNetError(BuzzwatchError):
    """Files of an MPNet cannot be used. Names them and the reason."""


@dataclass(frozen=True)
class MPNetConfig:
    """Sizes, under the names of its `config.json`."""

    vocab_size: int = 30527
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 514
    relative_attention_num_buckets: int = 32
    layer_norm_eps: float = 1e-5


def is_mpnet(folder: str) -> bool:
    """Whether a folder holds an MPNet in the files of Hugging Face."""
    try:
        return bool(json.loads((Path(folder) / CONFIG).read_text("utf-8")).get("model_type") == "mpnet")
    except (OSError, ValueError, AttributeError):
        return False


def distance_buckets(width: int, buckets: int) -> NDArray[np.int32]:
    """(width, width): the bucket of token j seen from token i, as in T5 (Raffel et al. 2020, arXiv:1910.10683).

    One half of the buckets is for what comes later. Of a half, every distance below its middle has its own; the others
    grow with the logarithm.
    """
    distance = np.arange(width)[None, :] - np.arange(width)[:, None]
    half, exact = buckets // 2, buckets // 4
    apart = np.abs(distance)
    far = exact + np.log(np.maximum(apart, 1) / exact) / np.log(_FARTHEST / exact) * (half - exact)
    found = np.where(apart < exact, apart, np.minimum(far.astype(np.int64), half - 1))
    table: NDArray[np.int32] = (found + half * (distance > 0)).astype(np.int32)
    return table


class Embeddings(keras.layers.Layer):  # type: ignore[misc]
    """Token ids (n, width) to vectors (n, width, size): word and position, normalised."""

    def __init__(self, config: MPNetConfig) -> None:
        super().__init__(name="embeddings")
        self._config = config
        self.norm = keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")

    def build(self, *_: Any) -> None:
        """Make the tables."""
        c = self._config
        self.words = self.add_weight(shape=(c.vocab_size, c.hidden_size), name="words_embedding")
        self.positions = self.add_weight(shape=(c.max_position_embeddings, c.hidden_size), name="positions_embedding")
        self.norm.build((None, None, c.hidden_size))
        self.built = True

    def call(self, ids: Any) -> Any:
        """See the class."""
        width = ops.shape(ids)[1]
        places = self.positions[_FIRST_POSITION : _FIRST_POSITION + width]
        return self.norm(ops.take(self.words, ids, axis=0) + places)


class AttentionBias(keras.layers.Layer):  # type: ignore[misc]
    """Padding mask (n, width) to what is added to the attention's logits (n, heads, width, width)."""

    def __init__(self, config: MPNetConfig) -> None:
        super().__init__(name="attention_bias")
        self._config = config
        width = config.max_position_embeddings - _FIRST_POSITION
        self._buckets = distance_buckets(width, config.relative_attention_num_buckets)

    def build(self, *_: Any) -> None:
        """Make the table."""
        c = self._config
        shape = (c.relative_attention_num_buckets, c.num_attention_heads)
        self.table = self.add_weight(shape=shape, name="distance_embedding")
        self.built = True

    def call(self, there: Any) -> Any:
        """See the class."""
        width = ops.shape(there)[1]
        buckets = ops.convert_to_tensor(self._buckets)[:width, :width]
        bias = ops.transpose(ops.take(self.table, buckets, axis=0), (2, 0, 1))
        absent = 1.0 - ops.cast(there, "float32")
        # Not by indexing with None, which LiteRT lacks.
        return ops.expand_dims(bias, 0) + _MASKED * ops.expand_dims(absent, (1, 2))


class EncoderLayer(keras.layers.Layer):  # type: ignore[misc]
    """Attention and feed-forward, each added to its input and then normalised. Takes vectors and attention bias."""

    def __init__(self, config: MPNetConfig, number: int) -> None:
        super().__init__(name=f"layer_{number}")
        size, dense = config.hidden_size, keras.layers.Dense
        self._size, self.heads, self._wide = size, config.num_attention_heads, config.intermediate_size
        self.query_key_value = dense(3 * size, name="query_key_value")
        self.attention_out = dense(size, name="attention_out")
        self.attention_norm = keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name="attention_norm")
        self.widening = dense(self._wide, name="widening")
        self.narrowing = dense(size, name="narrowing")
        self.norm = keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")

    def build(self, *_: Any) -> None:
        """Make the weights."""
        for part in (self.query_key_value, self.attention_out, self.attention_norm, self.widening, self.norm):
            part.build((None, None, self._size))
        self.narrowing.build((None, None, self._wide))
        self.built = True

    def call(self, x: Any, bias: Any) -> Any:
        """See the class."""
        width, each = ops.shape(x)[1], self._size // self.heads
        split = ops.reshape(self.query_key_value(x), (-1, width, 3, self.heads, each))
        query, key, value = ops.unstack(ops.transpose(split, (2, 0, 3, 1, 4)), 3, axis=0)
        weights = ops.matmul(query, ops.swapaxes(key, -1, -2)) * each**-0.5 + bias
        seen = ops.transpose(ops.matmul(ops.softmax(weights), value), (0, 2, 1, 3))
        x = self.attention_norm(x + self.attention_out(ops.reshape(seen, (-1, width, self._size))))
        wide = self.widening(x)
        # GELU written out: TensorFlow's own has an operator that ONNX lacks.
        wide = 0.5 * wide * (1.0 + ops.erf(wide * 2**-0.5))
        return self.norm(x + self.narrowing(wide))


def mpnet(config: MPNetConfig) -> keras.Model:
    """`token_ids` and `padding_mask`, both (n, width), to the last layer's vectors (n, width, size)."""
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    there = keras.Input((None,), dtype="int32", name="padding_mask")
    bias = AttentionBias(config)(there)
    x = Embeddings(config)(ids)
    for number in range(config.num_hidden_layers):
        x = EncoderLayer(config, number)(x, bias)
    return keras.Model({"token_ids": ids, "padding_mask": there}, x, name="mpnet")


def load_mpnet(folder: Path) -> keras.Model:
    """The encoder with the weights of a folder.

    Raises:
        MPNetError: a file is missing or damaged, or holds something else.
    """
    from safetensors.numpy import load_file

    try:
        sizes = json.loads((folder / CONFIG).read_text("utf-8"))
        config = MPNetConfig(**{name: sizes[name] for name in MPNetConfig.__dataclass_fields__})
        held = load_file(folder / WEIGHTS)
        network = mpnet(config)
        network.get_layer("attention_bias").set_weights([held["encoder.relative_attention_bias.weight"]])
        network.get_layer("embeddings").set_weights(_embeddings(held))
        for number in range(config.num_hidden_layers):
            network.get_layer(f"layer_{number}").set_weights(_layer(held, f"encoder.layer.{number}."))
    except (OSError, ValueError) as error:
        raise MPNetError(f"{folder}: not an MPNet that can be read: {str(error).splitlines()[0]}") from None
    except Exception as error:  # a missing name, and safetensors' own, which has no public base
        raise MPNetError(f"{folder}: not an MPNet that can be read: {type(error).__name__} {error}") from None
    return network


def mpnet_tokenizer(folder: Path) -> str:
    """Its `tokenizer.json` with padding as number 0 and the start as 1, as `_embeddings` has them.

    Raises:
        MPNetError: it is missing or of another kind.
    """
    try:
        made = json.loads((folder / TOKENIZER).read_text("utf-8"))
        words = made["model"]["vocab"]
        words["<s>"], words["<pad>"] = 1, 0
        made |= {"padding": None, "truncation": None}
        for token in made["added_tokens"]:
            token["id"] = words[token["content"]]
        made["post_processor"]["cls"] = ["<s>", words["<s>"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MPNetError(f"{folder / TOKENIZER}: not the tokenizer of an MPNet: {error}") from None
    return json.dumps(made)


def _embeddings(held: dict[str, Any]) -> list[NDArray[np.float32]]:
    words = held["embeddings.word_embeddings.weight"].copy()
    words[[0, 1]] = words[[1, 0]]  # a text's start and padding: everywhere else here 0 is padding
    norm = [held[f"embeddings.LayerNorm.{name}"] for name in ("weight", "bias")]
    return [words, held["embeddings.position_embeddings.weight"], *norm]


def _layer(held: dict[str, Any], prefix: str) -> list[NDArray[np.float32]]:
    """In the order of `EncoderLayer`'s parts; PyTorch keeps matrices the other way round."""
    kernels = [held[f"{prefix}attention.attn.{name}.weight"].T for name in "qkv"]
    biases = [held[f"{prefix}attention.attn.{name}.bias"] for name in "qkv"]
    found = [np.concatenate(kernels, axis=1), np.concatenate(biases)]
    for part in ("attention.attn.o", "attention.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"):
        weight, bias = held[f"{prefix}{part}.weight"], held[f"{prefix}{part}.bias"]
        found += [weight.T if weight.ndim == 2 else weight, bias]
    return found
