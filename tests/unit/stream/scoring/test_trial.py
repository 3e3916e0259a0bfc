"""A challenger beside the champion: which tweets it answers, and that its faults cost nobody anything."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.events import ModelRef, decode_prediction, prediction_id
from models.base.sentiment import SentimentModel
from models.registry.champion import LoadedModel
from models.text.batch import TextBatch
from stream.kafka.records import RecordBatch, ScoredBatch
from stream.scoring.scorer import Scorer
from stream.scoring.trial import Trial
from tests.fake_model import POISON, FakeModel
from tests.fakes_kafka import FakeRecord
from tests.unit.stream.scoring.test_scorer import ANNOTATOR, NOW_MS, SENT_MS
from tests.waiting import until

IDS = [str(number) for number in range(2_000)]
CHAMPION = LoadedModel.of(ModelRef("sentiment", "7"), FakeModel(), ("champion",))


class Contrary(FakeModel):
    """Says the opposite of a FakeModel; or raises, answers nonsense, or is held up, when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Any = None
        self.go_on = threading.Event()
        self.go_on.set()

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        assert self.go_on.wait(300)
        if isinstance(self.fault, BaseException):
            raise self.fault
        return self.fault if self.fault is not None else super().predict_proba(texts)[:, ::-1]


@pytest.fixture
def model() -> Contrary:
    return Contrary()


@pytest.fixture
def trial(model: Contrary) -> Iterator[Trial]:
    trial = Trial(LoadedModel.of(ModelRef("sentiment", "8"), model), cpu_share=0)
    yield trial
    trial.stop()


def score(
    trial: Trial | None,
    ids: Sequence[str] = IDS,
    text: str = "bad",
    *,
    poisoned: Sequence[str] = (),
    now_ms: int = NOW_MS,
) -> ScoredBatch:
    texts = {name: POISON if name in poisoned else text for name in ids}
    records = [
        FakeRecord(json.dumps({"id": name, "text": texts[name]}).encode(), offset=offset, timestamp_ms=SENT_MS)
        for offset, name in enumerate(ids)
    ]
    scorer = Scorer(ANNOTATOR, "masked")
    scorer.trial = trial
    return scorer.score(RecordBatch(records, 0, None), CHAMPION, now_ms)


def by_challenger(scored: ScoredBatch) -> set[str]:
    events = [decode_prediction(record.value) for record in scored.predictions]
    assert [event.tweet_id for event in events] == [(record.key or b"").decode() for record in scored.predictions]
    for event in events:
        version, sentiment = ("8", "positive") if event.canary is True else ("7", "negative")
        assert (event.model.version, event.sentiment) == (version, sentiment)
        assert event.prediction_id == prediction_id("sentiment", version, event.tweet_id)
    return {event.tweet_id for event in events if event.canary is True}


def test_a_share_of_the_tweets_is_answered_by_the_challenger_and_always_the_same(trial: Trial) -> None:
    trial.share = 0.1
    tenth = by_challenger(score(trial))
    assert 140 < len(tenth) < 260
    assert by_challenger(score(trial, IDS[::-1])) == tenth
    assert by_challenger(score(trial, IDS[:7])) == tenth & set(IDS[:7])
    trial.share = 0.5
    assert by_challenger(score(trial)) > tenth
    trial.share = 1.0
    assert by_challenger(score(trial)) == set(IDS)
    trial.share = 0.0
    assert by_challenger(score(trial)) == set()


def test_a_batch_scored_at_once_and_one_that_is_split_gives_the_challenger_the_same_tweets(trial: Trial) -> None:
    trial.share = 0.3
    at_once = by_challenger(score(trial, IDS[:300]))
    trial.take()
    split = score(trial, IDS[:300], poisoned=["7", "150"])
    assert by_challenger(split) == at_once - {"7", "150"}
    assert [json.loads(letter.value or b"")["id"] for letter in split.dead_letters] == ["7", "150"]
    assert trial.take().offered == 298


@pytest.mark.parametrize(
    "fault",
    [ValueError("broken"), SystemError("deep"), np.zeros((3, 3), np.float32), np.full((2_000, 3), 7.0, np.float32)],
    ids=["raises", "breaks", "has another shape", "says no probabilities"],
)
def test_where_the_challenger_fails_the_champion_answers(trial: Trial, model: Contrary, fault: Any) -> None:
    trial.share = 1.0
    model.fault = fault
    scored = score(trial)
    assert by_challenger(scored) == set()
    assert (len(scored.predictions), scored.dead_letters) == (len(IDS), [])
    tally = trial.take()
    assert (tally.errors, tally.answered) == (1, 0)
    assert tally.last_error


