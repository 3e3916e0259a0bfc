"""A webhook with the headers of Standard Webhooks."""

from __future__ import annotations

import httpx

from alerts.grouping.payload import body_for, signed_headers
from alerts.outbox.store import Entry
from alerts.receivers.transport.result import DeliveryResult, of_response
from contracts.rules.receivers import Webhook
from contracts.tracing.propagation import HEADER


def post(client: httpx.Client, receiver: Webhook, entry: Entry, now_ms: int) -> DeliveryResult:
    """One attempt: the same bytes and the same `webhook-id` each time, with the attempt's own timestamp.

    Raises:
        httpx.HTTPError: the receiver did not answer.
        OSError: the address is refused.
    """
    content_type, body = body_for(receiver.format, entry.id, entry.status, entry.created_ms, entry.body)
    headers = signed_headers(receiver.keys, entry.id, body, now_ms) | {"content-type": content_type}
    if entry.traceparent:
        headers[HEADER] = entry.traceparent
    with client.stream("POST", receiver.url, content=body.encode(), headers=headers) as response:
        return of_response(response, now_ms)
