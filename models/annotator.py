"""Annotates batches of texts: sentiment, watches, themes, what is felt about each theme, and the masked text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS, Sentiment
from contracts.rules.schema import LEARNT_THEMES, Rules
from models.base.sentiment import SentimentModel, Tier, Tiered, WordWeight
from models.text import language
from models.text.batch import TextBatch
from models.text.masking import mask_batch
from models.text.matching import Found, Matcher
from models.themes.learnt import load_learnt_themes
from models.themes.sentiments import CONNECTIVES, ThemeSentiments

_NEGATIVE: Final = SENTIMENTS.index("negative")


class Annotation(NamedTuple):
    """The annotation of one text."""

    sentiment: Sentiment
    confidence: float
    """Probability of that sentiment."""
    scores: tuple[float, float, float]
    """Probabilities in the order of `SENTIMENTS`."""
    watches: list[str]
    themes: list[str]
    masked: str
    reliable: bool = True
    """False: the text is in a language that the model does not know."""
    tier: Tier | None = None
    """Which part of a cascade answered; None when the model is none."""
    theme_sentiments: dict[str, Sentiment] = {}  # noqa: RUF012, nobody changes it
    """What is felt about each of the themes."""


class Columns(NamedTuple):
    """The annotations of many texts, one column per field."""

    probabilities: NDArray[np.float32]
    """(n, 3), columns in the order of `SENTIMENTS`."""
    topics: list[int]
    """Watches, themes and more of each text as bits: see `Annotator.names`, `reliable`, `tier`, `theme_sentiments`."""
    masked: TextBatch | None
    """None when it was not asked for."""


class Annotator:
    """Annotates batches by the topics of a rules file; thread-safe."""

    def __init__(self, rules: Rules) -> None:
        self._matcher = Matcher((*rules.watches, *rules.themes), CONNECTIVES if rules.themes else ())
        self._watches = len(rules.watches)
        self._names = [topic.name for topic in (*rules.watches, *rules.themes)]
        self._split: dict[int, tuple[list[str], list[str]]] = {}
        self._unreliable = 1 << len(self._names)
        self._tiers: dict[Tier, int] = {"linear": 2 << len(self._names), "deep": 4 << len(self._names)}
        self.challenger = 8 << len(self._names)
        """Bit of `Columns.topics`: the challenger has answered, not the champion."""
        # Behind them two bits of the text's own sentiment, where it has themes, and two of each theme about which
        # something else is felt: 1 + place among SENTIMENTS.
        self._sentiment_bit = len(self._names) + 4
        self._any_topic = (1 << len(self._names)) - 1
        self._any_theme = self._any_topic >> self._watches << self._watches
        self._judge = self._theme_judge(len(rules.themes)) if rules.themes else None
        lanes = {LEARNT_THEMES.index(one.name): at for at, one in enumerate(rules.themes) if one.learnt}
        self._learnt = (load_learnt_themes(), lanes) if lanes else None

    def annotate(self, model: SentimentModel, texts: Sequence[str]) -> list[Annotation]:
        """One annotation per text.

        Args:
            model: scores the texts as they are.
            texts: in NFC.

        Raises:
            Exception: whatever the model raises; then no text is annotated.
        """
        if not texts:
            return []
        probabilities, topics, masked = self.columns(model, texts, langs=[None] * len(texts))
        assert masked is not None
        annotations: list[Annotation] = []
        for scores, best, bits, text in zip(
            probabilities.tolist(), probabilities.argmax(axis=1).tolist(), topics, masked, strict=True
        ):
            watches, themes = self.names(bits)
            label, reliable = SENTIMENTS[best], self.reliable(bits)
            felt = self.theme_sentiments(bits)
            annotations.append(
                Annotation(label, scores[best], tuple(scores), watches, themes, text, reliable, self.tier(bits), felt)
            )
        return annotations

    def columns(
        self,
        model: SentimentModel,
        texts: Sequence[str],
        *,
        masked: bool = True,
        langs: Sequence[str | None] | None = None,
        behind_s: float | None = None,
    ) -> Columns:
        """The annotations as columns, which is much faster for large batches.

        Args:
            texts: in NFC, at least one.
            langs: the `lang` field of each tweet; without them all languages count as known.
            behind_s: how far a stream is behind. A cascade then keeps to its time budget; None: no budget.

        Raises:
            Exception: whatever the model raises.
            ValueError: the model did not return three numbers per text.
        """
        batch = TextBatch.of(texts)
        found = self._matcher.find(batch)
        topics = found.bits
        if isinstance(model, Tiered):
            probabilities, tiers = model.predict_tiers(batch.strings(), behind_s)
            tier_bits = [self._tiers[name] for name in model.tiers]
            topics = [bits | tier_bits[tier] for bits, tier in zip(topics, tiers.tolist(), strict=True)]
        else:
            probabilities = model.predict_proba(batch if walks_bytes(model) else batch.strings())
        _require_shape(probabilities, batch)
        topics = self._with_learnt_themes(batch, topics, probabilities)
        topics = self._with_sentiments(model, found, topics, probabilities)
        if langs is not None and not (known := self._known(model, batch, langs)).all():
            topics = topics.copy()
            for row in np.flatnonzero(~known).tolist():
                topics[row] |= self._unreliable
        return Columns(probabilities, topics, mask_batch(batch) if masked else None)

    def _with_learnt_themes(self, batch: TextBatch, topics: list[int], probabilities: NDArray[np.float32]) -> list[int]:
        """The topics with the themes that negative texts read like complaints about."""
        if self._learnt is None:
            return topics
        heads, lanes = self._learnt
        rows = np.flatnonzero(probabilities.argmax(axis=1) == _NEGATIVE)
        likely = heads.probabilities(batch, rows)
        for lane, theme in lanes.items():
            for row in rows[likely[:, lane] >= heads.least].tolist():
                topics[row] |= 1 << self._watches + theme
        return topics

    def _with_sentiments(
        self, model: SentimentModel, found: Found, topics: list[int], probabilities: NDArray[np.float32]
    ) -> list[int]:
        """The topics with what is felt about the themes among them."""
        if self._judge is None:
            return topics
        themes, at = self._any_theme, self._sentiment_bit
        own = probabilities.argmax(axis=1).tolist()
        topics = [bits | best + 1 << at if bits & themes else bits for bits, best in zip(topics, own, strict=True)]

        def score(clauses: TextBatch) -> NDArray[np.float32]:
            scored = _of_clauses(model, clauses)
            _require_shape(scored, clauses)
            return scored

        for row, theme, sentiment in self._judge.differing(found, probabilities, score):
            topics[row] |= sentiment + 1 << at + 2 + 2 * theme
        return topics

    def _theme_judge(self, themes: int) -> ThemeSentiments:
        owners = [topics >> self._watches for topics in self._matcher.topics_of()]
        of_terms = [[theme for theme in range(themes) if owner >> theme & 1] for owner in owners]
        return ThemeSentiments(self._matcher.numbers, of_terms)

    @staticmethod
    def _known(model: SentimentModel, texts: TextBatch, langs: Sequence[str | None]) -> NDArray[np.bool_]:
        return language.reliable(texts, langs, language.known_languages(model.metadata))

    def explain_themes(self, text: str, themes: Sequence[str]) -> dict[str, list[WordWeight]]:
        """Of the themes of a text that have learnt weights: what each word weighed."""
        if self._learnt is None:
            return {}
        heads, lanes = self._learnt
        learnt = [LEARNT_THEMES[lane] for lane in lanes]
        return {theme: heads.explain(text, theme) for theme in themes if theme in learnt}

    def reliable(self, topics: int) -> bool:
        """Whether the model knows the language, from `Columns.topics`."""
        return not topics & self._unreliable

    def tier(self, topics: int) -> Tier | None:
        """Which tier of a cascade answered, from `Columns.topics`; None when no cascade did."""
        return next((name for name, bit in self._tiers.items() if topics & bit), None)

    def theme_sentiments(self, topics: int) -> dict[str, Sentiment]:
        """What is felt about each theme among `Columns.topics`."""
        felt = topics >> self._sentiment_bit
        own, felt = felt & 3, felt >> 2
        if not own:
            return {}
        return {
            name: SENTIMENTS[(felt >> 2 * theme & 3 or own) - 1]
            for theme, name in enumerate(self._names[self._watches :])
            if topics >> self._watches + theme & 1
        }

    def names(self, topics: int) -> tuple[list[str], list[str]]:
        """The watches and the themes among `Columns.topics`; the caller's own lists."""
        topics &= self._any_topic
        watches, themes = self._split.get(topics) or self._split_of(topics)
        return watches.copy(), themes.copy()

    def _split_of(self, bits: int) -> tuple[list[str], list[str]]:
        found = [name for index, name in enumerate(self._names) if bits >> index & 1]
        number = (bits & (1 << self._watches) - 1).bit_count()
        split = found[:number], found[number:]
        if len(self._split) < 10_000:  # a usual stream has few combinations; the bound is for a hostile one
            self._split[bits] = split
        return split


def walks_bytes(model: SentimentModel) -> bool:
    """Whether a model accepts a `TextBatch`; other models get a list of strings."""
    return bool(getattr(model, "walks_bytes", False))


def _of_clauses(model: SentimentModel, clauses: TextBatch) -> NDArray[np.float32]:
    """Probabilities of parts of texts. A cascade leaves them to its quick tier: its time is for whole texts."""
    if isinstance(model, Tiered):
        return model.predict_tiers(clauses.strings(), math.inf)[0]
    return model.predict_proba(clauses if walks_bytes(model) else clauses.strings())


def _require_shape(probabilities: NDArray[np.float32], texts: TextBatch) -> None:
    if probabilities.shape != (len(texts), len(SENTIMENTS)):  # compiled code reads it without bounds checks
        raise ValueError(f"the model returned an array of shape {probabilities.shape} for {len(texts):,} texts")
