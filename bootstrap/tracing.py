"""Switches tracing on for a process: spans go to an OpenTelemetry collector over HTTP."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from contracts.errors import SettingsError
from contracts.settings import Settings

if TYPE_CHECKING:
    from contracts.tracing.spans import Tracer


def start_tracing(settings: Settings, process: str, instance: str = "") -> Tracer | None:
    """None, and nothing is imported, where the settings name no collector.

    Args:
        settings: where spans go, and which share is traced.
        process: `worker`, `api`, `notifier` or the command.
        instance: which of several.

    Raises:
        SettingsError: what sends spans is not installed.
    """
    if settings.tracing.endpoint is None:
        return None
    if importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        raise SettingsError("BUZZWATCH_TRACING__ENDPOINT: tracing needs the extra `buzzwatch[tracing]`: pip install it")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased

    from contracts.tracing.spans import Tracer

    resource = Resource.create(
        {"service.name": f"buzzwatch-{process}", "service.namespace": "buzzwatch"}
        | ({"service.instance.id": instance} if instance else {})
    )
    # What is begun here was chosen already; what comes with a context goes by that.
    provider = TracerProvider(sampler=ParentBased(ALWAYS_ON), resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{settings.tracing.endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    return Tracer(settings.tracing.sample, provider)
