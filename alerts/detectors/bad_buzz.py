"""More negative tweets about a watch than its own past explains.

What counts is set by the rule's `count`, by default *voices*: each author once, however often and in whatever words,
and each text once where the author is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.counters.counts import Counts, Volume
from alerts.detectors.baseline import DAY_S, Baseline
from alerts.detectors.significance import Floats, count_score, score_for, share_score, tail
from contracts.rules.schema import BadBuzz, Unit

NEVER_RESTED: Final = math.inf
"""`rested_s` of a watch that has never fired."""

_MONTH_S: Final = 30 * DAY_S
_WANDERS_S: Final = 3600.0
"""How long the usual share stays above or below its mean when it wanders: what large windows differ by does not
become new by looking again a minute later."""
_BURSTY: Final = 0.15
"""Dispersion of the volume: it doubles by itself every now and then."""
_PASSED_ON: Final = 1.2
"""So many voices are worth one independent one: a tenth pass on another's text, and the model judges all of
the same text alike. A share varies 1 + 2/10 times as much then."""
_BURST_SCORE: Final = 2.2
"""What the share alone must exceed at least: campaigns and news raise the volume ten times without being a crisis."""
_BURST_ALARMS: Final = 0.12
"""How often it may fire by chance in each window while it grows e times as long."""
_NOW_S: Final = 300.0
"""The windows up to this length decide whether it is still going on."""
_NOW_SCORE: Final = 1.645
"""A score that chance exceeds in one of twenty: what a short window must show for a longer one to begin an alert."""
_HOLD_SCORE: Final = 2.0
"""The same for going on. Chance exceeds it in one of forty; each time it does the alert goes on for minutes."""
_HOLD_NEGATIVE: Final = 3
_OVER: Final = math.log(10.0)


class Evidence(NamedTuple):
    """What is counted in one window, a column entry per subject (watch, or theme in a watch)."""

    negative: Floats
    total: Floats


class Verdicts(NamedTuple):
    """What `assess_all` returns, a column entry per subject."""

    active: NDArray[np.bool_]
    """Whether the condition holds."""
    window: NDArray[np.intp]
    """Index into `rule.windows` of the shortest window in which it holds, or of the nearest to it."""


@dataclass(frozen=True)
class Verdict:
    """Whether the condition holds for one subject, and the figures behind it."""

    active: bool
    window_s: float
    """The shortest window in which it holds, seconds."""
    now: Volume
    """What is in it."""
    unit: Unit
    """What the rule counts."""
    past_share: float
    """Negative share that the past and the prior lead to expect."""
    past_rate: float
    """Counted ones a second that the past leads to expect; 0 where too little is known."""
    threshold: float
    """Negative share from which the condition can hold, given whether it did."""
    score: float
    """How far the share is above the past's, in standard deviations."""

    @property
    def counted(self) -> Counts:
        """What is in the window, in the rule's unit."""
        return self.now.counted(self.unit)

    @property
    def p_value(self) -> float:
        """The chance of such a share, or a higher one, were nothing unusual."""
        return tail(self.score)

    @property
    def growth(self) -> float:
        """The window's share as a multiple of the past's."""
        return self.counted.share / self.past_share


def assess_all(
    rule: BadBuzz,
    windows: Sequence[Evidence],
    baseline: Baseline,
    *,
    firing: NDArray[np.bool_],
    rested_s: Floats,
) -> Verdicts:
    """Judge many subjects at one instant, or one subject at many.

    In a window, something has begun when all of these hold for what is counted:

    1. at least `min_volume`, of which at least `min_negative` negative;
    2. the negative share is at least `growth` times the usual one (see `_threshold`);
    3. the share is surprising: its over-dispersed score, together with that of the volume, exceeds what `false_alarms`
       in 30 days allow a window of this length, and alone what a burst of the usual mix may reach (see `_in_a_burst`),
       however large the volume is;
    4. a window of up to five minutes shows it too, so that nothing begins that is over.

    Once firing it goes on while one of the windows of up to five minutes stays above `resolve_growth` times the usual
    share by more than chance does in one of twenty, with at least `_HOLD_NEGATIVE` negative ones; unless the shortest
    says that it is over (see `_resolves`).

    Args:
        rule: the thresholds.
        windows: one for each of `rule.windows`, in their order.
        baseline: what is usual.
        firing: whether the subject fires already.
        rested_s: seconds since the subject's last alert ended, infinite without one; windows that reach back into that
            alert are not looked at.
    """
    short = [index for index, seconds in enumerate(rule.windows) if seconds <= _NOW_S] or [0]
    begin, hold = [], []
    for index, (evidence, seconds) in enumerate(zip(windows, rule.windows, strict=True)):
        score = _score(evidence, baseline)
        if index in short:
            hold.append(_keeps_firing(rule, evidence, baseline, score))
        begun = _fires(rule, evidence, windows[-1], baseline, score, seconds)
        begin.append(np.where(rested_s >= seconds, begun, -np.inf))
    held = np.stack(hold)
    held[:, _resolves([windows[index] for index in short], baseline)] = -np.inf
    still = held.max(axis=0) >= _NOW_SCORE - _HOLD_SCORE
    begins = np.stack(begin)
    begins[len(short) :, ~still] = -np.inf
    holds = np.full_like(begins, -np.inf)
    holds[: len(short)] = held
    margins = np.where(firing, holds, begins)
    # The shortest window in which it holds gives its beginning; where none does, the nearest.
    says_so = margins >= 0.0
    active: NDArray[np.bool_] = np.logical_or.reduce(says_so)
    return Verdicts(active, np.where(active, says_so.argmax(axis=0), margins.argmax(axis=0)))


