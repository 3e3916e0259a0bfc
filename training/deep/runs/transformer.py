"""Fine-tuning a transformer on two kinds of labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import keras
import tensorflow as tf
from tokenizers import Tokenizer

from training.data.datasets import TrainingData, load_training_data
from training.deep.data.corpus import Corpus, cached_encoding, shares_of
from training.deep.networks.transformer import MINILM, backbone_of, tokenizer_json, transformer
from training.deep.runs.training_loop import Schedule, descend
from training.deep.runs.work_folder import Finished, begin, losses_of

LONGEST: Final = 48
"""Tokens; 99.5 % of the tweets have fewer."""


@dataclass(frozen=True)
class TransformerOptions:
    """What a run depends on, beside the data."""

    preset: str = MINILM
    peak: float = 1.5e-4
    batch: int = 64
    minutes: float = 80.0
    steps: int | None = None
    """Most batches, for a run that must not depend on the machine's speed."""
    decay: float = 0.01
    seed: int = 0


def train_transformer(
    folder: Path, options: TransformerOptions, work: Path, tell: Callable[[str], None], description: Path | None = None
) -> tuple[Finished, TrainingData]:
    """Fine-tune on the learning split of `folder`, resuming what stands in `work`.

    Raises:
        DataError: a file is missing. PresetError: the preset cannot be used. WorkFolderError: `work` holds another run.
    """
    keras.utils.set_random_seed(options.seed)
    # bfloat16 in matrix products only, sums and the rest in float32: 1.5 times the speed on AVX512_BF16, no other loss.
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    tell("reading the data")
    data = load_training_data(folder, description, tell)
    backbone = backbone_of(options.preset)
    written = tokenizer_json(options.preset)
    tokenizer = Tokenizer.from_str(written)
    begin(work, "transformer", LONGEST, options, written, data.data_hash)
    tell("tokenizing")
    key = hashlib.sha256(f"{data.data_hash} {written}".encode()).hexdigest()[:16]
    encoded = cached_encoding(tokenizer, data, LONGEST, work / f"encoded-{key}.npz")
    corpus = Corpus(data, encoded)
    mixture = corpus.mixture(shares=shares_of(data), size=options.batch, longest=LONGEST, seed=options.seed)
    network = transformer(backbone)
    schedule = Schedule(options.peak, steps=options.steps, minutes=options.minutes)
    state = descend(network, mixture.batches, schedule, work, decay=options.decay, tell=tell)
    return Finished(
        "transformer", options.preset, network, written, LONGEST, asdict(options), state, losses_of(work)
    ), data
