"""Two notifiers share the work, are killed with `kill -9` by turns, and receivers fail meanwhile."""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path

import redis

from alerts.grouping.alert_events import event_commands
from alerts.state.alert import Alert, Transition, fingerprint_of
from alerts.state.lifecycle import resolved
from alerts.state.silences import SilenceStore, new_silence
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from contracts.rules.file import load_rules
from contracts.rules.matchers import parse_matcher
from contracts.settings import RedisSettings, Settings
from contracts.times import clock_ms
from tests.chaos.site import ALL, Process
from tests.fakes import Received, Receiver
from tests.servers import RunningServer, free_ports
from tests.waiting import PATIENCE_S, until

RULES = """
watches: [{{name: acme, match: [acme]}}]
receivers:
  - {{name: team, url: "{team.url}", secret: "{team.secret}"}}
  - {{name: desk, url: "{desk.url}", secret: "{desk.secret}"}}
route:
  receiver: team
  routes:
    - {{matchers: [alertname=~".*"], receiver: team, continue: true}}
    - {{matchers: [alertname=~".*"], receiver: desk, group_by: [severity], group_wait: 300ms, group_interval: 700ms}}
inhibit_rules:
  - {{source_matchers: [alertname="Source"], target_matchers: [alertname="Inhibited"]}}
"""
KILLS = 30 if ALL else 3
EVERY_S = 0.04
AT_WORK_S = 1.0
KEPT = {"MutedForGood", "MutedForAWhile", "Source", "Inhibited"}
"""Alerts that fire all through the trouble."""
SEED = 20_261_120
FAILING = 0.05
FAILURES: tuple[int | tuple[int, dict[str, str]], ...] = (500, 302, (429, {"Retry-After": "1"}))


class Alarms:
    """Alerts that begin and end at random, written as a worker writes them; keeps what it wrote."""

    def __init__(self, settings: Settings, rules: Path) -> None:
        self._store = AlertStore(connect(settings), settings)
        self._keys = AlertKeys(settings.redis.prefix)
        self._rules = load_rules(rules)
        self._firing: dict[str, Alert] = {}
        self.episodes: dict[str, list[int]] = defaultdict(list)
        """By alertname: the start of each, ms."""

    def toggle(self, name: str) -> None:
        now = clock_ms()
        alert = self._firing.pop(name, None)
        if alert is not None:
            self._write(Transition("resolved", resolved(alert, now)), now)
            return
        labels = {"alertname": name, "severity": "warning"}
        starts = max(now, self.episodes[name][-1] + 1 if self.episodes[name] else 0)
        alert = self._firing[name] = Alert("bad_buzz", fingerprint_of(labels), labels, {}, starts, 0.5)
        self.episodes[name].append(starts)
        self._write(Transition("firing", alert), now)

    def end_all(self, but: AbstractSet[str] = frozenset()) -> None:
        for name in self._firing.keys() - but:
            self.toggle(name)

    def _write(self, transition: Transition, now_ms: int) -> None:
        snapshot = self._store.snapshot()
        commands = self._store.record(snapshot, [transition])
        commands += event_commands(self._keys, self._rules, [transition], now_ms, "http://127.0.0.1:8000")
        assert self._store.commit(snapshot, commands)


def test_notifiers_killed_while_they_share_the_work_tell_everything_in_order(
    tmp_path: Path, own_redis: RunningServer
) -> None:
    team, desk = Receiver("team"), Receiver("desk")
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.format(team=team, desk=desk))
    settings = Settings(redis=RedisSettings(url=own_redis.address, prefix="shared"))
    alarms, chance = Alarms(settings, rules), random.Random(SEED)
    silences = SilenceStore(connect(settings), settings)
    ports = free_ports(2)

    def start(number: int) -> Process:
        return _notifier(tmp_path, own_redis, rules, number, ports[number])

    notifiers = [start(number) for number in range(2)]
    try:
        now = clock_ms()
        silence = new_silence(
            [parse_matcher("alertname=~Muted.*")],
            starts_at_ms=now,
            ends_at_ms=now + 3_600_000,
            created_by="chaos",
            comment="a test",
            now_ms=now,
        )
        silences.add(silence, now)
        for name in ("Source", "Inhibited", "MutedForGood", "MutedForAWhile"):
            alarms.toggle(name)
        _trouble(alarms, notifiers, chance, start, (team, desk))
        alarms.toggle("MutedForGood")
        _told(own_redis, "shared", but=KEPT)
        for post in team.posts + desk.posts:
            assert "Muted" not in post.raw.decode()
            assert "Inhibited" not in post.raw.decode()
        silences.expire(silence.id, clock_ms())
        alarms.toggle("Source")
        until(lambda: {"MutedForAWhile", "Inhibited"} <= _heard(team), said=lambda: str(_heard(team)))
        alarms.end_all()
        _told(own_redis, "shared", but=set())
    finally:
        for process in notifiers:
            if process.alive:
                process.kill()
        team.close()
        desk.close()
    assert team.forged == desk.forged == 0
    expected = {name: starts for name, starts in alarms.episodes.items() if name != "MutedForGood"}
    assert _episodes(team) == {name: [(start, 2) for start in starts] for name, starts in expected.items()}
    # Who is told in groups does not hear of what came and went within its wait, and else the same.
    for name, told in _episodes(desk).items():
        assert {count for _, count in told} == {2}, (name, told)
        assert [start for start, _ in told] == sorted(set(expected[name]) & {start for start, _ in told})
    for receiver in (team, desk):
        bodies: dict[str, set[bytes]] = defaultdict(set)
        for post in receiver.posts:
            bodies[post.id].add(post.raw)
        assert [identifier for identifier, raw in bodies.items() if len(raw) > 1] == []


