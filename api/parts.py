"""What the routes work with. `bootstrap.api` hands in the real parts, tests hand in fakes through the same door."""

from __future__ import annotations

import builtins
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from fastapi import Depends, Request

from alerts.counters.counts import Point
from alerts.counters.feedback_counts import Judgements
from alerts.state.alert import Acknowledgement, Alert, State
from alerts.state.silences import Silence
from api.security.gate import Gate
from contracts.audit import AuditEvent
from contracts.events import Feedback
from contracts.rules.schema import Rules
from contracts.settings import ApiSettings
from learning.labels.texts import Remembered
from learning.review.queue import ReviewQueue
from models.annotator import Annotator
from models.registry.champion import LoadedModel


class ChampionLike(Protocol):
    """The model that serves; `models.registry.champion.Champion`."""

    @property
    def current(self) -> LoadedModel:
        """Raises Unavailable while there is none."""
        ...

    @property
    def failure(self) -> str | None:
        """Why the version that has the alias does not serve."""
        ...

    def start(self, *, required: bool = True) -> None:
        """Load, then follow the alias."""
        ...

    def stop(self) -> None:
        """Stop following."""
        ...


class FeedbackSink(Protocol):
    """Where judgements go; `api.feedback.FeedbackPublisher`."""

    async def publish(self, feedback: Feedback) -> None:
        """Returns when it is safe; raises Unavailable when that is not certain."""
        ...

    def start(self) -> None:
        """Begin to serve."""
        ...

    def stop(self) -> None:
        """Send what is waiting."""
        ...


class Alerts(Protocol):
    """Alert states; `alerts.state.store.AlertStore`."""

    def list(self, state: State | None = None) -> builtins.list[Alert]:
        """Firing ones first, newest first."""
        ...

    def acknowledge(self, fingerprint: str, acknowledgement: Acknowledgement | None) -> Alert | None:
        """The alert, None when there is none."""
        ...


class Silences(Protocol):
    """Silences; `alerts.state.silences.SilenceStore`."""

    def list(self, now_ms: int) -> builtins.list[Silence]:
        """Active ones first."""
        ...

    def get(self, silence_id: str) -> Silence:
        """Raises UnknownSilence."""
        ...

    def add(self, silence: Silence, now_ms: int) -> None:
        """Keep it."""
        ...

    def change(self, silence_id: str, new: Silence, now_ms: int) -> Silence:
        """What is kept; raises UnknownSilence."""
        ...

    def expire(self, silence_id: str, now_ms: int) -> Silence:
        """End it now; raises UnknownSilence."""
        ...


class Stats(Protocol):
    """Counts; `alerts.counters.store.CounterStore`."""

    def stats(
        self, *, since_s: int, until_s: int, step_s: int = 60, watch: str | None = None, theme: str | None = None
    ) -> builtins.list[Point]:
        """Sorted by time, watch and theme."""
        ...


class JudgementsBetween(Protocol):
    """Judgements per model version; `alerts.counters.feedback_counts.judgements_between`."""

    def __call__(self, *, since_s: int, until_s: int) -> Mapping[str, Judgements]:
        """Those of the minutes of `[since_s, until_s)`."""
        ...


@dataclass(frozen=True)
class Component:
    """How something that we depend on is, as `/health` shows it."""

    status: Literal["ok", "degraded", "down"]
    version: str | None = None
    detail: str | None = None


Probe = Callable[[], Component]
"""Asks a component how it is; blocks, for seconds at most, and raises nothing."""


def remembered(probe: Probe, for_s: float, clock: Callable[[], float] = time.monotonic) -> Probe:
    """The probe, asked once within so many seconds however many ask; those who come meanwhile wait for its answer."""
    lock = threading.Lock()
    known: tuple[float, Component] | None = None

    def asked() -> Component:
        nonlocal known
        with lock:
            if known is None or clock() - known[0] >= for_s:
                found = probe()
                known = clock(), found
            return known[1]

    return asked


@dataclass(frozen=True)
class Parts:
    """All of them."""

    settings: ApiSettings
    champion: ChampionLike
    annotator: Annotator
    feedback: FeedbackSink
    alerts: Alerts
    silences: Silences
    stats: Stats
    judgements: JudgementsBetween
    probes: Mapping[str, Probe]
    gate: Gate
    """Who may call what."""
    doubts: Callable[[Feedback], str | None]
    """Why a judgement cannot be true, None when it can or when that cannot be found out; blocks, and raises nothing."""
    audit: Callable[[AuditEvent], object]
    """Writes who did what; may block for seconds, and raises nothing."""
    rules: Callable[[], Rules]
    """The rules file as it is now."""
    audit_kept: Callable[[AuditEvent], AbstractContextManager[None]] = lambda _: nullcontext()
    """Keeps an event while what it tells of is done; `alerts.storage.audit_waiting.WaitingEvents.keeping`."""
    remember: Callable[[Callable[[], list[Remembered]]], None] = lambda _: None
    """Takes what makes the texts of predictions that a judgement may come for; `learning.labels.texts.TextMemory`."""
    review: ReviewQueue | None = None
    """What waits for people; None: there is no queue."""
    judge_secret: str = ""
    """Under which names of judges are hashed."""
    closing: Sequence[Callable[[], Any]] = ()
    """Called in this order after everything has stopped."""


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(_parts)]
