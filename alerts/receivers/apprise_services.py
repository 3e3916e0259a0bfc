"""Options of Apprise's services beside the text: its maximal length, and the key of the incident."""

from __future__ import annotations

import re
from typing import Any, Final

_KEYS: Final = ("dedup", "external_id", "thirdparty")
"""How Apprise's plugins for people on call keep an incident's key: most of them, SIGNL4, PagerTree."""
_MOST_PIECES: Final = 7
"""Ten alerts in full make so many messages of a chat (Discord); more pieces, such as eight SMS for one alert, are too
many."""
_ANSWERING_S: Final = 4.0
"""Seconds of an attempt that are kept for the requests themselves; the rest may be the plugin's pauses."""


def name_incident(service: Any, url: str, incident: str) -> bool:
    """Let the end of an alert close the incident that its beginning opened, where the service knows incidents.

    Without this PagerDuty opens one for each notification, ends too; with Apprise's own `action=map` alone, the key is
    made from the title, which is another one at the end. Options in the address take precedence.

    Args:
        service: a plugin of Apprise.
        url: the address it was made from.
        incident: the same from the beginning to the end.

    Returns:
        Whether the service opens and closes incidents.
    """
    if "map" not in service.template_args.get("action", {}).get("values", ()):
        return False
    name = next((name for name in _KEYS if hasattr(service, name)), None)
    if name is not None:
        if not _has_option(url, "action"):
            service.action = "map"
        if not getattr(service, name):
            setattr(service, name, incident)
        return True
    if not hasattr(service, "entity_id"):
        return False
    if service.entity_id == f"{service.app_id}/{service.routing_key}":  # Splunk On-Call's default: one for all alerts
        service.entity_id = incident
    return True


def fit(service: Any, url: str, length: int, within_s: float, *, one_piece: bool) -> None:
    """Split a text that is too long; cut it where the pieces would be too many or take too long.

    Apprise's default is to send it whole, and most services refuse that. Plugins pause between messages, many for
    5.5 s, and an attempt that runs out of time is made again from the first piece on.

    Args:
        service: a plugin of Apprise.
        url: the address it was made from; `overflow` in it counts.
        length: characters of title and text.
        within_s: how long the attempt may take.
        one_piece: never in pieces.
    """
    from apprise import OverflowMode

    if _has_option(url, "overflow"):
        return
    pieces = -(-length // service.body_maxlen)
    pausing_s = (pieces * max(1, len(service)) - 1) * service.request_rate_per_sec
    split = not one_piece and pieces <= _MOST_PIECES and pausing_s <= max(0.0, within_s - _ANSWERING_S)
    service.overflow_mode = OverflowMode.SPLIT if split else OverflowMode.TRUNCATE


def _has_option(url: str, name: str) -> bool:
    return re.search(rf"[?&]{name}=", url, re.IGNORECASE) is not None
