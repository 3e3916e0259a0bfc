"""The notification: Alertmanager's webhook body, version 4, under Standard Webhooks' headers."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any, Final

import standardwebhooks

from alerts.alert import NEVER, Transition
from contracts.times import to_rfc3339

# Fixed for ever: a notification that is computed again has the same id.
_NAMESPACE: Final = uuid.UUID("0b9a3c52-6f0e-5b5e-8d0e-6275707a7a77")


def webhook_id(receiver: str, transition: Transition, repeat: int = 0) -> str:
    """UUIDv5 of receiver, fingerprint, event-time start, status and repeat number."""
    alert = transition.alert
    name = f"{receiver}/{alert.fingerprint}/{alert.starts_at_ms}/{transition.status}/{repeat}"
    return str(uuid.uuid5(_NAMESPACE, name))


def render(receiver: str, transition: Transition, external_url: str) -> str:
    """The body. Each alert is a group of its own, so the group's labels are the alert's."""
    status, alert = transition
    shown: dict[str, Any] = {
        "status": status,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": to_rfc3339(alert.starts_at_ms),
        "endsAt": NEVER if alert.ends_at_ms is None else to_rfc3339(alert.ends_at_ms),
        "generatorURL": f"{external_url}/alerts",
        "fingerprint": alert.fingerprint,
    }
    matchers = ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(alert.labels.items()))
    body = {
        "version": "4",
        "groupKey": f"{{}}:{{{matchers}}}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": receiver,
        "groupLabels": alert.labels,
        "commonLabels": alert.labels,
        "commonAnnotations": alert.annotations,
        "externalURL": external_url,
        "alerts": [shown],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def signed_headers(secret: str, message_id: str, body: str, now_ms: int) -> dict[str, str]:
    """Headers of one attempt; the timestamp is the attempt's, as receivers refuse old ones."""
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    return {
        "content-type": "application/json",
        "user-agent": "buzzwatch",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": standardwebhooks.Webhook(secret).sign(message_id, moment, body),
    }
