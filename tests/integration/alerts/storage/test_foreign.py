"""What another program has put under our keys: named, passed over where others can be read, and kept."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import redis

from alerts.counters.counts import Cell
from alerts.counters.feedback_counts import serving_since
from alerts.counters.store import CounterStore
from alerts.grouping.dispatcher import Dispatcher
from alerts.outbox.redelivery import Redelivery
from alerts.outbox.store import Outbox
from alerts.state.opinions import OpinionStore
from alerts.state.silences import SilenceStore
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from alerts.storage.foreign import ForeignDataError, type_of
from alerts.storage.keys import AlertKeys, CounterKeys, ReplayKeys
from alerts.storage.redis_health import TroubleLog, trouble_of
from contracts.settings import Settings
from tests.fakes import Clock
from tests.integration.alerts.notifications import changes, dispatch, put

BITS = b"\xff\xfe\x00"
OTHER = ('{"a": 1}', BITS, "[1]", "nothing")


@pytest.fixture
def client(settings: Settings) -> Any:
    return connect(settings)


@pytest.fixture
def keys(settings: Settings) -> AlertKeys:
    return AlertKeys(settings.redis.prefix)


def test_what_cannot_be_read_is_passed_over_named_once_and_kept(
    client: Any, keys: AlertKeys, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    put(settings, 1, changes()[0])
    places = (keys.active, keys.episodes, keys.silences, keys.serving_since, keys.opinion_counts, keys.disabled)
    for key in places:
        for number, value in enumerate(OTHER):
            client.hset(key, f"field{number}", value)
    client.lpush(keys.history, *OTHER)
    alerts = AlertStore(client, settings)
    assert [alert.state for alert in alerts.list()] == ["firing"]
    assert len(alerts.snapshot().active) == 1
    assert SilenceStore(client, settings).list(0) == []
    assert serving_since(client, settings) == {}
    assert OpinionStore(client, settings).counts() == {}
    assert Outbox(client, settings).disabled() == {}
    for key in (*places, keys.history):
        assert sum(key in one.getMessage() for one in caplog.records) == 1
        assert not any(BITS.decode("latin-1") in one.getMessage() for one in caplog.records)
    assert client.hlen(keys.silences) == len(OTHER)


def test_a_notification_that_cannot_be_read_holds_up_none_behind_it(
    client: Any, keys: AlertKeys, settings: Settings
) -> None:
    clock = Clock()
    firing, resolved = changes()
    put(settings, clock(), firing)
    dispatch(settings, clock())
    clock.forward(1)
    put(settings, clock(), resolved)
    dispatch(settings, clock())
    outbox = Outbox(client, settings)
    bad, good = outbox.waiting()
    client.hset(keys.entries, bad.id, BITS)
    assert outbox.claim("team", clock(), 5000) is None
    claim = outbox.claim("team", clock(), 5000)
    assert claim is not None
    assert claim.entry == good
    assert outbox.counts() == (1, 1)
    assert outbox.exhausted() == []
    with pytest.raises(ForeignDataError, match="outbox:entries"):
        Redelivery(client, settings).redeliver(bad.id, clock())


@pytest.mark.parametrize("where", ["group", "alert_events", "lane"])
def test_a_group_that_cannot_be_read_holds_up_no_other(
    where: str, client: Any, keys: AlertKeys, settings: Settings
) -> None:
    clock = Clock()
    put(settings, clock(), changes()[0])
    [group] = client.zrange(keys.flushes, 0, -1)
    other = f"{group}-other"
    client.copy(keys.alert_events(group), keys.alert_events(other))
    client.zadd(keys.flushes, {other: 0})
    client.delete(getattr(keys, where)(other))
    client.hset(getattr(keys, where)(other), "theirs", "1")
    assert len(Dispatcher(client, settings).run_due(clock())) == 1
    assert client.hget(getattr(keys, where)(other), "theirs") == "1"
    assert client.zscore(keys.flushes, other) > clock()


WRONG: list[tuple[str, Callable[[redis.Redis, Settings], object]]] = [
    ("active", lambda client, settings: AlertStore(client, settings).snapshot()),
    ("active", lambda client, settings: Dispatcher(client, settings).status(0)),
    ("silences", lambda client, settings: SilenceStore(client, settings).now()),
    ("flushes", lambda client, settings: Dispatcher(client, settings).run_due(0)),
    ("entries", lambda client, settings: Outbox(client, settings).waiting()),
]


@pytest.mark.parametrize(("name", "read"), WRONG)
def test_a_key_of_another_type_is_named_with_what_to_do(
    name: str, read: Callable[[redis.Redis, Settings], object], client: Any, keys: AlertKeys, settings: Settings
) -> None:
    client.set(getattr(keys, name), "theirs")
    with pytest.raises(redis.RedisError) as failed:
        read(client, settings)
    line = trouble_of(failed.value, settings.redis).line
    assert getattr(keys, name) in line
    assert "redis-cli RENAME" in line
    assert client.get(getattr(keys, name)) == "theirs"


def test_a_mark_that_is_no_number_is_named(client: Any, settings: Settings) -> None:
    key = CounterKeys(settings.redis.prefix, "topic").mark(0)
    client.set(key, BITS)
    with pytest.raises(ForeignDataError, match="mark:0"):
        CounterStore(client, settings).marks("topic", [0])


def test_counts_are_not_added_to_what_is_none(client: Any, settings: Settings) -> None:
    store, keys = CounterStore(client, settings), CounterKeys(settings.redis.prefix, "topic")
    client.set(keys.mark(0), "theirs")
    with pytest.raises(ForeignDataError, match="mark:0"):
        store.add(topic_id="topic", partition=0, expected=0, end=1, buckets={}, minutes={}, samples=())
    client.set(keys.cells("minute", 60), "theirs")
    cell = Cell(60, "acme", "", "negative")
    with pytest.raises(ForeignDataError, match="minute:60"):
        store.add(topic_id="topic", partition=1, expected=0, end=1, buckets={}, minutes={cell: 1}, samples=())


def test_a_probe_that_writes_does_not_say_that_others_can_be_read(
    client: Any, keys: AlertKeys, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    log = TroubleLog(logging.getLogger("buzzwatch.test"), settings.redis, "deliveries wait")
    log.failed(trouble_of(ForeignDataError(keys.active, "a string"), settings.redis))
    log.takes_writes()
    assert keys.active in str(log.problem)
    caplog.set_level(logging.INFO)
    log.can_be_read()
    assert log.problem is None
    assert "can be read again" in caplog.text


@pytest.mark.parametrize("kind", [AlertKeys, CounterKeys, ReplayKeys])
def test_the_type_of_every_key_is_known(kind: type) -> None:
    """As its docstring says."""
    made = kind(*["x"] * len(inspect.signature(kind).parameters))
    for name, member in vars(kind).items():
        said = re.match(r"(String|Hash|List|Set|Sorted set)\b", member.__doc__ or "")
        if said is None or name.startswith("_"):
            continue
        found = getattr(made, name)
        names = inspect.signature(found).parameters if callable(found) else ()
        key = found(*["minute" if one == "resolution" else "x" for one in names]) if callable(found) else found
        assert type_of(key) == {"Sorted set": "zset"}.get(said[1], said[1].lower()), key
