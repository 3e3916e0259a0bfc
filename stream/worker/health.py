"""Liveness (the worker makes progress) and readiness (it can score) for probes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Role(Protocol):
    """The part of a role that health needs."""

    name: str

    @property
    def partitions(self) -> int:
        """How many partitions are assigned."""

    @property
    def last_progress(self) -> float:
        """When it last processed a batch or had none, monotonic seconds."""

    @property
    def is_behind(self) -> bool:
        """Whether records wait or are in flight."""

    @property
    def held_back(self) -> str | None:
        """Which records nobody can read, and why; None where there are none."""

    @property
    def lag(self) -> int:
        """Records that wait to be polled."""


@dataclass(frozen=True)
class Report:
    """The answer to a probe: no problems means yes."""

    problems: list[str]

    @property
    def status(self) -> int:
        """The HTTP status."""
        return 503 if self.problems else 200


class Health:
    """Answers the probes from the state of the roles and of what they depend on.

    Args:
        roles: the roles of this worker.
        sole: roles whose topic has one partition, so that most workers have none of it: that is not a problem.
        model_problem: why no model can serve, None when one does.
        kafka_problem: why Kafka cannot be used, None when it can.
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
        """Live if a batch was committed recently or there is no lag."""
        problems = []
        for role in (*self._roles, *self._sole):
            silent_s = self._clock() - role.last_progress
            if silent_s > self._stalled_after_s and role.is_behind:
                problems.append(f"{role.name}: {role.lag} records wait and nothing was committed for {silent_s:.0f} s")
        return Report(problems)

    def ready(self) -> Report:
        """Ready if there is a model and a partition, Kafka answers, lets all be read, and Redis accepts writes."""
        problems = [f"{role.name}: no partition assigned" for role in self._roles if role.partitions == 0]
        problems += [role.held_back for role in (*self._roles, *self._sole) if role.held_back is not None]
        asked = (self._model_problem, self._kafka_problem, self._redis_problem)
        problems += [problem for ask in asked if (problem := ask()) is not None]
        return Report(problems)
