from __future__ import annotations

from alerts.counters.store import CounterStore
from alerts.rules.evaluator import Evaluator
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from contracts.rules.schema import BadBuzz, Rules, Watch
from contracts.settings import Settings
from tests.integration.alerts.feeding import Feeder

NOW_S = 1_790_000_040 // 3600 * 3600 + 1800
RULE = BadBuzz(alert="BadBuzz", kind="bad_buzz", severity="warning")


def test_a_backfilled_week_of_complaints_does_not_hide_a_crisis(settings: Settings) -> None:
    feeder = Feeder(CounterStore(connect(settings), settings))
    watches = (Watch(name="air-paradis", match=("x",)),)
    rules = Evaluator(connect(settings), settings, Rules(watches=watches, rules=(RULE,)))
    store = AlertStore(connect(settings), settings)
    for hour in range(-8 * 24, -1):
        negative = 60 if hour < -26 else 25
        feeder.tweets((NOW_S + hour * 3600) * 1000, negative=negative, positive=100 - negative, late=True)
    for second in range(-3600, -300, 60):
        feeder.tweets((NOW_S + second) * 1000, negative=second % 180 == 0, positive=1)
    rules.tick(NOW_S * 1000, "7")
    assert store.list("firing") == []
    for second in range(-55, 0, 5):
        feeder.tweets((NOW_S + second) * 1000, negative=5, positive=5)
    rules.tick(NOW_S * 1000 + 500, "7")
    (alert,) = store.list("firing")
    assert 0.2 < float(alert.annotations["share_before"]) < 0.32
