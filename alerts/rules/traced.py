"""Ties an alert to the traced tweets that led to it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import msgspec

from alerts.state.alert import Transition
from alerts.state.traces import RecentTraces
from contracts.tracing.spans import Attributes, Tracer

_log = logging.getLogger("buzzwatch.alerts")


class AlertTracing:
    """Makes the span of an alert that begins to fire: in the trace of the newest traced tweet about its watch, with
    links to the others."""

    def __init__(self, tracer: Tracer, recent: RecentTraces) -> None:
        self._tracer = tracer
        self._recent = recent

    def __call__(self, transitions: Sequence[Transition]) -> list[Transition]:
        """The same changes; an alert that begins to fire has the context of its span. A fault of ours holds none up."""
        try:
            return [self._traced(one) if one.status == "firing" else one for one in transitions]
        except Exception:
            _log.exception("an alert is not tied to the tweets that led to it")
            return list(transitions)

    def _traced(self, transition: Transition) -> Transition:
        alert = transition.alert
        watch = alert.labels.get("watch")
        contexts = [] if watch is None else self._recent.of(watch)
        if not contexts:
            return transition
        about: Attributes = {
            f"buzzwatch.{name}": alert.labels[name]
            for name in ("alertname", "severity", "watch", "theme")
            if name in alert.labels
        } | {"buzzwatch.fingerprint": alert.fingerprint}
        newest, *others = contexts
        with self._tracer.span("alert fires", parent=newest, links=others, attributes=about) as context:
            return Transition("firing", msgspec.structs.replace(alert, traceparent=context))
