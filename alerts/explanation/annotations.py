"""The link of an alert: its watch, its theme, its minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from contracts.times import to_rfc3339

_AROUND_MS: Final = 1_800_000


def link_of(external_url: str, labels: Mapping[str, str], starts_at_ms: int) -> str:
    """`generatorURL`: the counts of half an hour before and after it began, minute by minute."""
    minute = starts_at_ms // 60_000 * 60_000
    asked = {
        "watch": labels.get("watch", ""),
        "theme": labels.get("theme", ""),
        "since": to_rfc3339(minute - _AROUND_MS),
        "until": to_rfc3339(minute + _AROUND_MS),
    }
    return f"{external_url}/stats?{urlencode(asked)}"
