"""Whether a judgement can be true: of a version that served, of what was predicted, by somebody who does not flood us.

Who may write feedback is for the broker and for keys; this is for what is left: an invented version, a prediction that
said something else, one person's hundreds of judgements. What cannot be true fires nothing and teaches nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import redis

from alerts.storage.keys import AlertKeys
from contracts.errors import Unavailable
from contracts.events import SENTIMENTS, Feedback
from contracts.learning.labels import judge_hash
from contracts.settings import Settings
from learning.labels.texts import PredictionTexts, Remembered

_log = logging.getLogger("buzzwatch.learning")

_ASKED_AGAIN_S: Final = 2.0
"""A registry is asked for versions that served so often at most, whoever invents how many of them."""
_SAME: Final = 1e-6
"""Scores that differ by less are a tie."""


class Credibility:
    """Looks at judgements before they count.

    Args:
        client: opened by `alerts.storage.connection.connect`.
        texts: what is remembered of predictions.
        serving: the version that serves here, None while none does.
        served: asks the registry which versions ever served; raises Unavailable.
    """

    def __init__(
        self,
        client: redis.Redis,
        settings: Settings,
        texts: PredictionTexts,
        *,
        serving: Callable[[], str | None],
        served: Callable[[], Iterable[str]],
    ) -> None:
        self._redis: Any = client
        self._keys = AlertKeys(settings.redis.prefix)
        self._texts = texts
        self._serving = serving
        self._ask_registry = served
        self._most = settings.alerts.author_judgements
        self._window_s = settings.alerts.author_window_s
        self._secret = settings.privacy.secret
        self._served: frozenset[str] = frozenset()
        self._asked_at = float("-inf")
        self._registry_away = False
        self._asking = threading.Lock()

    def doubts(self, judgements: Sequence[Feedback]) -> list[str | None]:
        """For each judgement, in their order, why it cannot be true; None when it can.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        if not judgements:
            return []
        known = self._texts.find([str(one.prediction_id) for one in judgements])
        served = set(self._redis.hkeys(self._keys.serving))
        by_author = self._counted({self._hashed(one) for one in judgements if one.author})
        found = []
        for one in judgements:
            remembered = known.get(str(one.prediction_id))
            why = _contradiction(one, remembered) or self._never_served(one.model_version, served, remembered)
            found.append(why or self._too_many(one, by_author))
        return found

    def count(self, judgements: Iterable[Feedback]) -> None:
        """Note judgements that were counted for their authors.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        now, pipeline = time.time(), self._redis.pipeline(transaction=False)
        for one in judgements:
            if one.author:
                name = self._keys.judged_by(self._hashed(one))
                pipeline.zadd(name, {one.feedback_id.hex: now}, nx=True)
                pipeline.expire(name, int(self._window_s) + 1)
        pipeline.execute()

    def _never_served(self, version: str, served: set[str], remembered: Remembered | None) -> str | None:
        if version in served or version == self._serving() or version in self._served_by_registry():
            return None
        if remembered is not None and remembered.model_version == version:
            return None
        unsure = " (the registry does not answer; replay the dead letter when it does)" if self._registry_away else ""
        return f"model version {version!r} never served{unsure}"

    def _served_by_registry(self) -> frozenset[str]:
        with self._asking:
            if time.monotonic() - self._asked_at > _ASKED_AGAIN_S:
                try:
                    self._served = frozenset(self._ask_registry())
                    self._registry_away = False
                except Unavailable as error:
                    self._registry_away = True
                    _log.warning("which versions served cannot be looked up: %s", error)
                self._asked_at = time.monotonic()
            return self._served

    def _counted(self, authors: set[str]) -> dict[str, set[str]]:
        """Author → ids of the judgements that counted in the window."""
        chosen, since = sorted(authors), time.time() - self._window_s
        pipeline = self._redis.pipeline(transaction=False)
        for author in chosen:
            pipeline.zremrangebyscore(self._keys.judged_by(author), "-inf", f"({since}")
            pipeline.zrange(self._keys.judged_by(author), 0, -1)
        answers = pipeline.execute()
        return {author: set(ids) for author, ids in zip(chosen, answers[1::2], strict=True)}

    def _too_many(self, judgement: Feedback, by_author: dict[str, set[str]]) -> str | None:
        """Adds the judgement to those of its author, unless they are too many. One that is sent again is no other."""
        if not judgement.author:
            return None
        ids, own = by_author[self._hashed(judgement)], judgement.feedback_id.hex
        if own not in ids and len(ids) >= self._most:
            return (
                f"its author has judged {self._most} predictions within {self._window_s:g} s "
                "(BUZZWATCH_ALERTS__AUTHOR_JUDGEMENTS)"
            )
        ids.add(own)
        return None

    def _hashed(self, judgement: Feedback) -> str:
        return judge_hash(judgement.author or "", self._secret)


def _contradiction(judgement: Feedback, remembered: Remembered | None) -> str | None:
    """How it contradicts what is remembered of the prediction."""
    if remembered is None:
        return None
    version = remembered.model_version
    if version is not None and version != judgement.model_version:
        return f"the prediction was made by model version {version!r}, not {judgement.model_version!r}"
    if remembered.scores is not None:
        scores = dict(zip(SENTIMENTS, (getattr(remembered.scores, label) for label in SENTIMENTS), strict=True))
        if scores[judgement.predicted] < max(scores.values()) - _SAME:
            likeliest = max(scores, key=lambda label: scores[label])
            return f"the prediction said {likeliest}, not {judgement.predicted}"
    return None
