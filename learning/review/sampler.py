"""Fills the review queue from the stream: in the worker that counts, beside its work, a bounded number a second.

`see` is called with each batch that was counted and does no more than keep a few records; a thread reads them once a
second, chooses and writes to Redis. Nothing waits for it, and what it misses is no loss.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import redis
from numpy.typing import NDArray

from alerts.storage.redis_health import in_words
from contracts.errors import InvalidRecord
from contracts.events import MAX_TEXT, SENTIMENTS, ModelRef, Prediction, decode_prediction
from contracts.settings import Settings
from contracts.times import clock_ms
from learning.labels.texts import PredictionTexts, Remembered
from learning.review.item import ReviewItem, item_of, margin
from learning.review.queue import ReviewQueue
from models.base.asking import Asker
from models.linear.rare_words import RareWords
from models.registry.champion import LoadedModel
from models.text.digests import digests
from models.text.masking import mask
from stream.kafka.records import Record

_log = logging.getLogger("buzzwatch.learning")

_PER_SECOND: Final = 200
"""Predictions that are looked at: about a millisecond of processor time."""
_TURN_S: Final = 1.0
_UNSURE: Final = 0.2
"""Margin below which a text is worth a person's minute."""
_MOST_UNSURE: Final = 3
"""Unsure texts of one turn: the least sure."""
_LOOKED_AT: Final = 50
"""Predictions of one turn at which a second look is taken."""
_ASKED_S: Final = 0.05
"""How long a challenger is asked in one turn, which is a second."""
_MOST_DISPUTED: Final = 2
_DISPUTED_FIRST: Final = 0.05
_UNSEEN_FIRST: Final = 0.1
"""Places among the unsure ones, by margin."""
_FIRST_DRAW_S: Final = 5.0
"""The first tweet is drawn so soon, the next after twice the time, and so on up to `random_interval_s`."""
_ALERTS_S: Final = 10.0
_REPEATS: Final = 3
"""Times that a text is seen in a crisis until it is typical of it."""
_TYPICAL: Final = 10
"""Typical texts of one crisis that are asked about."""


class Draw(NamedTuple):
    """One tweet out of those that passed."""

    value: bytes | None
    passed: int