def _trouble(
    alarms: Alarms,
    notifiers: list[Process],
    chance: random.Random,
    start: Callable[[int], Process],
    receivers: Sequence[Receiver],
) -> None:
    """Let alerts come and go, receivers fail, and kill by turns the notifier that has been at work for a while; until
    the first receiver has refused something, too."""
    deadline = time.monotonic() + PATIENCE_S + 30 * KILLS
    starts, up_since = [1, 1], [0.0, 0.0]
    kills = 0
    while kills < KILLS or len(receivers[0].accepted) == len(receivers[0].posts):
        now = time.monotonic()
        assert now < deadline, notifiers[0].log.read_text()[-2000:]
        alarms.toggle(f"Alert{chance.randrange(8)}")
        receiver = chance.choice(receivers)
        # Not twice in a row: who is told seldom would fail at each attempt, and wait five minutes for the sixth.
        if receiver.posts and receiver.posts[-1].answered < 300 and not receiver.answers and chance.random() < FAILING:
            receiver.answers.append(chance.choice(FAILURES))
        number = kills % 2
        if notifiers[number].log.read_text().count("delivering notifications to") < starts[number]:
            up_since[number] = now
        elif kills < KILLS and now - up_since[number] > AT_WORK_S:
            notifiers[number].kill()
            notifiers[number] = start(number)
            starts[number] += 1
            kills += 1
        time.sleep(EVERY_S)
    for receiver in receivers:
        receiver.answers.clear()
    alarms.end_all(but=KEPT)


def _notifier(folder: Path, own_redis: RunningServer, rules: Path, number: int, port: int) -> Process:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BUZZWATCH_")},
        "BUZZWATCH_REDIS__URL": own_redis.address,
        "BUZZWATCH_REDIS__PREFIX": "shared",
        "BUZZWATCH_RULES": str(rules),
        "BUZZWATCH_ALERTS__METRICS_PORT": str(port),
        "BUZZWATCH_ALERTS__ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    return Process("notifier", environment, folder / f"notifier-{number}.log")


def _episodes(receiver: Receiver) -> dict[str, list[tuple[int, int]]]:
    """By alertname, in the order in which they were told: start in ms, and 2 when it was told to begin and then to end.

    What was told before, by a repeated post or as a part of a group, counts once.
    """
    seen: dict[tuple[str, str], list[str]] = {}
    for post in _first_of_each(receiver):
        for alert in post.body["alerts"]:
            states = seen.setdefault((alert["labels"]["alertname"], alert["startsAt"]), [])
            if alert["status"] not in states:
                states.append(alert["status"])
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for (name, start), states in seen.items():
        assert states in (["firing"], ["firing", "resolved"]), (name, start, states)
        found[name].append((_milliseconds(start), len(states)))
    return dict(found)


def _heard(receiver: Receiver) -> set[str]:
    """Names of all alerts that it was told of."""
    return {alert["labels"]["alertname"] for post in receiver.accepted for alert in post.body["alerts"]}


def _first_of_each(receiver: Receiver) -> list[Received]:
    return list({post.id: post for post in reversed(receiver.accepted)}.values())[::-1]


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _told(own_redis: RunningServer, prefix: str, *, but: set[str]) -> None:
    """Wait until nothing waits any more, but groups that hold these."""
    with redis.Redis.from_url(own_redis.address, decode_responses=True) as client:

        def left() -> list[object]:
            groups = [client.get(key) or "" for key in client.scan_iter(f"{prefix}:{{alerts}}:outbox:group:*")]
            unread = list(client.scan_iter(f"{prefix}:{{alerts}}:outbox:notices:*"))
            waiting = client.hlen(f"{prefix}:{{alerts}}:outbox:entries")
            return [*(text for text in groups if not any(name in text for name in but)), *unread, *range(waiting)]

        until(lambda: not left(), said=lambda: str(left())[:500])
