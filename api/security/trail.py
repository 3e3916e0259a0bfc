"""Who did what by REST goes to the topic `audit`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import BackgroundTasks, Depends, Request

from api.parts import Parts
from api.security.gate import Caller
from contracts.audit import AuditEvent, Figure, shortened


class Trail:
    """Writes events about one request: to Redis before it is done, to the topic after it was answered, for Kafka may be
    away."""

    def __init__(self, request: Request, background: BackgroundTasks) -> None:
        self._parts: Parts = request.app.state.parts
        self._caller: Caller = request.state.caller
        self._background = background

    @contextmanager
    def noting(self, what: str, subject: str, why: str = "", *, by: str = "", **figures: Figure) -> Iterator[None]:
        """Write that the caller does what the block does; nothing where it raises.

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
        with self._parts.audit_kept(event):
            yield
        self._background.add_task(self._parts.audit, event)


TrailOf = Annotated[Trail, Depends(Trail)]
