from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from alerts.detectors.binomial import upper_tail


@given(st.integers(0, 5000), st.floats(0, 1), st.floats(0.001, 0.999))
def test_the_tail_is_that_of_scipy(trials: int, part: float, probability: float) -> None:
    successes = round(part * trials)
    expected = float(binom.sf(successes - 1, trials, probability))
    assert upper_tail(successes, trials, probability) == pytest.approx(expected, rel=1e-6, abs=1e-290)


@pytest.mark.parametrize(("successes", "trials"), [(10_300, 30_000), (301_500, 1_000_000)])
def test_large_windows_are_exact_too(successes: int, trials: int) -> None:
    assert upper_tail(successes, trials, 0.3) == pytest.approx(float(binom.sf(successes - 1, trials, 0.3)), rel=1e-7)


def test_the_edges() -> None:
    assert upper_tail(0, 0, 0.5) == upper_tail(0, 10, 0.0) == upper_tail(10, 10, 1.0) == 1.0
    assert upper_tail(11, 10, 0.5) == upper_tail(1, 10, 0.0) == 0.0
    assert upper_tail(1_000_000, 1_000_000, 1e-9) == 0.0
    with pytest.raises(ValueError, match=r"probability 1\.5"):
        upper_tail(1, 2, 1.5)
