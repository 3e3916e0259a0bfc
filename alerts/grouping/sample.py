"""A notification to test a receiver with."""

from __future__ import annotations

import msgspec

from alerts.grouping.dispatcher import entry_of
from alerts.grouping.groups import Notification, NotificationItem
from alerts.grouping.routing import Target
from alerts.outbox.store import Entry
from alerts.state.alert import Alert, Status, fingerprint_of

ALERTNAME = "BuzzwatchTest"


def sample(receiver: str, now_ms: int, *, watch: str, external_url: str) -> tuple[Entry, Entry]:
    """A notification that an alert fires, and one that it is resolved. They are not stored anywhere."""
    labels = {"alertname": ALERTNAME, "severity": "warning", "watch": watch}
    alert = Alert(
        kind="bad_buzz",
        fingerprint=fingerprint_of(labels),
        labels=labels,
        annotations={
            "summary": f"A test of the receiver {receiver}: nothing is wrong",
            "description": "Sent by `buzzwatch alerts test`. A real alert explains itself in these places.",
            "share_now": "0.800",
            "share_before": "0.300",
            "volume_now": "60",
            "top_themes": "baggage (40), crew (2)",
            "top_terms": "suitcase, carousel",
            "sample_1": "@user no suitcase at the carousel",
        },
        starts_at_ms=now_ms,
        value=0.8,
    )
    over = msgspec.structs.replace(alert, ends_at_ms=now_ms + 1)
    return (
        _entry(receiver, "firing", alert, external_url, now_ms),
        _entry(receiver, "resolved", over, external_url, now_ms),
    )


def single(receiver: str, now_ms: int, labels: dict[str, str], annotations: dict[str, str], external_url: str) -> Entry:
    """A notification of its own, about no alert that is stored: a report, say."""
    alert = Alert(
        kind="bad_buzz", fingerprint=fingerprint_of(labels), labels=labels, annotations=annotations,
        starts_at_ms=now_ms, value=0.0,
    )  # fmt: skip
    return _entry(receiver, "firing", alert, external_url, now_ms)


def _entry(receiver: str, status: Status, alert: Alert, external_url: str, now_ms: int) -> Entry:
    labels = alert.labels
    group_key = "{}:{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
    target = Target(receiver, group_key, labels, f"{receiver}:{alert.fingerprint}", 0.0, 0.0, 0.0, send_resolved=True)
    return entry_of(Notification(target, external_url, (NotificationItem(status, alert, 0),)), now_ms)
