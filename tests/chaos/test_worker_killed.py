"""`kill -9` of the worker at random moments while tweets and judgements flow."""

from __future__ import annotations

import random
import statistics
import time

import pytest

from tests.chaos.site import ALL, Site

KILLS = 30 if ALL else 3
LONGEST_GAP_S = 15.0 if ALL else 5.0
PROMISED_S = 3.0
"""Of half the restarts, in the long run, for which a machine should have nothing else to do."""


@pytest.mark.timeout(900)
def test_a_worker_killed_at_random_moments_loses_and_doubles_nothing(site: Site, chance: random.Random) -> None:
    site.start_notifier()
    worker = site.start_worker()
    site.send()
    site.visible.wait_since(worker.started)
    restarts = []
    for _ in range(KILLS):
        gap = time.time() + chance.uniform(1, LONGEST_GAP_S)
        time.sleep(max(0.0, gap - time.time()))
        worker.kill()
        worker = site.start_worker()
        if chance.random() < 0.8:  # else it is killed again while it starts
            restarts.append(site.visible.wait_since(worker.started))
    site.check()
    if restarts:
        print(  # noqa: T201 (shown by pytest -s; the figures of docs/guarantees.md)
            f"\n{KILLS} kills; restart to visible output: median {statistics.median(restarts):.1f} s, "
            f"slowest {max(restarts):.1f} s"
        )
        if ALL:
            assert statistics.median(restarts) <= PROMISED_S
