"""Every `bad_buzz` rule against every watch, at one instant."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import redis

from alerts import explaining
from alerts.alert import Alert, Transition, fingerprint_of, labels_of
from alerts.count_cache import sum_of
from alerts.counters import CounterStore
from alerts.counts import ALL_THEMES, NOTHING, Counts, Key
from alerts.detectors import bad_buzz
from alerts.keys import AlertKeys
from alerts.lifecycle import advance, resolved
from alerts.outbox import announce, receivers_of
from alerts.reporting import external_url, report
from alerts.state import AlertStore, Snapshot
from contracts.rules import BadBuzz, ConsecutiveErrors, Rules
from contracts.settings import Settings

_ATTEMPTS: Final = 20
_log = logging.getLogger("buzzwatch.alerts")


class _Subject(NamedTuple):
    """A rule applied to a watch."""

    rule: BadBuzz
    watch: str
    terms: tuple[str, ...]
    labels: dict[str, str]
    fingerprint: str


class _View(NamedTuple):
    """What a rule looks at."""

    snapshot: Snapshot
    window: Mapping[Key, Counts]
    baseline: Mapping[Key, Counts]
    now_ms: int
    model_version: str


@dataclass
class _Plan:
    """What one evaluation wants written."""

    transitions: list[Transition] = field(default_factory=list)
    kept: list[Alert] = field(default_factory=list)
    forgotten: list[Alert] = field(default_factory=list)


class Evaluator:
    """Reads windows and baselines, judges, writes changes of state with their notifications.

    One thread calls it. Two evaluators at once do no harm: the slower one's write is refused, and it
    computes again from the state that the other left.
    """

    def __init__(self, redis: redis.Redis, settings: Settings, rules: Rules) -> None:
        self._counters = CounterStore(redis, settings)
        self._store = AlertStore(redis, settings)
        self._keys = AlertKeys(settings.redis.prefix)
        self._rules = rules
        self._url = external_url(settings)
        self._bucket_s = settings.alerts.bucket_s
        self._rules_and_subjects = [
            (rule, _subjects(rule, rules)) for rule in rules.rules if isinstance(rule, BadBuzz) and rule.enabled
        ]
        self._fingerprints = {subject.fingerprint for _, subjects in self._rules_and_subjects for subject in subjects}

    def tick(self, now_ms: int, model_version: str) -> list[Transition]:
        """Evaluate everything at `now_ms` (wall clock for live rules, the data's for backtests).

        Returns the changes of state that were written; each is logged.
        """
        for _ in range(_ATTEMPTS):
            snapshot = self._store.snapshot()
            plan = self._planned(snapshot, now_ms, model_version)
            if not plan.transitions and not plan.kept and not plan.forgotten:
                return []
            commands = self._store.record(snapshot, plan.transitions)
            for alert in plan.kept:
                commands += self._store.store(alert)
            for alert in plan.forgotten:
                commands += self._store.forget(alert)
            commands += announce(self._keys, self._rules, plan.transitions, now_ms, self._url)
            if self._store.commit(snapshot, commands):
                report(plan.transitions)
                return plan.transitions
        _log.warning("alert states in Redis change faster than rules can be evaluated; trying again at the next tick")
        return []

    def _planned(self, snapshot: Snapshot, now_ms: int, model_version: str) -> _Plan:
        plan = _Plan()
        for rule, subjects in self._rules_and_subjects:
            view = _View(
                snapshot,
                self._counters.window(now_ms, rule.window),
                self._counters.baseline(now_ms, window_s=rule.window, baseline_s=rule.baseline),
                now_ms,
                model_version,
            )
            for subject in subjects:
                self._evaluate(subject, view, plan)
        self._end_orphans(snapshot, now_ms, plan)
        return plan

    def _evaluate(self, subject: _Subject, view: _View, plan: _Plan) -> None:
        rule = subject.rule
        now = view.window.get((subject.watch, ALL_THEMES), NOTHING)
        previous = view.snapshot.active.get(subject.fingerprint)
        if previous is None and now.total < rule.min_volume:
            return
        firing = previous is not None and previous.state == "firing"
        verdict = bad_buzz.judge(rule, now, self._before(subject, view, previous), firing=firing)
        alert, transition = advance(
            previous,
            active=verdict.active,
            now_ms=view.now_ms,
            for_s=rule.for_,
            keep_firing_for_s=rule.keep_firing_for,
            begin=lambda: self._begun(subject, view, verdict),
        )
        if transition is None:
            if alert is None and previous is not None:
                plan.forgotten.append(previous)
            elif alert is not None and alert is not previous:
                plan.kept.append(alert)
            return
        if transition.status == "resolved":
            told = explaining.ended(rule, subject.watch, verdict, transition.alert.annotations)
            transition = Transition("resolved", msgspec.structs.replace(transition.alert, annotations=told))
        plan.transitions.append(transition)

    def _before(self, subject: _Subject, view: _View, firing: Alert | None) -> Counts:
        """The baseline without the crises in it.

        An alert that has fired for longer than its baseline has become the usual state and is not left out.
        """
        rule, key = subject.rule, (subject.watch, ALL_THEMES)
        total = view.baseline.get(key, NOTHING)
        episodes: list[tuple[int, int]] = list(view.snapshot.episodes.get(subject.fingerprint, ()))
        if firing is not None:
            episodes.append((firing.starts_at_ms, view.now_ms))
        since, until = self._counters.baseline_bounds(view.now_ms, window_s=rule.window, baseline_s=rule.baseline)
        crisis: dict[int, Counts] = {}
        for start_ms, end_ms in episodes:
            if end_ms - start_ms <= rule.baseline * 1000:
                first = int((start_ms / 1000 - rule.window) // 60) * 60
                last = -(-end_ms // 60_000) * 60
                series = self._counters.baseline_series(key, max(first, since), min(last, until))
                crisis |= {start: volume.tweets for start, volume in series.items()}
        return total.minus(sum_of(crisis.values()))

    def _begun(self, subject: _Subject, view: _View, verdict: bad_buzz.BadBuzzVerdict) -> Alert:
        rule, watch = subject.rule, subject.watch
        since, _ = self._counters.window_bounds(view.now_ms, rule.window)
        samples = self._counters.samples(watch, since * 1000)
        start_ms = self._since_when(subject, verdict.before, view.now_ms) * 1000
        return Alert(
            kind=rule.kind,
            fingerprint=subject.fingerprint,
            labels=subject.labels,
            annotations=explaining.begun(rule, watch, subject.terms, verdict, view.window, samples, view.model_version),
            starts_at_ms=view.snapshot.free_start(subject.fingerprint, start_ms),
            value=verdict.now.share,
            receivers=receivers_of(self._rules, rule.receivers),
        )

    def _since_when(self, subject: _Subject, before: Counts, now_ms: int) -> int:
        """Start of the bucket in which the condition first held, seconds; at most a window ago.

        Computed from the counts alone, so that an evaluation repeated later (after a crash that lost the first
        one) says the same, and its notification has the same id.
        """
        since, until = self._counters.window_bounds(now_ms, subject.rule.window)
        length, width = until - since, self._bucket_s
        buckets = self._counters.bucket_series((subject.watch, ALL_THEMES), since - length, until)
        begin = until - width
        while begin - width >= since:
            earlier = begin - width
            end = earlier + width
            counts = sum_of(volume.tweets for start, volume in buckets.items() if end - length <= start < end)
            if not bad_buzz.judge(subject.rule, counts, before, firing=False).active:
                break
            begin = earlier
        return begin

    def _end_orphans(self, snapshot: Snapshot, now_ms: int, plan: _Plan) -> None:
        """Alerts that the rules file does not ask for any more are over."""
        for fingerprint, alert in snapshot.active.items():
            if alert.kind == "bad_buzz":
                wanted = fingerprint in self._fingerprints
            else:
                version = alert.labels.get("model_version", "")
                wanted = any(
                    fingerprint == fingerprint_of(labels_of(rule, model_version=version))
                    for rule in self._rules.rules
                    if isinstance(rule, ConsecutiveErrors) and rule.enabled
                )
            if not wanted and alert.state == "pending":
                plan.forgotten.append(alert)
            elif not wanted:
                told = {**alert.annotations, "description": "The rules file does not ask for this alert any more."}
                over = msgspec.structs.replace(resolved(alert, now_ms), annotations=told)
                plan.transitions.append(Transition("resolved", over))


def _subjects(rule: BadBuzz, rules: Rules) -> list[_Subject]:
    found = []
    for watch in rules.watches:
        if rule.watches is None or watch.name in rule.watches:
            labels = labels_of(rule, watch=watch.name)
            found.append(_Subject(rule, watch.name, watch.match, labels, fingerprint_of(labels)))
    return found
