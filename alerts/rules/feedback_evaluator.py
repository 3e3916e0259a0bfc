"""Feedback: each judgement counts once, in order, and the rule of errors in a row looks at every one.

The rules over several judgements (`error_count`, `accuracy`) are the evaluator's, from what is kept here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import redis

from alerts.detectors.consecutive_errors import is_active, streak_after
from alerts.explanation.annotations import dashboard_of, external_url, link_to, with_own
from alerts.grouping.alert_events import event_commands
from alerts.state.alert import Alert, Transition, fingerprint_of, labels_of
from alerts.state.lifecycle import advance, renewed, report, resolved
from alerts.state.store import AlertStore, Command, Snapshot
from alerts.storage.foreign import readable, reading
from alerts.storage.keys import AlertKeys
from contracts.errors import Unavailable
from contracts.events import Feedback
from contracts.rules.schema import ConsecutiveErrors, Rules
from contracts.settings import Settings
from contracts.times import clock_ms, to_ms

_ATTEMPTS: Final = 50
_SERVING_AGAIN_S: Final = 5.0
_MINUTE_MS: Final = 60_000
_KEPT_JUDGEMENTS: Final = 1100
"""Per version; a rule looks at 1,000 at most."""
_MAX_UNKNOWN_VERSIONS: Final = 1000
"""Versions that never served and are kept nevertheless. Bounded: a sender of feedback may invent version names."""


@dataclass(frozen=True)
class _View:
    """The state in Redis before a batch."""

    snapshot: Snapshot
    mark: int | None
    streaks: Mapping[str, int]
    stopped: frozenset[str]
    """Versions that served once and do no longer."""
    serving_since: Mapping[str, int]
    """Versions that took over from another one → when, ms."""
    seen: frozenset[str]


@dataclass
class _Fold:
    """The changes that a batch of judgements makes."""

    streaks: dict[str, int]
    firing: dict[str, Alert]
    last_end: dict[str, int]
    transitions: list[Transition] = field(default_factory=list)
    counted: Counter[tuple[int, str, bool]] = field(default_factory=Counter)
    """Minute, version, correct → judgements."""
    judged: list[tuple[str, str, int, bool]] = field(default_factory=list)
    """Feedback id, version, when, correct."""
    kept: dict[str, Alert] = field(default_factory=dict)
    """Alerts that were changed without a transition."""
    forgotten: dict[str, Alert] = field(default_factory=dict)
    """Pending alerts that ended before they fired."""


class FeedbackEvaluator:
    """Counts judgements and fires `consecutive_errors`. `redis` comes from `alerts.storage.connection.connect`."""

    def __init__(self, redis: redis.Redis, settings: Settings, rules: Rules) -> None:
        self._redis: Any = redis
        self._store = AlertStore(redis, settings)
        self._keys = AlertKeys(settings.redis.prefix)
        self.follow(rules)
        self._unserved_ms = int(settings.alerts.unserved_version_s * 1000)
        self._memory_ms = int(settings.alerts.feedback_memory_s * 1000)
        self._retention_s = int(settings.alerts.minute_retention_s)
        self._ahead_ms = int(settings.alerts.ahead_after_s * 1000)
        self._settings = settings
        self._url = external_url(settings)
        self._serving: tuple[str, float] | None = None

    def follow(self, rules: Rules) -> None:
        """FeedbackEvaluator by these rules from now on."""
        self._all_rules = rules
        self._rules = [rule for rule in rules.rules if isinstance(rule, ConsecutiveErrors) and rule.enabled]

    def marks(self, topic_id: str, partitions: Iterable[int]) -> dict[int, int]:
        """The next offset to judge of each partition that has a mark."""
        chosen = list(partitions)
        found = self._redis.hmget(self._keys.feedback_marks, [_mark_of(topic_id, partition) for partition in chosen])
        with reading(self._keys.feedback_marks):
            return {partition: int(mark) for partition, mark in zip(chosen, found, strict=True) if mark is not None}

    def judge(
        self,
        topic_id: str,
        expected: int | None,
        end: int,
        events: Sequence[tuple[int, Feedback]],
        *,
        partition: int = 0,
        now_ms: int | None = None,
    ) -> int:
        """Count the judgements of a partition from offset `expected` up to, not including, `end`.

        A `feedback_id` counts once within `feedback_memory_s`. Counts, streaks, alert states, their notifications,
        the ids and the mark are written together.

        Returns the mark afterwards, as `CounterStore.add` does: `end` means done, any other value is where to continue.

        Raises:
            Unavailable: other writers were always faster (nothing was written).
        """
        now = clock_ms() if now_ms is None else now_ms
        for _ in range(_ATTEMPTS):
            mark = _mark_of(topic_id, partition)
            view = self._view(mark, events)
            if (view.mark or 0) != (expected or 0):
                return view.mark or 0
            fold = self._folded(view, events, now)
            if self._store.commit(view.snapshot, self._commands(view, fold, mark, end, now)):
                report(fold.transitions)
                return end
        raise Unavailable(
            f"feedback is not counted: other processes changed the alert states in Redis {_ATTEMPTS} times meanwhile; "
            "check how many workers use this Redis"
        )

    def serving(self, version: str, now_ms: int) -> None:
        """Set the version that serves; alerts and streaks of the one that served before end.

        Wrong judgements of a version that has stopped serving count, but fire nothing any more. A version that never
        served (an invented name, for example) is forgotten `unserved_version_s` after its last judgement.
        Cheap to call often.
        """
        called = time.monotonic()
        if self._serving is not None and self._serving[0] == version and called - self._serving[1] < _SERVING_AGAIN_S:
            return
        for _ in range(_ATTEMPTS):
            snapshot = self._store.snapshot()
            known = self._redis.hgetall(self._keys.serving)
            stopped = {other for other, state in known.items() if state == "1" and other != version}
            unknown_versions = self._unknown_versions({*known, version}, now_ms)
            if not stopped and not unknown_versions and known.get(version) == "1":
                break
            commands: list[Command] = [("HSET", self._keys.serving, version, "1")]
            if known.get(version) == "0":  # what was judged while another one served starts no alert
                commands += self._forget_judgements(version)
            if known.get(version) == "0" or (version not in known and stopped):  # not after a loss of Redis
                commands.append(("HSET", self._keys.serving_since, version, str(now_ms)))
            for other in sorted(stopped):
                commands += [("HSET", self._keys.serving, other, "0"), ("HDEL", self._keys.streaks, other)]
            for other in unknown_versions:
                commands += self._forget_version(other)
            ended = [
                alert
                for alert in snapshot.active.values()
                if alert.kind == "consecutive_errors" and alert.labels["model_version"] in {*stopped, *unknown_versions}
            ]
            over = [
                self._over(resolved(alert, now_ms), f"Model version {alert.labels['model_version']} serves no more")
                for alert in ended
                if alert.state == "firing"
            ]
            for alert in ended:
                commands += self._store.forget(alert)
            commands += self._store.record(snapshot, over)
            commands += event_commands(self._keys, self._all_rules, over, now_ms, self._url)
            if self._store.commit(snapshot, commands):
                report(over)
                break
        self._serving = (version, called)

    def _unknown_versions(self, known: AbstractSet[str], now_ms: int) -> list[str]:
        """Versions that never served and were not judged for `unserved_version_s`, or that are too many."""
        judged = self._redis.zrange(self._keys.judged_versions, 0, -1, withscores=True)
        never = [(version, when) for version, when in judged if version not in known]
        surplus = max(0, len(never) - _MAX_UNKNOWN_VERSIONS)
        return [
            version
            for number, (version, when) in enumerate(never)
            if number < surplus or when < now_ms - self._unserved_ms
        ]

    def _forget_version(self, version: str) -> list[Command]:
        return [
            *self._forget_judgements(version),
            ("ZREM", self._keys.judged_versions, version),
        ]

    def _forget_judgements(self, version: str) -> list[Command]:
        """Commands that delete what the rules read; the numbers of judgements stay."""
        keys = self._keys
        return [("HDEL", keys.streaks, version), ("DEL", keys.wrong(version)), ("DEL", keys.verdicts(version))]

    def _view(self, mark_field: str, events: Sequence[tuple[int, Feedback]]) -> _View:
        snapshot = self._store.snapshot()
        ids = [event.feedback_id.hex for _, event in events]
        pipeline = self._redis.pipeline()
        pipeline.hget(self._keys.feedback_marks, mark_field)
        pipeline.hgetall(self._keys.streaks)
        pipeline.hgetall(self._keys.serving)
        pipeline.hgetall(self._keys.serving_since)
        for feedback_id in ids:
            pipeline.zscore(self._keys.feedback_seen, feedback_id)
        mark, streaks, serving, since, *scores = pipeline.execute()
        with reading(self._keys.feedback_marks):
            mark = None if mark is None else int(mark)
        return _View(
            snapshot,
            mark,
            dict(readable(self._keys.streaks, streaks.items(), int)),
            frozenset(version for version, state in serving.items() if state == "0"),
            dict(readable(self._keys.serving_since, since.items(), int)),
            frozenset(feedback_id for feedback_id, score in zip(ids, scores, strict=True) if score is not None),
        )

    def _folded(self, view: _View, events: Iterable[tuple[int, Feedback]], now_ms: int) -> _Fold:
        fold = _Fold(
            streaks=dict(view.streaks),
            firing=dict(view.snapshot.active),
            last_end={fingerprint: past[-1][1] for fingerprint, past in view.snapshot.episodes.items() if past},
        )
        seen = set(view.seen)
        for _, event in events:
            feedback_id = event.feedback_id.hex
            if feedback_id in seen:
                continue
            seen.add(feedback_id)
            when = self._event_time(event, now_ms)
            version = event.model_version
            fold.judged.append((feedback_id, version, when, event.correct))
            fold.counted[when // _MINUTE_MS * 60, version, event.correct] += 1
            fold.streaks[version] = streak_after(fold.streaks.get(version, 0), correct=event.correct)
            if version not in view.stopped:
                for rule in self._rules:
                    self._evaluate(rule, fold, event, max(when, view.serving_since.get(version, when)), now_ms)
        return fold

    def _evaluate(self, rule: ConsecutiveErrors, fold: _Fold, event: Feedback, when: int, now_ms: int) -> None:
        """Durations use the clock of the evaluator's ticks, which continue them. `when` it was judged only dates an
        alert's start and an immediate end, so that a repeated computation gives the same dates."""
        version = event.model_version
        streak = fold.streaks[version]
        fingerprint = fingerprint_of(labels_of(rule, model_version=version))

        def begin() -> Alert:
            # Two episodes never start at once: start and fingerprint make the notification's id.
            start = max(when, fold.last_end.get(fingerprint, when - 1) + 1)
            return self._begun(rule, event, streak, start, now_ms)

        before = fold.firing.get(fingerprint)
        active = is_active(rule, streak)
        alert, transition = advance(
            before,
            active=active,
            now_ms=now_ms,
            for_s=rule.for_,
            keep_firing_for_s=rule.keep_firing_for,
            begin=begin,
        )
        if transition is not None:
            fold.kept.pop(fingerprint, None)
            if transition.status == "resolved":
                over = transition.alert if before is None or rule.keep_firing_for else resolved(before, when)
                assert over.ends_at_ms is not None
                fold.last_end[fingerprint] = over.ends_at_ms
                transition = self._over(over, f"Model version {version} was right again")
            fold.transitions.append(transition)
        elif alert is not None and alert.state == "firing" and active:
            newest = begin()
            alert = renewed(alert, value=newest.value, annotations=newest.annotations, now_ms=now_ms)
        if alert is None:
            fold.firing.pop(fingerprint, None)
            fold.kept.pop(fingerprint, None)
            if before is not None and transition is None:
                fold.forgotten[fingerprint] = before
        else:
            fold.firing[fingerprint] = alert
            fold.forgotten.pop(fingerprint, None)
            if transition is None and alert is not before:
                fold.kept[fingerprint] = alert

    def _begun(self, rule: ConsecutiveErrors, event: Feedback, streak: int, start_ms: int, now_ms: int) -> Alert:
        """The alert after the judgement `event`, the last of `streak` wrong ones in a row."""
        version = event.model_version
        labels = labels_of(rule, model_version=version)
        expected = f", {event.expected} was expected" if event.expected else ""
        annotations = {
            "summary": f"{streak} wrong predictions in a row by model version {version}",
            "description": (
                f"People called the last {streak} judged predictions of model version {version} wrong; "
                f"the newest was predicted {event.predicted}{expected} (prediction {event.prediction_id})."
            ),
            "streak": str(streak),
        }
        return Alert(
            kind=rule.kind,
            fingerprint=fingerprint_of(labels),
            labels=labels,
            annotations=with_own(
                rule, labels, annotations | dashboard_of(self._settings, labels, start_ms), float(streak)
            ),
            starts_at_ms=start_ms,
            value=float(streak),
            link=link_to(self._settings, labels, start_ms),
            explained_ms=now_ms,
        )

    def _over(self, alert: Alert, summary: str) -> Transition:
        """The end of an alert, with this summary unless the rule has its own."""
        own = any("summary" in rule.annotations for rule in self._rules if rule.alert == alert.labels["alertname"])
        annotations = alert.annotations if own else {**alert.annotations, "summary": summary}
        return Transition("resolved", msgspec.structs.replace(alert, annotations=annotations))

    def _event_time(self, event: Feedback, now_ms: int) -> int:
        """When it was judged, unless that is missing or cannot be (ahead of time, older than anything kept)."""
        if event.created_at is None:
            return now_ms
        when = to_ms(event.created_at)
        return when if now_ms - self._retention_s * 1000 <= when <= now_ms + self._ahead_ms else now_ms

    def _judged(self, fold: _Fold, now_ms: int) -> list[Command]:
        """Commands that store what the rules over several judgements read: `error_count`, `accuracy`."""
        keys, kept = self._keys, str(self._retention_s)
        commands: list[Command] = []
        for feedback_id, version, when, correct in fold.judged:
            commands += [
                ("ZADD", keys.feedback_seen, str(now_ms), feedback_id),
                ("LPUSH", keys.verdicts(version), "1" if correct else "0"),
            ]
            if not correct:
                commands.append(("ZADD", keys.wrong(version), str(when), feedback_id))
        for version in sorted({version for _, version, _, _ in fold.judged}):
            commands += [
                ("ZADD", keys.judged_versions, str(now_ms), version),
                ("LTRIM", keys.verdicts(version), "0", str(_KEPT_JUDGEMENTS - 1)),
                ("EXPIRE", keys.verdicts(version), kept),
                ("ZREMRANGEBYRANK", keys.wrong(version), "0", str(-_KEPT_JUDGEMENTS - 1)),
                ("EXPIRE", keys.wrong(version), kept),
            ]
        return commands

    def _commands(self, view: _View, fold: _Fold, mark: str, end: int, now_ms: int) -> list[Command]:
        keys = self._keys
        commands: list[Command] = [("HSET", keys.feedback_marks, mark, str(end))]
        for (start, version, correct), number in fold.counted.items():
            name = f"{version}|{'right' if correct else 'wrong'}"
            minute = keys.judged_minute(start)
            commands += [
                ("HINCRBY", minute, name, str(number)),
                ("EXPIRE", minute, str(self._retention_s)),
            ]
        for version, streak in fold.streaks.items():
            if streak != view.streaks.get(version, 0):
                commands.append(("HSET", keys.streaks, version, str(streak)))
        commands += self._judged(fold, now_ms)
        commands.append(("ZREMRANGEBYSCORE", keys.feedback_seen, "-inf", f"({now_ms - self._memory_ms}"))
        commands += self._store.record(view.snapshot, fold.transitions)
        for alert in fold.kept.values():
            commands += self._store.store(alert)
        for alert in fold.forgotten.values():
            commands += self._store.forget(alert)
        commands += event_commands(keys, self._all_rules, fold.transitions, now_ms, self._url)
        return commands


def _mark_of(topic_id: str, partition: int) -> str:
    """Field of a partition's mark. The field of partition 0 is the topic's id alone: the topic should have one
    partition."""
    return f"{topic_id}/{partition}" if partition else topic_id
