"""What a format costs and gains: accuracy, size, time to load, to answer one tweet, and many."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.base.sentiment import Scores

LOST: Final = 0.005
"""A conversion that loses more accuracy than this anywhere is reported as such."""
TOGETHER: Final = 600
"""Texts by which speed is measured."""
_ALONE: Final = 60
"""Tweets answered one at a time."""


@dataclass(frozen=True)
class FormatRow:
    """One model in one format."""

    family: str
    member: str
    format: str
    accuracy: dict[str, float]
    """Data set → accuracy; on sets without neutral tweets the larger of negative and positive."""
    rows: dict[str, int]
    """Data set → held-out texts it is from."""
    megabytes: float
    load_ms: float
    """Until the first answer, processor time; 0 where the format is not loaded from a file."""
    one_ms: float
    """Median processor time of a tweet alone."""
    tweets_per_s: float
    """Processor time, one thread, many texts in one call."""
    lost: float
    """Largest loss of accuracy against the native model."""

    @property
    def loses_too_much(self) -> bool:
        """Whether it is a bad conversion."""
        return round(self.lost, 9) > LOST


def accuracy(scores: NDArray[Any], truth: NDArray[np.intp]) -> float:
    """Share of right answers; without neutral texts of the larger of negative and positive."""
    if not (truth == 1).any():
        scores = scores.copy()
        scores[:, 1] = -np.inf
    return float((scores.argmax(axis=1) == truth).mean())


def loss(native: dict[str, float], now: dict[str, float]) -> float:
    """The largest of the sets; French, some hundred texts of another language, is left out."""
    return max(native[name] - now[name] for name in now if name != "french")


def speed(model: Scores, texts: Sequence[str]) -> tuple[float, float]:
    """Median milliseconds of one tweet alone, and tweets a second together; processor time."""
    model.predict_proba(texts[:200])
    alone = []
    for text in texts[:_ALONE]:
        started = time.process_time()
        model.predict_proba([text])
        alone.append(time.process_time() - started)
    done, started = 0, time.process_time()
    while not done or time.process_time() - started < 0.2:  # the clock's steps are too coarse for what is fast
        model.predict_proba(texts)
        done += len(texts)
    return 1000 * float(np.median(alone)), done / max(time.process_time() - started, 1e-9)


def weighed(save: Callable[[Path], object], load: Callable[[Path], Scores]) -> tuple[float, float]:
    """Megabytes on disk, and milliseconds of processor time from there to the first answer."""
    with tempfile.TemporaryDirectory() as scratch:
        save(Path(scratch))
        size = sum(path.stat().st_size for path in Path(scratch).iterdir()) / 1e6
        started = time.process_time()
        load(Path(scratch)).predict_proba(["once"])
        return size, 1000 * (time.process_time() - started)
