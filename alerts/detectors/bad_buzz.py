"""More negative tweets about a watch than its own recent past explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alerts.counts import Counts
from alerts.detectors.binomial import upper_tail
from contracts.rules import BadBuzz

_STAYS_BELOW: Final = 0.05
"""A firing alert whose share chance explains this easily is over."""


@dataclass(frozen=True)
class BadBuzzVerdict:
    """Whether the condition holds, and the numbers that say so."""

    active: bool
    now: Counts
    """The window."""
    before: Counts
    """The baseline."""
    past_share: float
    """Negative share that the past and the prior lead to expect."""
    threshold: float
    """Negative share at which the condition holds, given whether it did."""
    p_value: float | None
    """Chance of so many negatives at the past's share; None when the cheaper conditions already failed."""

    @property
    def growth(self) -> float:
        """The window's share as a multiple of the past's."""
        return self.now.share / self.past_share


def judge(rule: BadBuzz, now: Counts, before: Counts, *, firing: bool) -> BadBuzzVerdict:
    """Compare a window with its past.

    The past's share is smoothed with the rule's prior: (negatives + share · weight) / (tweets + weight), the mean
    of a beta-binomial posterior, so that a watch without a past is compared with the stated prior.

    It starts when the window has `min_volume` tweets and `min_negative` negative ones, their share is at least
    `growth` times the past's, and a one-sided binomial test gives the past's share alone a chance below
    `false_alarm_rate`. Once firing it goes on while the share is at least `resolve_growth` times the past's, chance
    alone does so in fewer than one window of twenty, and the window holds at least half of both minimums: neither
    the noise of a quiet watch nor a handful of tweets keeps it alive.

    A watch that is mostly negative anyway cannot grow by half, so no threshold is nearer to 1 than half the
    way from the past's share (a quarter of the way to stay).
    """
    past = (before.negative + rule.prior_share * rule.prior_weight) / (before.total + rule.prior_weight)
    growth, reach = (rule.resolve_growth, 0.25) if firing else (rule.growth, 0.5)
    threshold = min(past * growth, past + (1 - past) * reach)
    divisor = 2 if firing else 1
    enough = now.total * divisor >= rule.min_volume and now.negative * divisor >= rule.min_negative
    if now.total == 0 or not enough or now.share < threshold:
        return BadBuzzVerdict(False, now, before, past, threshold, None)
    p_value = upper_tail(now.negative, now.total, past)
    improbable = _STAYS_BELOW if firing else rule.false_alarm_rate
    return BadBuzzVerdict(p_value < improbable, now, before, past, threshold, p_value)
