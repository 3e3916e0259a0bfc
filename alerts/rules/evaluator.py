"""All rules at one instant: what their conditions say becomes changes of state, written with their notifications."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import msgspec
import redis

from alerts.conditions.bad_buzz import BadBuzzCondition
from alerts.conditions.drift import DriftCondition
from alerts.conditions.feedback import FeedbackCondition
from alerts.conditions.finding import Condition, Finding, Moment, alert_key_of
from alerts.conditions.foreign_volume import ForeignVolumeCondition
from alerts.conditions.model_broken import ModelBrokenCondition
from alerts.conditions.quiet import QuietCondition
from alerts.counters.feedback_counts import recent_judgements
from alerts.counters.store import CounterStore
from alerts.detectors.drift import Reference
from alerts.explanation.annotations import external_url, link_of, with_own
from alerts.grouping.alert_events import event_commands
from alerts.state.alert import Alert, Transition, fingerprint_of, labels_of
from alerts.state.lifecycle import (
    advance,
    fires_after_s,
    highest,
    is_stale,
    is_worse,
    raised,
    relabelled,
    renewed,
    resolved,
)
from alerts.state.store import AlertStore
from alerts.state.transition_log import report
from alerts.storage.keys import AlertKeys
from contracts.rules.schema import BaseRule, Rules
from contracts.settings import Settings

_ATTEMPTS: Final = 20
_EXPLAINED_AT_ONCE: Final = 20
"""Alerts that go on and are explained anew in one evaluation: it takes some milliseconds each."""
_log = logging.getLogger("buzzwatch.alerts")


@dataclass
class _Plan:
    """What one evaluation wants written."""

    transitions: list[Transition] = field(default_factory=list)
    kept: list[Alert] = field(default_factory=list)
    forgotten: list[Alert] = field(default_factory=list)
    stale: list[tuple[Finding, Alert]] = field(default_factory=list)
    """What fires on and was explained long ago."""

    def __bool__(self) -> bool:
        return bool(self.transitions or self.kept or self.forgotten)


class Evaluator:
    """Asks every condition, and writes changes of state with their notifications.

    One thread calls it. Two evaluators at once do no harm: the slower one's write is refused, and it
    computes again from the state that the other left.
    """

    def __init__(self, redis: redis.Redis, settings: Settings, rules: Rules) -> None:
        self._redis = redis
        self._settings = settings
        self._counters = CounterStore(redis, settings)
        self._store = AlertStore(redis, settings)
        self._keys = AlertKeys(settings.redis.prefix)
        self._url = external_url(settings)
        self._next: Rules | None = None
        self._use(rules)

    def follow(self, rules: Rules) -> None:
        """Evaluate these rules from the next `tick` on; alerts that they do not ask for end with it. Any thread."""
        self._next = rules

    def _use(self, rules: Rules) -> None:
        feedback = FeedbackCondition(rules, partial(recent_judgements, self._redis, self._settings))
        self._conditions: Mapping[str, Condition | None] = {
            "bad_buzz": BadBuzzCondition(rules, self._counters, bucket_s=self._settings.alerts.bucket_s),
            "error_count": feedback,
            "accuracy": feedback,
            "drift": DriftCondition(rules, self._counters),
            "quiet": QuietCondition(rules, self._counters),
            "foreign_volume": ForeignVolumeCondition(rules, self._counters, bucket_s=self._settings.alerts.bucket_s),
            "model_broken": ModelBrokenCondition(rules),
            "consecutive_errors": None,  # the judge's
        }
        self._by_name: dict[str, BaseRule] = {rule.alert: rule for rule in rules.rules if rule.enabled}
        self._rules = rules

    def tick(
        self,
        now_ms: int,
        model_version: str,
        *,
        reference: Reference | None = None,
        model_failure: str | None = None,
        caught_up: bool = True,
    ) -> list[Transition]:
        """Evaluate everything at `now_ms` (wall clock for live rules, the data's for backtests).

        Args:
            model_version: the version that serves.
            reference: what its training leads to expect of it.
            model_failure: why the version that should serve does not.
            caught_up: False while predictions wait to be counted.

        Returns the changes of state that were written; each is logged.
        """
        if self._next is not None:
            rules, self._next = self._next, None
            self._use(rules)
        for _ in range(_ATTEMPTS):
            snapshot = self._store.snapshot()
            alerts = {alert_key_of(alert.labels): alert for alert in snapshot.active.values()}
            moment = Moment(now_ms, snapshot, model_version, reference, model_failure, caught_up, alerts)
            plan = self._planned(moment)
            if not plan:
                return []
            commands = self._store.record(snapshot, plan.transitions)
            for alert in plan.kept:
                commands += self._store.store(alert)
            for alert in plan.forgotten:
                commands += self._store.forget(alert)
            commands += event_commands(self._keys, self._rules, plan.transitions, now_ms, self._url)
            if self._store.commit(snapshot, commands):
                report(plan.transitions)
                return plan.transitions
        _log.warning("alert states in Redis change faster than rules can be evaluated; trying again at the next tick")
        return []

    def _planned(self, moment: Moment) -> _Plan:
        plan = _Plan()
        ended = self._end_orphans(moment, plan)
        asked: set[int] = set()
        for condition in self._conditions.values():
            if condition is None or id(condition) in asked:
                continue
            asked.add(id(condition))
            for finding in condition.findings(moment):
                if finding.alert_key not in ended:
                    self._advance(finding, moment, plan)
        plan.stale.sort(key=lambda stale: stale[1].explained_ms)
        for finding, alert in plan.stale[:_EXPLAINED_AT_ONCE]:
            plan.kept.append(_explained_anew(finding, alert, moment.now_ms))
        for alert_key, alert in moment.alerts.items():
            if alert.kind in self._conditions and self._conditions[alert.kind] is None and alert_key not in ended:
                self._let_time_pass(alert, moment, plan)
        return plan

    def _let_time_pass(self, alert: Alert, moment: Moment, plan: _Plan) -> None:
        """The judge looks at judgements; between two of them only `for` and `keep_firing_for` can run out."""
        rule = self._by_name[alert.labels["alertname"]]
        _, transition = advance(
            alert,
            active=alert.inactive_since_ms is None,
            now_ms=moment.now_ms,
            for_s=rule.for_,
            keep_firing_for_s=rule.keep_firing_for,
            begin=lambda: msgspec.structs.replace(alert, active_since_ms=None),
        )
        if transition is not None:
            plan.transitions.append(transition)

    def _advance(self, finding: Finding, moment: Moment, plan: _Plan) -> None:
        before = moment.alerts.get(finding.alert_key)
        if before is not None and finding.active and is_worse(finding.severity, before):
            worse = self._begun(finding, moment, starts_at_ms=before.starts_at_ms)
            plan.transitions += raised(before, worse, moment.now_ms)
            return
        finding = replace(finding, severity=highest(finding.severity, before))
        current = before
        if before is not None and before.state == "pending" and finding.labels() != before.labels:
            worse = self._begun(finding, moment, starts_at_ms=before.starts_at_ms)
            current = relabelled(before, worse)
        alert, transition = advance(
            current,
            active=finding.active,
            now_ms=moment.now_ms,
            for_s=fires_after_s(finding.rule, finding.severity),
            keep_firing_for_s=finding.rule.keep_firing_for,
            begin=lambda: self._begun(finding, moment),
        )
        is_over = transition is not None and transition.status == "resolved"
        if before is not None and not is_over and (alert is None or alert.fingerprint != before.fingerprint):
            plan.forgotten.append(before)  # it was pending, and is gone or has got another severity
        if transition is None:
            if alert is not None and alert is not before:
                plan.kept.append(alert)
            if alert is not None and finding.active and is_stale(alert, moment.now_ms):
                plan.stale.append((finding, alert))
        elif transition.status == "resolved":
            plan.transitions.append(Transition("resolved", self._ended(finding, transition.alert)))
        else:
            plan.transitions.append(transition)

    def _begun(self, finding: Finding, moment: Moment, *, starts_at_ms: int | None = None) -> Alert:
        rule, labels = finding.rule, finding.labels()
        value, began_ms, annotations = finding.begin()
        fingerprint = fingerprint_of(labels)
        if starts_at_ms is None:
            starts_at_ms = max(began_ms, self._serving_since_ms(labels.get("model_version")))
        start = moment.snapshot.free_start(fingerprint, starts_at_ms)
        return Alert(
            kind=str(getattr(rule, "kind", "")),
            fingerprint=fingerprint,
            labels=labels,
            annotations=with_own(rule, labels, annotations, value),
            starts_at_ms=start,
            value=value,
            link=link_of(self._url, labels, start),
            explained_ms=moment.now_ms,
        )

    def _serving_since_ms(self, version: str | None) -> int:
        """When a version took over from another one: an alert about it belongs to the time when it serves."""
        since: Any = None if version is None else self._redis.hget(self._keys.serving_since, version)
        return int(since or 0)

    def _ended(self, finding: Finding, alert: Alert) -> Alert:
        own = set(finding.rule.annotations)
        before = {name: text for name, text in alert.annotations.items() if name not in own}
        annotations = with_own(finding.rule, alert.labels, finding.end(before), alert.value)
        return msgspec.structs.replace(alert, annotations=annotations)

    def _end_orphans(self, moment: Moment, plan: _Plan) -> set[Any]:
        """Alerts that the rules file does not ask for any more are over."""
        ended = set()
        for alert_key, alert in moment.alerts.items():
            if alert.kind not in self._conditions or self._is_wanted(alert):
                continue
            ended.add(alert_key)
            if alert.state == "pending":
                plan.forgotten.append(alert)
                continue
            told = {**alert.annotations, "description": "The rules file does not ask for this alert any more."}
            over = msgspec.structs.replace(resolved(alert, moment.now_ms), annotations=told)
            plan.transitions.append(Transition("resolved", over))
        return ended

    def _is_wanted(self, alert: Alert) -> bool:
        rule = self._by_name.get(alert.labels["alertname"])
        if rule is None or getattr(rule, "kind", None) != alert.kind:
            return False
        severity = alert.labels["severity"] if rule.severity == "score" else None
        where = {name: alert.labels[name] for name in ("watch", "theme", "model_version") if name in alert.labels}
        condition = self._conditions[alert.kind]
        same = labels_of(rule, severity=severity, **where) == alert.labels
        return same and (condition is None or condition.covers(rule, alert))


def _explained_anew(finding: Finding, alert: Alert, now_ms: int) -> Alert:
    value, _, annotations = finding.begin()
    told = with_own(finding.rule, alert.labels, annotations, value)
    return renewed(alert, value=value, annotations=told, now_ms=now_ms)
