from __future__ import annotations

import random

import numpy as np
import pytest

from alerts.backtest.bad_buzz import Replay
from alerts.backtest.series import Span, count
from alerts.counters.store import CounterStore
from alerts.rules.evaluator import Evaluator
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from contracts.rules.schema import BadBuzz, Rules, Watch
from contracts.settings import Settings
from tests.integration.alerts.feeding import Feeder

BEGIN_S = 1_790_000_040 // 3600 * 3600
RULE = BadBuzz(
    alert="BadBuzz", kind="bad_buzz", windows=("1m", "5m", "15m"), baseline="1h", keep_firing_for="1m", **{"for": "20s"}
)


GROWING = RULE.model_copy(update={"for_": 0.0, "severity_settle": 0.0})
SETTLED = RULE.model_copy(update={"for_": 0.0})


@pytest.mark.parametrize(
    ("rule", "tweets", "shares", "severities"),
    [
        (RULE, (3, 3), (0.75, 0.75), ["critical"]),
        (GROWING, (8, 12), (0.42, 0.95), ["warning", "critical"]),
        (SETTLED, (8, 12), (0.48, 0.95), ["warning", "critical"]),
    ],
)
def test_the_live_evaluator_and_the_backtest_find_the_same_alerts(
    settings: Settings, rule: BadBuzz, tweets: tuple[int, int], shares: tuple[float, float], severities: list[str]
) -> None:
    source = random.Random(11)
    feeder = Feeder(CounterStore(connect(settings), settings))
    rules = Evaluator(
        connect(settings), settings, Rules(watches=(Watch(name="air-paradis", match=("x",)),), rules=(rule,))
    )
    store = AlertStore(connect(settings), settings)
    times: list[int] = []
    negative: list[bool] = []
    for second in range(0, 7200, 5):
        crisis = 4800 <= second < 5600
        part = second >= 5100
        moment = BEGIN_S + second
        for _ in range(source.choice((1, 2, 3)) * (tweets[part] if crisis else 1)):
            times.append(moment + source.randrange(5))
            negative.append(source.random() < (shares[part] if crisis else 0.25))
            feeder.tweets(times[-1] * 1000, negative=negative[-1], positive=not negative[-1])
        if second >= 3600:
            rules.tick((moment + 5) * 1000, "7")
    live = store.list("resolved")[::-1]
    moments = np.array(times, np.int64)
    series = count(Span.of(moments), moments, np.array(negative), np.arange(len(times), dtype=np.uint64))
    found = [one.alert for one in Replay(rule, {"watch": "air-paradis"}, series).alerts()]
    assert [one.labels["severity"] for one in live] == severities
    assert [(one.labels, one.fingerprint) for one in found] == [(one.labels, one.fingerprint) for one in live]
    for ours, theirs in zip(found, live, strict=True):
        assert ours.ends_at_ms is not None
        assert theirs.ends_at_ms is not None
        # What is usual is up to ten seconds old live.
        assert abs(ours.starts_at_ms - theirs.starts_at_ms) <= 10_000
        assert abs(ours.ends_at_ms - theirs.ends_at_ms) <= 10_000
        assert abs(ours.value - theirs.value) <= 0.05
        assert ours.starts_at_ms >= (BEGIN_S + 4800) * 1000


@pytest.mark.parametrize("settle_s", [0.0, 15.0])
def test_a_crisis_of_a_few_seconds_is_an_alert_live_and_in_the_backtest_however_long_its_severity_settles(
    settings: Settings, settle_s: float
) -> None:
    rule = SETTLED.model_copy(update={"severity_settle": settle_s, "windows": (60.0,), "critical_from": 101})
    feeder = Feeder(CounterStore(connect(settings), settings))
    rules = Evaluator(
        connect(settings), settings, Rules(watches=(Watch(name="air-paradis", match=("x",)),), rules=(rule,))
    )
    times: list[int] = []
    negative: list[bool] = []
    changes: list[tuple[str, int]] = []
    for second in range(0, 5400, 5):
        crisis = second == 4800
        for number in range(60 if crisis else 2 if second < 4800 else 60):
            times.append(BEGIN_S + second)
            negative.append(number < 50 if crisis else number == 0 and second % 10 == 0)
            feeder.tweets(times[-1] * 1000, negative=negative[-1], positive=not negative[-1])
        if second >= 3600:
            changes += [(change.status, second) for change in rules.tick((BEGIN_S + second + 5) * 1000, "7")]
    assert [status for status, _ in changes] == ["firing", "resolved"]
    assert changes[0][1] == 4800 + settle_s
    moments = np.array(times, np.int64)
    series = count(Span.of(moments), moments, np.array(negative), np.arange(len(times), dtype=np.uint64))
    (found,) = Replay(rule, {"watch": "air-paradis"}, series).alerts()
    assert found.fired_ms == (BEGIN_S + 4800 + 5 + settle_s) * 1000
    (live,) = AlertStore(connect(settings), settings).list("resolved")
    assert (found.alert.labels, found.alert.value) == (live.labels, live.value)
    assert abs(found.alert.starts_at_ms - live.starts_at_ms) <= 5000
    assert found.alert.ends_at_ms == live.ends_at_ms
