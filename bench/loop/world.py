"""The labelled tweets of the simulations, and the models that are trained on them, as `buzzwatch retrain` trains them.

A training has to take a second, for hundreds are needed: tables of 2**18 slots instead of 2**20, one head, four passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS, Sentiment
from contracts.learning.settings import LearningSettings
from learning.labels.resolution import Label
from learning.retraining.corpus import as_written, make_corpus
from models.linear.model import HashedModel
from models.text.masking import mask
from training.data.datasets import TrainingData, fingerprint, one_hot
from training.evaluation.held_out import HeldOut
from training.linear.hashed_classifier import HashedClassifier

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_RECIPE: Final[dict[str, Any]] = {
    "polarity_bits": 20, "polarity_longest": 2, "polarity_epochs": 2, "min_count": 2,
    "word_bits": 18, "char_bits": 18, "heads": 1, "epochs": 4,
}  # fmt: skip
_SETTINGS: Final = LearningSettings()
_NAMES: Final = np.array(SENTIMENTS)
_RELIABILITY: Final = 0.8
"""What is believed of a judge whom nobody else can be compared with (`learning.labels.agreement`)."""
_HELD_OUT: Final = {"airline": 3_000, "kaggle": 2_000, "french": 600}


@dataclass(frozen=True)
class Texts:
    """Texts and their labels."""

    texts: list[str]
    truth: NDArray[np.int64]
    """(n,): places in `SENTIMENTS`."""

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, chosen: NDArray[np.intp]) -> Texts:
        """Some of them."""
        return Texts([self.texts[row] for row in chosen.tolist()], self.truth[chosen])


@dataclass(frozen=True)
class World:
    """What the simulation is made of."""

    old: TrainingData
    """General tweets: what every model has learnt from."""
    polarity: Any
    """Learnt from emoticons once; every model shares it."""
    pool: Texts
    """Airline tweets that may be judged."""
    french: Texts
    """French tweets that may be judged."""
    held_out: dict[str, Texts]
    """`airline`, `french` and two general sets, labelled by people; no near-duplicate of them is anywhere else."""

    @property
    def general(self) -> Texts:
        """The old tweets with their labels."""
        return Texts(self.old.texts, np.searchsorted(_NAMES, self.old.labels))


def load_world(folder: Path) -> World:
    """Read the labelled tweets.

    Raises:
        BuzzwatchError: a file is missing.
    """
    frames = {name: _read(folder, name) for name in ("airline", "semeval", "kaggle", "french", "sentiment140")}
    semeval = frames["semeval"]
    mixed = {name: frames[name].sample(frac=1, random_state=0) for name in _HELD_OUT}
    is_val = (semeval["tweeteval"] == "val").to_numpy()
    held_out = {name: _texts(mixed[name][:size]) for name, size in _HELD_OUT.items()} | {
        "semeval": _texts(semeval[is_val])
    }
    seen = {fingerprint(text) for one in held_out.values() for text in one.texts}
    general = pd.concat([semeval[~is_val].sample(7_000, random_state=0), mixed["kaggle"][2_000:7_000]])
    distant = frames["sentiment140"].sample(60_000, random_state=0)
    polarity = HashedClassifier(**_RECIPE).learn_polarity(
        distant["text"].tolist(), distant["label"].to_numpy(), np.ones(len(distant))
    )
    airline, french = (_new(_texts(mixed[name][_HELD_OUT[name] :]), seen) for name in ("airline", "french"))
    return World(_old(_new(_texts(general), seen)), polarity, airline, french, held_out)


def _read(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise BuzzwatchError(f"there is no {path}: the folder with the labelled tweets is needed")
    return pd.read_parquet(path, columns=["text", "label", *(["tweeteval"] if name == "semeval" else [])])


def _texts(frame: pd.DataFrame) -> Texts:
    return Texts([as_written(mask(text)) for text in frame["text"]], np.searchsorted(_NAMES, frame["label"].to_numpy()))


def _new(texts: Texts, seen: set[int]) -> Texts:
    return texts.rows(np.flatnonzero([fingerprint(text) not in seen for text in texts.texts]))


def _old(texts: Texts) -> TrainingData:
    n, labels = len(texts), _NAMES[texts.truth]
    return TrainingData(
        sources=(), texts=texts.texts, labels=labels, source=np.full(n, "old"), distant=np.zeros(n, bool),
        weight=np.ones(n), held_out=np.zeros(n, bool), learn=np.ones(n, bool),
        fingerprints=np.array([fingerprint(text) for text in texts.texts], np.uint64), data_hash="",
        company=np.full(n, ""), period=np.zeros(n, np.int64), targets=one_hot(labels),
    )  # fmt: skip


def judged(
    texts: Texts, said: NDArray[np.int64], when: Sequence[datetime] | datetime = START, *, by_chance: int = 0
) -> list[Label]:
    """What holds where one judge has said this of each text.

    Args:
        when: of each judgement, or of all.
        by_chance: so many, the first ones, were drawn by chance; the others were chosen.
    """
    moments = [when] * len(texts) if isinstance(when, datetime) else when
    return [
        Label(
            text=text, label=cast("Sentiment", SENTIMENTS[label]), probability=_RELIABILITY, judges=1,
            sources=("random",) if row < by_chance else ("review",), created_at=moment, tweet_id=str(row),
            prediction_id=None, model_version="1", scores=None,
        )
        for row, (text, label, moment) in enumerate(zip(texts.texts, said.tolist(), moments, strict=True))
    ]  # fmt: skip


def trained(world: World, labels: Sequence[Label] = (), seed: int = 0) -> HashedModel:
    """A model of the old tweets and of these labels: chosen, weighed and held out as `buzzwatch retrain` does."""
    if labels:
        corpus = make_corpus(labels, world.old, _SETTINGS, seen_until=None)
        texts, names, weight = corpus.rows(corpus.final)
    else:
        texts, names, weight = world.old.texts, world.old.labels, world.old.weight
    return HashedClassifier(**_RECIPE, random_state=seed).fit(texts, names, weight, polarity=world.polarity).model_


def answers(model: HashedModel, texts: Texts) -> NDArray[np.float64]:
    """(n, 3)."""
    return np.asarray(model.predict_proba(texts.texts), np.float64)


def accuracy(model: HashedModel, texts: Texts) -> float:
    """Share of right labels."""
    return float((answers(model, texts).argmax(axis=1) == texts.truth).mean())


def macro_recall(model: HashedModel, texts: Texts) -> float:
    """Mean over the labels of the share of their texts that is found."""
    right = answers(model, texts).argmax(axis=1) == texts.truth
    return float(np.mean([right[texts.truth == label].mean() for label in range(len(SENTIMENTS))]))


def carried(sets: Mapping[str, Texts], model: HashedModel) -> HeldOut:
    """The held-out predictions that travel with a version: what the gate and the estimate look at."""
    texts = [text for one in sets.values() for text in one.texts]
    labels = _NAMES[np.concatenate([one.truth for one in sets.values()])]
    source = np.concatenate([np.full(len(one), name) for name, one in sets.items()])
    scores = np.concatenate([answers(model, one) for one in sets.values()])
    return HeldOut.of(texts, labels, source, np.full(len(texts), ""), scores)


def said_by(judges_right: float, truth: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """What judges say who are right so often; else one of the other two labels."""
    wrong = rng.random(len(truth)) >= judges_right
    return np.where(wrong, (truth + rng.integers(1, len(SENTIMENTS), len(truth))) % len(SENTIMENTS), truth)
