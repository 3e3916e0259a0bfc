"""Themes of complaints by learnt weights: a linear head for each theme on the hashed word n-grams of the champion.

Learnt from complaints whose reason people named (`buzzwatch train themes`), so that only what the champion calls
negative is asked. docs/decisions/themes.md has how good it is.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from contracts.rules.schema import LEARNT_THEMES
from models.base.artefact import WEIGHTS, read_arrays, read_metadata, write_artefact
from models.base.sentiment import WordWeight
from models.linear.constants import CLEANING, negator_table
from models.linear.kernels import lane_sums
from models.linear.weights import logistic
from models.text.batch import TextBatch

SHIPPED: Final = Path(__file__).resolve().parents[1] / "artefacts" / "themes"
LANES: Final = 8
LONGEST: Final = 3
"""Words of the longest n-gram."""
FAMILY: Final = "themes"
MOST_EXPLAINED: Final = 200
_ARRAYS: Final = ("weights", "scale", "bias", "least")
_NEGATORS: Final = negator_table()


class LearntThemes:
    """The heads; immutable.

    Args:
        weights: (2**bits, LANES) int8, columns in the order of LEARNT_THEMES, the rest zeros.
        scale, bias: (LANES,) what a step of the weights is worth, and the log-odds of a text without any.
        least: probability from which on a text is about the theme.
    """

    def __init__(
        self,
        weights: NDArray[np.int8],
        scale: NDArray[np.float64],
        bias: NDArray[np.float64],
        least: float,
    ) -> None:
        self.weights, self.scale, self.bias = weights, scale, bias
        self.least = least
        lanes = (weights.astype(np.int16) + 128).astype(np.uint64)
        self._packed: NDArray[np.uint64] = np.bitwise_or.reduce(
            lanes << np.arange(0, 8 * LANES, 8, dtype=np.uint64), axis=1
        )

    def probabilities(self, texts: TextBatch, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(len(rows), LANES): how likely each of the texts, if it is a complaint, is about each theme."""
        sums = np.zeros((len(rows), LANES + 1), np.int64)
        lane_sums(texts.data, texts.bounds, rows, LONGEST, _NEGATORS, self._packed, sums)
        logits = sums[:, :LANES] * self.scale / np.sqrt(np.maximum(sums[:, LANES:], 1)) + self.bias
        return logistic(logits)

    def explain(self, text: str, theme: str) -> list[WordWeight]:
        """What each word adds to the log-odds of the theme, by leaving it out; above zero: towards the theme."""
        words = text.split()[:MOST_EXPLAINED]
        variants = [" ".join(words), *(" ".join(words[:i] + words[i + 1 :]) for i in range(len(words)))]
        table = self.probabilities(TextBatch.of(variants), np.arange(len(variants)))[:, LEARNT_THEMES.index(theme)]
        table = np.clip(table, 1e-9, 1 - 1e-9)
        odds = np.log(table) - np.log1p(-table)
        return [WordWeight(word, float(odds[0] - without)) for word, without in zip(words, odds[1:], strict=True)]

    def save(self, folder: Path, metadata: dict[str, Any]) -> None:
        """Write the artefact."""
        noted = {**metadata, "family": FAMILY, "cleaning": CLEANING, "themes": list(LEARNT_THEMES)}
        arrays = self.weights, self.scale, self.bias, np.array(self.least)
        write_artefact(folder, noted, dict(zip(_ARRAYS, arrays, strict=True)))


@functools.cache
def load_learnt_themes(folder: Path = SHIPPED) -> LearntThemes:
    """Read the heads.

    Raises:
        ArtefactError: missing, damaged, or of another version; names the folder.
    """
    metadata = read_metadata(folder)
    if (metadata.get("family"), metadata.get("cleaning"), metadata.get("themes")) != (
        FAMILY,
        CLEANING,
        list(LEARNT_THEMES),
    ):
        raise ArtefactError(f"{folder}: no learnt themes of this version: run `buzzwatch train themes` again")
    arrays = read_arrays(folder, metadata)
    if missing := [name for name in _ARRAYS if name not in arrays]:
        raise ArtefactError(f"{folder}: {WEIGHTS} lacks {', '.join(missing)}")
    weights, scale, bias, least = (arrays[name] for name in _ARRAYS)
    slots = len(weights) if weights.ndim == 2 and weights.dtype == np.int8 else 0
    if slots < 2 or slots & (slots - 1) or {weights.shape[1:], scale.shape, bias.shape} != {(LANES,)} or least.shape:
        raise ArtefactError(
            f"{folder}: {WEIGHTS} has arrays of other shapes than this program's"
        )  # unchecked in the walk
    return LearntThemes(weights, scale, bias, float(least))
