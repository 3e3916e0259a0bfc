from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from contracts.events import SENTIMENTS, ModelRef, Scores
from contracts.settings import Settings
from learning.labels.texts import Remembered
from learning.review.item import ReviewItem, margin
from learning.review.sampler import Reservoir, ReviewSampler
from models.base.artefact import load_artefact
from models.linear.model import HashedModel
from models.registry.champion import LoadedModel
from tests.fake_model import HangingModel
from tests.fakes_kafka import FakeRecord
from tests.unit.models.hashed_samples import random_weights


class KeptItems:
    """Takes all that is offered."""

    def __init__(self) -> None:
        self.items: list[ReviewItem] = []
        self.texts: list[Remembered] = []

    def offer(self, items: Sequence[ReviewItem]) -> int:
        self.items += items
        return len(items)

    def remember(self, texts: Sequence[Remembered]) -> None:
        self.texts += texts


def scored(number: int, *scores: float, text: str | None = None, **more: Any) -> FakeRecord:
    event = {
        "tweet_id": str(number),
        "prediction_id": str(uuid.UUID(int=number)),
        "sentiment": ["negative", "neutral", "positive"][int(np.argmax(scores))],
        "confidence": max(scores),
        "scores": dict(zip(("negative", "neutral", "positive"), scores, strict=True)),
        "watches": ["air-paradis"],
        "themes": [],
        "model": {"name": "sentiment", "version": "7"},
        "text": f"@jane text number {number}" if text is None else text,
        "lang": "en",
        "created_at": "2026-11-20T10:00:00.000Z",
        "scored_at": "2026-11-20T10:00:00.000Z",
    }
    return FakeRecord(json.dumps(event | more).encode(), topic="tweets.scored", offset=number)


def sampler(firing: frozenset[str] = frozenset()) -> tuple[ReviewSampler, KeptItems]:
    kept = KeptItems()
    return ReviewSampler(kept, kept, Settings(), lambda: firing), kept  # type: ignore[arg-type]


def test_the_least_sure_are_chosen_masked_and_remembered() -> None:
    chosen, kept = sampler()
    records = [scored(n, 0.9, 0.05, 0.05) for n in range(20)]
    records += [scored(n, 0.5 - n / 1000, 0.0, 0.5 + n / 1000) for n in range(20, 30)]
    chosen.see(records)
    assert chosen.turn(1, 0.0) == 3
    assert [(item.tweet_id, item.reason, item.text) for item in kept.items] == [
        (str(n), "unsure", f"@user text number {n}") for n in (20, 21, 22)
    ]
    assert kept.items[0].note == "torn between positive (0.52) and negative (0.48)"
    assert len(kept.texts) == 3


@pytest.mark.parametrize(
    "record",
    [
        scored(1, 0.5, 0.0, 0.5, reliable=False),
        scored(1, 0.5, 0.0, 0.5, text=" "),
        FakeRecord(b"nonsense"),
        FakeRecord(None),
    ],
)
def test_what_nobody_can_judge_is_not_queued(record: FakeRecord) -> None:
    chosen, kept = sampler()
    chosen.see([record])
    assert chosen.turn(1, 1e9) == 0
    assert kept.items == []


def test_however_much_comes_little_is_looked_at_in_a_turn() -> None:
    chosen, _ = sampler()
    for start in range(0, 100_000, 20_000):
        chosen.see([scored(start, 0.5, 0.0, 0.5)] * 20_000)
    assert chosen.turn(1, 0.0) <= 3
    chosen.see([])
    assert chosen.turn(2, 0.0) == 0


def test_one_tweet_an_interval_is_drawn_and_stands_for_all_that_passed() -> None:
    chosen, kept = sampler()
    chosen.see([scored(n, 1.0, 0.0, 0.0) for n in range(400)])
    chosen.see([scored(n, 1.0, 0.0, 0.0) for n in range(400, 1000)])
    chosen.turn(1, 1e9)
    [item] = kept.items
    assert (item.reason, item.drawn, item.note) == ("random", 1 / 1000, "drawn by chance, one of 1,000")
    chosen.see([scored(2000, 1.0, 0.0, 0.0)])
    chosen.turn(2, 1e9 + 1)  # the next interval is not over
    assert len(kept.items) == 1


