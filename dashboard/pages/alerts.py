"""**Alerts**: what is open, who is on it, what is silenced, what was; and the forms to say so."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Form, HTTPException, Query, Request, Response

from alerts.outbox.attempts import Attempt
from alerts.state.alert import Acknowledgement
from alerts.state.silences import Silence, SilenceError, new_silence
from api.security.gate import require
from api.security.trail import TrailOf
from contracts.rules.matchers import Matcher, parse_matcher
from contracts.times import clock_ms
from dashboard.feed.alert_view import AlertView, views
from dashboard.feed.episode import episode_of
from dashboard.html.rendering import PageRoute, back, page, remember_name
from dashboard.room import Room, RoomOf

router = APIRouter(prefix="/room/alerts", route_class=PageRoute, include_in_schema=False)

_HISTORY = 40
_IDENTITY = ("alertname", "watch", "theme", "model_version")
"""Labels that a silence of "these" names; not the severity, which may rise."""
Who = Annotated[str, Form(min_length=1, max_length=100)]
Minutes = Annotated[int, Form(ge=0, le=60 * 24 * 366)]
Comment = Annotated[str, Form(max_length=1000)]
DURATIONS = ((15, "15 min"), (60, "1 h"), (240, "4 h"), (480, "8 h"), (1440, "1 d"), (10_080, "7 d"))
"""Minutes, and what is read."""


class Step(NamedTuple):
    """A point of an alert's story."""

    at_ms: int
    kind: Literal["began", "fired", "raised", "told", "failed", "acknowledged", "resolved", "open"]
    values: dict[str, str]