class Reservoir:
    """Keeps one of all records that pass, each with the same chance, by a hash of where it stands in its topic."""

    def __init__(self) -> None:
        self._count = 0
        self._least: int | None = None
        self._value: bytes | None = None

    def pass_by(self, records: Sequence[Record]) -> None:
        """See more records, of one partition."""
        first = records[0]
        place = (first.partition() << 44) + first.offset()
        mixed = _mixed(np.arange(len(records), dtype=np.uint64) + np.uint64(place))
        row = int(mixed.argmin())
        self._count += len(records)
        if self._least is None or int(mixed[row]) < self._least:
            self._least, self._value = int(mixed[row]), records[row].value()

    def draw(self) -> Draw | None:
        """The one that was kept; begins anew. None when nothing has passed."""
        found = None if self._least is None else Draw(self._value, self._count)
        self._count, self._least, self._value = 0, None, None
        return found


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood 2014): neighbours become as good as random."""
    with np.errstate(over="ignore"):
        mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


class ReviewSampler:
    """Chooses what is worth a person's minute.

    Args:
        firing: the watches with a bad buzz that fires; asked every ten seconds.
        champion: the model that answers; None: texts with words that it has hardly seen are not looked for.
        challenger: the model on trial in this worker.
        patience_s: how long that is waited for: one that hangs must not keep the queue from being filled.
    """

    def __init__(
        self,
        queue: ReviewQueue,
        texts: PredictionTexts,
        settings: Settings,
        firing: Callable[[], frozenset[str]],
        *,
        champion: Callable[[], LoadedModel | None] = lambda: None,
        challenger: Callable[[], LoadedModel | None] = lambda: None,
        patience_s: float = 5.0,
    ) -> None:
        self._seconds = _SecondLook(champion, challenger, patience_s)
        self._queue = queue
        self._texts = texts
        self._firing = firing
        self._longest_s = settings.learning.random_interval_s
        self._lock = threading.Lock()
        self._kept: deque[bytes | None] = deque(maxlen=2 * _PER_SECOND)
        self._room = _PER_SECOND
        self._reservoir = Reservoir()
        self._interval_s = min(_FIRST_DRAW_S, self._longest_s)
        self._drawn_at = time.monotonic()
        self._crises = _Crises()
        self._asked_at = 0.0
        self._is_away = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="review", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def see(self, records: Sequence[Record]) -> None:
        """Take note of records of one partition that were counted; microseconds."""
        if not records:
            return
        with self._lock:
            self._reservoir.pass_by(records)
            count = min(self._room, len(records))
            self._room -= count
            step = len(records) / count if count else 1
            self._kept.extend(records[int(row * step)].value() for row in range(count))

    def _run(self) -> None:
        while not self._stopping.wait(_TURN_S):
            try:
                self.turn(clock_ms(), time.monotonic())
                self._is_away = False
            except redis.RedisError as error:
                if not self._is_away:
                    _log.warning("the review queue is not filled: Redis %s", in_words(error))
                self._is_away = True
            except Exception:
                _log.exception("the review queue could not be filled; tried again at the next tick")

    def turn(self, now_ms: int, now_s: float) -> int:
        """Choose among what was kept since the last turn and queue it; how many were queued.

        Args:
            now_s: monotonic seconds.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        draw = None
        with self._lock:
            values, self._room = list(self._kept), _PER_SECOND
            self._kept.clear()
            if now_s - self._drawn_at >= self._interval_s:
                draw = self._reservoir.draw()
        if now_s - self._asked_at >= _ALERTS_S:
            self._asked_at = now_s
            self._crises.follow(self._firing())
        items = _unsure(values, now_ms) + self._crises.typical(values, now_ms) + self._seconds.chosen(values, now_ms)
        if draw is not None:
            self._drawn_at, self._interval_s = now_s, min(2 * self._interval_s, self._longest_s)
            items += _by_chance(draw, now_ms)
        taken = self._queue.offer(items)
        if taken:
            self._texts.remember([_remembered(item) for item in items])
        return taken


class _Crises:
    """Typical texts of the crises that go on: those that come again and again."""

    def __init__(self) -> None:
        self._seen: dict[str, Counter[int]] = {}
        self._asked: Counter[str] = Counter()

    def follow(self, watches: frozenset[str]) -> None:
        self._seen = {watch: self._seen.get(watch, Counter()) for watch in watches}
        self._asked = Counter({watch: self._asked[watch] for watch in watches})

    def typical(self, values: Sequence[bytes | None], now_ms: int) -> list[ReviewItem]:
        if not self._seen:
            return []
        found = []
        for prediction, text in _readable(values):
            for watch in prediction.watches:
                if watch not in self._seen or prediction.sentiment != "negative" or self._asked[watch] >= _TYPICAL:
                    continue
                digest = int(digests([text])[0])
                self._seen[watch][digest] += 1
                if self._seen[watch][digest] == _REPEATS:
                    self._asked[watch] += 1
                    note = f"typical of the bad buzz about {watch}: it comes again and again"
                    found.append(item_of(prediction, text, "crisis", note, priority=0.0, now_ms=now_ms))
            if len(self._seen) and sum(map(len, self._seen.values())) > 50_000:
                self._seen = {watch: Counter() for watch in self._seen}
        return found


