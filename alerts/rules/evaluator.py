"""Evaluates all rules at one time: findings become changes of state, stored with the events for receivers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
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
from alerts.explanation.annotations import dashboard_of, external_url, link_to, with_own
from alerts.grouping.alert_events import event_commands
from alerts.state.alert import Alert, Transition, fingerprint_of, labels_of
from alerts.state.lifecycle import (
    advance,
    highest,
    is_stale,
    is_worse,
    raised,
    relabelled,
    renewed,
    report,
    resolved,
    settles_for_s,
)
from alerts.state.store import AlertStore
from alerts.storage.foreign import reading
from alerts.storage.keys import AlertKeys
from contracts.rules.schema import BaseRule, Rules
from contracts.settings import Settings

_ATTEMPTS: Final = 20
_MAX_RENEWED: Final = 20
"""At most so many firing alerts get new annotations in one evaluation: each takes some milliseconds."""
_log = logging.getLogger("buzzwatch.alerts")


@dataclass
class _Plan:
    """What one evaluation will write."""

    transitions: list[Transition] = field(default_factory=list)
    kept: list[Alert] = field(default_factory=list)
    forgotten: list[Alert] = field(default_factory=list)
    stale: list[tuple[Finding, Alert]] = field(default_factory=list)
    """Firing alerts whose annotations are old."""

    def __bool__(self) -> bool:
        return bool(self.transitions or self.kept or self.forgotten)


class Evaluator:
    """Evaluates every condition, and writes changes of state with their events.

    One thread calls it. Two evaluators at once are safe: the slower one's write is refused, and it computes again from
    the state that the other one wrote.
    """

    def __init__(
        self,
        redis: redis.Redis,
        settings: Settings,
        rules: Rules,
        traced: Callable[[list[Transition]], list[Transition]] | None = None,
    ) -> None:
        self._traced = traced
        self._redis = redis
        self._settings = settings
        self._url = external_url(settings)
        self._counters = CounterStore(redis, settings)
        self._store = AlertStore(redis, settings)
        self._keys = AlertKeys(settings.redis.prefix)
        self._next: Rules | None = None
        self._use(rules)

    def follow(self, rules: Rules) -> None:
        """Evaluate these rules from the next `tick` on; alerts that they do not contain end then. Any thread."""
        self._next = rules

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of rule that somebody evaluates."""
        return frozenset(self._conditions)

    def _use(self, rules: Rules) -> None:
        feedback = FeedbackCondition(
            rules, partial(recent_judgements, self._redis, self._settings), self._settings.alerts.new_version_s
        )
        self._conditions: Mapping[str, Condition | None] = {
            "bad_buzz": BadBuzzCondition(rules, self._counters, bucket_s=self._settings.alerts.bucket_s),
            "error_count": feedback,
            "accuracy": feedback,
            "drift": DriftCondition(rules, self._counters),
            "quiet": QuietCondition(rules, self._counters),
            "foreign_volume": ForeignVolumeCondition(rules, self._counters, bucket_s=self._settings.alerts.bucket_s),
            "model_broken": ModelBrokenCondition(rules),
            "consecutive_errors": None,  # `alerts.rules.feedback_evaluator` fires it
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
            caught_up: False while predictions wait to be counted: few counts mean nothing then.

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
            if self._traced is not None:
                plan.transitions = self._traced(plan.transitions)
            commands = self._store.record(snapshot, plan.transitions)
            for alert in plan.kept:
                commands += self._store.store(alert)
            for alert in plan.forgotten:
                commands += self._store.forget(alert)
            commands += event_commands(self._keys, self._rules, plan.transitions, now_ms, self._url)
            if self._store.commit(snapshot, commands):
                report(plan.transitions)
                return plan.transitions
        _log.warning(
            "rules not evaluated: other processes changed the alert states in Redis %d times meanwhile; "
            "trying again at the next tick",
            _ATTEMPTS,
        )
        return []

    def _planned(self, moment: Moment) -> _Plan:
        plan = _Plan()
        ended = self._end_orphans(moment, plan)
        evaluated: set[int] = set()
        for condition in self._conditions.values():
            if condition is None or id(condition) in evaluated:
                continue
            evaluated.add(id(condition))
            for finding in condition.findings(moment):
                if finding.alert_key not in ended:
                    self._advance(finding, moment, plan)
        plan.stale.sort(key=lambda stale: stale[1].explained_ms)
        for finding, alert in plan.stale[:_MAX_RENEWED]:
            plan.kept.append(self._renewed(finding, alert, moment.now_ms))
        for alert_key, alert in moment.alerts.items():
            if alert.kind in self._conditions and self._conditions[alert.kind] is None and alert_key not in ended:
                self._advance_timers(alert, moment, plan)
        return plan

    def _advance_timers(self, alert: Alert, moment: Moment, plan: _Plan) -> None:
        """For alerts of the feedback evaluator: between two judgements only `for` and `keep_firing_for` can run out."""
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
        finding = replace(finding, severity=highest(finding.severity, before, active=finding.active))
        current = before
        if before is not None and before.state == "pending" and finding.labels() != before.labels:
            worse = self._begun(finding, moment, starts_at_ms=before.starts_at_ms)
            current = relabelled(before, worse)
        alert, transition = advance(
            current,
            active=finding.active,
            now_ms=moment.now_ms,
            for_s=finding.rule.for_,
            settle_s=settles_for_s(finding.rule, finding.severity),
            keep_firing_for_s=finding.rule.keep_firing_for,
            begin=lambda: self._begun(finding, moment),
        )
        is_over = transition is not None and transition.status == "resolved"
        if before is not None and not is_over and (alert is None or alert.fingerprint != before.fingerprint):
            plan.forgotten.append(before)  # it was pending, and has ended or has a new severity
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
            annotations=with_own(rule, labels, annotations | dashboard_of(self._settings, labels, start), value),
            starts_at_ms=start,
            value=value,
            link=link_to(self._settings, labels, start),
            explained_ms=moment.now_ms,
        )

    def _serving_since_ms(self, version: str | None) -> int:
        """When a version took over from another one: an alert about it belongs to the time when it serves."""
        since: Any = None if version is None else self._redis.hget(self._keys.serving_since, version)
        with reading(self._keys.serving_since):
            return int(since or 0)

    def _ended(self, finding: Finding, alert: Alert) -> Alert:
        own = set(finding.rule.annotations)
        before = {name: text for name, text in alert.annotations.items() if name not in own}
        shown = {**finding.end(before), **dashboard_of(self._settings, alert.labels, alert.starts_at_ms)}
        annotations = with_own(finding.rule, alert.labels, shown, alert.value)
        return msgspec.structs.replace(alert, annotations=annotations)

    def _renewed(self, finding: Finding, alert: Alert, now_ms: int) -> Alert:
        value, _, found = finding.begin()
        shown = {**found, **dashboard_of(self._settings, alert.labels, alert.starts_at_ms)}
        annotations = with_own(finding.rule, alert.labels, shown, value)
        return renewed(alert, value=value, annotations=annotations, now_ms=now_ms)

    def _end_orphans(self, moment: Moment, plan: _Plan) -> set[Any]:
        """End the alerts that the rules file does not contain any more."""
        ended = set()
        for alert_key, alert in moment.alerts.items():
            if alert.kind not in self._conditions or self._is_configured(alert):
                continue
            ended.add(alert_key)
            if alert.state == "pending":
                plan.forgotten.append(alert)
                continue
            annotations = {**alert.annotations, "description": "The rules file does not ask for this alert any more."}
            over = msgspec.structs.replace(resolved(alert, moment.now_ms), annotations=annotations)
            plan.transitions.append(Transition("resolved", over))
        return ended

    def _is_configured(self, alert: Alert) -> bool:
        rule = self._by_name.get(alert.labels["alertname"])
        if rule is None or getattr(rule, "kind", None) != alert.kind:
            return False
        severity = alert.labels["severity"] if rule.severity == "score" else None
        where = {name: alert.labels[name] for name in ("watch", "theme", "model_version") if name in alert.labels}
        condition = self._conditions[alert.kind]
        same = labels_of(rule, severity=severity, **where) == alert.labels
        return same and (condition is None or condition.covers(rule, alert))
