"""The `drift` rule over recorded answers of one model, in the data's own time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.backtest.alert_replay import ReplayedAlert
from alerts.backtest.series import Ints
from alerts.counters.counts import ANSWER_BINS, ANSWER_SLOT_S
from alerts.detectors import drift
from alerts.state.alert import Alert
from contracts.events import SENTIMENTS
from contracts.rules.schema import Drift


class Answers(NamedTuple):
    """What a model predicted for tweets, row by row."""

    times_s: Ints
    """(n,) seconds since 1970."""
    probabilities: NDArray[np.float32]
    """(n, 3), columns in the order of SENTIMENTS."""


def replay_drift(
    rule: Drift, where: Mapping[str, str], answers: Answers, reference: drift.Reference
) -> Iterator[Alert]:
    """The alerts in their order; one that lasts to the end has no `ends_at_ms`. Looks at the end of every slot."""
    best = answers.probabilities.argmax(axis=1)
    confidence = np.minimum((answers.probabilities.max(axis=1) * ANSWER_BINS).astype(np.int64), ANSWER_BINS - 1)
    slots = answers.times_s // ANSWER_SLOT_S
    first, number = int(slots.min()), int(slots.max() - slots.min()) + 1
    places = len(SENTIMENTS) * ANSWER_BINS
    cells = ((slots - first) * places) + best * ANSWER_BINS + confidence
    sums = np.bincount(cells, minlength=number * places).reshape(number, places).cumsum(axis=0)
    width = int(rule.within // ANSWER_SLOT_S)
    life = ReplayedAlert(rule, where)
    for slot in range(number):
        counted = sums[slot] - (sums[slot - width] if slot >= width else 0)
        named: dict[tuple[str, int], int] = {
            (SENTIMENTS[place // ANSWER_BINS], place % ANSWER_BINS): int(counted[place])
            for place in np.flatnonzero(counted).tolist()
        }
        verdict = drift.judge(rule, named, reference, firing=life.firing is not None)
        end_ms = (first + slot + 1) * ANSWER_SLOT_S * 1000
        yield from life.step(
            active=verdict is not None and verdict.active,
            now_ms=end_ms,
            starts_at_ms=end_ms - ANSWER_SLOT_S * 1000,
            value=0.0 if verdict is None else max(verdict.jensen_shannon, verdict.kolmogorov_smirnov),
        )
    if life.firing is not None:
        yield life.firing
