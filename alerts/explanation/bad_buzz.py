"""Why a bad buzz fires: its numbers, the themes, the words, three tweets. All of it as annotations (strings)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from alerts.counters.counts import NOTHING, Sample, Volume
from alerts.detectors.bad_buzz import Verdict
from alerts.explanation.escalation import Escalation
from alerts.explanation.trending_terms import grown_terms, similarity, words_of
from contracts.times import to_rfc3339

_TOP: Final = 5
_SHOWN_SAMPLES: Final = 3
_SAME: Final = 0.5
"""Two tweets with this much of their words in common are near-duplicates."""
_LONGEST_SAMPLE: Final = 280


@dataclass(frozen=True)
class Evidence:
    """What an explanation is made of."""

    about: str
    """The watch, and the theme when the rule looks at it alone: `air-paradis, baggage`."""
    own_terms: Sequence[str]
    """The watch's names."""
    verdict: Verdict
    escalation: Escalation
    volume_before: float
    """Distinct texts that such a window usually holds."""
    past_tweets: float
    """How many texts of the past the comparison rests on."""
    themes_now: Mapping[str, Volume]
    """Of the watch, in the window."""
    themes_before: Mapping[str, float]
    """Negative texts that such a window usually holds, by theme."""
    samples: Sequence[Sample]
    """Negative tweets since it began."""
    samples_before: Sequence[Sample]
    since_ms: int
    model_version: str


def typical_samples(samples: Sequence[Sample], terms: Sequence[str]) -> list[str]:
    """Three texts that say most of the top terms and are not each other's near-duplicates."""
    wanted = set(terms)
    ranked = sorted(samples, key=lambda sample: (-len(words_of(sample.text) & wanted), -sample.created_at_ms))
    chosen: list[str] = []
    for sample in ranked:
        text = " ".join(sample.text.split())
        if text and all(text != other and similarity(text, other) < _SAME for other in chosen):
            chosen.append(text)
        if len(chosen) == _SHOWN_SAMPLES:
            break
    return [text if len(text) <= _LONGEST_SAMPLE else text[: _LONGEST_SAMPLE - 1] + "…" for text in chosen]


def grown_themes(now: Mapping[str, Volume], before: Mapping[str, float]) -> list[tuple[str, int]]:
    """Themes of the negative texts, the one that has grown most first: by standard deviations above what is usual.

    Returns:
        Name and number of negative tweets now.
    """
    growth = {
        theme: (volume.texts.negative - before.get(theme, 0.0)) / math.sqrt(before.get(theme, 0.0) + 1)
        for theme, volume in now.items()
        if volume.tweets.negative
    }
    ranked = sorted(growth, key=lambda theme: (-growth[theme], -now[theme].tweets.negative, theme))
    return [(theme, now[theme].tweets.negative) for theme in ranked[:_TOP]]


def numbers(verdict: Verdict, volume_before: float) -> dict[str, str]:
    """Share and volume now and before. `volume_before` is what such a window usually holds."""
    return {
        "share_now": f"{verdict.now.texts.share:.3f}",
        "share_before": f"{verdict.past_share:.3f}",
        "growth": f"{verdict.growth:.2f}",
        "volume_now": str(verdict.now.tweets.total),
        "volume_before": f"{volume_before:.1f}",
        "negative_now": str(verdict.now.tweets.negative),
        "texts_now": str(verdict.now.texts.total),
        "negative_texts_now": str(verdict.now.texts.negative),
        "window": span(verdict.window_s),
        "p_value": f"{verdict.p_value:.2g}",
    }


def begun(evidence: Evidence) -> dict[str, str]:
    """Annotations of an alert that starts to fire, or fires on."""
    verdict = evidence.verdict
    now = verdict.now.texts
    terms = grown_terms(
        [sample.text for sample in evidence.samples],
        [sample.text for sample in evidence.samples_before],
        evidence.own_terms,
    )
    themes = ", ".join(
        f"{theme} ({number})" for theme, number in grown_themes(evidence.themes_now, evidence.themes_before)
    )
    parts = [
        f"{_counted(verdict.now)} in the last {span(verdict.window_s)} are negative",
        f"the past leads to expect {verdict.past_share:.0%} ({_past(evidence.past_tweets)})",
    ]
    if themes:
        parts.append(f"themes: {themes}")
    if terms:
        parts.append(f"words: {', '.join(terms)}")
    parts.append(f"escalation score {evidence.escalation.score:.0f} of 100")
    annotations = {
        "summary": f"Bad buzz about {evidence.about}: {now.share:.0%} of {now.total} tweets are negative, "
        f"{verdict.past_share:.0%} before",
        "description": "; ".join(parts) + ".",
        **numbers(verdict, evidence.volume_before),
        "score": f"{evidence.escalation.score:.0f}",
        "since": to_rfc3339(evidence.since_ms),
        "top_themes": themes,
        "top_terms": ", ".join(terms),
        "model_version": evidence.model_version,
    }
    for number, text in enumerate(typical_samples(evidence.samples, terms), start=1):
        annotations[f"sample_{number}"] = text
    return annotations


def ended(about: str, verdict: Verdict, volume_before: float, annotations: Mapping[str, str]) -> dict[str, str]:
    """Annotations of the same alert when it is over; themes, terms and tweets stay."""
    now = verdict.now.texts
    return {
        **annotations,
        **numbers(verdict, volume_before),
        "summary": f"Bad buzz about {about} is over: {now.share:.0%} of {now.total} tweets are negative",
        "description": f"{_counted(verdict.now)} in the last {span(verdict.window_s)} are negative; the past leads to "
        f"expect {verdict.past_share:.0%}.",
    }


def _counted(volume: Volume) -> str:
    tweets, texts = volume
    if tweets.total == texts.total or texts == NOTHING:
        return f"{tweets.negative} of {tweets.total} tweets"
    return f"{texts.negative} of {texts.total} different texts ({tweets.negative} of {tweets.total} tweets)"


def span(seconds: float) -> str:
    """`90 s`, `15 min`, `1 h`."""
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds >= 120 and seconds % 60 == 0 else f"{seconds:g} s"


def _past(texts: float) -> str:
    return f"from {texts:,.0f} tweets" if texts else "baseline: none"
