"""The notifier's metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()
DELIVERED: Final = Counter(
    "buzzwatch_deliveries",
    "Attempts to post an alert, by outcome: delivered, retry, exhausted, gone (410), lost (claim ran out)",
    ["receiver", "outcome"],
    registry=REGISTRY,
)
DURATION: Final = Histogram(
    "buzzwatch_delivery_seconds", "How long an attempt to post an alert took", ["receiver"], registry=REGISTRY
)
RESENT: Final = Counter(
    "buzzwatch_alertmanager_resends",
    "How often all firing alerts were sent to an Alertmanager again, by outcome: delivered, failed, gone",
    ["receiver", "outcome"],
    registry=REGISTRY,
)
WAITING: Final = Gauge(
    "buzzwatch_outbox_waiting", "Notifications still to be delivered to receivers of the rules", registry=REGISTRY
)
ORPHANED: Final = Gauge(
    "buzzwatch_outbox_orphaned", "Notifications that wait for receivers that the rules do not name", registry=REGISTRY
)
EXHAUSTED: Final = Gauge("buzzwatch_outbox_exhausted", "Notifications whose attempts are used up", registry=REGISTRY)
ALERTS: Final = Gauge("buzzwatch_alerts", "Pending and firing alerts", ["state"], registry=REGISTRY)
SILENCES: Final = Gauge("buzzwatch_silences_active", "Silences that hold", registry=REGISTRY)
HELD: Final = Gauge("buzzwatch_groups_muted", "Groups of alerts in which something is muted", registry=REGISTRY)
DISABLED: Final = Gauge("buzzwatch_receivers_disabled", "Receivers that answered 410 Gone", registry=REGISTRY)
