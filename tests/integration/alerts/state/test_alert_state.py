from __future__ import annotations

import msgspec
import pytest

from alerts.state.alert import Alert, Transition
from alerts.state.lifecycle import resolved
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from contracts.settings import Settings


def alert(number: int = 1, starts_at_ms: int = 1000) -> Alert:
    return Alert("bad_buzz", f"{number:016x}", {"alertname": "BadBuzz", "watch": str(number)}, {}, starts_at_ms, 0.5)


@pytest.fixture
def store(settings: Settings) -> AlertStore:
    return AlertStore(connect(settings), settings)


def fire(store: AlertStore, *alerts: Alert) -> bool:
    snapshot = store.snapshot()
    return store.commit(snapshot, store.record(snapshot, [Transition("firing", one) for one in alerts]))


def resolve(store: AlertStore, one: Alert, now_ms: int) -> bool:
    snapshot = store.snapshot()
    return store.commit(snapshot, store.record(snapshot, [Transition("resolved", resolved(one, now_ms))]))


def test_states_are_listed_firing_first_each_newest_first(store: AlertStore) -> None:
    first, second, third = alert(1, 1000), alert(2, 2000), alert(3, 3000)
    assert fire(store, first, second, third)
    assert resolve(store, first, 4000)
    assert [one.fingerprint for one in store.list("firing")] == [third.fingerprint, second.fingerprint]
    assert [one.state for one in store.list()] == ["firing", "firing", "resolved"]
    (past,) = store.list("resolved")
    assert (past.fingerprint, past.ends_at_ms) == (first.fingerprint, 4000)


def test_a_pending_alert_is_listed_and_dropped_without_a_trace(store: AlertStore) -> None:
    assert fire(store, alert(1, 1000))
    pending = msgspec.structs.replace(alert(2, 2000), active_since_ms=2500)
    assert store.commit(store.snapshot(), store.store(pending))
    assert [one.state for one in store.list()] == ["firing", "pending"]
    assert store.list("pending") == [pending]
    assert store.commit(store.snapshot(), store.forget(pending))
    assert [one.state for one in store.list()] == ["firing"]
    assert store.snapshot().episodes == {}


def test_a_write_from_an_old_snapshot_is_refused_whole(store: AlertStore, settings: Settings) -> None:
    other = AlertStore(connect(settings), settings)
    stale = other.snapshot()
    assert fire(store, alert(1))
    assert not other.commit(stale, other.record(stale, [Transition("firing", alert(2))]))
    assert [one.fingerprint for one in store.list()] == [alert(1).fingerprint]
    assert fire(other, alert(2))
    assert len(store.list()) == 2


def test_a_redis_that_went_back_in_time_refuses_what_was_computed_from_the_lost_future(
    store: AlertStore, settings: Settings
) -> None:
    client, keys = connect(settings), AlertKeys(settings.redis.prefix)
    assert fire(store, alert(1))
    before = client.get(keys.revision)
    assert fire(store, alert(2))
    lost = store.snapshot()
    client.hdel(keys.active, alert(2).fingerprint)
    client.set(keys.revision, before or b"")
    # Another writer goes on from the restored state: as many writes as were lost, another content.
    assert fire(AlertStore(connect(settings), settings), alert(3))
    assert not store.commit(lost, store.record(lost, [Transition("firing", alert(4))]))


def test_a_snapshot_is_read_again_only_when_the_revision_moved(store: AlertStore, settings: Settings) -> None:
    fire(store, alert(1))
    assert store.snapshot() is store.snapshot()
    fire(AlertStore(connect(settings), settings), alert(2))
    assert len(store.snapshot().active) == 2


@pytest.mark.parametrize(("history", "kept"), [(3, 3), (0, 0)])
def test_the_history_is_capped(settings: Settings, history: int, kept: int) -> None:
    settings.alerts.history = history
    store = AlertStore(connect(settings), settings)
    for number in range(5):
        fire(store, alert(1, starts_at_ms=number * 1000))
        resolve(store, alert(1, starts_at_ms=number * 1000), number * 1000 + 500)
    assert [one.starts_at_ms for one in store.list("resolved")] == [4000, 3000, 2000][:kept]


def test_two_episodes_of_one_alert_never_start_at_once(store: AlertStore) -> None:
    fire(store, alert(1, 1000))
    resolve(store, alert(1, 1000), 2000)
    snapshot = store.snapshot()
    assert snapshot.free_start(alert(1).fingerprint, 1000) == 2001
    assert snapshot.free_start(alert(1).fingerprint, 5000) == 5000
    assert snapshot.free_start(alert(2).fingerprint, 1000) == 1000
