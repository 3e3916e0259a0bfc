"""Plays the script on the running stack and keeps the predictions."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import httpx

from contracts.errors import InvalidRecord
from contracts.events import Prediction, decode_prediction
from contracts.settings import Settings
from contracts.times import clock_ms, to_rfc3339
from demo.tweet_texts import Line, angry, ordinary, sarcastic, stranded
from stream.kafka.topic_reader import follow
from stream.kafka.tweet_files import Line as Record
from stream.kafka.tweet_producer import TweetProducer

PAST_TWEETS: Final = 1500
_PEOPLE: Final = 100_000
"""As many may write."""
_DAY_MS: Final = 86_400_000
_LATE_MS: Final = 300_000
_REPORTS: Final = 3
"""As many wrong predictions in a row as the default rule asks for."""


class Phase(NamedTuple):
    """A part of the script: so many seconds with so many tweets a second, ordinary, angry, and about a strike."""

    name: str
    seconds: float
    ordinary: float
    angry: float
    stranded: float


PHASES: Final = (
    # Not shorter than the demo's `keep_firing_for`: the alert of a play that was stopped is over before the crisis.
    Phase("an ordinary day", 10, 5, 0, 0),
    Phase("baggage breakdown", 45, 3, 8, 4),
    Phase("recovery", 105, 5, 0, 0),
)
TRIAL: Final = Phase("a challenger on trial", 60, 8, 0, 0)
"""Ends as soon as the trial does."""


class Theatre:
    """Produces the tweets, follows their predictions, reports the wrong ones.

    Args:
        settings: of the running stack.
        progress: takes one line at a time.
    """

    def __init__(self, settings: Settings, progress: Callable[[str], None], headers: Mapping[str, str]) -> None:
        self._settings = settings
        self._headers = headers
        self._progress = progress
        self._rng = random.Random(20_261_120)
        # Other people each time: who has spoken within the last half hour is no new voice.
        self._people = random.Random()
        self._producer = TweetProducer(settings)
        self._expected: dict[str, str] = {}
        self._sarcasm = list(sarcastic(self._rng))
        self._lock = threading.Lock()
        self._recent: list[tuple[float, Prediction]] = []
        self._misread: list[Prediction] = []
        self._playing = threading.Lock()
        self._closing = threading.Event()
        self.phase = ""
        self.crisis_began: float | None = None
        """Wall-clock seconds of the first angry tweet."""
        threading.Thread(target=self._follow, name="following", daemon=True).start()

    def past(self) -> int:
        """Yesterday's tweets, all at once. Written long before they arrive, they fill baselines and page nobody."""
        now_ms = clock_ms()
        for number in range(PAST_TWEETS):
            written = now_ms - _LATE_MS - (_DAY_MS - _LATE_MS) * (PAST_TWEETS - number) // PAST_TWEETS
            self._send(ordinary(self._rng), written)
        return PAST_TWEETS

    def play(self, phase: Phase, is_over: Callable[[], bool] = lambda: False) -> None:
        """Play one phase in real time, or a part of it."""
        with self._playing:
            self.phase = phase.name
            began, sent_ordinary, sent_angry, sent_stranded = time.monotonic(), 0, 0, 0
            if phase.angry:
                self.crisis_began = time.time()
            while (elapsed := time.monotonic() - began) < phase.seconds and not (self._closing.is_set() or is_over()):
                while sent_ordinary < phase.ordinary * elapsed:
                    self._send(ordinary(self._rng))
                    sent_ordinary += 1
                while sent_stranded < phase.stranded * elapsed:
                    self._send(stranded(self._rng))
                    sent_stranded += 1
                while sent_angry < phase.angry * elapsed:
                    sarcasm_is_due = sent_angry % 30 == 29 and self._sarcasm
                    self._send(
                        self._sarcasm.pop() if sarcasm_is_due else angry(self._rng),
                        sarcasm=bool(sarcasm_is_due),
                    )
                    sent_angry += 1
                self._closing.wait(0.05)

    def shares(self, watch: str, seconds: float) -> tuple[int, int]:
        """Tweets and negative ones of a watch that were scored in the last seconds."""
        since = time.monotonic() - seconds
        with self._lock:
            self._recent = [(at, prediction) for at, prediction in self._recent if at > since - 60]
            found = [prediction for at, prediction in self._recent if at > since and watch in prediction.watches]
        return len(found), sum(prediction.sentiment == "negative" for prediction in found)

    def report_wrong_ones(self) -> int:
        """Say "this one is wrong" about complaints that the model took for praise, then "right" about one that it got.

        Returns:
            How many wrong predictions were reported.
        """
        with self._lock:
            wrong = self._misread[:_REPORTS]
        for prediction in wrong:
            self._judge(prediction, correct=False)
            self._progress(f"feedback: “{prediction.text}” is negative, not {prediction.sentiment}")
        return len(wrong)

    def report_a_right_one(self) -> None:
        """Confirm one prediction: a row of errors ends."""
        with self._lock:
            right = [p for _, p in self._recent if self._expected.get(p.tweet_id) == p.sentiment]
        if right:
            self._judge(right[-1], correct=True)
            self._progress(f"feedback: “{right[-1].text}” is {right[-1].sentiment}, as predicted")

    def truth(self, tweet_id: str) -> str | None:
        """A person's label of a tweet of this play."""
        label = self._expected.get(tweet_id)
        return "negative" if label == "sarcasm" else label

    def close(self) -> None:
        """End a phase that is being played, and wait for what was sent."""
        self._closing.set()
        with self._playing:
            self._producer.close()

    def _send(self, line: Line, written_ms: int | None = None, *, sarcasm: bool = False) -> None:
        identifier = uuid.UUID(int=self._rng.getrandbits(128)).hex[:12] + f"{int(time.time()):x}"
        if written_ms is None:
            self._expected[identifier] = line.label
        if sarcasm:
            self._expected[identifier] = "sarcasm"
        created_at = to_rfc3339(written_ms or clock_ms())
        tweet: dict[str, Any] = {"id": identifier, "text": line.text, "created_at": created_at, "lang": "en"}
        followers = round(self._people.lognormvariate(5, 1.5))
        tweet |= {"author_id": str(self._people.randrange(_PEOPLE)), "reach": followers}
        self._producer.send(Record(identifier.encode(), json.dumps(tweet, ensure_ascii=False).encode()))

    def _follow(self) -> None:
        topic = self._settings.kafka.topics.scored
        for record in follow(self._settings, topic, from_beginning=False, until_end=False):
            try:
                prediction = decode_prediction(record.value())
            except InvalidRecord:
                continue
            expected = self._expected.get(prediction.tweet_id)
            with self._lock:
                if expected is not None:
                    self._recent.append((time.monotonic(), prediction))
                if expected == "sarcasm" and prediction.sentiment != "negative":
                    self._misread.append(prediction)

    def _judge(self, prediction: Prediction, *, correct: bool) -> None:
        body: dict[str, Any] = {
            "prediction_id": prediction.prediction_id,
            "predicted": prediction.sentiment,
            "correct": correct,
            "model_version": prediction.model.version,
            "tweet_id": prediction.tweet_id,
            "watch": next(iter(prediction.watches), None),
        }
        if not correct:
            body["expected"] = "negative"
        url = f"http://{self._settings.api.host}:{self._settings.api.port}/feedback"
        headers = dict(self._headers)
        httpx.post(url, json=body, headers=headers, timeout=10, trust_env=False).raise_for_status()
