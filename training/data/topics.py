"""What misjudged tweets are about: topics by non-negative matrix factorisation of their words.

Source: Lee and Seung 1999, Learning the parts of objects by non-negative matrix factorization; as scikit-learn has it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

FEWEST: Final = 20
"""Texts below which there are no topics, only texts."""
_TEXTS_A_TOPIC: Final = 15
_MOST_TOPICS: Final = 8
_WORDS: Final = 5
_PLACES: Final = re.compile(r"@user|<[a-z]+>|&\w+;")
"""What masking puts in place of names and links."""
_WORD: Final = r"(?u)\b[^\W\d_]{3,}\b"
_OF_ITS_TOPIC: Final = 1e-9


@dataclass(frozen=True)
class Topic:
    """What some of the texts have in common."""

    words: list[str]
    """That tell it from others, the strongest first."""
    texts: list[int]
    """Places of its texts, the most typical first."""
    themes: Counter[str]
    """Of its texts."""


def topics(texts: Sequence[str], themes: Sequence[Sequence[str]]) -> list[Topic]:
    """The topics of texts, the largest first; none where there are too few, or they share no words.

    Each text belongs to its strongest topic, one that has none of the words to none. The same texts give the same.

    Args:
        texts: n, masked. themes: n, of each text.
    """
    if len(texts) < FEWEST:
        return []
    # Here, since the API imports reports of a day and has no scikit-learn.
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(stop_words="english", min_df=2, max_df=0.5, sublinear_tf=True, token_pattern=_WORD)
    try:
        table = vectors.fit_transform([_PLACES.sub(" ", text) for text in texts])
    except ValueError:  # no word that two of them share
        return []
    number = int(min(_MOST_TOPICS, max(2, len(texts) // _TEXTS_A_TOPIC), *table.shape))
    model = NMF(n_components=number, init="nndsvda", random_state=0, max_iter=400, tol=1e-3)
    strength = model.fit_transform(table)
    words = vectors.get_feature_names_out()
    found = [_topic(number, strength, model.components_[number], words, themes) for number in range(strength.shape[1])]
    return sorted((one for one in found if one.texts), key=lambda one: (-len(one.texts), one.words))


def _topic(number: int, strength: Any, component: Any, words: Any, themes: Sequence[Sequence[str]]) -> Topic:
    mine = np.flatnonzero((strength.argmax(axis=1) == number) & (strength[:, number] > _OF_ITS_TOPIC))
    mine = mine[np.argsort(-strength[mine, number], kind="stable")]
    strongest = [at for at in np.argsort(-component, kind="stable")[:_WORDS].tolist() if component[at] > 0]
    return Topic(
        [str(words[at]) for at in strongest],
        mine.tolist(),
        Counter(theme for at in mine.tolist() for theme in themes[at]),
    )
