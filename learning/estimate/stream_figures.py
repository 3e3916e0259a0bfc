"""What the model has answered, read from the scored topic: by day and by watch, for estimates and reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import InvalidRecord
from contracts.events import SENTIMENTS, Prediction
from contracts.settings import Settings
from contracts.times import to_ms, to_rfc3339
from contracts.tweet_objects.dates import read_date
from models.text.masking import mask
from models.text.word_profile import WordProfile
from stream.codecs.prediction_decoder import read_one
from stream.kafka.topic_reader import follow

EVERYTHING: Final = ""
"""The watch of all tweets together."""
WordCount = Callable[[str], tuple[int, int]]
"""How many different words a text has, and how many of them a model has hardly seen."""
MOST_PROFILED: Final = 2_000
"""Texts of one day and watch whose words are looked at: more say the same."""


@dataclass
class Answers:
    """The answers of one model version to a part of the stream."""

    confidence: list[float] = field(default_factory=list)
    """Of answers in languages that the model knows."""
    classes: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    """Tweets in languages that the model does not know."""
    words: int = 0
    texts: int = 0
    profile: WordProfile = field(default_factory=WordProfile)
    """Words of the first `MOST_PROFILED` texts in languages that the model knows."""
    looked_up: int = 0
    """Different words of these texts, where it is known which of them the model has hardly seen."""
    unseen: int = 0
    """Those that it has hardly seen."""
    langs: Counter[str] = field(default_factory=Counter)
    themes: Counter[str] = field(default_factory=Counter)

    @property
    def n(self) -> int:
        """Tweets."""
        return self.classes.total()

    @property
    def shares(self) -> NDArray[np.float64]:
        """(3,): of the labels, in the order of `SENTIMENTS`."""
        return np.array([self.classes[label] for label in SENTIMENTS]) / max(self.n, 1)

    @property
    def mean_words(self) -> float | None:
        """Mean length of a text in words."""
        return self.words / self.texts if self.texts else None

    @property
    def unseen_words(self) -> float | None:
        """Share of the words that the model has hardly seen."""
        return self.unseen / self.looked_up if self.looked_up else None

    def add(self, prediction: Prediction, words: WordCount | None = None) -> None:
        """Count a prediction."""
        self.classes[prediction.sentiment] += 1
        if prediction.reliable:
            self.confidence.append(prediction.confidence)
        else:
            self.unknown += 1
        if prediction.text and prediction.reliable and self.profile.texts < MOST_PROFILED:
            text = mask(prediction.text)
            self.profile.add(text)
            if words is not None:
                looked_up, unseen = words(text)
                self.looked_up += looked_up
                self.unseen += unseen
        if prediction.text:
            self.texts += 1
            self.words += prediction.text.count(" ") + 1
        self.langs[prediction.lang or "none"] += 1
        self.themes.update(prediction.themes)


def predictions(settings: Settings, since_ms: int, until_ms: int) -> Iterator[tuple[Prediction, int]]:
    """The predictions on the scored topic that were made in this time, with when each tweet was written, ms.

    Raises:
        Unavailable: Kafka does not answer or has no such topic.
    """
    for record in follow(settings, settings.kafka.topics.scored, from_beginning=True, until_end=True):
        try:
            prediction, created_ms = read_one(record.value())
            at_ms = to_ms(read_date(prediction.scored_at))
        except (InvalidRecord, ValueError, OverflowError):
            continue  # somebody else's: counted by the worker's metrics
        if since_ms <= at_ms < until_ms:
            yield prediction, created_ms


def by_version(
    found: Iterable[tuple[Prediction, int]], version: str | None = None, words: WordCount | None = None
) -> dict[str, dict[tuple[str, str], Answers]]:
    """Model version → (day in UTC, watch) → its answers; the watch `EVERYTHING` has all tweets.

    Args:
        version: of this one alone. words: looks up which words this one has hardly seen.
    """
    versions: dict[str, dict[tuple[str, str], Answers]] = {}
    for prediction, created_ms in found:
        if version is not None and prediction.model.version != version:
            continue
        day = to_rfc3339(created_ms)[:10]
        cells = versions.setdefault(prediction.model.version, {})
        for watch in (EVERYTHING, *prediction.watches):
            cells.setdefault((day, watch), Answers()).add(prediction, words)
    return versions


def together(parts: Iterable[Answers]) -> Answers:
    """The sum of parts."""
    whole = Answers()
    for part in parts:
        whole.confidence += part.confidence
        whole.classes += part.classes
        whole.unknown += part.unknown
        whole.words += part.words
        whole.texts += part.texts
        whole.profile += part.profile
        whole.looked_up += part.looked_up
        whole.unseen += part.unseen
        whole.langs += part.langs
        whole.themes += part.themes
    return whole
