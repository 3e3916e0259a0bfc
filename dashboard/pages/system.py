"""**System**: is everything well, how far behind, how fast; dead letters, rules, notifications."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from fastapi import APIRouter, Form, Request, Response

from alerts.storage.connection import connect
from api.routes.health import components_of
from api.security.gate import require
from contracts.errors import BuzzwatchError, Unavailable
from contracts.settings import Settings
from contracts.times import clock_ms, to_ms
from contracts.tweet_objects.dates import read_date
from dashboard.html.rendering import PageRoute, back, page
from dashboard.room import Room, RoomOf
from stream.dead_letters.reader import log_id, newest, record_at
from stream.dead_letters.replay import Replayer
from stream.dead_letters.replay_claims import ReplayLog
from stream.kafka.consumers import CALL_S, reader
from stream.kafka.topic_id import TopicIdentity

router = APIRouter(prefix="/room/system", route_class=PageRoute, include_in_schema=False)

_LETTERS = 20
_AT_WORK_MS = 30_000
"""A notifier that has gone round within this time is at work; it notes that every five seconds."""
_LATE_MS = 120_000
_STARTED_MS: Final = clock_ms()


class Lag(NamedTuple):
    """How far a reader is behind the end of its topic."""

    what: str
    """`scoring` or `counting`."""
    topic: str
    records: int


@router.get("", dependencies=[require("read")])
async def system(request: Request, room: RoomOf) -> Response:
    """All of it; a part that cannot be read says so, and the others are shown."""
    components, workers, lags, letters, values = await asyncio.gather(
        components_of(room.parts),
        asyncio.to_thread(_or_why, lambda: _workers(room.settings)),
        asyncio.to_thread(_or_why, lambda: _lags(room)),
        asyncio.to_thread(_or_why, lambda: newest(room.settings, _LETTERS)),
        asyncio.to_thread(_or_why, lambda: _of_redis(room)),
    )
    return page(
        request,
        room,
        "system.html",
        components=components,
        workers=workers,
        lags=lags,
        letters=letters,
        values=values,
        latencies=_latencies(room.feed.recent()),
        readers=room.feed.readers,
        started_ms=_STARTED_MS,
        rules=room.parts.rules(),
    )


@router.post("/notifications/{entry_id}/redeliver", dependencies=[require("operate")])
def redeliver(request: Request, room: RoomOf, entry_id: str) -> Response:
    """Try a notification again now: an exhausted one from the beginning, a waiting one before its time."""
    now_ms = clock_ms()
    if room.redelivery.redeliver(entry_id, now_ms) or room.redelivery.retry_now(entry_id, now_ms):
        return back(request, room, "It is sent again now")
    return back(request, room, "It was delivered meanwhile, or waits behind an earlier one of its group", wrong=True)


@router.post("/receivers/enable", dependencies=[require("operate")])
def enable(request: Request, room: RoomOf, receiver: Annotated[str, Form(max_length=200)]) -> Response:
    """Post to a receiver again that had answered 410 Gone."""
    if room.outbox.enable(receiver):
        return back(request, room, "{receiver} is posted to again", receiver=receiver)
    return back(request, room, "{receiver} is not disabled", wrong=True, receiver=receiver)


@router.post("/letters/replay", dependencies=[require("operate")])
def replay(request: Request, room: RoomOf, position: Annotated[str, Form(max_length=40)]) -> Response:
    """Send a dead letter back to the topic that it came from; once only."""
    settings = room.settings
    try:
        letter = record_at(settings, position)
        with connect(settings) as client:
            replayer = Replayer(settings, ReplayLog(client, settings, log_id(settings)))
            replayer.replay([letter])
    except BuzzwatchError as error:
        return back(request, room, "Not replayed: {why}", wrong=True, why=error)
    outcome = replayer.outcome
    if outcome.replayed:
        return back(request, room, "Dead letter {position} was sent back", position=position)
    if outcome.before:
        return back(request, room, "Dead letter {position} was replayed before", wrong=True, position=position)
    why = "; ".join(outcome.refused) or "it may have arrived: `buzzwatch dlq replay --again` sends it once more"
    return back(request, room, "Not replayed: {why}", wrong=True, why=why)


def _or_why(read: Any) -> Any:
    """What was read, or in one line why not."""
    try:
        return read()
    except BuzzwatchError as error:
        return str(error)
    except KafkaException as error:
        return f"Kafka: {error.args[0].str()}"
    except OSError as error:  # redis's errors of connections are among them
        return f"does not answer ({type(error).__name__})"
    except Exception as error:
        if type(error).__module__.startswith("redis"):
            return f"Redis does not answer ({type(error).__name__})"
        raise


def _of_redis(room: Room) -> dict[str, Any]:
    waiting, exhausted = room.outbox.waiting(), room.outbox.exhausted()
    return {
        "per_minute": room.board.now().per_minute,
        "waiting": waiting[:50],
        "waiting_in_all": len(waiting),
        "exhausted": exhausted[:50],
        "exhausted_in_all": len(exhausted),
        "disabled": room.outbox.disabled(),
        "notifiers": _notifiers(room),
        "tallies": room.opinions.counts(),
    }


def _notifiers(room: Room) -> tuple[int, int | None]:
    """How many are at work, and when one was for the last time, ms."""
    seen = room.notifiers.seen()
    now_ms = clock_ms()
    return sum(now_ms - one.at_ms < _AT_WORK_MS for one in seen), seen[0].at_ms if seen else None


def _workers(settings: Settings) -> int:
    """How many workers score: members of the group that reads the tweets."""
    group = f"{settings.worker.group}-score"
    client = AdminClient(settings.kafka.librdkafka() | {"log_level": 2})  # kept until its answer is there
    asked = client.describe_consumer_groups([group], request_timeout=CALL_S)
    return len(asked[group].result(CALL_S).members)


def _lags(room: Room) -> list[Lag]:
    settings, topics = room.settings, room.settings.kafka.topics
    scored_id = TopicIdentity(settings, topics.scored).ask()
    marks_of = room.board.marks
    return [
        Lag("scoring", topics.tweets, _behind_group(settings, topics.tweets, f"{settings.worker.group}-score")),
        Lag("counting", topics.scored, _behind_marks(settings, topics.scored, scored_id, marks_of)),
    ]


def _behind_group(settings: Settings, topic: str, group: str) -> int:
    consumer = Consumer(settings.kafka.librdkafka() | {"group.id": group, "log_level": 2})
    try:
        places = [TopicPartition(topic, number) for number in _partitions(consumer, topic)]
        total = 0
        for place in consumer.committed(places, timeout=CALL_S):
            low, high = consumer.get_watermark_offsets(place, timeout=CALL_S)
            total += high - max(place.offset, low)
        return total
    finally:
        consumer.close()


def _behind_marks(settings: Settings, topic: str, topic_id: str, marks_of: Any) -> int:
    """A transaction ends with a marker, which is no record: one behind is none behind."""
    consumer = reader(settings)
    try:
        numbers = _partitions(consumer, topic)
        marks = marks_of(topic_id, numbers)
        total = 0
        for number in numbers:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=CALL_S)
            total += max(high - max(marks.get(number, low), low) - 1, 0)
        return total
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    found = consumer.list_topics(topic, timeout=CALL_S).topics[topic]
    if found.error is not None:
        raise Unavailable(f"Kafka has no topic {topic}: run `buzzwatch topics create`")
    return sorted(found.partitions)


def _latencies(rows: list[dict[str, Any]]) -> tuple[float, float] | None:
    """Median and the slowest of the tweets shown last, from their own time to their prediction, seconds; late ones left
    out, and events of other producers without a date that can be read."""
    taken = sorted(ms for ms in map(_took_ms, rows) if ms is not None and 0 <= ms < _LATE_MS)
    return (taken[len(taken) // 2] / 1000, taken[-1] / 1000) if taken else None


def _took_ms(row: dict[str, Any]) -> int | None:
    try:
        return to_ms(read_date(row["scored"])) - to_ms(read_date(row["at"]))
    except (ValueError, OverflowError):
        return None