class _SecondLook:
    """Texts on which the challenger differs from what was answered, and those with words that hardly any model saw."""

    def __init__(
        self,
        champion: Callable[[], LoadedModel | None],
        challenger: Callable[[], LoadedModel | None],
        patience_s: float,
    ) -> None:
        self._patience_s = patience_s
        self._champion = champion
        self._challenger = challenger
        self._rare: tuple[ModelRef, RareWords] | None = None
        self._per_text_s = 1e-3
        self._asker: tuple[LoadedModel, Asker] | None = None

    def chosen(self, values: Sequence[bytes | None], now_ms: int) -> list[ReviewItem]:
        some = _readable(values[:: max(1, len(values) // _LOOKED_AT)][:_LOOKED_AT])
        return [*self._disputed(some, now_ms), *self._unseen(some, now_ms)]

    def _disputed(self, some: Sequence[tuple[Prediction, str]], now_ms: int) -> list[ReviewItem]:
        challenger = self._challenger()
        asked = [one for one in some if challenger is not None and one[0].model != challenger.ref]
        if challenger is None or not asked:
            return []
        asked = asked[: max(1, int(_ASKED_S / self._per_text_s))]
        since = time.perf_counter()
        try:
            found = self._asker_of(challenger).ask(lambda: challenger.model.predict_proba([text for _, text in asked]))
            answers = found.argmax(axis=1).tolist()
        except Exception:  # its errors are counted where it is on trial
            return []
        self._per_text_s = max((time.perf_counter() - since) / len(asked), 1e-7)
        differ = [(one, SENTIMENTS[label]) for one, label in zip(asked, answers, strict=True)]
        differ = [one for one in differ if one[0][0].sentiment != one[1]][:_MOST_DISPUTED]
        return [
            item_of(
                prediction, text, "disagreement", f"the challenger, version {challenger.ref.version}, says {label}",
                priority=_DISPUTED_FIRST, now_ms=now_ms,
            )
            for (prediction, text), label in differ
        ]  # fmt: skip

    def _asker_of(self, challenger: LoadedModel) -> Asker:
        if self._asker is None or self._asker[0] is not challenger:
            if self._asker is not None:
                self._asker[1].stop()
            self._asker = challenger, Asker("challenger for review", self._patience_s)
        return self._asker[1]

    def _unseen(self, some: Sequence[tuple[Prediction, str]], now_ms: int) -> list[ReviewItem]:
        champion = self._champion()
        if champion is None:
            return []
        if self._rare is None or self._rare[0] != champion.ref:
            self._rare = champion.ref, RareWords(champion.model)
        for prediction, text in some:
            if words := self._rare[1].of(text):
                note = f"words that the model has hardly seen: {', '.join(words[:5])}"
                return [item_of(prediction, text, "unseen_words", note, priority=_UNSEEN_FIRST, now_ms=now_ms)]
        return []


def _unsure(values: Sequence[bytes | None], now_ms: int) -> list[ReviewItem]:
    found = [(margin(prediction.scores), prediction, text) for prediction, text in _readable(values)]
    least = sorted((one for one in found if one[0] < _UNSURE), key=lambda one: (one[0], one[1].prediction_id))
    return [
        item_of(prediction, text, "unsure", _between(prediction), priority=gap, now_ms=now_ms)
        for gap, prediction, text in least[:_MOST_UNSURE]
    ]


def _between(prediction: Prediction) -> str:
    scores = {name: getattr(prediction.scores, name) for name in ("negative", "neutral", "positive")}
    first, second, _ = sorted(scores, key=lambda name: -scores[name])
    return f"torn between {first} ({scores[first]:.2f}) and {second} ({scores[second]:.2f})"


def _by_chance(draw: Draw, now_ms: int) -> list[ReviewItem]:
    note = f"drawn by chance, one of {draw.passed:,}"
    return [
        item_of(prediction, text, "random", note, priority=0.0, now_ms=now_ms, drawn=1 / draw.passed)
        for prediction, text in _readable([draw.value])
    ]


def _readable(values: Sequence[bytes | None]) -> list[tuple[Prediction, str]]:
    """Predictions with their masked texts; without those in languages that the model does not know."""
    found = []
    for value in values:
        try:
            prediction = decode_prediction(value)
        except InvalidRecord:
            continue
        if prediction.text and prediction.text.strip() and prediction.reliable:
            found.append((prediction, mask(prediction.text)[:MAX_TEXT]))
    return found


def _remembered(item: ReviewItem) -> Remembered:
    return Remembered(
        prediction_id=item.id,
        text=item.text,
        tweet_id=item.tweet_id,
        scores=item.scores,
        model_version=item.model_version,
    )