def test_a_challenger_that_hangs_is_waited_for_once(model: Contrary) -> None:
    trial = Trial(LoadedModel.of(ModelRef("sentiment", "8"), model), cpu_share=0, answer_s=0.05, late_again_s=3600)
    trial.share = 1.0
    model.go_on.clear()
    assert by_challenger(score(trial, IDS[:3])) == set()
    assert by_challenger(score(trial, IDS[:3])) == set()
    assert trial.take().errors == 1
    assert len(model.batches) == 0
    model.go_on.set()
    trial.stop()


def test_a_challenger_that_goes_on_hanging_fails_again_and_again_and_one_that_was_late_once_answers_again(
    model: Contrary,
) -> None:
    trial = Trial(LoadedModel.of(ModelRef("sentiment", "8"), model), cpu_share=0, answer_s=0.05, late_again_s=0)
    trial.share = 1.0
    model.go_on.clear()
    for _ in range(10):
        assert by_challenger(score(trial, IDS[:3])) == set()
    assert trial.take().errors == 10
    model.go_on.set()
    until(lambda: by_challenger(score(trial, IDS[:3])) == set(IDS[:3]))
    trial.stop()


def test_a_challenger_that_hangs_in_the_shadow_fails_again_and_again(model: Contrary) -> None:
    trial = Trial(LoadedModel.of(ModelRef("sentiment", "8"), model), cpu_share=0.9, answer_s=0.05, late_again_s=0)
    model.go_on.clear()
    errors = 0

    def failed() -> bool:
        nonlocal errors
        trial.offer(TextBatch.of(["bad"]), np.array([[0.8, 0.1, 0.1]], np.float32), 0.001, 0.0)
        errors += trial.take().errors
        return errors >= 3

    until(failed)
    model.go_on.set()
    trial.stop()


def test_both_answers_of_the_challengers_tweets_are_compared(trial: Trial) -> None:
    trial.share = 1.0
    score(trial, IDS[:10])
    tally = trial.take()
    assert tally.confusion.tolist() == [[0, 0, 10], [0, 0, 0], [0, 0, 0]]
    assert (tally.answered, tally.offered, tally.challenger_texts) == (10, 10, 10)
    assert trial.take().offered == 0


def test_tweets_that_the_challenger_answers_are_not_compared_again_in_the_shadow(model: Contrary) -> None:
    trial = Trial(LoadedModel.of(ModelRef("sentiment", "8"), model), cpu_share=0.9)
    trial.share = 0.5
    mine = by_challenger(score(trial, IDS[:40], now_ms=SENT_MS))
    assert 0 < len(mine) < 40
    compared, answered = 0, 0

    def all_seen() -> bool:
        nonlocal compared, answered
        tally = trial.take()
        compared, answered = compared + int(tally.confusion.sum()), answered + tally.answered
        return compared >= 40

    until(all_seen)
    trial.stop()
    assert (compared + int(trial.take().confusion.sum()), answered) == (40, len(mine))
    assert sorted(model.batches) == sorted([len(mine), 40 - len(mine)])


def test_a_champion_that_has_become_the_challenger_is_no_trial(model: SentimentModel) -> None:
    same = Trial(LoadedModel.of(CHAMPION.ref, model), cpu_share=0)
    same.share = 1.0
    assert by_challenger(score(same, IDS[:10])) == set()
    same.stop()


def test_the_shadow_looks_at_what_it_has_time_for_and_holds_up_nobody(model: Contrary) -> None:
    model.go_on.clear()
    trial = Trial(LoadedModel.of(ModelRef("sentiment", "8"), model), cpu_share=0.5)
    texts = TextBatch.of(["bad"] * 5_000)
    answers = np.tile(np.array([0.8, 0.1, 0.1], np.float32), (5_000, 1))
    for _ in range(1_000):  # while the challenger answers nothing
        trial.offer(texts, answers, 0.001, 0.0)
    model.go_on.set()
    seen = np.zeros((3, 3), np.int64)

    def looked() -> bool:
        nonlocal seen
        seen = seen + trial.take().confusion
        return bool(seen.sum())

    until(looked)
    trial.stop()
    assert seen[0, 2] == seen.sum() < 5_000_000


def test_a_stream_that_is_behind_has_no_shadow(model: Contrary) -> None:
    trial = Trial(LoadedModel.of(ModelRef("sentiment", "8"), model), cpu_share=0.5)
    trial.offer(TextBatch.of(["bad"]), np.array([[0.8, 0.1, 0.1]], np.float32), 0.001, 60.0)
    trial.stop()
    assert trial.take().offered == 1
    assert model.batches == []
