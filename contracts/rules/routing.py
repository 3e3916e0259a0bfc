"""The part of a rules file that sends alerts to receivers: `route` and `inhibit_rules`, as in Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import pydantic
from pydantic import Field

from contracts.rules.matchers import MatcherText
from contracts.rules.strict import Duration, Flag, Name, Strict, mistake

GROUPED_FORM: Final = r"^(\.\.\.|[A-Za-z_][A-Za-z0-9_]*)$"
Label = Annotated[str, Field(pattern=GROUPED_FORM)]
_SHORTEST_REPEAT_S: Final = 10.0


class Route(Strict):
    """A branch of the routing tree; what it does not set is inherited from its parent."""

    receiver: Name | None = None
    receivers: tuple[Name, ...] | None = None
    """Several at once; at the root, all of the file when neither is given."""
    matchers: tuple[MatcherText, ...] = ()
    """Which alerts take this branch: those that match all of them."""
    continue_: Annotated[Flag, Field(alias="continue")] = False
    """Whether the branches after this one are looked at too."""
    group_by: tuple[Label, ...] | None = None
    """Alerts that agree in these labels share a notification; `...` means all labels, each alert for itself."""
    group_wait: Duration | None = None
    """How long a new group waits for company."""
    group_interval: Duration | None = None
    """How long after a notification the group waits before it reports changes."""
    repeat_interval: Duration | None = None
    """After how long without change it is sent again; `0` for never."""
    routes: tuple[Route, ...] = ()

    @pydantic.model_validator(mode="after")
    def _one_way_to_name(self) -> Route:
        if self.receiver is not None and self.receivers is not None:
            raise mistake("give receiver or receivers, not both", "receivers")
        if self.group_by is not None and "..." in self.group_by and len(self.group_by) > 1:
            raise mistake("'...' stands alone", "group_by")
        return self

    @pydantic.field_validator("repeat_interval")
    @classmethod
    def _no_storm(cls, seconds: float | None) -> float | None:
        if seconds is not None and 0 < seconds < _SHORTEST_REPEAT_S:
            raise ValueError(f"must be {_SHORTEST_REPEAT_S:g}s or longer, or 0 for never")
        return seconds

    @property
    def named(self) -> tuple[str, ...] | None:
        """The receivers that this branch names, None when it leaves them to its parent."""
        return self.receivers if self.receiver is None else (self.receiver,)

    def walk(self, *location: str | int) -> Iterator[tuple[tuple[str | int, ...], Route]]:
        """This branch, whose place in the file is `location`, and all under it."""
        yield location, self
        for number, branch in enumerate(self.routes):
            yield from branch.walk(*location, "routes", number)


class InhibitRule(Strict):
    """Mutes alerts (targets) while others (sources) fire."""

    source_matchers: Annotated[tuple[MatcherText, ...], Field(min_length=1)]
    target_matchers: Annotated[tuple[MatcherText, ...], Field(min_length=1)]
    equal: tuple[Label, ...] = ()
    """Labels in which both must agree. Where an alert has no such label, its annotation of that name counts."""
