"""Follows notifications to their receivers: a span for each attempt, whose context the webhook carries."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from opentelemetry.trace import SpanKind

from alerts.outbox.store import Entry
from alerts.receivers.sender import Sender
from alerts.receivers.transport.result import DeliveryResult
from contracts.rules.receivers import AnyReceiver
from contracts.settings import AlertSettings
from contracts.tracing.spans import Attributes, Tracer, failed


class TracedSender(Sender):
    """Sends as `Sender` does; what no trace led to has no span."""

    def __init__(self, settings: AlertSettings, clock: Callable[[], int], tracer: Tracer) -> None:
        super().__init__(settings, clock)
        self._tracer = tracer

    def attempt(self, receiver: AnyReceiver, entry: Entry) -> DeliveryResult:
        """Returns a result for every error, too."""
        if not entry.traceparent:
            return super().attempt(receiver, entry)
        about: Attributes = {"buzzwatch.receiver": receiver.name, "buzzwatch.attempt": entry.failures + 1}
        with self._tracer.span(
            "deliver notification", SpanKind.CLIENT, parent=entry.traceparent, attributes=about
        ) as context:
            result = super().attempt(receiver, msgspec.structs.replace(entry, traceparent=context))
            if result.outcome != "delivered":
                failed(result.detail)
        return result
