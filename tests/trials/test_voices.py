"""Who is a crowd: watches of which each is talked about in another way, over 32 partitions."""

from __future__ import annotations

import json
import time
from typing import NamedTuple

import pytest

from contracts.times import clock_ms, to_rfc3339
from stream.kafka.tweet_files import Line
from stream.kafka.tweet_producer import TweetProducer
from tests.fakes import Receiver
from tests.stack import RunningStack
from tests.waiting import until

CALM = "@{watch} which terminal do you use in {place}?"
PLACES = ("Lyon", "Lisbon", "Boston", "Denver", "Oslo", "Madrid", "Austin", "Rome", "Dublin", "Geneva")
LOST = "lost my bag again, worst airline ever, never flying with you again @{watch}"
KINDS = ("Horrible", "Awful", "Disgusting", "Terrible", "Pathetic", "Shameful", "Dreadful", "Miserable")
THINGS = ("crew", "seats", "food", "delay", "gate staff", "baggage desk", "hotline", "website", "refund desk", "lounge")


class Told(NamedTuple):
    """One tweet."""

    text: str
    author: str | None = None
    reach: int | None = None


def varied(watch: str, number: int) -> str:
    kind, thing = KINDS[number % 8], THINGS[number // 8 % 10]
    return f"{kind} {thing} in {PLACES[number // 80 % 10]}, I hate this airline @{watch}"


CROWDS: dict[str, list[Told]] = {
    # One author, one text, 320 times; and one author who varies the words.
    "botair": [Told(LOST.format(watch="botair"), "loud")] * 320,
    "onevoiceair": [Told(varied("onevoiceair", number), "inventive") for number in range(320)],
    # 200 people whose texts differ by a number alone.
    "templateair": [
        Told(f"@templateair worst airline ever, flight UA{1000 + number} cancelled", f"u{number}", 1000 * number)
        for number in range(200)
    ],
    # 200 people pass one complaint on.
    "passedonair": [
        Told("RT @bob: they lost all our bags, @passedonair is the worst airline ever", f"s{number}")
        for number in range(200)
    ],
    # Nobody is known: 80 texts, and one text 200 times.
    "namelessair": [Told(varied("namelessair", number)) for number in range(80)],
    "namelessbotair": [Told(LOST.format(watch="namelessbotair"))] * 200,
}
CALM_PEOPLE = 10
VOICES = dict(zip(CROWDS, (1, 1, 200, 200, 80, 1), strict=True))
FIRES = {"templateair", "passedonair", "namelessair"}


@pytest.fixture(scope="module")
def crowds(stack: RunningStack, receiver: Receiver) -> RunningStack:
    """All of them have spoken, and it has been counted."""
    tweets = []
    producer = TweetProducer(stack.settings)
    written = to_rfc3339(clock_ms())  # all in one minute: who speaks in two is counted in both
    for watch, said in CROWDS.items():
        calm = [CALM.format(watch=watch, place=place) for place in PLACES]
        for number, told in enumerate([*said, *(Told(text, f"calm{watch}{at}") for at, text in enumerate(calm))]):
            tweet: dict[str, str | int] = {"id": f"{watch}-{number}", "text": told.text, "created_at": written}
            known = {"author_id": told.author, "reach": told.reach}
            tweets.append(tweet | {name: value for name, value in known.items() if value is not None})
    for tweet in tweets:  # at once, as a command would not: a rule looks at the last twenty seconds
        producer.send(Line(str(tweet["id"]).encode(), json.dumps(tweet).encode()))
    producer.close()
    until(lambda: sum(total(stack, watch) for watch in CROWDS) == len(tweets), said=stack.said)
    until(lambda: {alert["labels"]["watch"] for alert in told_of(receiver)} >= FIRES)
    time.sleep(3)  # whoever else would be told of would be told now
    return stack


def points(stack: RunningStack, watch: str) -> list[dict[str, int]]:
    answer = stack.client.get("/stats", params={"watch": watch, "theme": ""})
    found: list[dict[str, int]] = answer.json()["points"]
    return found


def total(stack: RunningStack, watch: str, what: str = "total") -> int:
    return sum(point[what] for point in points(stack, watch))


def told_of(receiver: Receiver) -> list[dict[str, dict[str, str]]]:
    alerts = [alert for post in list(receiver.accepted) for alert in post.body["alerts"]]
    return [one for one in alerts if one["status"] == "firing" and one["labels"].get("watch") in CROWDS]


@pytest.mark.parametrize("watch", CROWDS)
def test_voices_are_people_whatever_partition_they_are_in(crowds: RunningStack, watch: str) -> None:
    assert total(crowds, watch) == len(CROWDS[watch]) + CALM_PEOPLE
    assert total(crowds, watch, "voices") == VOICES[watch] + CALM_PEOPLE


def test_a_crowd_fires_and_one_loud_author_does_not(crowds: RunningStack, receiver: Receiver) -> None:
    assert {alert["labels"]["watch"] for alert in told_of(receiver)} == FIRES


def test_the_numbers_of_one_alert_agree(crowds: RunningStack, receiver: Receiver) -> None:
    for alert in told_of(receiver):
        said = alert["annotations"]
        negative, everything = int(said["negative_voices_now"]), int(said["voices_now"])
        assert said["counted"] == "voices"
        assert f"{negative / everything:.0%} of {everything} voices are negative" in said["summary"]
        assert f"{negative} of {everything} voices" in said["description"]
        assert int(said["negative_texts_now"]) <= int(said["negative_now"])
        assert negative <= int(said["negative_now"])
        for theme in filter(None, said["top_themes"].split(", ")):
            assert int(theme.split("(")[1].rstrip(")")) <= negative


def test_a_complaint_that_many_people_pass_on_is_named_with_its_text(crowds: RunningStack, receiver: Receiver) -> None:
    viral = [alert["annotations"] for alert in told_of(receiver) if alert["labels"]["watch"] == "passedonair"]
    assert viral
    assert viral[-1]["summary"].startswith("Viral bad buzz about passedonair")
    assert "lost all our bags" in viral[-1]["viral"]
    others = [alert["annotations"] for alert in told_of(receiver) if alert["labels"]["watch"] == "namelessair"]
    assert all("viral" not in said for said in others)


def test_predictions_name_nobody_and_say_how_many_follow(crowds: RunningStack) -> None:
    of_them = [one for one in crowds.predictions() if one.tweet_id.startswith("templateair-")]
    known = [one for one in of_them if int(one.tweet_id.rpartition("-")[2]) < 200]
    assert len({one.author for one in known}) == 200
    assert all(isinstance(one.author, str) and len(one.author) == 16 for one in known)
    assert sorted(one.reach for one in known if isinstance(one.reach, int)) == [1000 * number for number in range(200)]