def test_every_record_has_the_same_chance_to_be_drawn() -> None:
    places = []
    for start in range(0, 400_000, 1000):
        reservoir = Reservoir()
        records = [FakeRecord(str(place).encode(), offset=start + place) for place in range(200)]
        for part in range(0, 200, 50):
            reservoir.pass_by(records[part : part + 50])
        draw = reservoir.draw()
        assert draw is not None
        places.append(int(draw.value or b"0"))
    quarters = np.bincount(np.array(places) // 50, minlength=4)
    assert quarters.sum() == 400
    assert quarters.min() > 65  # of 100 each; by chance alone less than 65 is one in ten thousand


def test_a_crisis_typical_texts_are_those_that_come_again_and_again() -> None:
    chosen, kept = sampler(frozenset({"air-paradis"}))
    says = ["they lost my bag"] * 3 + ["the crew was rude"] * 2
    chosen.see([scored(n, 1.0, 0.0, 0.0, text=text) for n, text in enumerate(says, start=1)])
    chosen.turn(1, 11.0)
    assert [(item.reason, item.text) for item in kept.items if item.reason != "random"] == [
        ("crisis", "they lost my bag")
    ]
    calm, kept = sampler()
    calm.see([scored(n, 1.0, 0.0, 0.0, text="they lost my bag") for n in range(1, 5)])
    calm.turn(1, 0.0)
    assert kept.items == []


def test_the_margin_is_that_of_the_two_best_labels() -> None:
    assert margin(Scores(0.5, 0.1, 0.4)) == pytest.approx(0.1)
    assert margin(Scores(0.1, 0.1, 0.8)) == pytest.approx(0.7)


def loaded(model: HashedModel, version: str) -> LoadedModel:
    return LoadedModel.of(ModelRef("sentiment", version), model)


def test_texts_on_which_the_challenger_differs_are_asked_about_but_none_that_it_answered() -> None:
    challenger = loaded(HashedModel(random_weights(1), {}), "8")
    texts = [f"text number {n}" for n in range(40)]
    says = [SENTIMENTS[label] for label in challenger.model.predict_proba(texts).argmax(axis=1).tolist()]
    kept = KeptItems()
    chosen = ReviewSampler(kept, kept, Settings(), frozenset, challenger=lambda: challenger)  # type: ignore[arg-type]
    sure = {"negative": (0.9, 0.05, 0.05), "neutral": (0.05, 0.9, 0.05), "positive": (0.05, 0.05, 0.9)}
    agreed = [scored(n, *sure[says[n]], text=texts[n]) for n in range(20)]
    own = {"model": {"name": "sentiment", "version": "8"}, "canary": True}
    by_itself = [scored(n, *sure["negative" if says[n] != "negative" else "positive"], text=texts[n], **own)
                 for n in range(20, 30)]  # fmt: skip
    chosen.see([*agreed, *by_itself])
    assert chosen.turn(1, 0.0) == 0
    other = "negative" if says[35] != "negative" else "positive"
    chosen.see([*agreed, scored(35, *sure[other], text=texts[35])])
    assert chosen.turn(1, 1.0) == 1
    (item,) = kept.items
    assert (item.tweet_id, item.reason) == ("35", "disagreement")
    assert item.note == f"the challenger, version 8, says {says[35]}"


def test_a_challenger_that_hangs_does_not_keep_the_queue_from_being_filled() -> None:
    model = HangingModel()
    challenger = LoadedModel.of(ModelRef("sentiment", "8"), model)
    kept = KeptItems()
    chosen = ReviewSampler(
        kept,  # type: ignore[arg-type]
        kept,  # type: ignore[arg-type]
        Settings(),
        frozenset,
        challenger=lambda: challenger,
        patience_s=0.05,
    )
    for turn in range(2):
        chosen.see([scored(turn, 0.5, 0.0, 0.5)])
        assert chosen.turn(1, float(turn)) == 1
    model.go_on.set()


def test_a_text_in_words_that_training_never_saw_is_asked_about() -> None:
    shipped = load_artefact(Settings().artefact)
    assert isinstance(shipped, HashedModel)
    kept = KeptItems()
    champion = loaded(shipped, "7")
    chosen = ReviewSampler(kept, kept, Settings(), frozenset, champion=lambda: champion)  # type: ignore[arg-type]
    usual = "the crew was so friendly and we landed on time"
    strange = "yeetified zlorpen gremblax quobbish frandlewick vornex that snazzfrop blimterous day"
    chosen.see([scored(n, 0.9, 0.05, 0.05, text=usual) for n in range(30)])
    assert chosen.turn(1, 0.0) == 0
    chosen.see([scored(31, 0.9, 0.05, 0.05, text=strange)])
    assert chosen.turn(1, 1.0) == 1
    assert kept.items[0].reason == "unseen_words"
    assert "zlorpen" in kept.items[0].note or "gremblax" in kept.items[0].note
