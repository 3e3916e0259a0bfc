"""Alertmanager's API `POST /api/v2/alerts`, used as Prometheus uses it.

A firing alert is sent with an end in the future, four times `resend_delay` away, and re-sent before that: so it ends by
itself when it is not re-sent any more. A resolved alert is sent with its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from alerts.receivers.transport.result import DeliveryResult, of_response
from contracts.rules.receivers import Alertmanager
from contracts.times import to_rfc3339

MISSED_RESENDS: Final = 4
"""Prometheus's: `validUntil` is 4 times the resend delay away (rules/alerting.go)."""
_AT_ONCE: Final = 256
"""Prometheus's batches (notifier: DefaultMaxBatchSize)."""


def post(
    client: httpx.Client, receiver: Alertmanager, alerts: Sequence[Mapping[str, Any]], now_ms: int
) -> DeliveryResult:
    """Post alerts of the webhook body.

    Raises:
        httpx.HTTPError: the receiver did not answer.
        OSError: the address is refused.
    """
    url = f"{receiver.url.rstrip('/')}/api/v2/alerts"
    headers = {"content-type": "application/json", "user-agent": "buzzwatch"}
    if receiver.bearer_token is not None:
        headers["authorization"] = f"Bearer {receiver.bearer_token}"
    auth = httpx.Auth()
    if receiver.username is not None and receiver.password is not None:
        auth = httpx.BasicAuth(receiver.username, receiver.password)
    answer = DeliveryResult("delivered", "no alerts to send")
    for first in range(0, len(alerts), _AT_ONCE):
        batch = [postable(alert, now_ms, receiver.resend_delay) for alert in alerts[first : first + _AT_ONCE]]
        content = json.dumps(batch, ensure_ascii=False).encode()
        with client.stream("POST", url, content=content, headers=headers, auth=auth) as response:
            answer = of_response(response, now_ms)
        if answer.outcome != "delivered":
            return answer
    return answer


def postable(alert: Mapping[str, Any], now_ms: int, resend_delay_s: float) -> dict[str, Any]:
    """An alert of the webhook body as `/api/v2/alerts` takes it (`postableAlert` in its OpenAPI)."""
    firing = alert["status"] == "firing"
    return {
        "labels": alert["labels"],
        "annotations": alert["annotations"],
        "startsAt": alert["startsAt"],
        "endsAt": to_rfc3339(now_ms + int(MISSED_RESENDS * resend_delay_s * 1000)) if firing else alert["endsAt"],
        "generatorURL": alert["generatorURL"],
    }
