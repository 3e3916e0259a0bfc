"""Whether the worker is alive, which means making progress, and whether it is ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Role(Protocol):
    """A role as its health is asked for."""

    name: str

    @property
    def partitions(self) -> int:
        """How many partitions are assigned."""

    @property
    def last_progress(self) -> float:
        """When it last got something done or had nothing to do, monotonic seconds."""

    @property
    def is_behind(self) -> bool:
        """Whether records wait, or are under way."""

    def lag(self) -> int:
        """Records that wait to be polled."""


@dataclass(frozen=True)
class Report:
    """An answer for a probe: `problems` empty means yes."""

    problems: list[str]

    @property
    def status(self) -> int:
        """The HTTP status."""
        return 503 if self.problems else 200


class Health:
    """Asks the roles.

    Args:
        roles: the roles of this worker.
        sole: roles that one worker at a time has; to have no partition is no fault of theirs.
        model_problem: why no model can serve, None when one does.
        kafka_problem: why Kafka cannot be worked with, None when it can.
        redis_problem: why Redis cannot be written to, None when it can.
        stalled_after_s: how long there may be lag and no progress, seconds.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        sole: Sequence[Role] = (),
        model_problem: Callable[[], str | None],
        kafka_problem: Callable[[], str | None],
        redis_problem: Callable[[], str | None] = lambda: None,
        stalled_after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roles = roles
        self._sole = sole
        self._model_problem = model_problem
        self._kafka_problem = kafka_problem
        self._redis_problem = redis_problem
        self._stalled_after_s = stalled_after_s
        self._clock = clock

    def live(self) -> Report:
        """Live is who makes progress: lag without a commit for too long is not."""
        problems = []
        for role in (*self._roles, *self._sole):
            silent_s = self._clock() - role.last_progress
            if silent_s > self._stalled_after_s and role.is_behind:
                problems.append(
                    f"{role.name}: {role.lag()} records wait and nothing was committed for {silent_s:.0f} s"
                )
        return Report(problems)

    def ready(self) -> Report:
        """Ready is who has a model, a partition, a Kafka that answers and a Redis that takes writes."""
        problems = [f"{role.name}: no partition assigned" for role in self._roles if role.partitions == 0]
        asked = (self._model_problem, self._kafka_problem, self._redis_problem)
        problems += [problem for ask in asked if (problem := ask()) is not None]
        return Report(problems)
