"""The review queue in Redis: bounded, without near-duplicates, a tenth of it drawn by chance.

The unsure texts that wait are the least sure; of them those are handed out first whose words tell most (`coverage`).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
import redis

from alerts.storage.foreign import readable, readable_values, reading
from contracts.errors import BuzzwatchError
from contracts.events import Sentiment
from contracts.learning.labels import LabelEvent, label_id_of
from contracts.settings import Settings
from contracts.times import clock_ms
from learning.review.accuracy import Drawn
from learning.review.coverage import buckets_of, most_telling
from learning.review.item import ReviewItem
from models.text.digests import digests

SHARE_BY_CHANCE: Final = 10
"""One in so many of the texts that are handed out was drawn by chance."""
_AGAIN: Final = -1.0
"""Priority of a text that was taken back: it comes next, before all others; below 0 no words decide."""
_REMEMBERED: Final = 20_000
"""Texts whose near-duplicates are kept out, and judged ones by chance."""


def kept_out_s(settings: Settings) -> float:
    """How long an erased tweet is kept out, seconds: as long as a topic may bring it back."""
    topics = settings.kafka.topics
    hours = max(topics.retention_hours, topics.dead_letter_retention_hours)
    return hours * 3600 + settings.learning.review_keep_s


class UnknownItem(BuzzwatchError):
    """There is no such text in the queue (any more)."""


class ErasedItem(BuzzwatchError):
    """The tweet was erased meanwhile."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge said about one item, as the queue keeps it."""

    label: Sentiment | None
    """None: taken back."""
    label_id: str
    times: int
    """How often the judge has said something about it; makes ids that differ."""


_item_of: Final = msgspec.json.Decoder(ReviewItem).decode
_verdict_of: Final = msgspec.json.Decoder(Verdict).decode
_by_chance_of: Final = msgspec.json.Decoder(tuple[int, Any, str, int]).decode


class Waiting(NamedTuple):
    """How much there is."""

    chosen: int
    random: int


