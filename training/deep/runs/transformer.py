"""Fine-tuning a transformer on two kinds of labels."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import keras
from tokenizers import Tokenizer

from training.data.datasets import TrainingData, load_training_data
from training.deep.data.corpus import Corpus, cached_encoding, shares_of
from training.deep.networks.transformer import MINILM, MPNET, PresetError, backbone_of, tokenizer_json, transformer
from training.deep.runs.precision import multiply_in_the_faster_type
from training.deep.runs.training_loop import Schedule, descend
from training.deep.runs.work_folder import Finished, begin, losses_of

_LAYER: Final = re.compile(r"layer_(\d+)")
LONGEST: Final = 48
"""Tokens; 99.5 % of the tweets have fewer."""


@dataclass(frozen=True)
class TransformerOptions:
    """What a run depends on, beside the data. The defaults are MiniLM's; `options_for` knows MPNet's."""

    preset: str = MINILM
    peak: float = 1.5e-4
    batch: int = 64
    minutes: float = 80.0
    steps: int | None = None
    """Most batches, for a run that must not depend on the machine's speed."""
    decay: float = 0.01
    seed: int = 0
    frozen: int = 0
    """The lowest layers that stay as they are, embeddings included; 0: everything is trained."""
    layer_decay: float = 1.0
    """What the step size is multiplied by from each layer to the one below it (Howard and Ruder 2018,
    arXiv:1801.06146)."""
    emoticons_weight: float = 1.0
    """What a row labelled by emoticons counts in the loss."""
    shares: tuple[tuple[str, float], ...] = ()
    """Name of a file and its share of every batch; what is not named is left out. Empty: as `shares_of`."""


def options_for(preset: str, *, minutes: float, batch: int | None, seed: int) -> TransformerOptions:
    """The recipe of a preset.

    Args:
        batch: tweets a step; the preset's own number when None.
    """
    if preset != MPNET:
        return TransformerOptions(preset=preset, minutes=minutes, batch=batch or 64, seed=seed)
    # For two cores and an hour: a third of the layers is left as it is, which saves a third of the way back.
    return TransformerOptions(
        preset=preset,
        peak=4e-5,
        batch=batch or 32,
        minutes=minutes,
        seed=seed,
        frozen=4,
        layer_decay=0.9,
        emoticons_weight=0.5,
        shares=(("airline", 7 / 32), ("semeval", 13 / 32), ("kaggle", 6 / 32), ("sentiment140", 6 / 32)),
    )


def train_transformer(
    folder: Path,
    options: TransformerOptions,
    work: Path,
    progress: Callable[[str], None],
    description: Path | None = None,
    taught: Sequence[Path] = (),
) -> tuple[Finished, TrainingData]:
    """Fine-tune on the learning split of `folder`, resuming what stands in `work`.

    Args:
        taught: files of `buzzwatch train teach`: their rows have three probabilities each as targets.

    Raises:
        DataError: a file is missing. PresetError: the preset cannot be used, or takes no teacher.
        WorkFolderError: `work` holds another run.
    """
    if taught and options.shares:
        raise PresetError(f"preset {options.preset} learns from people's labels and emoticons alone: no --taught")
    keras.utils.set_random_seed(options.seed)
    multiply_in_the_faster_type()
    progress("reading the data")
    data = load_training_data(folder, description, progress, taught)
    backbone = backbone_of(options.preset)
    written = tokenizer_json(options.preset)
    tokenizer = Tokenizer.from_str(written)
    begin(work, "transformer", LONGEST, options, written, data.data_hash)
    progress("tokenizing")
    key = hashlib.sha256(f"{data.data_hash} {written}".encode()).hexdigest()[:16]
    encoded = cached_encoding(tokenizer, data, LONGEST, work / f"encoded-{key}.npz")
    corpus = Corpus(data, encoded)
    shares = _shares(options, data)
    mixture = corpus.mixture(
        shares=shares, size=options.batch, longest=LONGEST, seed=options.seed, emoticons=options.emoticons_weight
    )
    freeze(backbone, options.frozen)
    network = transformer(backbone)
    schedule = Schedule(options.peak, steps=options.steps, minutes=options.minutes)
    state = descend(
        network,
        mixture.batches,
        schedule,
        work,
        decay=options.decay,
        progress=progress,
        rates=layer_rates(backbone, options.layer_decay),
    )
    return Finished(
        "transformer", options.preset, network, written, LONGEST, asdict(options), state, losses_of(work)
    ), data


def freeze(backbone: keras.Model, layers: int) -> None:
    """Keep the embeddings and the lowest layers, called `layer_0` and so on, as they are.

    Raises:
        PresetError: the backbone has fewer, or other names.
    """
    if not layers:
        return
    numbers = [int(found[1]) for one in backbone.layers if (found := _LAYER.fullmatch(one.name))]
    if len(numbers) < layers:
        raise PresetError(f"{backbone.name} has {len(numbers)} layers that can be kept as they are, not {layers}")
    for one in backbone.layers:
        found = _LAYER.fullmatch(one.name)
        one.trainable = bool(found and int(found[1]) >= layers)


def layer_rates(backbone: keras.Model, decay: float) -> Callable[[str], float] | None:
    """Path of a variable to its share of the step size: `decay` to the power of the layers above its own."""
    if decay == 1:
        return None
    numbers = [int(found[1]) for one in backbone.layers if (found := _LAYER.fullmatch(one.name))]
    top = max(numbers, default=0)

    def rate(path: str) -> float:
        inside = [int(found[1]) for part in path.split("/") if (found := _LAYER.fullmatch(part))]
        return decay ** (1 + top - inside[0]) if inside else 1.0  # the head takes whole steps

    return rate


def _shares(options: TransformerOptions, data: TrainingData) -> dict[str, float]:
    if not options.shares:
        return shares_of(data)
    there = {name: share for name, share in options.shares if (data.learn & (data.source == name)).any()}
    if not there:
        return shares_of(data)  # one's own files
    return {name: share / sum(there.values()) for name, share in there.items()}
