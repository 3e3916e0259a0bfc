from __future__ import annotations

import itertools

import pytest

from alerts.explanation.escalation import escalation, severity_of
from contracts.rules.schema import BadBuzz

RULE = BadBuzz(alert="B", kind="bad_buzz")


def score(share: float, before: float, texts: int, followers: int | None = None) -> float:
    return escalation(share_now=share, share_before=before, negative=texts, followers=followers).score


def test_the_scale_goes_from_0_to_100() -> None:
    assert score(0.2, 0.3, 1) == 0
    assert score(1.0, 0.2, 10_000) == 100
    assert score(1.0, 0.2, 10_000, 10_000_000) == 100
    assert score(0.0, 0.0, 0) == 0


def test_each_part_only_ever_raises_it() -> None:
    for parts in itertools.product((0.3, 0.5, 0.9), (0.1, 0.3), (5, 50, 500)):
        share, before, texts = parts
        assert score(share + 0.05, before, texts) > score(share, before, texts)
        assert score(share, before, texts * 2) > score(share, before, texts)
        assert score(share, before, texts, 1_000_000) >= score(share, before, texts, 1000)


@pytest.mark.parametrize(
    ("share", "before", "texts", "severity"),
    [(0.45, 0.3, 12, "info"), (0.6, 0.3, 20, "warning"), (0.85, 0.28, 20, "critical"), (0.6, 0.3, 3000, "critical"),
     (0.85, 0.6, 15, "warning")],
)  # fmt: skip
def test_the_severity_follows(share: float, before: float, texts: int, severity: str) -> None:
    assert severity_of(RULE, score(share, before, texts)) == severity
