"""Spans by hand, with OpenTelemetry's API; a process that traces nothing never imports this module.

Contexts travel as the text of W3C's `traceparent`, in headers of records, in Redis and in HTTP.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
)

from contracts.tracing.current import TRACE_ID
from contracts.tracing.propagation import HEADER, traceparent_in

Attributes = Mapping[str, str | int | float | bool]
_NAME = "buzzwatch"


class Tracer:
    """Begins spans.

    Args:
        sample: the share of what nobody has decided about that is traced, 0 to 1.
        provider: makes the spans and sends them.
    """

    def __init__(self, sample: float, provider: trace.TracerProvider) -> None:
        self._sample = sample
        self._provider = provider
        self._tracer = provider.get_tracer(_NAME)

    def close(self) -> None:
        """Send what waits to be sent, some seconds at most."""
        shutdown = getattr(self._provider, "shutdown", None)  # the SDK's, not the interface's
        if shutdown is not None:
            shutdown()

    def chosen(self) -> bool:
        """Whether something that comes without a context is traced."""
        return random.random() < self._sample

    def how_many(self, number: int) -> int:
        """How many of so many things without a context are traced: on average the share, as whole numbers."""
        expected = number * self._sample
        return int(expected) + (random.random() < expected % 1)

    def sent(self) -> str:
        """The context of a tweet that is sent now, "" when it is not traced."""
        if not self.chosen():
            return ""
        now_ns = time.time_ns()
        return self.at("send tweet", SpanKind.PRODUCER, now_ns, now_ns, attributes={"messaging.system": "kafka"})

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        *,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> Iterator[str]:
        """A span around what happens inside; gives its own `traceparent`. An exception is recorded in it.

        Args:
            name: of few values: no ids.
            parent: a `traceparent`; a trace of its own without one.
            links: `traceparent`s of what else led to this.
        """
        with self._tracer.start_as_current_span(name, _context(parent), kind, attributes, _links(links)) as current:
            context = traceparent_of(current)
            since = TRACE_ID.set(context.split("-")[1] if context else "")
            try:
                yield context
            finally:
                TRACE_ID.reset(since)

    def at(
        self,
        name: str,
        kind: SpanKind,
        begun_ns: int,
        ended_ns: int,
        *,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> str:
        """A span of something that is over, times in nanoseconds since 1970; its `traceparent`."""
        span = self._tracer.start_span(name, _context(parent), kind, attributes, _links(links), begun_ns)
        span.end(ended_ns)
        return traceparent_of(span)


def named(name: str, attributes: Attributes) -> None:
    """The span around us is called so, now that it is known."""
    span = trace.get_current_span()
    span.update_name(name)
    span.set_attributes(attributes)


def failed(reason: str) -> None:
    """The span around us stands for something that went wrong."""
    trace.get_current_span().set_status(Status(StatusCode.ERROR, reason))


def traceparent_of(span: trace.Span) -> str:
    """The context of a span, as it travels; "" where there is none."""
    context = span.get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-{context.trace_flags:02x}"


def _context(traceparent: str) -> Context:
    """Empty without one: the span begins a trace, whatever is going on around it."""
    found = _span_context(traceparent)
    return Context() if found is None else trace.set_span_in_context(NonRecordingSpan(found), Context())


def _links(traceparents: Sequence[str]) -> list[Link]:
    return [Link(context) for context in map(_span_context, traceparents) if context is not None]


def _span_context(traceparent: str) -> SpanContext | None:
    """W3C's four parts as OpenTelemetry has them; None where it is none.

    OpenTelemetry's own reader takes ten times as long, which counts where it is done for tweets.
    """
    if traceparent_in([(HEADER, traceparent)]) is None:
        return None
    _, trace_id, span_id, flags = traceparent.split("-")[:4]
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return context if context.is_valid else None
