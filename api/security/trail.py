"""Who did what by REST goes to the topic `audit`."""

from __future__ import annotations

from typing import Annotated

from fastapi import BackgroundTasks, Depends, Request

from api.parts import Parts
from api.security.gate import Caller
from contracts.audit import AuditEvent, Figure, shortened


class Trail:
    """Writes events about one request, after it was answered: Kafka may be away, and what was done is done."""

    def __init__(self, request: Request, background: BackgroundTasks) -> None:
        self._parts: Parts = request.app.state.parts
        self._caller: Caller = request.state.caller
        self._background = background

    def note(self, what: str, subject: str, why: str = "", *, by: str = "", **figures: Figure) -> None:
        """Write that the caller did something.

        Args:
            what: such as `silence.added`.
            subject: to what.
            why: the reason that was given.
            by: the name that the request gives; kept beside that of the key.
            figures: what else is worth knowing.
        """
        key = {"key": self._caller.key_id} if self._caller.key_id else {}
        author = {"by": by[:200]} if by else {}
        event = AuditEvent(
            who=self._caller.name, what=what, subject=subject, why=shortened(why), figures={**key, **author, **figures}
        )
        self._background.add_task(self._parts.audit, event)


TrailOf = Annotated[Trail, Depends(Trail)]
