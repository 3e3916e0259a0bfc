"""What is counted: cells of time, watch, theme and sentiment, and how they add up."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.rules.schema import Unit

STREAM: Final = ""
"""The watch that stands for the whole stream."""
ALL_THEMES: Final = ""
"""The theme that stands for all tweets of a watch."""
UNRELIABLE: Final = "~"
"""Ends the sentiment of a tweet whose language the model does not know: it counts apart."""

Key = tuple[str, str]
"""Watch and theme."""


class Cell(NamedTuple):
    """Where a tweet counts."""

    start_s: int
    """Start of the bucket or minute, seconds since 1970."""
    watch: str
    """A watch's name; "" is the whole stream."""
    theme: str
    """A theme's name; "" is all of them."""
    sentiment: str
    """One of SENTIMENTS, with UNRELIABLE behind it where the model does not know the language."""


class VoiceGroup(NamedTuple):
    """Tweets about a watch that count in the same cells: which voices and texts they are of."""

    watch: str
    buckets: tuple[Cell, ...]
    """None for late tweets."""
    minutes: tuple[Cell, ...]
    """The first is that of all themes."""
    texts: NDArray[np.uint64]
    """(n,): digests, which identify the texts (models.text.digests)."""
    authors: NDArray[np.uint64]
    """(n,): hashes, which identify the authors; 0 where the author is unknown: the text is the voice then."""
    reach: NDArray[np.int64]
    """(n,): followers of the author, 0 where unknown."""
    sure: NDArray[np.bool_]
    """(n,): whether the model is sure (`alerts.counters.voices.SURE`); else an author counts with a new text only."""


ANSWER_SLOT_S: Final = 600
ANSWER_BINS: Final = 20


class Answer(NamedTuple):
    """What the model predicted for a tweet."""

    start_s: int
    """Start of its slot of ANSWER_SLOT_S, seconds since 1970."""
    version: str
    """The model's."""
    sentiment: str
    bin: int
    """Which of ANSWER_BINS equal parts of [0, 1] holds the confidence, from 0."""


class Sample(NamedTuple):
    """A tweet that may be shown with an alert: a negative one, or one in a language that the model does not know."""

    watch: str
    created_at_ms: int
    text: str
    """Masked, unless the settings ask for the full text."""
    themes: tuple[str, ...]
    tweet_id: str
    lang: str = ""
    """Of a tweet in a language that the model does not know: its code, `und` where it is unknown. Else empty."""

    @property
    def subject(self) -> str:
        """Under which it is kept: the watch, apart for languages that the model does not know."""
        return self.watch + UNRELIABLE if self.lang else self.watch


class Counts(NamedTuple):
    """Tweets per sentiment, in the order of SENTIMENTS."""

    negative: int = 0
    neutral: int = 0
    positive: int = 0

    @property
    def total(self) -> int:
        """All tweets."""
        return self.negative + self.neutral + self.positive

    @property
    def share(self) -> float:
        """Negative tweets among all, 0 without any."""
        total = self.total
        return self.negative / total if total else 0.0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.negative + other.negative, self.neutral + other.neutral, self.positive + other.positive)


NOTHING: Final = Counts()


class Volume(NamedTuple):
    """What is known of a watch and theme in some span of time."""

    tweets: Counts = NOTHING
    texts: Counts = NOTHING
    """Distinct ones: a text that is repeated within a quarter of an hour or so is not counted again."""
    voices: Counts = NOTHING
    """Distinct authors, and distinct texts where the author is unknown, likewise."""
    reach: int = 0
    """Followers of the negative voices, as far as they are known; in windows alone."""

    def counted(self, unit: Unit) -> Counts:
        """What a rule with this `count` goes by."""
        return self.voices if unit == "voices" else self.texts if unit == "texts" else self.tweets


class Point(NamedTuple):
    """One step of a series."""

    start_s: int
    watch: str
    theme: str
    counts: Counts
    """All tweets."""
    texts: int = 0
    """Distinct texts among them."""
    unreliable: int = 0
    """Those in languages that the model does not know."""
    voices: int = 0
    """Distinct voices among all: authors, and texts where the author is unknown."""


def field_of(watch: str, theme: str, sentiment: str) -> str:
    """Field of a cell in its hash; names hold no `|` (contracts.rules.schema.Name)."""
    return f"{watch}|{theme}|{sentiment}"


def sample_of(watch: str, stored: tuple[str, float]) -> Sample:
    """A sample from a member of a sorted set and its score.

    Raises:
        ValueError, msgspec.ValidationError: it is none.
    """
    tweet_id, text, themes, *lang = json.loads(stored[0])
    return msgspec.convert((watch, int(stored[1]), text, themes, tweet_id, *lang), Sample)


def answer_of(stored: tuple[str, str]) -> tuple[str, str, int, int]:
    """Version, sentiment, bin of the confidence and tweets, from a field of a hash and its value.

    Raises:
        ValueError: it is none.
    """
    version, sentiment, bin_ = stored[0].rsplit("|", 2)
    return version, sentiment, int(bin_), int(stored[1])
