"""Silences and acknowledgements: what people do about alerts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request, Response

from alerts.state.alert import Acknowledgement
from alerts.state.silences import SilenceError, SilenceState, UnknownSilence, new_silence
from api.bodies import Problem
from api.errors import REFUSALS
from api.json_body import RESPONSES, JsonRoute
from api.parts import PartsOf
from api.query import PAGED, KnownQuery, Limit, Offset, part_of
from api.routes.silence_bodies import AcknowledgementBody, OneAlert, OneSilence, SilenceBody, SilenceList
from api.security.gate import require
from api.security.trail import TrailOf
from contracts.times import clock_ms, to_ms

router = APIRouter(
    tags=["alerts"],
    responses=REFUSALS | {422: {"model": Problem}},
    dependencies=[KnownQuery],
    route_class=JsonRoute,
)

_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}
Identifier = Annotated[str, Path(max_length=64)]


@router.get("/silences", responses=PAGED, dependencies=[require("read")])
def silences(
    parts: PartsOf,
    request: Request,
    response: Response,
    state: SilenceState | None = None,
    limit: Limit = None,
    offset: Offset = 0,
) -> SilenceList:
    """Active silences, then those to come, then those that are over; these are kept for five days.

    All of them, or a part, as of `/alerts`.
    """
    now = clock_ms()
    found = [silence for silence in parts.silences.list(now) if state in (None, silence.state(now))]
    return SilenceList(
        silences=[OneSilence.of(silence, now) for silence in part_of(found, limit, offset, request, response)]
    )


@router.get("/silences/{silence_id}", responses=_UNKNOWN, dependencies=[require("read")])
def silence(parts: PartsOf, silence_id: Identifier) -> OneSilence:
    """One silence."""
    try:
        return OneSilence.of(parts.silences.get(silence_id), clock_ms())
    except UnknownSilence as error:
        raise HTTPException(404, str(error)) from None


@router.post("/silences", responses=RESPONSES | _UNKNOWN, dependencies=[require("operate")])
def add_silence(parts: PartsOf, trail: TrailOf, body: SilenceBody) -> OneSilence:
    """Hear nothing of alerts that match, for a while; with an `id`, change that silence.

    The body is Alertmanager's. What still fires when the silence ends is sent then.
    """
    now = clock_ms()
    starts_at_ms = now if body.startsAt is None else to_ms(body.startsAt)
    try:
        new = new_silence(
            body.matchers,
            starts_at_ms=starts_at_ms,
            ends_at_ms=to_ms(body.endsAt),
            created_by=body.createdBy,
            comment=body.comment,
            now_ms=now,
        )
        what = "silence.changed" if body.id else "silence.added"
        matched = ", ".join(map(str, new.matchers))[:500]
        with trail.noting(what, f"silence {body.id or new.id}", body.comment, by=body.createdBy, matchers=matched):
            if body.id:
                new = parts.silences.change(body.id, new, now)
            else:
                parts.silences.add(new, now)
    except UnknownSilence as error:
        raise HTTPException(404, str(error)) from None
    except SilenceError as error:
        raise HTTPException(422, str(error)) from None
    return OneSilence.of(new, now)


@router.delete("/silences/{silence_id}", status_code=204, responses=_UNKNOWN, dependencies=[require("operate")])
def expire_silence(parts: PartsOf, trail: TrailOf, silence_id: Identifier) -> None:
    """End a silence now; one that is over already stays as it is."""
    try:
        with trail.noting("silence.ended", f"silence {silence_id}"):
            parts.silences.expire(silence_id, clock_ms())
    except UnknownSilence as error:
        raise HTTPException(404, str(error)) from None


@router.post("/alerts/{fingerprint}/ack", responses=RESPONSES | _UNKNOWN, dependencies=[require("operate")])
def acknowledge(parts: PartsOf, trail: TrailOf, fingerprint: Identifier, body: AcknowledgementBody) -> OneAlert:
    """Acknowledge an alert: it is not repeated until it is over, or until the acknowledgement expires. Its end is sent
    as usual."""
    until_ms = None if body.until is None else to_ms(body.until)
    if until_ms is not None and until_ms <= clock_ms():
        raise HTTPException(422, "until: is over already; leave it out for as long as the alert lasts")
    with trail.noting("alert.acknowledged", f"alert {fingerprint}", body.comment, by=body.by):
        return _acknowledged(parts, fingerprint, Acknowledgement(body.by, body.comment, clock_ms(), until_ms))


@router.delete("/alerts/{fingerprint}/ack", responses=_UNKNOWN, dependencies=[require("operate")])
def take_back(parts: PartsOf, trail: TrailOf, fingerprint: Identifier) -> OneAlert:
    """Take an acknowledgement back: the alert is repeated again."""
    with trail.noting("alert.acknowledgement_withdrawn", f"alert {fingerprint}"):
        return _acknowledged(parts, fingerprint, None)


def _acknowledged(parts: PartsOf, fingerprint: str, acknowledgement: Acknowledgement | None) -> OneAlert:
    alert = parts.alerts.acknowledge(fingerprint, acknowledgement)
    if alert is None:
        raise HTTPException(404, f"no pending or firing alert has the fingerprint {fingerprint!r}")
    return OneAlert(alert=alert.public())