def _score(evidence: Evidence, baseline: Baseline) -> Floats:
    """How far each share is above the usual one."""
    independent = evidence.negative / _PASSED_ON, evidence.total / _PASSED_ON
    return share_score(*independent, baseline.share, baseline.dispersion)


def _fires(
    rule: BadBuzz, evidence: Evidence, longest: Evidence, baseline: Baseline, score: Floats, seconds: float
) -> Floats:
    volume = np.maximum(count_score(evidence.total, baseline.rate * seconds, _BURSTY), 0.0)
    needed = np.sqrt(np.maximum(_needed(rule, evidence.total, baseline.dispersion, seconds) ** 2 - volume**2, 0.0))
    in_a_burst = _in_a_burst(evidence.total, longest.total, baseline.rate, seconds, rule.windows[-1])
    enough = (evidence.total >= rule.min_volume) & (evidence.negative >= rule.min_negative)
    grown = evidence.negative >= _threshold(baseline.share, rule.growth, 0.5) * evidence.total
    return np.where(enough & grown, score - np.maximum(needed, in_a_burst), -np.inf)


def _in_a_burst(total: Floats, longest_total: Floats, rate: Floats, seconds: float, longest_s: float) -> Floats:
    """The score that the share needs in a burst that has lasted so long.

    How often has the burst been looked at? As many window lengths as its texts in the longest window are a multiple of
    those in this one. The first look needs little, a late one much: what is a crisis shows at the beginning, or
    in a longer window, while a long burst of the usual mix has many minutes to look odd in one of them.
    """
    excess, longest_excess = (
        np.maximum(of - rate * length, 1.0) for of, length in ((total, seconds), (longest_total, longest_s))
    )
    looks = np.clip(longest_excess / excess, 1.0, longest_s / seconds)
    return np.maximum(score_for(looks, _BURST_ALARMS), _BURST_SCORE)


def _keeps_firing(rule: BadBuzz, evidence: Evidence, baseline: Baseline, score: Floats) -> Floats:
    enough = evidence.negative >= _HOLD_NEGATIVE
    grown = evidence.negative >= _threshold(baseline.share, rule.resolve_growth, 0.25) * evidence.total
    return np.where(enough & grown, score - _HOLD_SCORE, -np.inf)


def _resolves(short: Sequence[Evidence], baseline: Baseline) -> NDArray[np.bool_]:
    """Whether a short window is explained ten times better by the usual share than by that of the longest of them:
    minutes after its end the longer windows are still full of the crisis."""
    longest = short[-1]
    usual = baseline.share
    crisis = np.clip(longest.negative / np.maximum(longest.total, 1.0), usual, 0.995)
    over = np.zeros(usual.shape, bool)
    for evidence in short[:-1]:
        effective = 1.0 / (1.0 + np.maximum(evidence.total - 1.0, 0.0) * baseline.dispersion)
        positive = evidence.total - evidence.negative
        better = evidence.negative * np.log(usual / crisis) + positive * np.log((1.0 - usual) / (1.0 - crisis))
        over |= better * effective > _OVER
    return over


def _needed(rule: BadBuzz, total: Floats, dispersion: Floats, seconds: float) -> Floats:
    """The score that a window may exceed as often as its part of `false_alarms` in 30 days allows.

    How often is looked anew? A small window's share is drawn again with every window. That of a large one differs from
    the usual share by how this wanders, and that takes hours.
    """
    wandering = (total - 1.0) * dispersion
    part = np.clip(wandering / (1.0 + wandering), 0.0, 1.0)
    memory_s = seconds * (1.0 - part) + max(_WANDERS_S, seconds) * part
    return score_for(_MONTH_S / memory_s, rule.false_alarms / len(rule.windows))


def _threshold(share: Floats, growth: float, reach: float) -> Floats:
    """A watch that is mostly negative cannot grow by half: no threshold is nearer to 1 than `reach` of the way."""
    return np.minimum(share * growth, share + (1.0 - share) * reach)


def explained(
    rule: BadBuzz, windows: Sequence[Volume], baseline: Baseline, verdicts: Verdicts, subject: int, *, firing: bool
) -> Verdict:
    """The numbers of one subject of `assess_all`; `windows` are its own."""
    chosen = int(verdicts.window[subject])
    now = windows[chosen].counted(rule.count)
    one = slice(subject, subject + 1)
    growth, reach = (rule.resolve_growth, 0.25) if firing else (rule.growth, 0.5)
    negative, total = np.array([float(now.negative)]), np.array([float(now.total)])
    return Verdict(
        active=bool(verdicts.active[subject]),
        window_s=rule.windows[chosen],
        now=windows[chosen],
        unit=rule.count,
        past_share=float(baseline.share[subject]),
        past_rate=float(baseline.rate[subject]),
        threshold=float(_threshold(baseline.share[one], growth, reach)[0]),
        score=float(_score(Evidence(negative, total), Baseline(*(column[one] for column in baseline)))[0]),
    )
