"""Redis dies and has lost the end of its append-only file: what is counted and how far are lost together."""

from __future__ import annotations

import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from alerts.counters.store import Cell, CounterStore
from alerts.grouping.dispatcher import Dispatcher
from alerts.outbox.store import Entry, Outbox
from alerts.rules.feedback_evaluator import FeedbackEvaluator
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from contracts.events import Feedback
from contracts.rules.schema import ConsecutiveErrors, Rules, Watch, Webhook
from contracts.settings import Settings
from tests.fakes import SECRET
from tests.judgements import judgements
from tests.servers import RunningServer

NOW_MS = 1_790_000_000_000
CELL = Cell(NOW_MS // 60_000 * 60, "acme", "", "negative")
RULES = Rules(
    watches=(Watch(name="acme", match=("acme",)),),
    rules=(ConsecutiveErrors(alert="ConsecutiveErrors", kind="consecutive_errors"),),
    receivers=(Webhook(name="team", url="http://127.0.0.1:9/", secret=SECRET),),
)


def lose_the_end(running: RunningServer, settings: Settings, lost_bytes: int) -> None:
    """Kill Redis, cut its append-only file anywhere, start it again."""
    folder = str(connect(settings).config_get("dir")["dir"])
    running.kill()
    (last,) = Path(folder).glob("appendonlydir/*.incr.aof")
    size = last.stat().st_size
    assert size > 2 * lost_bytes
    with last.open("r+b") as file:
        file.truncate(size - lost_bytes)
    running.start()


@pytest.fixture
def restarted(settings: Settings, own_redis: RunningServer) -> Settings:
    settings.redis.url = own_redis.address
    return settings


@pytest.mark.parametrize("lost_bytes", [1, 333, 5000])
def test_counts_and_marks_are_lost_together_and_counted_again(
    restarted: Settings, own_redis: RunningServer, lost_bytes: int
) -> None:
    store = CounterStore(connect(restarted), restarted)

    def count(offset: int) -> int:
        one = Counter({CELL: 1})
        return store.add(
            topic_id="t", partition=0, expected=offset, end=offset + 1, buckets=one, minutes=one, samples=[]
        )

    for offset in range(200):
        assert count(offset) == offset + 1
    assert store.window(NOW_MS, 60)["acme", ""].negative == 200
    lose_the_end(own_redis, restarted, lost_bytes)
    mark = store.marks("t", [0])[0]
    assert mark < 200
    assert store.window(NOW_MS, 60)["acme", ""].negative == mark
    assert count(200) == mark  # the worker that knows nothing of it is sent back
    for offset in range(mark, 200):
        assert count(offset) == offset + 1
    assert store.window(NOW_MS, 60)["acme", ""].negative == 200
    afresh = CounterStore(connect(restarted), restarted)
    assert (
        afresh.stats(since_s=CELL.start_s, until_s=CELL.start_s + 60, watch="acme", theme="")[0].counts.negative == 200
    )


@pytest.mark.parametrize("lost_bytes", [1, 2500, 12_000])
def test_feedback_and_its_alert_are_lost_together_and_judged_again(
    restarted: Settings, own_redis: RunningServer, lost_bytes: int
) -> None:
    judge = FeedbackEvaluator(connect(restarted), restarted, RULES)
    events = [
        Feedback(
            feedback_id=uuid.uuid4(),
            prediction_id=uuid.uuid4(),
            predicted="negative",
            correct=offset < 37,
            model_version="7",
        )
        for offset in range(40)
    ]

    def judge_from(first: int) -> None:
        for offset in range(first, 40):
            assert (
                judge.judge("t", offset, offset + 1, [(offset, events[offset])], now_ms=NOW_MS + offset) == offset + 1
            )

    def notices() -> list[Any]:
        (group,) = connect(restarted).zrange(AlertKeys(restarted.redis.prefix).flushes, 0, -1)
        return connect(restarted).lrange(AlertKeys(restarted.redis.prefix).alert_events(str(group)), 0, -1)

    judge_from(0)
    told = notices()
    assert len(told) == 1
    lose_the_end(own_redis, restarted, lost_bytes)
    client, keys = connect(restarted), AlertKeys(restarted.redis.prefix)
    mark = judge.marks("t", [0]).get(0, 0)
    assert mark < 40
    assert sum(judgements(client, restarted.redis.prefix).values()) == mark == client.zcard(keys.feedback_seen)
    assert AlertStore(client, restarted).list() == []
    judge_from(mark)
    assert judgements(client, restarted.redis.prefix) == {"7|right": 37, "7|wrong": 3}
    assert notices() == told


def test_a_notification_that_was_lost_is_made_again_with_the_same_id_and_bytes(
    restarted: Settings, own_redis: RunningServer
) -> None:
    judge = FeedbackEvaluator(connect(restarted), restarted, RULES)
    for offset in range(3):
        event = Feedback(
            feedback_id=uuid.uuid4(),
            prediction_id=uuid.uuid4(),
            predicted="negative",
            correct=False,
            model_version="7",
        )
        judge.judge("t", offset, offset + 1, [(offset, event)], now_ms=NOW_MS + offset)

    def entries(seconds: int) -> list[Entry]:
        client = connect(restarted)
        Dispatcher(client, restarted).run_due(NOW_MS + seconds * 1000)
        return Outbox(client, restarted).waiting()

    (told,) = entries(1)
    lose_the_end(own_redis, restarted, 1)
    assert Outbox(connect(restarted), restarted).waiting() == []
    (again,) = entries(2)
    assert (again.id, again.body) == (told.id, told.body)
