"""Alarms against what really happened: found, how soon, over how soon, and false ones."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from alerts.backtest.series import distinct, voices
from alerts.detectors.significance import share_score
from bench.detection.peers import Alarms
from bench.detection.texts import Pool
from bench.detection.traffic import Crisis, Recording
from bench.detection.usual import START_S, WEEK_S

_AFTER_S: Final = 600
"""An alarm counts for a crisis when it begins between its first tweet and ten minutes after its last."""


class Outcome(NamedTuple):
    """What became of one crisis."""

    crisis: Crisis
    alarms: int
    delay_s: float
    """From the crisis's 50th tweet to the first alarm; negative when that came sooner, infinite without one."""
    over_s: float
    """From the crisis's end to the end of its last alarm; NaN without one."""
    ideal_score: float
    """How surprising the crisis's share is three minutes after its 50th tweet to somebody who knows when it began and
    the usual share exactly: standard deviations, no allowance for looking again and again."""


class FalseAlarm(NamedTuple):
    """A false alarm."""

    kind: str
    """What it fell into: a harmless event's kind, `after` a crisis, or `nothing`."""
    week: int
    """Of the recording, from 0."""


class Judged(NamedTuple):
    """One detector on one recording."""

    outcomes: list[Outcome]
    false: list[FalseAlarm]


def score(recording: Recording, alarms: Alarms, pool: Pool) -> Judged:
    """Match alarms with crises."""
    taken: set[int] = set()
    outcomes = []
    for crisis in recording.crises:
        mine = [index for index, (begin, _) in enumerate(alarms) if crisis.start_s <= begin <= crisis.end_s + _AFTER_S]
        taken |= set(mine)
        delay = alarms[mine[0]][0] - crisis.fiftieth_s if mine and np.isfinite(crisis.fiftieth_s) else np.inf
        over = max(alarms[index][1] for index in mine) - crisis.end_s if mine else np.nan
        outcomes.append(Outcome(crisis, len(mine), delay, over, _ideal(recording, crisis, pool)))
    false = [
        FalseAlarm(_fell_into(recording, begin), int((begin - START_S) // WEEK_S))
        for index, (begin, _) in enumerate(alarms)
        if index not in taken
    ]
    return Judged(outcomes, false)


def _fell_into(recording: Recording, begin: float) -> str:
    for event in recording.events:
        if event.start_s <= begin <= event.end_s + _AFTER_S:
            return event.kind
    if any(crisis.end_s < begin < crisis.end_s + 2 * 3600 for crisis in recording.crises):
        return "after"
    return "nothing"


def _ideal(recording: Recording, crisis: Crisis, pool: Pool) -> float:
    recall, neutral, positive = pool.rates
    # Of ordinary tweets that are not negative, 45 of 100 are positive.
    usual = recording.share * recall + (1 - recording.share) * (0.55 * neutral + 0.45 * positive)
    until = min(crisis.fiftieth_s + 180, crisis.end_s)
    chosen = (recording.times_s >= crisis.start_s) & (recording.times_s <= until) & ~recording.late
    people = voices(recording.texts, recording.authors, recording.negative)
    answers = recording.negative[chosen][distinct(recording.times_s[chosen], people[chosen])]
    counts = (np.array([float(answers.sum())]), np.array([float(len(answers))]), np.array([usual]), np.zeros(1))
    return float(share_score(*counts)[0])
