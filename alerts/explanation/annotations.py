"""What an alert carries beside its numbers: the rule's own annotations and the link to its minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from alerts.state.alert import fingerprint_of
from contracts.rules.schema import BaseRule
from contracts.rules.templates import fill_in
from contracts.settings import Settings
from contracts.times import to_rfc3339

_AROUND_MS: Final = 1_800_000


def link_to(settings: Settings, labels: Mapping[str, str], starts_at_ms: int) -> str:
    """`generatorURL`: the alert's page in the watch room; the counts of its time where the settings switch that off."""
    url, path = external_url(settings), settings.dashboard.path
    if path == "off":
        return link_of(url, labels, starts_at_ms)
    return f"{url}{path}room/alerts/{fingerprint_of(labels)}"


def silence_link(link: str, labels: Mapping[str, str]) -> str | None:
    """`silenceURL`, a name of Grafana's: the watch room's form for a silence of an alert, filled in.

    Args:
        link: the alert's own page.
        labels: those of the alert; a silence names no severity, which may rise.

    Returns:
        None when the link leads to no page of the watch room.
    """
    page, found, _ = link.rpartition("/room/alerts/")
    if not found:
        return None
    asked = {name: labels[name] for name in ("alertname", "watch", "theme", "model_version") if labels.get(name)}
    return f"{page}/room/alerts?{urlencode(asked)}#new-silence"


def link_of(external_url: str, labels: Mapping[str, str], starts_at_ms: int) -> str:
    """The counts of half an hour before and after it began, minute by minute."""
    minute = starts_at_ms // 60_000 * 60_000
    asked = {
        "watch": labels.get("watch", ""),
        "theme": labels.get("theme", ""),
        "since": to_rfc3339(minute - _AROUND_MS),
        "until": to_rfc3339(minute + _AROUND_MS),
    }
    return f"{external_url}/stats?{urlencode(asked)}"


def dashboard_of(settings: Settings, labels: Mapping[str, str], starts_at_ms: int) -> dict[str, str]:
    """The annotation `dashboard`: half an hour before and after the alert began, on the Grafana dashboard for its kind.
    None where the settings name no Grafana.

    The identifiers of the dashboards are those of `deploy/monitoring/grafana/dashboards`.
    """
    if settings.alerts.dashboard_url is None:
        return {}
    name = "buzzwatch-social" if "watch" in labels else "buzzwatch-model"
    about = {f"var-{label}": labels[label] for label in ("watch", "theme", "model_version") if labels.get(label)}
    minute = starts_at_ms // 60_000 * 60_000
    asked = about | {"from": str(minute - _AROUND_MS), "to": str(minute + _AROUND_MS)}
    return {"dashboard": f"{settings.alerts.dashboard_url.rstrip('/')}/d/{name}?{urlencode(asked)}"}


def external_url(settings: Settings) -> str:
    """Where people look an alert up: the API, by the name that the settings give it, without a slash at the end."""
    if settings.alerts.external_url is not None:
        return settings.alerts.external_url.rstrip("/")
    host = settings.api.host
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    return f"http://[{shown}]:{settings.api.port}" if ":" in shown else f"http://{shown}:{settings.api.port}"


def with_own(rule: BaseRule, labels: Mapping[str, str], annotations: Mapping[str, str], value: float) -> dict[str, str]:
    """The alert's annotations and the rule's own, which come first where both have one."""
    own = {
        name: fill_in(text, labels=labels, annotations=annotations, value=value)
        for name, text in rule.annotations.items()
    }
    return {**annotations, **own}
