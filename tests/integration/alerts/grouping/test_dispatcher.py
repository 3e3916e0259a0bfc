"""Groups, silences, inhibition and acknowledgement over a real Redis, with a clock that is moved."""

from __future__ import annotations

import json
import threading
from typing import Any

import msgspec
import pytest
import redis

from alerts.grouping.alert_events import event_commands
from alerts.grouping.dispatcher import Dispatcher
from alerts.grouping.groups import Notification
from alerts.outbox.store import Outbox
from alerts.state.alert import Acknowledgement, Alert, Transition, fingerprint_of
from alerts.state.lifecycle import resolved
from alerts.state.silences import Silence, SilenceStore, UnknownSilence, new_silence
from alerts.state.store import AlertStore
from alerts.state.visibility import Shown, shown
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from contracts.rules.matchers import parse_matcher
from contracts.rules.schema import Rules
from contracts.settings import Settings
from tests.fakes import SECRET, Clock
from tests.servers import RunningServer, appended
from tests.waiting import until

HOUR_MS = 3_600_000


def alert(name: str, starts_at_ms: int = 1000, *, severity: str = "critical", **annotations: str) -> Alert:
    labels = {"alertname": name, "severity": severity}
    return Alert("bad_buzz", fingerprint_of(labels), labels, annotations, starts_at_ms, 0.5)


BUZZ = alert("BadBuzz", model_version="7")
ERRORS = msgspec.structs.replace(
    alert("Errors", severity="warning"), labels={"alertname": "Errors", "model_version": "7"}
)


