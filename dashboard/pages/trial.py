"""On **Model**: a challenger beside the champion, begun and ended by buttons."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Form, Request, Response

from api.security.gate import require
from contracts.errors import BuzzwatchError
from dashboard.html.rendering import PageRoute, back, caller_of, remember_name
from dashboard.room import RoomOf
from learning.rollout.trials import TrialError, end_trial, start_canary, start_shadow

router = APIRouter(prefix="/room/model/trial", route_class=PageRoute, include_in_schema=False)

_ANCHOR: Final = "trial"
Who = Annotated[str, Form(min_length=1, max_length=100)]
Why = Annotated[str, Form(max_length=500)]
Phase = Annotated[Literal["shadow", "canary"], Form()]


@router.post("/start", dependencies=[require("operate")])
def start(
    request: Request,
    room: RoomOf,
    phase: Phase,
    version: Annotated[str, Form(pattern=r"^\d{1,9}$")],
    who: Who,
    why: Why = "",
) -> Response:
    """Begin a shadow or a canary; a shadow of the same version goes over into a canary."""
    begin = start_shadow if phase == "shadow" else start_canary
    try:
        begin(room.settings, room.trials, version, caller_of(request, who), why.strip())
    except BuzzwatchError as error:
        return back(request, room, "Not begun: {why}", wrong=True, anchor=_ANCHOR, why=error)
    if phase == "shadow":
        answer = back(request, room, "Version {version} scores beside the champion", anchor=_ANCHOR, version=version)
    else:
        answer = back(request, room, "Version {version} begins to answer tweets", anchor=_ANCHOR, version=version)
    return remember_name(answer, room, who)


@router.post("/end", dependencies=[require("operate")])
def end(request: Request, room: RoomOf, phase: Phase, who: Who, why: Why = "") -> Response:
    """End a shadow, or roll a canary back."""
    try:
        state = end_trial(room.trials, phase, caller_of(request, who), why.strip())
    except TrialError as error:
        return back(request, room, "Not ended: {why}", wrong=True, anchor=_ANCHOR, why=error)
    answer = back(request, room, "The trial of version {version} has ended", anchor=_ANCHOR, version=state.version)
    return remember_name(answer, room, who)
