"""The notification: Alertmanager's webhook body, version 4, as it is or in a CloudEvent, and its signed headers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import standardwebhooks

from alerts.explanation.annotations import silence_link
from alerts.grouping.groups import Notification, NotificationItem
from alerts.state.alert import NEVER, Alert, Status, Transition
from contracts.times import to_rfc3339

# Never change it: a notification that is made again must have the same id, so that receivers can drop the second.
_NAMESPACE: Final = uuid.UUID("0b9a3c52-6f0e-5b5e-8d0e-6275707a7a77")
EVENT_SOURCE: Final = "/buzzwatch/alerts"
"""`source` of the CloudEvents that are sent."""


def webhook_id(receiver: str, transition: Transition, repeat: int = 0) -> str:
    """UUIDv5 of receiver, fingerprint, event-time start, status and repeat number."""
    return str(uuid.uuid5(_NAMESPACE, f"{receiver}/{_identity(NotificationItem(*transition, repeat))}"))


def notification_id(notification: Notification) -> str:
    """The `webhook_id` of its alert; for several, a UUIDv5 of the receiver, the group's key and the same of each."""
    receiver, items = notification.target.receiver, notification.items
    if len(items) == 1:
        (item,) = items
        return webhook_id(receiver, Transition(item.status, item.alert), item.repeat)
    name = "/".join([receiver, notification.target.group_key, *map(_identity, items)])
    return str(uuid.uuid5(_NAMESPACE, name))


def _identity(item: NotificationItem) -> str:
    return f"{item.alert.fingerprint}/{item.alert.starts_at_ms}/{item.status}/{item.repeat}"


def render(notification: Notification) -> str:
    """The JSON body."""
    target, url = notification.target, notification.external_url
    alerts = [item.alert for item in notification.items]
    body = {
        "version": "4",
        "groupKey": target.group_key,
        "truncatedAlerts": 0,
        "status": notification.status,
        "receiver": target.receiver,
        "groupLabels": target.group_labels,
        "commonLabels": _common([alert.labels for alert in alerts]),
        "commonAnnotations": _common([alert.annotations for alert in alerts]),
        "externalURL": url,
        "alerts": [shown(item.status, item.alert, url) for item in notification.items],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def shown(status: Status, alert: Alert, url: str) -> dict[str, Any]:
    """One alert of the body; `url` is where buzzwatch is."""
    silence = silence_link(alert.link, alert.labels)
    return {
        "status": status,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": to_rfc3339(alert.starts_at_ms),
        "endsAt": NEVER if alert.ends_at_ms is None else to_rfc3339(alert.ends_at_ms),
        "generatorURL": alert.link or f"{url}/alerts",
        "fingerprint": alert.fingerprint,
        **({} if silence is None else {"silenceURL": silence}),
    }


def _common(sets: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The labels or annotations that all have with the same value."""
    first, *others = sets
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def body_for(
    kind: Literal["alertmanager", "cloudevents"], message_id: str, status: str, created_ms: int, body: str
) -> tuple[str, str]:
    """Content type and body in the receiver's format; from what the outbox holds, so the same at every attempt."""
    if kind == "alertmanager":
        return "application/json", body
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": EVENT_SOURCE,
        "type": f"buzzwatch.alert.{status}.v1",
        "time": to_rfc3339(created_ms),
        "datacontenttype": "application/json",
        "data": json.loads(body),
    }
    return "application/cloudevents+json", json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def signed_headers(secrets: Sequence[str], message_id: str, body: str, now_ms: int) -> dict[str, str]:
    """Headers of one attempt; the timestamp is the attempt's, as receivers refuse old ones.

    One signature per secret, separated by spaces: while a secret is being replaced, the receiver can check the one it
    knows.
    """
    moment = datetime.fromtimestamp(now_ms // 1000, UTC)
    return {
        "content-type": "application/json",
        "user-agent": "buzzwatch",
        "webhook-id": message_id,
        "webhook-timestamp": str(now_ms // 1000),
        "webhook-signature": " ".join(
            standardwebhooks.Webhook(secret).sign(message_id, moment, body) for secret in secrets
        ),
    }
