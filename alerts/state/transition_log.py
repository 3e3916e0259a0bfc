"""What the log says about a change of state, and where alerts point to."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from alerts.state.alert import Transition
from contracts.settings import Settings

_log: Final = logging.getLogger("buzzwatch.alerts")


def report(transitions: Iterable[Transition]) -> None:
    """One line per change with its numbers: ERROR when it fires, INFO when it is over."""
    for status, alert in transitions:
        level = logging.ERROR if status == "firing" else logging.INFO
        annotations = alert.annotations
        said = ": ".join(annotations[name] for name in ("summary", "description") if name in annotations)
        _log.log(level, "%s %s %s", status, alert.name, said)


def external_url(settings: Settings) -> str:
    """Where people look an alert up: the API, by the name that the settings give it, without a slash at the end."""
    if settings.alerts.external_url is not None:
        return settings.alerts.external_url.rstrip("/")
    host = settings.api.host
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    return f"http://[{shown}]:{settings.api.port}" if ":" in shown else f"http://{shown}:{settings.api.port}"
