"""Slices: parts of a held-out set that a model must not get worse on although the whole set gets better."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHORT: Final = 40
"""Code points; a third of SemEval's tweets about airlines are shorter replies."""

# Mohammad et al. 2013 count the same signs (negation, elongation, punctuation) as features of SemEval tweets.
_PATTERNS: Final = {
    "negation": re.compile(r"\b(?:not|no|never|nothing|nobody|none|cannot|\w+n['’]?t)\b", re.IGNORECASE),
    "emphasis": re.compile(r"([a-z])\1\1|!!|\b[A-Z]{4,}\b"),
    "question": re.compile(r"\?"),
    "emoji": re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]|[:;=8][-o']?[)(dp/|]", re.IGNORECASE),
    "link": re.compile(r"https?://|www\."),
}


def slice_masks(texts: Sequence[str], companies: NDArray[np.str_]) -> dict[str, NDArray[np.bool_]]:
    """Which texts belong to which slice, by the slice's name; a text can be in several.

    Args:
        companies: (n,) the airline that a tweet is about, empty where that is not known.
    """
    masks = {
        name: np.fromiter((pattern.search(text) is not None for text in texts), bool, len(texts))
        for name, pattern in _PATTERNS.items()
    }
    masks["short"] = np.fromiter((len(text) < SHORT for text in texts), bool, len(texts))
    for company in sorted(set(companies.tolist()) - {""}):
        masks[company] = companies == company
    return masks
