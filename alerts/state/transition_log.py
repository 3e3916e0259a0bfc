"""Log lines for changes of state."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from alerts.state.alert import Transition

_log: Final = logging.getLogger("buzzwatch.alerts")


def report(transitions: Iterable[Transition]) -> None:
    """One line per change with its numbers: ERROR when it fires, INFO when it is over."""
    for status, alert in transitions:
        level = logging.ERROR if status == "firing" else logging.INFO
        annotations = alert.annotations
        explanation = ": ".join(annotations[name] for name in ("summary", "description") if name in annotations)
        _log.log(level, "alert %s %s: %s", status, alert.name, explanation)
