"""Alert states and statistics, read from Redis."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import pydantic
from fastapi import APIRouter, Query, Request, Response

from alerts.counters.feedback_counts import Judgements
from alerts.state.alert import State
from alerts.state.visibility import shown
from api.bodies import AlertList, Judged, Problem, StatsList, StatsPoint
from api.errors import REFUSALS
from api.parts import PartsOf
from api.query import PAGED, UNCHANGED, KnownQuery, Limit, Offset, part_of, refused
from api.security.gate import require
from contracts.printable import did_you_mean
from contracts.times import clock_ms, to_ms, to_rfc3339

router = APIRouter(
    tags=["alerts"], responses=REFUSALS | {422: {"model": Problem}}, dependencies=[require("read"), KnownQuery]
)

MOST_STEPS = 1500
_DAY_S = 86_400
Name = Annotated[str | None, Query(max_length=64)]
_SPACE_FOR_PLUS: Final = re.compile(r"(\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) (\d{2}(?::?\d{2})?)")


def _with_plus(value: object) -> object:
    """In an address a `+` means a space; before an offset nothing else than a plus can have been meant."""
    found = _SPACE_FOR_PLUS.fullmatch(value) if isinstance(value, str) else None
    return value if found is None else f"{found[1]}+{found[2]}{':00' * (len(found[2]) == 2)}"


Moment = Annotated[
    datetime | None,
    pydantic.BeforeValidator(_with_plus),
    Query(description="RFC 3339, UTC without an offset; the + of an offset may be written + or %2B"),
]


@router.get("/alerts", responses=PAGED)
def alerts(
    parts: PartsOf,
    request: Request,
    response: Response,
    state: State | None = None,
    limit: Limit = None,
    offset: Offset = 0,
) -> AlertList:
    """Firing alerts, then pending, then resolved ones, each newest first; with what mutes them, and who is at it.

    All of them, or a part: `limit` and `offset`; the header `x-total-count` says how many there are, `link`
    where the next part is.
    """
    now = clock_ms()
    found = shown(parts.alerts.list(), parts.silences.list(now), parts.rules().inhibit_rules, now)
    asked = [one for one in found if state in (None, one.alert.state)]
    return AlertList(alerts=[one.public() for one in part_of(asked, limit, offset, request, response)])


@router.get("/stats", responses=UNCHANGED)
def stats(
    parts: PartsOf,
    watch: Name = None,
    theme: Name = None,
    since: Moment = None,
    until: Moment = None,
    step: Annotated[int, Query(ge=60, le=_DAY_S, multiple_of=60, description="seconds, whole minutes")] = 60,
) -> StatsList:
    """Tweets per watch, theme and step of time, and judgements per model version.

    `watch` and `theme`: one by name, empty for the whole stream or all themes, each one when not given. A name that
    neither the rules nor the counts have is refused with those that there are.
    The last hour when no times are given; at most 1,500 steps.
    """
    until_s = -(-to_ms(until or datetime.now(UTC)) // 1000)
    since_s = to_ms(since) // 1000 if since else until_s - 3600
    if since_s >= until_s:
        raise refused("since", "must be before until")
    if (until_s - since_s) / step > MOST_STEPS:
        least = -(-(until_s - since_s) // (MOST_STEPS * 60)) * 60
        raise refused("step", f"makes more than {MOST_STEPS:,} steps: ask for less time, or steps of {least} s")
    rules = parts.rules()
    found = parts.stats.stats(since_s=since_s, until_s=until_s, step_s=step, watch=watch, theme=theme)
    if not found:  # counts of a watch that has left the rules are there as long as they are kept
        _known("watch", watch, [one.name for one in rules.watches])
        _known("theme", theme, [one.name for one in rules.themes])
    points = [
        StatsPoint(
            start=to_rfc3339(point.start_s * 1000),
            watch=point.watch,
            theme=point.theme,
            **point.counts._asdict(),
            total=point.counts.total,
            share=round(point.counts.share, 4),
            texts=point.texts,
            voices=point.voices,
            unreliable=point.unreliable,
        )
        for point in found
    ]
    return StatsList(
        since=to_rfc3339(since_s * 1000),
        until=to_rfc3339(until_s * 1000),
        step_s=step,
        points=points,
        judgements=_judged(parts.judgements(since_s=since_s, until_s=until_s)),
    )


def _judged(found: Mapping[str, Judgements]) -> list[Judged]:
    most_first = sorted(found.items(), key=lambda item: (-item[1].right - item[1].wrong, item[0]))
    return [
        Judged(model_version=version, right=counts.right, wrong=counts.wrong, accuracy=round(counts.accuracy, 4))
        for version, counts in most_first
        if counts.accuracy is not None
    ]


def _known(what: str, name: str | None, names: Sequence[str]) -> None:
    if name and name not in names:
        hint = did_you_mean(name, names)
        raise refused(what, f"there is no {what} {name!r}; {hint}the rules have {', '.join(names) or 'none'}")
