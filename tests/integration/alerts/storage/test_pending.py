"""`for`: a crisis must last before anybody hears of it."""

from __future__ import annotations

import pytest

from alerts.counters.store import CounterStore
from alerts.rules.evaluator import Evaluator
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from contracts.rules.schema import Rules
from contracts.settings import Settings
from tests.fakes import SECRET
from tests.integration.alerts.feeding import Feeder
from tests.integration.alerts.notifications import dispatch

START_MS = 1_790_000_040_000 // 60_000 * 60_000
RULES = Rules.model_validate(
    {
        "watches": [{"name": "air-paradis", "match": ["@airparadis"]}],
        "rules": [{"alert": "BadBuzz", "kind": "bad_buzz", "severity": "critical", "for": "20s"}],
        "receivers": [{"name": "team", "url": "http://127.0.0.1:9/", "secret": SECRET}],
    }
)


@pytest.fixture
def feeder(settings: Settings) -> Feeder:
    feeder = Feeder(CounterStore(connect(settings), settings))
    for minutes in range(10, 1440, 10):
        feeder.tweets(START_MS - minutes * 60_000, negative=8, positive=22, late=True)
    return feeder


def states(settings: Settings) -> list[str]:
    return [alert.state for alert in AlertStore(connect(settings), settings).list()]


def test_a_crisis_is_pending_for_as_long_as_its_rule_says_and_then_fires(settings: Settings, feeder: Feeder) -> None:
    rules = Evaluator(connect(settings), settings, RULES)
    fired: list[int] = []
    for second in range(0, 60, 5):
        feeder.tweets(START_MS + second * 1000, negative=17, positive=3)
        now_ms = START_MS + second * 1000 + 4999
        fired += [second for status, _ in rules.tick(now_ms, "7") if status == "firing"]
        if not fired and states(settings):
            assert states(settings) == ["pending"]
            assert dispatch(settings, now_ms) == 0
            assert not connect(settings).exists(AlertKeys(settings.redis.prefix).flushes)
    (when,) = fired
    assert 20 <= when <= 30
    (alert,) = AlertStore(connect(settings), settings).list("firing")
    assert START_MS <= alert.starts_at_ms <= START_MS + 10_000
    assert dispatch(settings, START_MS + 60_000) == 1


def test_a_crisis_that_is_over_before_leaves_no_trace(settings: Settings, feeder: Feeder) -> None:
    rules = Evaluator(connect(settings), settings, RULES)
    feeder.tweets(START_MS, negative=34, positive=6)
    assert rules.tick(START_MS + 4999, "7") == []
    assert states(settings) == ["pending"]
    feeder.tweets(START_MS + 10_000, positive=400)
    assert rules.tick(START_MS + 14_999, "7") == []
    assert states(settings) == []
    assert AlertStore(connect(settings), settings).snapshot().episodes == {}
    assert rules.tick(START_MS + 60_000, "7") == []
