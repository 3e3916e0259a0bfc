"""A crisis while worker and notifier are killed: it is told, it is told to be over, each once and in order."""

from __future__ import annotations

import time

from tests.chaos.site import ALL, Site


def test_a_crisis_is_told_once_and_in_order_whoever_is_killed(site: Site) -> None:
    notifier, worker = site.start_notifier(), site.start_worker()
    traffic = site.send(rate=200)
    traffic.storm = False
    site.visible.wait_since(worker.started)
    for crisis in range(1, 4 if ALL else 2):
        time.sleep(6)
        traffic.storm = True
        time.sleep(1 + crisis)
        worker.kill()  # about when the rule begins to hold
        worker = site.start_worker()
        site.wait_told("BadBuzz", "firing", crisis)
        notifier.kill()
        notifier = site.start_notifier()
        traffic.storm = False
        time.sleep(8 + crisis)
        worker.kill()  # about when it ceases to
        worker = site.start_worker()
        site.wait_told("BadBuzz", "resolved", crisis)
    site.check()
    site.check_states("BadBuzz")
