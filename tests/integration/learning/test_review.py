"""The review queue over a real Redis; labels are kept in a list."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from typing import Any

import httpx
import pytest

from alerts.storage.connection import connect
from bench.stage.site import environment
from contracts.events import Scores
from contracts.learning.labels import LabelEvent, judge_hash
from contracts.settings import Settings
from contracts.times import clock_ms
from contracts.topics import TopicSettings
from learning.labels.log import LabelWriter, read_labels
from learning.labels.resolution import resolve
from learning.review.accuracy import accuracy_in_production
from learning.review.item import ReviewItem
from learning.review.queue import ErasedItem, ReviewQueue, kept_out_s

ANN, BOB = judge_hash("ann", ""), judge_hash("bob", "")
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def spelt(number: int) -> str:
    return " ".join(WORDS[int(digit)] for digit in str(number))


def item(number: int, reason: Any = "unsure", **more: Any) -> ReviewItem:
    given = {
        "id": str(uuid.UUID(int=number)),
        "tweet_id": str(number),
        "text": f"text {spelt(number)}",
        "sentiment": "negative",
        "scores": Scores(0.45, 0.15, 0.4),
        "model_version": "7",
        "reason": reason,
        "note": "torn",
        "priority": float(number),
        "queued_at_ms": clock_ms(),
        "drawn": 0.01 if reason == "random" else None,
    }
    return ReviewItem(**(given | more))


def of_one_judge(*, blind: bool = False) -> int:
    """A number whose item is asked of one judge."""
    return next(n for n in range(1, 1000) if item(n).judges == 1 and item(n).blind is blind)


class Reviewing:
    """A queue, and the labels that it wrote."""

    def __init__(self, settings: Settings, **learning: Any) -> None:
        changed = settings.model_copy(update={"learning": settings.learning.model_copy(update=learning)})
        self.events: list[LabelEvent] = []
        self.queue = ReviewQueue(connect(settings), changed, self.events.extend)
        self.settings = changed

    def labels(self) -> list[str]:
        return [label.label for label in resolve(self.events, self.settings.learning).labels]


def test_a_tenth_of_what_is_handed_out_was_drawn_by_chance(settings: Settings) -> None:
    queue = Reviewing(settings).queue
    queue.offer([item(n) for n in range(1, 101)] + [item(n, "random") for n in range(1001, 1021)])
    handed = queue.next(50, ANN)
    assert [n for n, one in enumerate(handed) if one.reason == "random"] == [0, 10, 20, 30, 40]
    assert len({one.id for one in handed}) == 50


def test_unsure_texts_come_by_what_their_words_tell_and_others_keep_their_places(settings: Settings) -> None:
    queue = Reviewing(settings).queue
    about = {"bag": [2, 3, 4], "gate": [5, 6, 7]}
    texts = {n: f"the {word} was {spelt(n)}" for word, numbers in about.items() for n in numbers}
    queue.offer([item(n, text=text) for n, text in texts.items()])
    queue.offer([item(1, "crisis", text="typical", priority=0.0)])
    first, *others = queue.next(3, ANN)
    assert first.reason == "crisis"
    assert {one.text.split()[1] for one in others} == {"bag", "gate"}  # one of each, though bags are the less sure
    queue.judge(others[0].id, "negative", ANN)
    judged = others[0].text.split()[1]
    assert judged not in queue.next(2, ANN)[1].text
    queue.undo(others[0].id, ANN)
    assert [one.id for one in queue.next(3, ANN)] == [others[0].id, first.id, others[1].id]


def test_the_queue_is_bounded_and_has_no_near_duplicates_but_those_of_chance(settings: Settings) -> None:
    queue = Reviewing(settings, review_queue=20).queue
    assert queue.offer([item(n) for n in range(1, 41)]) == 40
    assert queue.waiting() == (18, 0)
    assert queue.offer([item(50, text="@user TEXT one!!", priority=0.0)]) == 0
    assert queue.offer([item(n, "random", text="text one") for n in range(60, 65)]) == 5
    assert queue.waiting() == (18, 2)
    assert queue.offer([item(1)]) == 0


def test_what_waited_too_long_is_given_up(settings: Settings) -> None:
    queue = Reviewing(settings, review_keep_s=60).queue
    queue.offer([item(1, queued_at_ms=1000), item(2)])
    assert queue.waiting() == (1, 0)


def test_a_judgement_is_a_label_once_and_can_be_changed_and_undone(settings: Settings) -> None:
    reviewing = Reviewing(settings)
    queue, number = reviewing.queue, of_one_judge()
    one = item(number)
    queue.offer([one])
    queue.judge(one.id, "negative", ANN)
    queue.judge(one.id, "negative", ANN)
    assert (len(reviewing.events), reviewing.labels()) == (1, ["negative"])
    assert queue.waiting() == (0, 0)
    queue.judge(one.id, "positive", ANN)
    assert reviewing.labels() == ["positive"]
    queue.undo(one.id, ANN)
    assert (reviewing.labels(), queue.waiting()) == ([], (1, 0))
    assert [found.id for found in queue.next(5, ANN)] == [one.id]
    queue.judge(one.id, "positive", ANN)
    assert reviewing.labels() == ["positive"]
    [event] = resolve(reviewing.events, settings.learning).judgements
    assert (event.source, event.blind, event.model_version, event.text) == ("review", False, "7", one.text)


def test_an_item_for_two_waits_for_the_second_judge(settings: Settings) -> None:
    queue = Reviewing(settings).queue
    number = next(n for n in range(1, 1000) if item(n).judges == 2)
    queue.offer([item(number)])
    queue.judge(item(number).id, "negative", ANN)
    assert queue.next(5, ANN) == []
    assert len(queue.next(5, BOB)) == 1
    queue.judge(item(number).id, "negative", BOB)
    assert queue.waiting() == (0, 0)


def test_skipped_items_are_for_others_and_an_undo_brings_them_back(settings: Settings) -> None:
    queue = Reviewing(settings).queue
    queue.offer([item(1), item(2)])
    queue.skip(item(1).id, ANN)
    assert [one.tweet_id for one in queue.next(5, ANN)] == ["2"]
    assert len(queue.next(5, BOB)) == 2
    assert queue.last_of(ANN) == item(1).id
    queue.undo(item(1).id, ANN)
    assert len(queue.next(5, ANN)) == 2


def test_accuracy_in_production_follows_what_is_said_of_chance_alone(settings: Settings) -> None:
    queue = Reviewing(settings).queue
    queue.offer([item(n, "random") for n in range(1, 5)] + [item(9)])
    for number, label in ((1, "negative"), (2, "negative"), (3, "positive"), (9, "positive")):
        queue.judge(item(number).id, label, ANN)  # type: ignore[arg-type]
    found = accuracy_in_production(queue.judged_by_chance())
    assert found is not None
    assert (round(found.value, 3), found.n) == (0.667, 3)
    queue.undo(item(3).id, ANN)
    assert len(queue.judged_by_chance(model_version="7")) == 2
    assert queue.judged_by_chance(model_version="8") == []


def test_an_erased_tweet_can_be_neither_judged_nor_queued(settings: Settings) -> None:
    reviewing = Reviewing(settings)
    queue = reviewing.queue
    queue.offer([item(1), item(2)])
    held = queue.next(5, ANN)[0]
    queue.judge(item(2).id, "negative", ANN)
    queue.erase(["1", "2"])
    for number in (1, 2):
        with pytest.raises(ErasedItem):
            queue.judge(item(number).id, "positive", ANN)
    assert held.id == item(1).id
    assert len(reviewing.events) == 1
    assert queue.offer([item(1)]) == 0


def test_erased_tweets_are_kept_out_as_long_as_a_topic_may_bring_them_back(settings: Settings) -> None:
    queue, client = Reviewing(settings).queue, connect(settings)
    known = f"{settings.redis.prefix}:{{review}}:erased"
    client.sadd(known, "1")  # as releases before this one have noted it
    long_ago_ms = clock_ms() - int(kept_out_s(settings) * 1000) - 1000
    client.zadd(f"{known}:at", {"2": long_ago_ms})
    queue.erase(["3"])
    assert queue.offer([item(1), item(2), item(3)]) == 1
    assert [one.tweet_id for one in queue.next(5, ANN)] == ["2"]
    assert client.exists(known) == 0
    assert sorted(client.zrange(f"{known}:at", 0, -1)) == ["1", "3"]


def test_the_filter_by_confidence_is_that_of_the_best_label(settings: Settings) -> None:
    queue = Reviewing(settings).queue
    queue.offer([item(1), item(2, scores=Scores(0.7, 0.2, 0.1))])
    assert [one.tweet_id for one in queue.next(5, ANN, confidence=(0.4, 0.6))] == ["1"]


KILLED = """
import os, signal, sys
from alerts.storage.connection import connect
from contracts.settings import load_settings
from learning.labels.log import LabelWriter
from learning.review.queue import ReviewQueue

