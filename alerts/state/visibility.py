"""Which silences and other alerts mute an alert now.

For display only; for deliveries `alerts.grouping.dispatcher` decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from alerts.state.alert import Alert
from alerts.state.inhibition import Inhibitor
from alerts.state.silences import Silence
from contracts.rules.routing import InhibitRule


class Shown(NamedTuple):
    """An alert, and what mutes it."""

    alert: Alert
    silenced_by: list[str]
    """Ids of silences."""
    inhibited_by: list[str]
    """Fingerprints of alerts."""

    def public(self) -> dict[str, Any]:
        """As `GET /alerts` and `buzzwatch alerts list` show it; names as in Alertmanager's API."""
        return {**self.alert.public(), "silencedBy": self.silenced_by, "inhibitedBy": self.inhibited_by}


def shown(
    alerts: Sequence[Alert], silences: Iterable[Silence], inhibit_rules: Sequence[InhibitRule], now_ms: int
) -> list[Shown]:
    """These alerts with what mutes them, in their order; resolved ones are never muted."""
    inhibitor = Inhibitor(inhibit_rules, alerts)
    active = [silence for silence in silences if silence.state(now_ms) == "active"]
    return [
        Shown(alert, [], [])
        if alert.state == "resolved"
        else Shown(
            alert,
            sorted(silence.id for silence in active if silence.mutes(alert, now_ms)),
            inhibitor.muting(alert),
        )
        for alert in alerts
    ]
