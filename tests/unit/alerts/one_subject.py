"""Bad buzz of one subject, from the counts of its windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alerts.counters.counts import Volume
from alerts.detectors.bad_buzz import NEVER_RESTED, Evidence, Verdict, assess_all, explained
from alerts.detectors.baseline import Baseline
from contracts.rules.kinds import BadBuzz


def assess(
    rule: BadBuzz, windows: Sequence[Volume], baseline: Baseline, *, firing: bool, rested_s: float = NEVER_RESTED
) -> Verdict:
    """Judge one subject: `assess_all` with its numbers. `baseline` has one entry."""
    counted = [volume.counted(rule.count) for volume in windows]
    evidence = [Evidence(np.array([float(one.negative)]), np.array([float(one.total)])) for one in counted]
    verdicts = assess_all(rule, evidence, baseline, firing=np.array([firing]), rested_s=np.array([rested_s]))
    return explained(rule, windows, baseline, verdicts, 0, firing=firing)
