"""The tweets and models of the simulation.

A model learns from general tweets (emoticons, and people's labels of SemEval and Kaggle); then airline tweets arrive
that it has never seen. It is the shipped family with smaller tables and fewer texts, so that it is trained in two
seconds: differences are what is measured, not how good it can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS
from models.linear.model import HashedModel
from models.text.masking import mask
from training.data.datasets import fingerprint
from training.evaluation.held_out import HeldOut
from training.linear.hashed_classifier import HashedClassifier

_RECIPE: Final[dict[str, Any]] = {
    "polarity_bits": 20, "polarity_longest": 2, "polarity_epochs": 2, "min_count": 2, "heads": 1, "epochs": 4,
}  # fmt: skip
_WEIGHT: Final = 2.0
"""Of a judgement beside an old label: what was judged is what arrives now."""
_NAMES: Final = np.array(SENTIMENTS)


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

    general: Texts
    polarity: Any
    """Learnt from emoticons once; every model shares it."""
    pool: Texts
    """Airline tweets that may be judged."""
    held_out: dict[str, Texts]
    """`airline` and two general sets, labelled by people; no near-duplicate of them is anywhere else."""


def load_world(folder: Path, seed: int = 0) -> World:
    """Read the labelled tweets.

    Raises:
        BuzzwatchError: a file is missing.
    """
    frames = {name: _read(folder, name) for name in ("airline", "semeval", "kaggle", "sentiment140")}
    semeval, kaggle = frames["semeval"], frames["kaggle"].sample(frac=1, random_state=seed)
    is_val = (semeval["tweeteval"] == "val").to_numpy()
    airline = frames["airline"].sample(frac=1, random_state=seed)
    held_out = {
        "airline": _texts(airline[:3000]),
        "semeval": _texts(semeval[is_val]),
        "kaggle": _texts(kaggle[:2000]),
    }
    seen = {fingerprint(text) for one in held_out.values() for text in one.texts}
    general = pd.concat([semeval[~is_val].sample(12_000, random_state=seed), kaggle[2000:10_000]])
    distant = frames["sentiment140"].sample(60_000, random_state=seed)
    polarity = HashedClassifier(**_RECIPE).learn_polarity(
        distant["text"].tolist(), distant["label"].to_numpy(), np.ones(len(distant))
    )
    return World(_new(_texts(general), seen), polarity, _new(_texts(airline[3000:]), seen), held_out)


def _read(folder: Path, name: str) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise BuzzwatchError(f"there is no {path}: the folder with the labelled tweets is needed")
    return pd.read_parquet(path)


def _texts(frame: pd.DataFrame) -> Texts:
    return Texts([mask(text) for text in frame["text"]], np.searchsorted(_NAMES, frame["label"].to_numpy()))


def _new(texts: Texts, seen: set[int]) -> Texts:
    return texts.rows(np.flatnonzero([fingerprint(text) not in seen for text in texts.texts]))


def trained(world: World, judged: Texts | None = None, seed: int = 0) -> HashedModel:
    """A model of the general tweets and what was judged."""
    texts, truth = world.general.texts, world.general.truth
    weight = np.ones(len(texts))
    if judged is not None and len(judged):
        texts, truth = [*texts, *judged.texts], np.concatenate([truth, judged.truth])
        weight = np.concatenate([weight, np.full(len(judged), _WEIGHT)])
    classifier = HashedClassifier(**_RECIPE, random_state=seed)
    return classifier.fit(texts, _NAMES[truth], weight, polarity=world.polarity).model_


def answers(model: HashedModel, texts: Texts) -> NDArray[np.float64]:
    """(n, 3)."""
    return np.asarray(model.predict_proba(texts.texts), np.float64)


def accuracy(model: HashedModel, texts: Texts) -> float:
    """Share of right labels."""
    return float((answers(model, texts).argmax(axis=1) == texts.truth).mean())


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