class Desk:
    """Alert states, notices and groups of one Redis, and a notifier's dispatcher."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.client = connect(settings)
        self.store = AlertStore(self.client, settings)
        self.silences = SilenceStore(self.client, settings)
        self.outbox = Outbox(self.client, settings)
        self.rules = self.with_rules()
        self.dispatcher = Dispatcher(self.client, settings)

    def with_rules(self, **sections: Any) -> Rules:
        receivers = [{"name": "team", "url": "http://127.0.0.1:9/", "secret": SECRET}]
        watches = [{"name": "acme", "match": ["acme"]}]
        self.rules = Rules.model_validate({"watches": watches, "receivers": receivers, **sections})
        self.dispatcher = Dispatcher(self.client, self.settings, self.rules.inhibit_rules)
        return self.rules

    def change(self, *transitions: Transition) -> None:
        for transition in transitions:
            snapshot = self.store.snapshot()
            commands = self.store.record(snapshot, [transition])
            commands += event_commands(
                AlertKeys(self.settings.redis.prefix), self.rules, [transition], self.clock(), "http://here"
            )
            assert self.store.commit(snapshot, commands)

    def fire(self, *alerts: Alert) -> None:
        self.change(*(Transition("firing", one) for one in alerts))

    def end(self, *alerts: Alert) -> None:
        self.change(*(Transition("resolved", resolved(one, self.clock())) for one in alerts))

    def look(self, dispatcher: Dispatcher | None = None) -> list[str]:
        """What a look tells: per notification its alerts and their state."""
        return [_short(told) for told in (dispatcher or self.dispatcher).run_due(self.clock())]

    def deliver(self) -> list[str]:
        """Settle all that waits, as if the receiver had taken it; their ids."""
        ids = []
        while (claim := self.outbox.claim("team", self.clock(), 1000)) is not None:
            assert self.outbox.delivered(claim, self.clock())
            ids.append(claim.entry.id)
        return ids

    def silence(self, *matchers: str, for_ms: int = HOUR_MS) -> Silence:
        silence = new_silence(
            [parse_matcher(text) for text in matchers],
            starts_at_ms=self.clock(),
            ends_at_ms=self.clock() + for_ms,
            created_by="maya",
            comment="known",
            now_ms=self.clock(),
        )
        self.silences.add(silence, self.clock())
        return silence


def _short(told: Notification) -> str:
    return ", ".join(f"{one.alert.labels['alertname']} {one.status}" for one in told.items)


@pytest.fixture
def desk(settings: Settings) -> Desk:
    return Desk(settings)


def test_an_alert_silenced_while_it_fires_is_told_when_the_silence_ends(desk: Desk) -> None:
    desk.silence("alertname=BadBuzz")
    desk.fire(BUZZ)
    assert desk.look() == []
    desk.clock.forward(3000)
    assert desk.look() == []
    desk.clock.forward(600)
    assert desk.look() == ["BadBuzz firing"]
    desk.end(BUZZ)
    assert desk.look() == ["BadBuzz resolved"]
    assert [entry.status for entry in desk.outbox.waiting()] == ["firing", "resolved"]


def test_a_silence_ended_by_hand_frees_at_the_next_look(desk: Desk) -> None:
    silence = desk.silence('alertname=~"Bad.*"')
    desk.fire(BUZZ)
    assert desk.look() == []
    desk.silences.expire(silence.id, desk.clock())
    assert desk.look() == ["BadBuzz firing"]


def test_the_end_of_a_silence_is_waited_for(desk: Desk) -> None:
    silence = desk.silence("alertname=BadBuzz", for_ms=700)
    desk.fire(BUZZ)
    desk.look()
    assert desk.dispatcher.next_due_ms(desk.clock()) == silence.ends_at_ms


def test_the_numbers_say_how_it_stands(desk: Desk) -> None:
    assert desk.dispatcher.status(desk.clock())[:4] == (0, 0, 0, 0)
    silence = desk.silence("alertname=BadBuzz")
    desk.fire(BUZZ, alert("Quiet"))
    pending = msgspec.structs.replace(alert("Drift"), active_since_ms=desk.clock())
    desk.store.commit(desk.store.snapshot(), desk.store.store(pending))
    desk.look()
    assert desk.dispatcher.status(desk.clock())[:4] == (1, 2, 1, 1)
    active = desk.dispatcher.status(desk.clock()).active
    assert {(one.labels["alertname"], one.state) for one in active} == {
        ("BadBuzz", "firing"),
        ("Quiet", "firing"),
        ("Drift", "pending"),
    }
    desk.silences.expire(silence.id, desk.clock())
    desk.look()
    assert desk.dispatcher.status(desk.clock())[:4] == (1, 2, 0, 0)


def test_nobody_hears_of_an_alert_that_came_and_went_in_a_silence(desk: Desk) -> None:
    desk.silence("severity=critical")
    desk.fire(BUZZ)
    desk.look()
    desk.end(BUZZ)
    assert desk.look() == []
    desk.clock.forward(7200)
    assert desk.look() == []
    assert desk.outbox.waiting() == []
    assert not desk.client.exists(AlertKeys(desk.settings.redis.prefix).held)


def test_an_alert_about_the_model_mutes_the_bad_buzz_it_may_have_caused(desk: Desk) -> None:
    desk.with_rules(
        inhibit_rules=[
            {
                "source_matchers": ["alertname=Errors"],
                "target_matchers": ["alertname=BadBuzz"],
                "equal": ["model_version"],
            }
        ]
    )
    other = alert("BadBuzz", model_version="8", severity="warning")
    desk.fire(ERRORS)
    assert desk.look() == ["Errors firing"]
    desk.fire(BUZZ, other)
    assert desk.look() == ["BadBuzz firing"]  # the one of the other version
    assert json.loads(desk.outbox.waiting()[-1].body)["alerts"][0]["fingerprint"] == other.fingerprint
    desk.end(ERRORS)
    assert desk.look() == ["Errors resolved", "BadBuzz firing"]


def test_alerts_on_both_sides_of_a_rule_do_not_mute_each_other(desk: Desk) -> None:
    both = ['severity=~"critical|warning"']
    desk.with_rules(inhibit_rules=[{"source_matchers": both, "target_matchers": both}])
    desk.fire(BUZZ, alert("Quiet"))
    assert sorted(desk.look()) == ["BadBuzz firing", "Quiet firing"]


def test_an_acknowledged_alert_is_not_repeated(desk: Desk) -> None:
    desk.with_rules(route={"repeat_interval": "1h"})
    desk.fire(BUZZ)
    assert desk.look() == ["BadBuzz firing"]
    desk.clock.forward(3600)
    assert desk.look() == []  # it has not got the first one yet
    first = desk.deliver()
    desk.clock.forward(60)
    assert desk.look() == ["BadBuzz firing"]
    assert len({*first, *desk.deliver()}) == 2
    taken = desk.store.acknowledge(BUZZ.fingerprint, Acknowledgement("maya", "on it", desk.clock()))
    assert taken is not None
    desk.clock.forward(36_000)
    assert desk.look() == []
    desk.store.acknowledge(BUZZ.fingerprint, None)
    desk.clock.forward(61)
    assert desk.look() == ["BadBuzz firing"]
    desk.store.acknowledge(BUZZ.fingerprint, Acknowledgement("maya", "on it", desk.clock()))
    desk.end(desk.store.snapshot().active[BUZZ.fingerprint])
    assert desk.look() == ["BadBuzz resolved"]
    (past,) = desk.store.list("resolved")
    assert past.acknowledgement is not None


def test_alerts_of_a_group_are_told_together_and_the_body_says_so(desk: Desk) -> None:
    desk.with_rules(route={"group_by": ["severity"], "group_wait": "10s", "group_interval": "5m"})
    desk.fire(BUZZ)
    assert desk.look() == []
    assert desk.dispatcher.next_due_ms(desk.clock()) == desk.clock() + 10_000
    desk.clock.forward(5)
    quiet = alert("Quiet", 2000)
    desk.fire(quiet)
    assert desk.look() == []
    desk.clock.forward(5)
    assert desk.look() == ["BadBuzz firing, Quiet firing"]
    desk.end(BUZZ)
    assert desk.look() == []
    desk.clock.forward(300)
    assert desk.look() == ["BadBuzz resolved, Quiet firing"]
    body = json.loads(desk.outbox.waiting()[-1].body)
    assert (body["status"], body["groupKey"]) == ("firing", '{}:{severity="critical"}')
    assert body["groupLabels"] == body["commonLabels"] == {"severity": "critical"}
    assert [(one["labels"]["alertname"], one["status"]) for one in body["alerts"]] == [
        ("BadBuzz", "resolved"),
        ("Quiet", "firing"),
    ]
    assert len({entry.id for entry in desk.outbox.waiting()}) == 2


def test_a_change_of_the_routes_while_an_alert_fires_loses_no_end(desk: Desk) -> None:
    desk.with_rules(route={"group_by": ["severity"]})
    desk.fire(BUZZ)
    assert desk.look() == ["BadBuzz firing"]
    desk.with_rules(route={"group_by": ["alertname"]})
    desk.end(BUZZ)
    assert desk.look() == []
    desk.clock.forward(61)
    assert desk.look() == ["BadBuzz resolved"]


def test_what_stays_muted_is_not_written_again_whenever_an_alert_changes(desk: Desk) -> None:
    mute = {"source_matchers": ["alertname=Errors"], "target_matchers": ["severity=critical"]}
    desk.with_rules(inhibit_rules=[mute])
    desk.fire(ERRORS, *(alert(f"Alert{number}") for number in range(20)))
    assert desk.look() == ["Errors firing"]
    keys = AlertKeys(desk.settings.redis.prefix)
    before: Any = desk.client.zrange(keys.flushes, 0, -1, withscores=True)
    desk.clock.forward(5)
    desk.fire(alert("Other", severity="warning"))
    assert desk.look() == ["Other firing"]
    after: Any = desk.client.zrange(keys.flushes, 0, -1, withscores=True)
    assert dict(before).items() <= dict(after).items()


def test_two_dispatchers_at_once_tell_everything_once(desk: Desk, settings: Settings) -> None:
    alerts = [alert(f"Alert{number}") for number in range(40)]
    told: list[str] = []
    done = threading.Event()

    def look_again_and_again() -> None:
        other = Dispatcher(connect(settings), settings)
        while not done.is_set():
            told.extend(_short(one) for one in other.run_due(desk.clock()))

    threads = [threading.Thread(target=look_again_and_again) for _ in range(2)]
    for thread in threads:
        thread.start()
    for one in alerts:
        desk.fire(one)
        desk.end(one)
    until(lambda: len(told) >= 80)
    done.set()
    for thread in threads:
        thread.join()
    assert len(told) == 80
    assert desk.look() == []
    waiting = desk.outbox.waiting()
    assert len({entry.id for entry in waiting}) == 80


def test_a_look_that_another_was_faster_with_writes_nothing(desk: Desk, settings: Settings) -> None:
    slow, fast = Dispatcher(_Interrupted(desk), settings), desk.dispatcher
    desk.fire(BUZZ)
    assert desk.look(slow) == []  # the other one looked in between
    assert [entry.status for entry in desk.outbox.waiting()] == ["firing"]
    assert desk.look(fast) == []


def test_a_silence_is_changed_in_place_unless_it_matches_something_else(desk: Desk) -> None:
    old = desk.silence("alertname=BadBuzz")
    longer = msgspec.structs.replace(old, id="new", ends_at_ms=old.ends_at_ms + HOUR_MS)
    desk.clock.forward(60)
    kept = desk.silences.change(old.id, longer, desk.clock())
    assert (kept.id, kept.starts_at_ms, kept.ends_at_ms) == (old.id, old.starts_at_ms, longer.ends_at_ms)
    other = msgspec.structs.replace(longer, id="other", matchers=(parse_matcher("alertname=Quiet"),))
    assert desk.silences.change(old.id, other, desk.clock()).id == "other"
    assert {one.id: one.state(desk.clock()) for one in desk.silences.list(desk.clock())} == {
        "other": "active",
        old.id: "expired",
    }
    with pytest.raises(UnknownSilence):
        desk.silences.change("nobody", other, desk.clock())


def test_an_expired_silence_is_kept_for_five_days(desk: Desk) -> None:
    old = desk.silence("alertname=BadBuzz", for_ms=1000)
    desk.clock.forward(5 * 86_400)
    desk.silence("alertname=Quiet")
    assert len(desk.silences.list(desk.clock())) == 2
    desk.clock.forward(2)
    desk.silence("alertname=Drift")
    assert old.id not in {one.id for one in desk.silences.list(desk.clock())}


def test_what_was_told_what_waits_and_what_is_silenced_outlive_a_redis_that_was_killed(
    settings: Settings, own_redis: RunningServer
) -> None:
    settings.redis.url = own_redis.address
    desk = Desk(settings)
    waiting, muted = alert("Quiet"), alert("Drift")
    desk.with_rules(route={"routes": [{"matchers": ["alertname=Quiet"], "group_wait": "30s"}]})
    desk.silence("alertname=Drift")
    desk.fire(BUZZ, waiting, muted)
    assert desk.look() == ["BadBuzz firing"]
    desk.store.acknowledge(BUZZ.fingerprint, Acknowledgement("maya", "on it", desk.clock()))
    until(lambda: appended(own_redis.address))
    own_redis.kill()
    own_redis.start()
    assert desk.look() == []
    assert {one.alert.labels["alertname"]: bool(one.silenced_by) for one in _shown(desk)} == {
        "BadBuzz": False,
        "Quiet": False,
        "Drift": True,
    }
    assert desk.store.snapshot().active[BUZZ.fingerprint].acknowledgement is not None
    desk.end(desk.store.snapshot().active[BUZZ.fingerprint])
    assert desk.look() == ["BadBuzz resolved"]
    desk.clock.forward(30)
    assert desk.look() == ["Quiet firing"]
    desk.clock.forward(3600)
    assert desk.look() == ["Drift firing"]


def _shown(desk: Desk) -> list[Shown]:
    return shown(desk.store.list(), desk.silences.list(desk.clock()), (), desk.clock())


class _Interrupted(redis.Redis):
    """A connection on which, between looking and writing, another dispatcher does its work."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(connection_pool=desk.client.connection_pool)
        self._desk = desk
        self._calls = 0

    def evalsha(self, *arguments: Any) -> Any:
        self._calls += 1
        if self._calls == 2:
            assert self._desk.look() == ["BadBuzz firing"]
        return super().evalsha(*arguments)
