"""Training a small network over words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from contracts.whole_files import arriving
from training.data.datasets import TrainingData, load_training_data
from training.deep.data.corpus import Corpus, cached_encoding, shares_of
from training.deep.data.embeddings import Kind, word_vectors
from training.deep.data.vocabulary import build_vocabulary, vocabulary_of
from training.deep.networks.recurrent import Member, network
from training.deep.runs.training_loop import Schedule, descend
from training.deep.runs.work_folder import Finished, begin, losses_of

EMOTICONS_SHARE: Final = 0.75
"""Of every batch. Learning from nothing needs more of the many emoticon rows than fine-tuning does."""


@dataclass(frozen=True)
class RecurrentOptions:
    """What a run depends on, beside the data."""

    member: Member = "bigru"
    vectors: Kind = "word2vec"
    units: int = 96
    vocabulary: int = 40_000
    longest: int = 40
    """Words of a tweet; 99.9 % have fewer."""
    peak: float = 2e-3
    batch: int = 1024
    rows: int = 6_000_000
    """Tweets to see, repeats counted: four passes over Sentiment140's share."""
    vector_rows: int = 600_000
    vector_epochs: int = 2
    dropout: float = 0.3
    decay: float = 1e-3
    seed: int = 0


def train_recurrent(
    folder: Path,
    options: RecurrentOptions,
    work: Path,
    progress: Callable[[str], None],
    description: Path | None = None,
    taught: Sequence[Path] = (),
) -> tuple[Finished, TrainingData]:
    """Train on the learning split of `folder`, resuming what stands in `work`.

    Raises:
        DataError: a file is missing. WorkFolderError: `work` holds another run.
    """
    keras.utils.set_random_seed(options.seed)
    progress("reading the data")
    data = load_training_data(folder, description, progress, taught)
    tokenizer, corpus, vectors = prepared(data, options, work, progress)
    begin(work, "recurrent", options.longest, options, tokenizer.to_str(), data.data_hash)
    shares = shares_of(data, EMOTICONS_SHARE)
    mixture = corpus.mixture(shares=shares, size=options.batch, longest=options.longest, seed=options.seed)
    net = network(options.member, vectors, units=options.units, dropout=options.dropout)
    schedule = Schedule(options.peak, steps=max(1, options.rows // options.batch))
    state = descend(net, mixture.batches, schedule, work, decay=options.decay, progress=progress)
    return Finished(
        "recurrent", options.member, net, tokenizer.to_str(), options.longest, asdict(options), state, losses_of(work)
    ), data


def prepared(
    data: TrainingData, options: RecurrentOptions, cache: Path, progress: Callable[[str], None]
) -> tuple[Tokenizer, Corpus, NDArray[np.float32]]:
    """Vocabulary, encoded texts and vectors, from the cache where an earlier run left them."""
    key = _key(data.data_hash, options.vocabulary, options.longest)
    kept = cache / f"words-{key}.json"
    if not kept.is_file():
        progress("counting words")
        cache.mkdir(parents=True, exist_ok=True)
        texts = [data.texts[row] for row in np.flatnonzero(data.learn).tolist()]
        with arriving(kept) as new:
            build_vocabulary(texts, options.vocabulary, 3).save(str(new))
    tokenizer = Tokenizer.from_file(str(kept))
    progress("tokenizing")
    corpus = Corpus(data, cached_encoding(tokenizer, data, options.longest, cache / f"encoded-{key}.npz"))
    path = cache / f"{options.vectors}-{_key(key, options.vector_rows, options.vector_epochs, options.seed)}.npy"
    if not path.is_file():
        progress(f"learning {options.vectors} vectors")
        vectors = word_vectors(
            options.vectors,
            vocabulary_of(tokenizer),
            corpus.encoded,
            np.random.default_rng(options.seed).permutation(np.flatnonzero(data.learn))[: options.vector_rows],
            epochs=options.vector_epochs,
            seed=options.seed,
        )
        with arriving(path) as new:
            np.save(new, vectors)
    return tokenizer, corpus, np.load(path)


def _key(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