@router.get("", dependencies=[require("read")])
def alerts(
    request: Request,
    room: RoomOf,
    alertname: Annotated[str, Query(max_length=200)] = "",
    watch: Annotated[str, Query(max_length=64)] = "",
    theme: Annotated[str, Query(max_length=64)] = "",
    model_version: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Open ones, silences, history. The labels in the address fill in the form of a new silence."""
    found = _views(room)
    opened = [view for view in found if view.state != "resolved"]
    over = [view for view in found if view.state == "resolved"][:_HISTORY]
    asked = {"alertname": alertname, "watch": watch, "theme": theme, "model_version": model_version}
    return page(
        request,
        room,
        "alerts.html",
        opened=opened,
        over=over,
        opinions=room.opinions.of([view.alert for view in [*opened, *over]]),
        tallies=room.opinions.counts(),
        silences=_silences(room, opened),
        durations=DURATIONS,
        asked=", ".join(f'{name}="{value}"' for name, value in asked.items() if value),
    )


@router.get("/{fingerprint}", dependencies=[require("read")])
def alert(request: Request, room: RoomOf, fingerprint: str) -> Response:
    """One alert and its story; notifications lead here."""
    found = _views(room)
    view = next((one for one in found if one.alert.fingerprint == fingerprint), None)
    if view is None:
        raise HTTPException(404, f"no alert has the fingerprint {fingerprint}, or it is older than what is kept")
    return page(
        request,
        room,
        "alert.html",
        view=view,
        episode=episode_of(view, room.board),
        story=story(view, found, room.attempts.of(fingerprint)),
        opinion=room.opinions.of([view.alert]).get((view.alert.fingerprint, view.alert.starts_at_ms)),
        durations=DURATIONS,
    )


@router.post("/{fingerprint}/acknowledge", dependencies=[require("operate")])
def acknowledge(
    request: Request,
    room: RoomOf,
    trail: TrailOf,
    fingerprint: str,
    who: Who,
    comment: Comment = "",
    minutes: Minutes = 0,
) -> Response:
    """Say that you are at it; for so many minutes, or (0) until the alert is over."""
    now_ms = clock_ms()
    until_ms = now_ms + minutes * 60_000 if minutes else None
    with trail.noting("alert.acknowledged", f"alert {fingerprint}", comment, by=who):
        _acknowledge(room, fingerprint, Acknowledgement(who.strip(), comment.strip(), now_ms, until_ms))
    answer = back(request, room, "{who} is on it: it is not repeated any more", anchor=fingerprint, who=who.strip())
    return remember_name(answer, room, who)


@router.post("/{fingerprint}/release", dependencies=[require("operate")])
def release(request: Request, room: RoomOf, trail: TrailOf, fingerprint: str) -> Response:
    """Take an acknowledgement back."""
    with trail.noting("alert.acknowledgement_withdrawn", f"alert {fingerprint}"):
        _acknowledge(room, fingerprint, None)
    return back(request, room, "The acknowledgement is taken back: it is repeated again", anchor=fingerprint)


@router.post("/{fingerprint}/opinion", dependencies=[require("operate")])
def opinion(
    request: Request, room: RoomOf, fingerprint: str, opinion: Annotated[Literal["useful", "noise"], Form()]
) -> Response:
    """Was it useful, or noise?"""
    for view in _views(room):
        if view.alert.fingerprint == fingerprint:
            room.opinions.store(view.alert, opinion)
            return back(request, room, "Thank you, it is counted for the rule", anchor=fingerprint)
    raise HTTPException(404, f"no alert has the fingerprint {fingerprint}")


@router.post("/silences", dependencies=[require("operate")])
def silence(
    request: Request,
    room: RoomOf,
    trail: TrailOf,
    matchers: Annotated[str, Form(max_length=4000)],
    minutes: Annotated[int, Form(ge=1, le=60 * 24 * 366)],
    who: Who,
    comment: Annotated[str, Form(min_length=1, max_length=1000)],
) -> Response:
    """Hear nothing of alerts that match, for a while."""
    now = clock_ms()
    try:
        new = new_silence(
            read_matchers(matchers),
            starts_at_ms=now,
            ends_at_ms=now + minutes * 60_000,
            created_by=who.strip(),
            comment=comment.strip(),
            now_ms=now,
        )
    except (SilenceError, ValueError) as error:
        return back(request, room, "Not silenced: {why}", wrong=True, why=error)
    matched = ", ".join(map(str, new.matchers))[:500]
    with trail.noting("silence.added", f"silence {new.id}", comment, by=who, matchers=matched):
        room.silences.add(new, now)
    answer = back(request, room, "Silenced: what matches is not sent until the silence ends")
    return remember_name(answer, room, who)


@router.post("/silences/{silence_id}/end", dependencies=[require("operate")])
def end_silence(request: Request, room: RoomOf, trail: TrailOf, silence_id: str) -> Response:
    """End a silence now."""
    try:
        with trail.noting("silence.ended", f"silence {silence_id}"):
            room.silences.expire(silence_id, clock_ms())
    except SilenceError as error:
        return back(request, room, "Not ended: {why}", wrong=True, why=error)
    return back(request, room, "The silence has ended: what still fires is sent now")


def read_matchers(text: str) -> list[Matcher]:
    """`alertname="BadBuzz", watch=~"air-.*"`, one after the other, separated by commas or lines.

    Raises:
        ValueError: one line that names the part that cannot be read.
    """
    parts: list[str] = []
    for piece in text.replace("\n", ",").split(","):
        # A comma inside quotes belongs to the value.
        if parts and parts[-1].count('"') % 2 == 1:
            parts[-1] += f",{piece}"
        else:
            parts.append(piece)
    return [parse_matcher(part) for part in parts if part.strip()]


def story(view: AlertView, others: list[AlertView], attempts: list[Attempt]) -> list[Step]:
    """What happened to an alert, in order: from the counts' own time of its begin to its end."""
    alert = view.alert
    steps = [Step(alert.starts_at_ms, "began", {})]
    identity = {name: alert.labels.get(name) for name in _IDENTITY}
    for other in (one.alert for one in others):
        same = {name: other.labels.get(name) for name in _IDENTITY} == identity
        # Another severity of the same crisis: a severity is a label, so one ends where the next one begins.
        same = same and other.starts_at_ms == alert.starts_at_ms and other.fingerprint != alert.fingerprint
        if same and other.fired_ms:
            steps.append(Step(other.fired_ms, "fired", {"severity": other.labels["severity"]}))
    if alert.fired_ms:
        raised = any(step.kind == "fired" and step.at_ms < alert.fired_ms for step in steps)
        steps.append(Step(alert.fired_ms, "raised" if raised else "fired", {"severity": view.severity}))
    until = alert.ends_at_ms or clock_ms()
    for attempt in attempts:
        if alert.starts_at_ms <= attempt.at_ms <= until + 3_600_000:
            kind: Literal["told", "failed"] = "told" if attempt.outcome == "delivered" else "failed"
            values = {"receiver": attempt.receiver, "status": attempt.status, "detail": attempt.detail}
            steps.append(Step(attempt.at_ms, kind, {**values, "number": str(attempt.number)}))
    if alert.acknowledgement:
        said = alert.acknowledgement
        steps.append(Step(said.at_ms, "acknowledged", {"who": said.by, "comment": said.comment}))
    if alert.ends_at_ms:
        steps.append(Step(alert.ends_at_ms, "resolved", {}))
    return sorted(steps, key=lambda step: step.at_ms)


class SilenceNow(NamedTuple):
    """A silence, and what it mutes."""

    silence: Silence
    state: str
    mutes: int


def _silences(room: Room, opened: list[AlertView]) -> list[SilenceNow]:
    now = clock_ms()
    return [
        SilenceNow(one, one.state(now), sum(one.id in [silence.id for silence in view.silences] for view in opened))
        for one in room.silences.list(now)
    ]


def _views(room: Room) -> list[AlertView]:
    return views(room.alerts, room.silences, room.parts.rules().inhibit_rules)


def _acknowledge(room: Room, fingerprint: str, said: Acknowledgement | None) -> None:
    if room.alerts.acknowledge(fingerprint, said) is None:
        raise HTTPException(404, "this alert is over, or there is none of this fingerprint: nothing to acknowledge")
