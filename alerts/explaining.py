"""Why a bad buzz fires: its numbers, the themes, the words, three tweets. All of it as annotations (strings)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from alerts.counts import ALL_THEMES, Counts, Key, Sample
from alerts.detectors.bad_buzz import BadBuzzVerdict
from contracts.rules import BadBuzz

_TOP: Final = 5
_SHOWN_SAMPLES: Final = 3
_SAME: Final = 0.6
"""Two tweets with this much of their words in common (Jaccard) are near-duplicates."""
_LONGEST_SAMPLE: Final = 280
_PLACEHOLDER: Final = re.compile(r"<\w+>|@\w+|https?://\S+|\S+@\S+")
_WORD: Final = re.compile(r"#?[^\W\d_][\w'’]{2,}")
# English and French function words, and what every tweet says.
_FUNCTION_WORDS: Final = """
about after again all also and any are aren't because been before being but can can't could did didn't does
doesn't doing don't down during each even ever every few for from get gets getting got had has have haven't
having her here him his how i'd i'll i'm i've into isn't it's its just let like made make many may more most
much must never not now off one only other our out over own really same she should since some still such than
that that's the their them then there these they they're thing this those though through today too two under
until very via want was wasn't way we're we've were what when where which while who why will with without
won't would yet you you're your yours amp rt alors aussi autre aux avec avez avoir bien car ces cet cette
comme dans depuis des deux donc elle elles encore est et êtes être fait faire ils j'ai les leur leurs lui mais
mes mon même nos notre nous ont ou par pas plus pour pourquoi quand que quel quelle qui sans ses son sont sous
suis sur tes toi ton tous tout très une vos votre vous c'est n'est qu'il
"""
_STOP_WORDS: Final = frozenset(_FUNCTION_WORDS.split())


def words_of(text: str) -> set[str]:
    """The words that carry meaning: no placeholders of the mask, no function words, lower case."""
    found = {word.replace("’", "'") for word in _WORD.findall(_PLACEHOLDER.sub(" ", text).lower())}
    return found - _STOP_WORDS


def top_terms(samples: Sequence[Sample], own_terms: Sequence[str]) -> list[str]:
    """Words in most of the negative tweets, each tweet counted once, without the watch's own name."""
    own = {part for term in own_terms for part in re.findall(r"\w+", term.lower())}
    number: Counter[str] = Counter()
    for sample in samples:
        number.update(word for word in words_of(sample.text) if word.lstrip("#") not in own)
    ranked = sorted(number.items(), key=lambda item: (-item[1], item[0]))
    return [word for word, tweets in ranked if tweets > 1 or len(samples) < 3][:_TOP]


def typical_samples(samples: Sequence[Sample], terms: Sequence[str]) -> list[str]:
    """Three texts that say most of the top terms and are not each other's near-duplicates."""
    wanted = set(terms)
    ranked = sorted(samples, key=lambda sample: (-len(words_of(sample.text) & wanted), -sample.created_at_ms))
    chosen: list[tuple[set[str], str]] = []
    for sample in ranked:
        text = " ".join(sample.text.split())
        words = words_of(text) or {text}
        if text and all(len(words & other) < _SAME * len(words | other) for other, _ in chosen):
            chosen.append((words, text if len(text) <= _LONGEST_SAMPLE else text[: _LONGEST_SAMPLE - 1] + "…"))
        if len(chosen) == _SHOWN_SAMPLES:
            break
    return [text for _, text in chosen]


def top_themes(watch: str, window: Mapping[Key, Counts]) -> list[tuple[str, int]]:
    """Themes of the watch's negative tweets in the window, the most frequent first."""
    themes = [(key[1], counts.negative) for key, counts in window.items() if key[0] == watch and key[1] != ALL_THEMES]
    ranked = sorted(themes, key=lambda item: (-item[1], item[0]))
    return [(theme, number) for theme, number in ranked if number][:_TOP]


def numbers(rule: BadBuzz, verdict: BadBuzzVerdict) -> dict[str, str]:
    """Share and volume now and before. `volume_before` is what such a window held on average."""
    average = verdict.before.total * rule.window / rule.baseline
    found = {
        "share_now": f"{verdict.now.share:.3f}",
        "share_before": f"{verdict.past_share:.3f}",
        "volume_now": str(verdict.now.total),
        "volume_before": f"{average:.1f}",
        "negative_now": str(verdict.now.negative),
    }
    return found if verdict.p_value is None else {**found, "p_value": f"{verdict.p_value:.2g}"}


def begun(
    rule: BadBuzz,
    watch: str,
    own_terms: Sequence[str],
    verdict: BadBuzzVerdict,
    window: Mapping[Key, Counts],
    samples: Sequence[Sample],
    model_version: str,
) -> dict[str, str]:
    """Annotations of an alert that starts to fire."""
    now = verdict.now
    terms = top_terms(samples, own_terms)
    themes = ", ".join(f"{theme} ({number})" for theme, number in top_themes(watch, window))
    parts = [
        f"{now.negative} of {now.total} tweets in the last {rule.window:g} s are negative",
        f"the past leads to expect {verdict.past_share:.0%} (baseline: {_past(verdict.before)})",
    ]
    if themes:
        parts.append(f"themes: {themes}")
    if terms:
        parts.append(f"words: {', '.join(terms)}")
    annotations = {
        "summary": f"Bad buzz about {watch}: {now.share:.0%} of {now.total} tweets are negative, "
        f"{verdict.past_share:.0%} before",
        "description": "; ".join(parts) + ".",
        **numbers(rule, verdict),
        "top_themes": themes,
        "top_terms": ", ".join(terms),
        "model_version": model_version,
    }
    for number, text in enumerate(typical_samples(samples, terms), start=1):
        annotations[f"sample_{number}"] = text
    return annotations | rule.annotations


def ended(rule: BadBuzz, watch: str, verdict: BadBuzzVerdict, annotations: Mapping[str, str]) -> dict[str, str]:
    """Annotations of the same alert when it is over; themes, terms and tweets stay."""
    kept = {name: text for name, text in annotations.items() if name != "p_value"}
    summary = f"Bad buzz about {watch} is over"
    now = verdict.now
    told = f"{now.negative} of {now.total} tweets in the last {rule.window:g} s are negative"
    return {
        **kept,
        **numbers(rule, verdict),
        "summary": f"{summary}: {now.share:.0%} of {now.total} tweets are negative",
        "description": f"{told}; the past leads to expect {verdict.past_share:.0%}.",
        **rule.annotations,
    }


def _past(before: Counts) -> str:
    return f"{before.share:.0%} of {before.total:,} tweets" if before.total else "none"
