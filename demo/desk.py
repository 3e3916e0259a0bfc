"""The social team in the demo, by REST: silences one alert, acknowledges another, judges tweets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import httpx

from contracts.errors import Unavailable
from contracts.settings import Settings

_WHO: Final = "social team"
JUDGE: Final = "demo"
"""Who judges, where no key says it: `buzzwatch labels retract --judge demo` takes the play's labels back."""


class Sitting(NamedTuple):
    """What a look at the review queue came to."""

    judged: int
    reasons: dict[str, int]
    """Why these texts were worth it; `blind`: shown without prediction and reason."""
    accuracy: dict[str, Any] | None
    """In production, from the texts that were drawn by chance: value, low, high, n."""


class Desk:
    """Talks to the API of the running stack; every method raises Unavailable when that fails."""

    def __init__(self, settings: Settings, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._url = f"http://{settings.api.host}:{settings.api.port}"

    def silence(self, watch: str, why: str) -> None:
        """Hear nothing of a watch for ten minutes."""
        ends_at = datetime.now(UTC) + timedelta(minutes=10)
        body = {
            "matchers": [{"name": "watch", "value": watch, "isRegex": False, "isEqual": True}],
            "endsAt": ends_at.isoformat(),
            "createdBy": _WHO,
            "comment": why,
        }
        self._ask("POST", "/silences", body)

    def firing(self) -> list[dict[str, Any]]:
        """What fires, with what mutes it."""
        found: list[dict[str, Any]] = self._ask("GET", "/alerts?state=firing")["alerts"]
        return found

    def acknowledge(self, fingerprint: str, comment: str) -> None:
        """Acknowledge an alert."""
        self._ask("POST", f"/alerts/{fingerprint}/ack", {"by": _WHO, "comment": comment})

    def review(self, truth: Callable[[str], str | None]) -> Sitting:
        """Judge what waits in the review queue.

        Args:
            truth: the label of a tweet by its id; None: not of this play, so it is left to others.
        """
        found = self._ask("GET", f"/review?limit=100&judge={JUDGE}")
        reasons: dict[str, int] = {}
        for item in found["items"]:
            label = truth(item["tweet_id"])
            body: dict[str, Any] = {"judge": JUDGE, **({"label": label} if label else {"skip": True})}
            self._ask("POST", f"/review/{item['id']}", body)
            if label:
                reason = item["reason"] or "blind"
                reasons[reason] = reasons.get(reason, 0) + 1
        return Sitting(sum(reasons.values()), reasons, found["accuracy"])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        try:
            answer = httpx.request(
                method, f"{self._url}{path}", json=body, headers=dict(self._headers), timeout=10, trust_env=False
            )
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise Unavailable(f"{method} {path} failed: {error or type(error).__name__}") from None
        return answer.json() if answer.content else None
