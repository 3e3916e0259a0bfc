"""What is in labelled tweets: classes, lengths, duplicates, conflicting labels, typical n-grams, artefacts.

The profile holds counts and n-grams, no tweet.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from contracts.events import SENTIMENTS
from contracts.words.stop_words import STOP_WORDS
from models.linear.tokens import tokens
from training.data.datasets import Labelled, fingerprint

Progress = Callable[[str], None]

SAMPLE: Final = 100_000
"""Rows of one set whose n-grams are counted."""
TOP: Final = 25
_CLOUD: Final = 100
"""Words of a label's word cloud."""
_LEAST_SHARE: Final = 2e-4
"""Share of texts that an n-gram of the lists is in at least: rarer ones could give a tweet away."""

# What collecting, labelling and repairing left in such sets; a model must not learn it as language.
ARTEFACTS: Final[dict[str, re.Pattern[str]]] = {
    "Cancelled Flighted": re.compile(r"cancelled flight(?:ed|led|ing|s)\b", re.IGNORECASE),
    "Late Flightr": re.compile(r"late flight(?:r|s)\b", re.IGNORECASE),
    "flight Booking Problems": re.compile(r"flight booking problems"),
    "HTML entity": re.compile(r"&(?:amp|lt|gt|quot|#\d+);"),
    "mojibake": re.compile(r"[ÃÂ][\u0080-\u00bf]|â€|\ufffd"),
    "retweet": re.compile(r"^RT @"),
    "masked handle or link": re.compile(r"@user\b|\bhttp\b(?!:)"),
    "emoticon": re.compile(r"[:;=]-?[)(DP]"),
    "truncated": re.compile(r"(?:\.\.\.|…)$"),
}


def profile(sets: Mapping[str, Labelled], progress: Progress = lambda _: None) -> dict[str, Any]:
    """The profile as JSON: `{"sets": {name: …}, "shared": …}`.

    `shared` counts the near-duplicates that two sets have in common.
    """
    prints = {}
    result: dict[str, Any] = {"sets": {}, "shared": []}
    for name, data in sets.items():
        progress(f"{name}: looking for duplicates")
        prints[name] = np.array([fingerprint(text) for text in data.texts], np.uint64)
        result["sets"][name] = _set(data, prints[name], lambda step, name=name: progress(f"{name}: {step}"))  # type: ignore[misc]
    names = list(sets)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            both = len(np.intersect1d(prints[one], prints[other]))
            result["shared"].append({"sets": [one, other], "near_duplicates": both})
    return result


def _set(data: Labelled, prints: Any, progress: Progress) -> dict[str, Any]:
    texts, labels = data.texts, data.labels
    lengths = np.array([len(text) for text in texts])
    _, inverse, counts = np.unique(prints, return_inverse=True, return_counts=True)
    codes = np.searchsorted(np.array(SENTIMENTS), labels)
    seen = np.zeros((len(counts), len(SENTIMENTS)), bool)
    seen[inverse, codes] = True
    conflicting = (seen.sum(axis=1) > 1)[inverse]
    present: list[str] = [label for label in SENTIMENTS if (labels == label).any()]
    progress("counting n-grams")
    rows = np.random.default_rng(0).permutation(len(texts))[:SAMPLE]
    ngrams = {label: _counts(texts[i] for i in rows.tolist() if labels[i] == label) for label in present}
    histogram, edges = np.histogram(np.minimum(lengths, 300), bins=30, range=(0, 300))
    return {
        "rows": len(texts),
        "classes": {label: int((labels == label).sum()) for label in present},
        "lengths": {
            "quantiles": {str(q): float(np.quantile(lengths, q)) for q in (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)},
            "histogram": {"edges": edges.tolist(), "counts": histogram.tolist()},
            "mean_by_label": {label: round(float(lengths[labels == label].mean()), 1) for label in present},
        },
        "duplicates": {
            "exact": len(texts) - len(set(texts)),
            "near": int(len(texts) - len(counts)),
            "largest_group": int(counts.max()),
        },
        "conflicts": {"near_duplicates_with_several_labels": int(conflicting.sum())},
        "artefacts": {name: _found(pattern, texts, labels) for name, pattern in ARTEFACTS.items()},
        "ngrams": {label: _typical(label, ngrams, len(rows)) for label in present},
        "words": {label: dict(_words(counts).most_common(_CLOUD)) for label, counts in ngrams.items()},
    }


def _found(pattern: re.Pattern[str], texts: Sequence[str], labels: Any) -> dict[str, Any]:
    hits = np.fromiter((pattern.search(text) is not None for text in texts), bool, len(texts))
    of = Counter(labels[hits].tolist())
    return {"rows": int(hits.sum()), "labels": {label: of[label] for label in SENTIMENTS if of[label]}}


def _counts(texts: Iterable[str]) -> Counter[str]:
    """In how many texts each word and pair of words is; handles and links are left out."""
    counts: Counter[str] = Counter()
    for text in texts:
        words = [word.decode("utf-8", "replace") for word in tokens(text.encode("utf-8", "surrogatepass"))]
        words = [word for word in words if word >= " "]
        # In the order of the text, which a set has not: what is equally frequent stands in the order of its coming.
        counts.update(dict.fromkeys([*words, *(f"{one} {two}" for one, two in pairwise(words))], 1))
    return counts


def _typical(label: str, ngrams: Mapping[str, Counter[str]], rows: int) -> list[dict[str, Any]]:
    """What is more frequent under this label than under the others.

    The log-odds ratio with an informative Dirichlet prior, as a z-score (Monroe, Colaresi and Quinn 2008, "Fightin'
    Words", eq. 16 and 22); the prior is all texts.
    """
    mine = ngrams[label]
    others: Counter[str] = Counter()
    for name, counts in ngrams.items():
        if name != label:
            others.update(counts)
    least = max(5, round(_LEAST_SHARE * rows))
    known = [gram for gram, count in mine.items() if count >= least and any(letter.isalnum() for letter in gram)]
    if not known:
        return []
    a = np.array([mine[gram] for gram in known], float)
    b = np.array([others[gram] for gram in known], float)
    prior = 0.1 * (a + b) + 0.01
    na, nb, n0 = sum(mine.values()), sum(others.values()), float(prior.sum())
    odds = np.log((a + prior) / (na + n0 - a - prior)) - np.log((b + prior) / (nb + n0 - b - prior))
    z = odds / np.sqrt(1 / (a + prior) + 1 / (b + prior))
    best = np.argsort(-z)[:TOP]
    return [{"ngram": known[i], "texts": int(a[i]), "z": round(float(z[i]), 1)} for i in best.tolist() if z[i] > 0]


def _words(counts: Mapping[str, int]) -> Counter[str]:
    """For a word cloud: single words that say what is talked about."""
    return Counter(
        {
            gram: count
            for gram, count in counts.items()
            if gram.isalpha() and len(gram) > 2 and count > 5 and gram not in STOP_WORDS
        }
    )