settings = load_settings()

def write(events):
    LabelWriter(settings).write(events)
    os.kill(os.getpid(), signal.SIGKILL)

with connect(settings) as client:
    ReviewQueue(client, settings, write).judge(*sys.argv[1:])
"""


def test_kill_9_between_the_label_and_the_queue_counts_once_when_it_is_judged_again(
    settings: Settings, topics: TopicSettings
) -> None:
    asked = item(of_one_judge())
    queue = ReviewQueue(connect(settings), settings, LabelWriter(settings).write)
    queue.offer([asked])
    command = [sys.executable, "-c", KILLED, asked.id, "positive", ANN]
    known = environment(settings, BUZZWATCH_KAFKA__TOPICS__LABELS=topics.labels)
    ended = subprocess.run(command, env=known, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert queue.waiting() == (1, 0)  # nobody was told that it was kept, so it is asked again
    queue.judge(asked.id, "positive", ANN)
    assert queue.waiting() == (0, 0)
    events = list(read_labels(settings))
    assert len(events) == 2
    found = resolve(events, settings.learning)
    assert ([one.label for one in found.labels], found.duplicates) == (["positive"], 1)


async def test_the_routes_hand_out_take_and_refuse(settings: Settings) -> None:
    from dataclasses import replace

    from api.factory import create_app
    from tests.unit.api.conftest import Api

    reviewing = Reviewing(settings)
    shown, blind = of_one_judge(), of_one_judge(blind=True)
    reviewing.queue.offer([item(shown), item(blind)])
    api = Api()
    app = create_app(replace(api.parts, review=reviewing.queue))
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client:
        found = (await client.get("/review", params={"judge": "ann"})).json()
        by_id = {one["tweet_id"]: one for one in found["items"]}
        assert by_id[str(shown)]["sentiment"] == "negative"
        assert [by_id[str(blind)][name] for name in ("blind", "sentiment", "scores", "reason")] == [
            True,
            None,
            None,
            None,
        ]
        assert (found["waiting"], found["accuracy"], found["judge"]) == (2, None, ANN)
        path = f"/review/{item(blind).id}"
        answer = await client.post(path, json={"label": "positive", "judge": "ann"})
        assert (answer.status_code, answer.json()["predicted"]) == (200, "negative")
        assert (await client.post(path, json={"undo": True, "judge": "ann"})).status_code == 200
        assert (await client.post(path, json={"label": "angry"})).status_code == 422
        both = await client.post(path, json={"label": "positive", "skip": True})
        assert "send one of label" in both.json()["detail"]
        assert (await client.post("/review/nothing", json={"label": "neutral"})).status_code == 404
        reviewing.queue.erase([str(shown)])
        assert (await client.post(f"/review/{item(shown).id}", json={"label": "neutral"})).status_code in (404, 410)
    assert [event.blind for event in reviewing.events] == [True, False]
