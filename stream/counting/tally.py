"""What predictions add to the counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from alerts.counters.counts import ANSWER_BINS, Answer, VoiceGroup
from alerts.counters.store import Cell, Sample
from alerts.counters.voices import SURE
from contracts.words.languages import language_of
from models.text.language import likeliest

UNDETERMINED = "und"
"""BCP 47's code for an undetermined language."""
SURE_BIN = int(SURE * ANSWER_BINS)
"""From this bin of the confidence on the model is sure."""
MAX_SAMPLES = 20
"""Negative tweets kept per watch and batch, the newest: enough for any alert, and little to send."""


@dataclass(slots=True)
class Tally:
    """What a batch of one source partition adds to the counters."""

    buckets: Counter[Cell] = field(default_factory=Counter)
    minutes: Counter[Cell] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    voices: list[VoiceGroup] = field(default_factory=list)
    answers: Counter[Answer] = field(default_factory=Counter)


def with_languages(samples: list[Sample]) -> list[Sample]:
    """Tweets in languages that the model does not know, each with its language code: the tweet's `lang` field, else
    the one detected in its text."""
    stated = [language_of(sample.lang) for sample in samples]
    detected = iter(likeliest([sample.text for sample, code in zip(samples, stated, strict=True) if code is None]))
    codes = [next(detected) if code is None else code for code in stated]
    return [sample._replace(lang=code or UNDETERMINED) for sample, code in zip(samples, codes, strict=True)]
