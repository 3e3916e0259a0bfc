"""What commands do to models goes to the topic `audit`: kept in the registry before it is done, sent after it."""

from __future__ import annotations

from cli.output.audited import send_event
from contracts.settings import Settings
from training.registry.unsent import forget_event, unsent_events


def send_changes(settings: Settings) -> None:
    """Send what this command has done, and what commands did that were killed before they could send it.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    for event in unsent_events(settings):
        if send_event(settings, event):
            forget_event(settings, event)
