"""An alert as pages and frames show it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from alerts.state.alert import SEVERITIES, Alert, State
from alerts.state.silences import Silence, SilenceStore
from alerts.state.store import AlertStore
from alerts.state.visibility import Shown, shown
from contracts.rules.routing import InhibitRule
from contracts.times import clock_ms

_COUNT: Final = re.compile(r"(.+) \((\d+)\)")


class AlertView(NamedTuple):
    """One alert, read."""

    alert: Alert
    silences: list[Silence]
    """Those that mute it now."""
    inhibited_by: list[str]

    @property
    def state(self) -> State:
        """`pending`, `firing` or `resolved`."""
        return self.alert.state

    @property
    def severity(self) -> str:
        """`critical`, `warning` or `info`."""
        return self.alert.labels.get("severity", "warning")

    @property
    def watch(self) -> str:
        """What it is about, empty for an alert about the model or the whole stream."""
        return self.alert.labels.get("watch", "")

    @property
    def theme(self) -> str:
        """Likewise."""
        return self.alert.labels.get("theme", "")

    @property
    def version(self) -> str:
        """Of the model that it is about."""
        return self.alert.labels.get("model_version", "")

    @property
    def notes(self) -> Mapping[str, str]:
        """Annotations."""
        return self.alert.annotations

    @property
    def summary(self) -> str:
        """One line."""
        return self.notes.get("summary", self.alert.name)

    @property
    def terms(self) -> list[str]:
        """The words of the crisis."""
        return [term for term in self.notes.get("top_terms", "").split(", ") if term]

    @property
    def themes(self) -> list[tuple[str, int]]:
        """Its themes, with how many negative ones each."""
        found = (_COUNT.fullmatch(part) for part in self.notes.get("top_themes", "").split(", "))
        return [(match[1], int(match[2])) for match in found if match]

    @property
    def samples(self) -> list[str]:
        """Typical tweets."""
        return [self.notes[f"sample_{number}"] for number in (1, 2, 3) if f"sample_{number}" in self.notes]

    def share(self, name: str) -> float | None:
        """`share_now` or `share_before` as a number."""
        try:
            return float(self.notes[name])
        except (KeyError, ValueError):
            return None

    def brief(self) -> dict[str, Any]:
        """As a frame has it: what a banner needs."""
        acknowledgement = self.alert.acknowledgement
        return {
            "fingerprint": self.alert.fingerprint,
            "name": self.alert.labels["alertname"],
            "severity": self.severity,
            "state": self.state,
            "watch": self.watch,
            "theme": self.theme,
            "since": self.alert.starts_at_ms,
            "summary": self.summary,
            "by": acknowledgement.by if acknowledgement and acknowledgement.holds(clock_ms()) else "",
            "silenced": bool(self.silences),
            "inhibited": bool(self.inhibited_by),
        }


def views(
    alerts: AlertStore, silences: SilenceStore, inhibit_rules: Sequence[InhibitRule], *, history: bool = True
) -> list[AlertView]:
    """Firing, pending and, with `history`, resolved alerts, each newest first; of firing ones the worst first, and
    muted ones last."""
    """Firing, pending and, with `history`, resolved alerts, each newest first; of firing ones the worst first, and
    muted ones last."""
    now_ms = clock_ms()
    kept = {silence.id: silence for silence in silences.now().silences}
    found = alerts.list() if history else sorted(alerts.snapshot().active.values(), key=lambda one: one.fingerprint)
    read = [_view(one, kept) for one in shown(found, kept.values(), inhibit_rules, now_ms)]
    return sorted(read, key=_rank)


def _view(one: Shown, silences: Mapping[str, Silence]) -> AlertView:
    return AlertView(one.alert, [silences[key] for key in one.silenced_by], one.inhibited_by)


def _rank(view: AlertView) -> tuple[int, bool, int, int]:
    severity = SEVERITIES.index(view.severity) if view.severity in SEVERITIES else 0
    alert = view.alert
    if view.state == "resolved":
        return 2, False, 0, -(alert.ends_at_ms or 0)
    return int(view.state == "pending"), bool(view.silences or view.inhibited_by), -severity, -alert.starts_at_ms
