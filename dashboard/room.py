"""What the pages work with. `bootstrap.dashboard` hands in the real parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from alerts.outbox.attempts import AttemptLog
from alerts.outbox.presence import Notifiers
from alerts.outbox.redelivery import Redelivery
from alerts.outbox.store import Outbox
from alerts.state.opinions import OpinionStore
from alerts.state.silences import SilenceStore
from alerts.state.store import AlertStore
from api.parts import Parts
from contracts.settings import Settings
from dashboard.feed.board import Board
from dashboard.feed.feed import Feed
from dashboard.lately import Lately
from dashboard.model_desk import ModelDesk
from learning.labels.stats import LabelStats
from learning.review.accuracy import Saturation
from learning.rollout.state import TrialStore

AnswersOf = Callable[[int, float], Mapping[str, Mapping[tuple[str, int], int]]]
"""Now in ms and a span in seconds → version → label and bin of its confidence → tweets."""


class Learned(NamedTuple):
    """What came of all judgements."""

    stats: LabelStats
    more: Saturation


@dataclass(frozen=True)
class Room:
    """All of it."""

    settings: Settings
    parts: Parts
    """Those of the API."""
    feed: Feed
    board: Board
    alerts: AlertStore
    silences: SilenceStore
    opinions: OpinionStore
    serving_since: Callable[[], Mapping[str, int]]
    """Model version → when it began to serve, ms."""
    trials: TrialStore
    """The challenger in shadow or canary, or the last one."""
    models: ModelDesk
    answers: AnswersOf
    learned: Lately[Learned]
    outbox: Outbox
    attempts: AttemptLog
    notifiers: Notifiers
    redelivery: Redelivery

    @property
    def path(self) -> str:
        """Where the pages begin; ends with a slash."""
        return self.settings.dashboard.path

    def at(self, page: str = "") -> str:
        """The path of a page; of the first one without a name."""
        return f"{self.path}room/{page}" if page else self.path


def _room(request: Request) -> Room:
    room: Room = request.app.state.room
    return room


RoomOf = Annotated[Room, Depends(_room)]
