"""The metrics of the notifier, and of whoever follows the rules file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from alerts.state.alert import Alert

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
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

RELOADS: Final = Counter("buzzwatch_rules_reloads_total", "Changed rules files by what became of them", ["outcome"])
LOADED: Final = Gauge("buzzwatch_rules_loaded_timestamp_seconds", "When the rules in force were read")
REFUSED: Final = Gauge("buzzwatch_rules_refused", "1 while the rules file cannot be used and older rules are in force")
RULES: Final = (RELOADS, LOADED, REFUSED)
"""Of each process that follows the rules file, in the registry that prometheus_client has by default."""


class ActiveAlerts(Collector):
    """Each pending or firing alert as a series of its own, which ends with it."""

    LABELS: Final = ("alertname", "severity", "state", "watch", "theme", "model_version")

    def __init__(self) -> None:
        self._shown: tuple[tuple[str, ...], ...] = ()

    def show(self, alerts: Iterable[Alert]) -> None:
        """These are active now. A scrape in another thread sees all of them or all of those before."""
        self._shown = tuple(
            {tuple({**alert.labels, "state": alert.state}.get(name, "") for name in self.LABELS) for alert in alerts}
        )

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        family = GaugeMetricFamily("buzzwatch_alert_active", "1 for each pending or firing alert", labels=self.LABELS)
        for values in self._shown:
            family.add_metric(values, 1.0)
        yield family


ACTIVE: Final = ActiveAlerts()
REGISTRY.register(ACTIVE)
