"""Annotations of an alert about tweets in unknown languages: how many, which languages, which words, three tweets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from alerts.counters.counts import Sample
from alerts.detectors.foreign_volume import Verdict
from alerts.explanation.bad_buzz import UNITS, span, typical_samples
from alerts.explanation.trending_terms import grown_terms
from contracts.rules.schema import ForeignVolume
from contracts.words.languages import language_name, language_of

_NAMED = 3
"""How many languages are named."""


def languages_of(samples: Sequence[Sample]) -> Counter[str]:
    """Number of tweets by the code of their language, `und` left out."""
    codes = (language_of(sample.lang) for sample in samples)
    return Counter(code for code in codes if code is not None)


def begun(
    rule: ForeignVolume, watch: str, verdict: Verdict, own_terms: Sequence[str], samples: Mapping[str, Sequence[Sample]]
) -> dict[str, str]:
    """Annotations of an alert that starts to fire, or fires on.

    Args:
        samples: `now`, of the window, and `before`.
    """
    now = samples["now"]
    languages = languages_of(now).most_common(_NAMED)
    named = ", ".join(f"{language_name(code)} ({number})" for code, number in languages)
    mostly = language_name(languages[0][0]) if languages else "languages that the model does not know"
    terms = grown_terms([one.text for one in now], [one.text for one in samples["before"]], own_terms)
    measured = _measured(rule, verdict)
    parts = [measured, "the model does not know these languages, so nobody has judged what they feel: read them"]
    if named:
        parts.append(f"languages of the newest: {named}")
    if terms:
        parts.append(f"words: {', '.join(terms)}")
    annotations = {
        "summary": f"Many tweets about {watch} in {mostly}: {measured}",
        "description": "; ".join(parts) + ".",
        **_numbers(rule, verdict),
        "languages": ", ".join(code for code, _ in languages),
        "top_terms": ", ".join(terms),
    }
    for number, text in enumerate(typical_samples(now, terms), start=1):
        annotations[f"sample_{number}"] = text
    return annotations


def ended(rule: ForeignVolume, watch: str, verdict: Verdict, before: Mapping[str, str]) -> dict[str, str]:
    """Annotations of the same alert when it is over; languages, words and tweets stay."""
    measured = _measured(rule, verdict)
    summary = f"Tweets about {watch} in languages that the model does not know are as usual: {measured}"
    return {**before, "summary": summary, "description": f"{measured}.", **_numbers(rule, verdict)}


def _measured(rule: ForeignVolume, verdict: Verdict) -> str:
    past = "nothing is known of the past" if verdict.expected is None else f"{verdict.expected:.0f} are usual"
    return f"{verdict.volume} {UNITS[rule.count]} in the last {span(rule.window)}, {past}"


def _numbers(rule: ForeignVolume, verdict: Verdict) -> dict[str, str]:
    return {
        "counted": rule.count,
        f"{'volume' if rule.count == 'tweets' else rule.count}_now": str(verdict.volume),
        "volume_before": "" if verdict.expected is None else f"{verdict.expected:.1f}",
        "window": span(rule.window),
    }
