"""Everything that is said about a batch of texts: sentiment, watches, themes and the masked text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from contracts.events import SENTIMENTS, Sentiment
from contracts.rules import Rules
from models.masking import mask_batch
from models.matching import Matcher
from models.sentiment import SentimentModel


class Annotation(NamedTuple):
    """What is said about one text."""

    sentiment: Sentiment
    confidence: float
    """Probability of that sentiment."""
    scores: tuple[float, float, float]
    """Probabilities in the order of `SENTIMENTS`."""
    watches: list[str]
    themes: list[str]
    masked: str


class Annotator:
    """Annotates batches by the topics of a rules file; thread-safe."""

    def __init__(self, rules: Rules) -> None:
        self._matcher = Matcher((*rules.watches, *rules.themes))
        self._watches = len(rules.watches)
        self._names = [topic.name for topic in (*rules.watches, *rules.themes)]
        self._split: dict[int, tuple[list[str], list[str]]] = {}

    def annotate(self, model: SentimentModel, texts: Sequence[str]) -> list[Annotation]:
        """One annotation per text.

        Args:
            model: scores the texts as they are.
            texts: in NFC.

        Raises:
            Exception: whatever the model raises; nothing is said about any text then.
        """
        if not texts:
            return []
        probabilities = model.predict_proba(texts)
        top = probabilities.argmax(axis=1).tolist()
        annotations: list[Annotation] = []
        for scores, best, bits, masked in zip(
            probabilities.tolist(), top, self._matcher.find_batch(texts), mask_batch(texts), strict=True
        ):
            watches, themes = self._split.get(bits) or self._split_of(bits)
            annotations.append(
                Annotation(SENTIMENTS[best], scores[best], tuple(scores), watches.copy(), themes.copy(), masked)
            )
        return annotations

    def _split_of(self, bits: int) -> tuple[list[str], list[str]]:
        found = [name for index, name in enumerate(self._names) if bits >> index & 1]
        number = (bits & (1 << self._watches) - 1).bit_count()
        split = found[:number], found[number:]
        if len(self._split) < 10_000:  # a stream has few combinations, a hostile one has not
            self._split[bits] = split
        return split
