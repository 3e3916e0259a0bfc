"""Why a bad buzz fires: its numbers, the themes, the words, three tweets. All of it as annotations (strings)."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from alerts.counters.counts import Sample
from alerts.detectors.bad_buzz import Verdict
from alerts.explanation.escalation import Escalation
from alerts.explanation.trending_terms import grown_terms, similarity, words_of
from contracts.rules.schema import Unit
from contracts.times import to_rfc3339

_log = logging.getLogger("buzzwatch.alerts")

_T = TypeVar("_T")
_TOP: Final = 5
_SHOWN_SAMPLES: Final = 3
UNITS: Final[Mapping[Unit, str]] = {"voices": "voices", "texts": "different texts", "tweets": "tweets"}
_SAME: Final = 0.5
"""Two tweets with this much of their words in common are near-duplicates."""
LONGEST_SAMPLE: Final = 280
_VIRAL_VOICES: Final = 10
_VIRAL_SHARE: Final = 0.5
"""Viral is what at least so many voices pass on in at most half as many texts."""


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
    """What such a window usually holds of what the rule counts."""
    past_tweets: float
    """How many of the past the comparison rests on."""
    themes_now: Mapping[str, int]
    """Negative ones in the window, by theme, of what the rule counts."""
    themes_before: Mapping[str, float]
    """How many such a window usually holds."""
    samples: Sequence[Sample]
    """Negative tweets since it began."""
    samples_before: Sequence[Sample]
    since_ms: int
    model_version: str


def typical_samples(samples: Sequence[Sample], terms: Sequence[str]) -> list[str]:
    """Three texts that hold most of the top terms and are not each other's near-duplicates."""
    trending = set(terms)
    ranked = sorted(samples, key=lambda sample: (-len(words_of(sample.text) & trending), -sample.created_at_ms))
    chosen: list[str] = []
    for sample in ranked:
        text = " ".join(sample.text.split())
        if text and all(text != other and similarity(text, other) < _SAME for other in chosen):
            chosen.append(text)
        if len(chosen) == _SHOWN_SAMPLES:
            break
    return [_shortened(text) for text in chosen]


def grown_themes(now: Mapping[str, int], before: Mapping[str, float]) -> list[tuple[str, int]]:
    """Themes of what is negative, the one that has grown most first: by standard deviations above what is usual.

    Returns:
        Name and how many are negative now.
    """
    growth = {
        theme: (negative - before.get(theme, 0.0)) / math.sqrt(before.get(theme, 0.0) + 1)
        for theme, negative in now.items()
        if negative
    }
    ranked = sorted(growth, key=lambda theme: (-growth[theme], -now[theme], theme))
    return [(theme, now[theme]) for theme in ranked[:_TOP]]


def numbers(verdict: Verdict, volume_before: float) -> dict[str, str]:
    """Share and volume now and before. `volume_before` is what such a window usually holds."""
    now = verdict.now
    return {
        "share_now": f"{verdict.counted.share:.3f}",
        "share_before": f"{verdict.past_share:.3f}",
        "growth": f"{verdict.growth:.2f}",
        "counted": verdict.unit,
        "voices_now": str(now.voices.total),
        "negative_voices_now": str(now.voices.negative),
        "texts_now": str(now.texts.total),
        "negative_texts_now": str(now.texts.negative),
        "volume_now": str(now.tweets.total),
        "negative_now": str(now.tweets.negative),
        "volume_before": f"{volume_before:.1f}",
        "window": span(verdict.window_s),
        "p_value": f"{verdict.p_value:.2g}",
        **({"reach_now": str(now.reach)} if now.reach else {}),
    }


def viral_text(verdict: Verdict, samples: Sequence[Sample]) -> str | None:
    """The text that a crowd passes on: more than half of the complaints are repetitions of others, by different voices.

    None where it is no such crowd.
    """
    now = verdict.now
    if now.voices.negative < _VIRAL_VOICES or now.texts.negative > _VIRAL_SHARE * now.voices.negative:
        return None
    counted = Counter(tuple(sorted(words_of(sample.text))) for sample in samples)
    if not counted:
        return None
    words, times = counted.most_common(1)[0]
    if times < 2:
        return None
    return _shortened(next(sample.text for sample in samples if tuple(sorted(words_of(sample.text))) == words))


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_SAMPLE else text[: LONGEST_SAMPLE - 1] + "…"