class ReviewQueue:
    """What waits for review, and what was said.

    Args:
        client: opened by `alerts.storage.connection.connect`.
        write: writes label events and returns when they are safe; `LabelWriter.write`.
    """

    def __init__(
        self, client: redis.Redis, settings: Settings, write: Callable[[Sequence[LabelEvent]], object] | None = None
    ) -> None:
        self._redis: Any = client
        self._prefix = f"{settings.redis.prefix}:{{review}}:"
        self._size = settings.learning.review_queue
        self._keep_ms = int(settings.learning.review_keep_s * 1000)
        self._kept_out_ms = int(kept_out_s(settings) * 1000)
        self._write = write or (lambda _events: None)

    def _key(self, name: str) -> str:
        return self._prefix + name

    # -- filling ---------------------------------------------------------------------------------------------------

    def offer(self, items: Sequence[ReviewItem]) -> int:
        """Put items in; how many were taken. Left out: what is in or was judged, near-duplicates, what has no room.

        An item that was drawn by chance has near-duplicates in its right: the stream has them, too.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        if not items or not self._size:
            return 0
        self._take_over()
        taken = 0
        for item, digest in zip(items, digests([item.text for item in items]).tolist(), strict=True):
            taken += self._offer(item, str(digest))
        self._trim()
        return taken

    def _offer(self, item: ReviewItem, digest: str) -> bool:
        client = self._redis
        if client.hexists(self._key("items"), item.id) or client.zscore(self._key("done"), item.id) is not None:
            return False
        if client.zscore(self._key("erased:at"), item.tweet_id) is not None:
            return False
        is_new = client.zadd(self._key("texts"), {digest: item.queued_at_ms}, nx=True)
        if not is_new and item.reason != "random":
            return False
        pipeline = client.pipeline(transaction=True)
        pipeline.hset(self._key("items"), item.id, msgspec.json.encode(item).decode())
        if item.reason == "random":
            pipeline.zadd(self._key("random"), {item.id: item.queued_at_ms})
        else:
            pipeline.zadd(self._key("chosen"), {item.id: item.priority})
            pipeline.zadd(self._key("since"), {item.id: item.queued_at_ms})
        pipeline.execute()
        return True

    def _take_over(self) -> None:
        """What an older release has noted as erased, without when."""
        if before := self._redis.smembers(self._key("erased")):
            self._redis.zadd(self._key("erased:at"), dict.fromkeys(before, clock_ms()))
            self._redis.delete(self._key("erased"))

    def _trim(self) -> None:
        """Give up what is too old, and the least telling beyond the queue's size."""
        client, by_chance = self._redis, max(1, self._size // SHARE_BY_CHANCE)
        oldest = clock_ms() - self._keep_ms
        gone = client.zrangebyscore(self._key("since"), 0, oldest)
        gone += client.zrangebyscore(self._key("random"), 0, oldest)
        gone += client.zrange(self._key("chosen"), self._size - by_chance, -1)
        gone += client.zrange(self._key("random"), 0, -1 - by_chance)  # the oldest: chance is no matter of their text
        self._remove(gone)
        client.zremrangebyrank(self._key("texts"), 0, -1 - _REMEMBERED)
        client.zremrangebyrank(self._key("done"), 0, -1 - _REMEMBERED)

    def _remove(self, ids: Sequence[str]) -> None:
        if not ids:
            return
        pipeline = self._redis.pipeline(transaction=True)
        for name in ("chosen", "since", "random"):
            pipeline.zrem(self._key(name), *ids)
        pipeline.hdel(self._key("items"), *ids)
        pipeline.execute()

    # -- handing out -----------------------------------------------------------------------------------------------

    def waiting(self) -> Waiting:
        """How many wait."""
        return Waiting(self._redis.zcard(self._key("chosen")), self._redis.zcard(self._key("random")))

    def next(self, count: int, judge: str, *, confidence: tuple[float, float] | None = None) -> list[ReviewItem]:
        """The next items for a judge: one in ten drawn by chance, the others by priority, and the unsure ones among
        these by what their words tell; none twice, none skipped.

        Args:
            judge: a hash.
            confidence: only those whose best label has a probability within; then none is drawn by chance.
        """
        # What was said last is in front of what was judged, so that a second judge is asked soon.
        mine = set(self._redis.zrange(self._key(f"by:{judge}"), 0, -1))
        scored = self._redis.zrange(self._key("chosen"), 0, -1, withscores=True)
        chosen = [one for one, _ in scored if one not in mine]
        random = [one for one in self._redis.zrange(self._key("random"), 0, -1) if one not in mine]
        if confidence is not None:
            low, high = confidence
            inside = [one for one in self._load(chosen) if low <= max(msgspec.structs.astuple(one.scores)) <= high]
            return inside[:count]
        chosen = self._by_words(chosen, count, {one for one, priority in scored if priority < 0})
        # Counted over what the judge has done, so that one in ten holds however few are asked for at a time.
        place, ids = self._redis.zcard(self._key(f"by:{judge}")), list[str]()
        while len(ids) < count and (chosen or random):
            is_random = place % SHARE_BY_CHANCE == 0
            first, second = (random, chosen) if is_random else (chosen, random)
            if not first and not is_random and len(ids) >= 1:
                break  # only chance is left: the rest of it waits for its turn
            ids.append((first or second).pop(0))
            place += 1
        return self._load(ids)

    def _by_words(self, ids: Sequence[str], count: int, pinned: set[str]) -> list[str]:
        """The places of the unsure ones stay theirs, and the most telling ones come first in them."""
        unsure = [one for one in self._load([one for one in ids if one not in pinned]) if one.reason == "unsure"]
        order = most_telling([one.text for one in unsure], count, self._judged_words)
        first = [unsure[place].id for place in order]
        names = {one.id for one in unsure}
        places = iter([*first, *(one.id for one in unsure if one.id not in set(first))])
        return [next(places) if one in names else one for one in ids]

    def _judged_words(self, buckets: Sequence[int]) -> list[int]:
        """How many judged texts had a word of each bucket."""
        found = self._redis.hmget(self._key("words"), [str(one) for one in buckets]) if buckets else []
        return [int(value or 0) for value in found]

    def _count_words(self, item: ReviewItem, by: int) -> None:
        pipeline = self._redis.pipeline(transaction=True)
        for bucket in buckets_of(item.text):
            pipeline.hincrby(self._key("words"), str(bucket), by)
        pipeline.execute()

    def get(self, item_id: str) -> ReviewItem:
        """One item, also one that was judged lately.

        Raises:
            ErasedItem, UnknownItem: it is not there.
        """
        value = self._redis.hget(self._key("items"), item_id) or self._redis.get(self._key(f"judged:{item_id}"))
        if value is None and self._redis.zscore(self._key("erased:at"), item_id) is not None:
            raise ErasedItem("the tweet of this text was erased meanwhile: nothing about it is kept")
        if value is None:
            raise UnknownItem(f"there is no text {item_id!r} in the review queue (any more); GET /review lists them")
        with reading(self._key("items")):
            item = _item_of(value)
        if self._redis.zscore(self._key("erased:at"), item.tweet_id) is not None:
            self._remove([item_id])
            raise ErasedItem(f"the tweet {item.tweet_id} was erased meanwhile: nothing about it is kept")
        return item

    def _load(self, ids: Sequence[str]) -> list[ReviewItem]:
        values = self._redis.hmget(self._key("items"), ids) if ids else []
        stored = ((one, value) for one, value in zip(ids, values, strict=True) if value is not None)
        return [item for _, item in readable(self._key("items"), stored, _item_of)]

    # -- judging ---------------------------------------------------------------------------------------------------

    def judge(self, item_id: str, label: Sentiment, judge: str) -> ReviewItem:
        """Keep what a judge says; said twice it counts once, and another label takes the place of the first.

        Args:
            judge: a hash.

        Raises:
            UnknownItem, ErasedItem: there is no such item. Unavailable: Kafka has not acknowledged the label.
        """
        item, before = self.get(item_id), self.verdict(item_id, judge)
        if before is not None and before.label == label:
            return item
        times = 1 if before is None else before.times + 1
        event = LabelEvent(
            label_id=label_id_of(f"review/{item_id}/{judge}/{times}/{label}"),
            kind="judgement",
            created_at=datetime.now(UTC),
            tweet_id=item.tweet_id,
            prediction_id=uuid.UUID(item.id),
            label=label,
            text=item.text,
            scores=item.scores,
            model_version=item.model_version,
            judge=judge,
            source="random" if item.reason == "random" else "review",
            blind=item.blind,
            drawn=item.drawn,
            watches=item.watches,
        )
        self._write([*_taken_back(item, judge, before), event])
        self._keep(item, judge, Verdict(label=label, label_id=str(event.label_id), times=times))
        if before is None or before.label is None:
            self._count_words(item, 1)
        return item

    def undo(self, item_id: str, judge: str) -> ReviewItem:
        """Take back what the judge said of an item, or that it was skipped; it waits again.

        Raises:
            UnknownItem, ErasedItem: there is no such item. Unavailable: Kafka has not acknowledged it.
        """
        item, before = self.get(item_id), self.verdict(item_id, judge)
        if before is not None and before.label is not None:
            self._write(_taken_back(item, judge, before))
            self._keep(item, judge, Verdict(label=None, label_id=before.label_id, times=before.times))
            self._count_words(item, -1)
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.zrem(self._key(f"by:{judge}"), item_id)
        pipeline.zrem(self._key("done"), item_id)
        pipeline.hset(self._key("items"), item_id, msgspec.json.encode(item).decode())
        if item.reason == "random":
            pipeline.zadd(self._key("random"), {item_id: item.queued_at_ms})
        else:
            pipeline.zadd(self._key("chosen"), {item_id: _AGAIN})
            pipeline.zadd(self._key("since"), {item_id: item.queued_at_ms})
        pipeline.execute()
        return item

    def skip(self, item_id: str, judge: str) -> ReviewItem:
        """Show an item to this judge no more; others may judge it."""
        item = self.get(item_id)
        self._redis.zadd(self._key(f"by:{judge}"), {item_id: time.time()})
        self._redis.expire(self._key(f"by:{judge}"), self._keep_ms // 1000)
        return item

    def verdict(self, item_id: str, judge: str) -> Verdict | None:
        """What a judge said of an item lately."""
        value = self._redis.hget(self._key(f"verdicts:{item_id}"), judge)
        with reading(self._key(f"verdicts:{item_id}")):
            return None if value is None else _verdict_of(value)

    def last_of(self, judge: str) -> str | None:
        """The item that the judge dealt with last; None without any."""
        found = self._redis.zrange(self._key(f"by:{judge}"), -1, -1)
        return found[0] if found else None

    def _keep(self, item: ReviewItem, judge: str, verdict: Verdict) -> None:
        now, keep_s = time.time(), self._keep_ms // 1000
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hset(self._key(f"verdicts:{item.id}"), judge, msgspec.json.encode(verdict).decode())
        pipeline.expire(self._key(f"verdicts:{item.id}"), keep_s)
        pipeline.set(self._key(f"judged:{item.id}"), msgspec.json.encode(item).decode(), ex=keep_s)
        pipeline.zadd(self._key(f"by:{judge}"), {item.id: now})
        pipeline.expire(self._key(f"by:{judge}"), keep_s)
        pipeline.hvals(self._key(f"verdicts:{item.id}"))
        stored = pipeline.execute()[-1]
        verdicts = readable_values(self._key(f"verdicts:{item.id}"), stored, _verdict_of)
        labels = [one.label for one in verdicts if one.label]
        if item.drawn is not None:
            self._note_random(item, labels[-1] if labels else None)
        if len(labels) >= item.judges:
            self._redis.zadd(self._key("done"), {item.id: now})
            self._remove([item.id])

    def _note_random(self, item: ReviewItem, label: Sentiment | None) -> None:
        key = self._key("by-chance")
        if label is None:
            self._redis.hdel(key, item.id)
            return
        noted = [int(label == item.sentiment), item.drawn, item.model_version, int(time.time())]
        self._redis.hset(key, item.id, msgspec.json.encode(noted).decode())

    def judged_by_chance(self, *, model_version: str | None = None, since_s: int = 0) -> list[Drawn]:
        """Judged texts that were drawn by chance, for `accuracy_in_production`.

        Args:
            model_version: only what this version answered.
        """
        found = []
        key = self._key("by-chance")
        for right, drawn, version, at_s in readable_values(key, self._redis.hvals(key), _by_chance_of):
            if at_s >= since_s and model_version in (None, version):
                found.append(Drawn(bool(right), drawn))
        return found

    # -- erasure ---------------------------------------------------------------------------------------------------

    def erase(self, ids: Sequence[str]) -> None:
        """Forget tweets (tweet ids or prediction ids) and take them no more."""
        if not ids:
            return
        asked = set(ids)
        items = self._load(self._redis.hkeys(self._key("items")))
        gone = [item for item in items if not asked.isdisjoint({item.id, item.tweet_id})]
        names = sorted(asked | {item.id for item in gone})
        now_ms = clock_ms()
        erased = {*names, *(item.tweet_id for item in gone)}
        self._redis.zadd(self._key("erased:at"), dict.fromkeys(erased, now_ms))
        self._redis.zremrangebyscore(self._key("erased:at"), 0, now_ms - self._kept_out_ms)
        self._remove([item.id for item in gone])
        self._redis.hdel(self._key("by-chance"), *names)
        self._redis.zrem(self._key("done"), *names)
        for one in names:
            self._redis.delete(self._key(f"judged:{one}"), self._key(f"verdicts:{one}"))
        for key in self._redis.scan_iter(self._key("by:*"), count=1000):
            self._redis.zrem(key, *names)


def _taken_back(item: ReviewItem, judge: str, before: Verdict | None) -> list[LabelEvent]:
    """The retraction of what the judge said of an item, where something stands."""
    if before is None or before.label is None:
        return []
    retracted = uuid.UUID(before.label_id)
    return [
        LabelEvent(
            label_id=label_id_of(f"undo/{retracted}"),
            kind="retraction",
            created_at=datetime.now(UTC),
            tweet_id=item.tweet_id,
            judge=judge,
            retracts=retracted,
            reason="changed or undone in review",
        )
    ]