def begun(evidence: Evidence) -> dict[str, str]:
    """Annotations of an alert that starts to fire, or fires on."""
    verdict = evidence.verdict
    now = verdict.counted
    samples, samples_before = evidence.samples, evidence.samples_before

    def grown() -> list[str]:
        texts = [sample.text for sample in samples]
        return grown_terms(texts, [sample.text for sample in samples_before], evidence.own_terms)

    nothing: list[str] = []
    terms = _of_texts(grown, nothing)
    themes = ", ".join(
        f"{theme} ({number})" for theme, number in grown_themes(evidence.themes_now, evidence.themes_before)
    )
    parts = [
        f"{_counted(verdict)} in the last {span(verdict.window_s)} are negative",
        f"the past leads to expect {verdict.past_share:.0%} ({_past(verdict, evidence.past_tweets)})",
    ]
    if themes:
        parts.append(f"themes: {themes}")
    if terms:
        parts.append(f"words: {', '.join(terms)}")
    parts.append(f"escalation score {evidence.escalation.score:.0f} of 100")
    viral = _of_texts(lambda: viral_text(verdict, samples), None)
    if viral is not None:
        parts.append(f"one complaint is passed on by many: “{viral}”")
    annotations = {
        "summary": f"{'Viral b' if viral is not None else 'B'}ad buzz about {evidence.about}: {now.share:.0%} of "
        f"{now.total} {_unit(verdict)} are negative, "
        f"{verdict.past_share:.0%} before",
        "description": "; ".join(parts) + ".",
        **numbers(verdict, evidence.volume_before),
        "score": f"{evidence.escalation.score:.0f}",
        "since": to_rfc3339(evidence.since_ms),
        "top_themes": themes,
        "top_terms": ", ".join(terms),
        "model_version": evidence.model_version,
    }
    if viral is not None:
        annotations["viral"] = viral
    for number, text in enumerate(_of_texts(lambda: typical_samples(samples, terms), nothing), start=1):
        annotations[f"sample_{number}"] = text
    return annotations


def _of_texts(make: Callable[[], _T], otherwise: _T) -> _T:
    """What is made of people's texts. Whatever somebody writes, the alert fires, if need be without it."""
    try:
        return make()
    except Exception:
        _log.exception("an alert cannot be explained by its tweets; it fires without their words")
        return otherwise


def ended(about: str, verdict: Verdict, volume_before: float, annotations: Mapping[str, str]) -> dict[str, str]:
    """Annotations of the same alert when it is over; themes, terms and tweets stay."""
    now, lately = verdict.counted, f"in the last {span(verdict.window_s)}"
    counted = f"{now.share:.0%} of {now.total} {_unit(verdict)} are negative"
    details = f"{_counted(verdict)} {lately} are negative"
    if not now.total:
        counted, details = f"no {_unit(verdict)} any more", f"no {_unit(verdict)} {lately}"
    return {
        **annotations,
        **numbers(verdict, volume_before),
        "summary": f"Bad buzz about {about} is over: {counted}",
        "description": f"{details}; the past leads to expect {verdict.past_share:.0%}.",
    }


def _unit(verdict: Verdict) -> str:
    return UNITS[verdict.unit]


def _counted(verdict: Verdict) -> str:
    """What the rule counts, and in brackets the rest where it differs."""
    now = verdict.now
    units: tuple[Unit, ...] = ("voices", "texts", "tweets")
    rest = [unit for unit in units if unit != verdict.unit and now.counted(unit) != verdict.counted]
    counted = [f"{now.counted(unit).negative} of {now.counted(unit).total} {UNITS[unit]}" for unit in rest]
    first = f"{verdict.counted.negative} of {verdict.counted.total} {_unit(verdict)}"
    return f"{first} ({', '.join(counted)})" if counted else first


def span(seconds: float) -> str:
    """`90 s`, `15 min`, `1 h`."""
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds >= 120 and seconds % 60 == 0 else f"{seconds:g} s"


def _past(verdict: Verdict, number: float) -> str:
    return f"from {number:,.0f} {_unit(verdict)}" if number else "baseline: none"
