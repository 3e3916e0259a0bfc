"""How texts are written, which language they are in and when they came makes no tweet vanish."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer

from contracts.events import Prediction, decode_prediction
from stream.kafka.topic_reader import follow
from tests.fakes import Receiver
from tests.stack import RunningStack
from tests.waiting import until

RULES = Path(__file__).with_name("inputs") / "matching_rules.yaml"
_RANDOM = random.Random(3)


def _word() -> str:
    return "".join(_RANDOM.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(8))


def _annotations(receiver: Receiver, alertname: str, watch: str) -> list[dict[str, str]]:
    """Of the alerts of this name and watch that fired, as the receiver got them."""
    return [
        alert["annotations"]
        for post in receiver.posts
        for alert in post.body["alerts"]
        if alert["labels"]["alertname"] == alertname
        and alert["labels"].get("watch") == watch
        and alert["status"] == "firing"
    ]


def _crisis(stack: RunningStack, handle: str, timestamp_ms: int | None, **more: Any) -> None:
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka.bootstrap_servers)
    for number in range(60):
        text = f"{handle} {_word()} {_word()} you lost my bag again, this is the worst and nobody answers {_word()}"
        author = {"author_id": f"{handle}-{number}"}
        value = json.dumps({"id": f"{handle}{number}", "text": text, "lang": "en", **author, **more}).encode()
        producer.send("tweets", value, **({} if timestamp_ms is None else {"timestamp_ms": timestamp_ms}))
    producer.flush()
    producer.close()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("handle", "watch", "timestamp_ms", "more"),
    [
        ("@delta", "delta", lambda: -1, dict),
        ("@southwestair", "southwest", lambda: -1, lambda: {"created_at": _now()}),
        ("@usairways", "us-airways", lambda: int(time.time()), dict),  # seconds
        ("@jetblue", "jetblue", lambda: None, lambda: {"lang": "en_US"}),
        ("@united", "united", lambda: None, lambda: {"lang": "eng"}),
        ("@virginamerica", "virgin-america", lambda: None, lambda: {"lang": "qme"}),
    ],
)
def test_a_crisis_fires_whatever_its_producer_says_about_time_and_language(
    stack: RunningStack,
    receiver: Receiver,
    handle: str,
    watch: str,
    timestamp_ms: Callable[[], int | None],
    more: Callable[[], dict[str, str]],
) -> None:
    _crisis(stack, handle, timestamp_ms(), **more())
    until(lambda: _annotations(receiver, "BadBuzz", watch), said=stack.said)
    shown = [text for name, text in _annotations(receiver, "BadBuzz", watch)[-1].items() if name.startswith("sample_")]
    assert len(shown) == 1  # one template, filled in sixty times

    def about_it() -> list[Prediction]:
        return [event for event in stack.predictions() if event.tweet_id.startswith(handle)]

    until(lambda: len(about_it()) >= 60, said=stack.said)  # it may fire before all were scored
    events = about_it()
    assert len(events) == 60
    assert all(event.reliable for event in events)
    recent = datetime.now(UTC) - timedelta(minutes=5)
    assert all(datetime.fromisoformat(event.created_at) > recent for event in events)


def test_a_crisis_in_german_is_heard_with_its_language_named(stack: RunningStack, receiver: Receiver) -> None:
    said = [
        "mein Koffer ist schon wieder weg, was für ein schlechter Service",
        "drei Stunden Verspätung und niemand sagt uns etwas, eine Schande",
        "Flug heute Morgen gestrichen, kein Geld zurück, nie wieder mit euch",
    ]
    _told_by_sixty(stack, "de", said)
    until(lambda: _annotations(receiver, "ForeignVolume", "air-paradis"), said=stack.said)
    told = _annotations(receiver, "ForeignVolume", "air-paradis")[-1]
    assert "German" in told["summary"]
    assert told["languages"].split(", ")[0] == "de"
    shown = [text for name, text in told.items() if name.startswith("sample_")]
    assert shown
    assert all(text.startswith("@user") for text in shown)


def test_complaints_in_french_are_judged(stack: RunningStack) -> None:
    said = [
        "ma valise est perdue, service client nul, plus jamais",
        "trois heures de retard et personne pour nous répondre, c'est une honte",
        "vol annulé ce matin, aucun remboursement, je ne reviendrai pas chez vous",
    ]
    _told_by_sixty(stack, "fr", said)

    def found() -> list[Any]:
        return [event for event in stack.predictions() if re.fullmatch(r"fr\d+", event.tweet_id)]

    until(lambda: len(found()) == 60, said=stack.said)
    assert all(event.reliable for event in found())
    assert sum(event.sentiment == "negative" for event in found()) >= 50


def _told_by_sixty(stack: RunningStack, language: str, said: list[str]) -> None:
    producer = Producer({"bootstrap.servers": stack.settings.kafka.bootstrap_servers})
    for number in range(60):
        text = f"@AirParadis {said[number % 3]} {_word()} {_word()} {_word()}"
        value = {"id": f"{language}{number}", "text": text, "author_id": f"{language}-{number}"}
        producer.produce("tweets", json.dumps(value).encode())
    producer.flush()


def test_what_is_written_in_another_way_is_the_same_in_events_of_one_stack(stack: RunningStack) -> None:
    texts = [
        "lost bag ＠ＡｉｒＰａｒａｄｉｓ",
        "Air\u200bParadis lost my bag",
        "＃airparadis bag",
        "Air&nbsp;Paradis, no b\u00adag",
    ]
    lines = "".join(json.dumps({"id": f"way{number}", "text": text}) + "\n" for number, text in enumerate(texts))
    stack.run("produce", text=lines.encode())

    def found() -> dict[str, Any]:
        records = follow(stack.settings, stack.settings.kafka.topics.scored, from_beginning=True, until_end=True)
        events = [decode_prediction(record.value()) for record in records]
        return {event.tweet_id: event for event in events if re.fullmatch(r"way\d", event.tweet_id)}

    until(lambda: len(found()) == len(texts), said=stack.said)
    events = found()
    assert [events[f"way{number}"].watches for number in range(len(texts))] == [["air-paradis"]] * len(texts)
    assert [events[f"way{number}"].themes for number in range(len(texts))] == [["baggage"]] * len(texts)
    assert events["way1"].text == texts[1]  # what the author wrote


@pytest.mark.parametrize(
    ("text", "watches", "themes"),
    [
        ("My AT&amp;T line is dead again", ["att"], []),
        ("lost my H&#38;M bag", ["hm"], []),
        ("I can’t check in", [], ["checkin"]),
        ("I can&#39;t check in", [], ["checkin"]),
        ("I can&rsquo;t check in ＠ＡＴＴ", ["att"], ["checkin"]),
        ("Air\u200bParadis", ["air-paradis"], []),
        ("दिल्ली से", [], []),
        ("मेरा दिल टूट गया", [], ["heart"]),
        ("كُتُب", [], ["books"]),
        ("مكتبة", [], []),
    ],
)
def test_terms_match_on_the_command_line_however_the_text_is_written(
    stack: RunningStack, text: str, watches: list[str], themes: list[str]
) -> None:
    stack.environment["BUZZWATCH_RULES"], before = str(RULES), stack.environment["BUZZWATCH_RULES"]
    try:
        answer = json.loads(stack.run("predict", text, "--format", "json").stdout)
    finally:
        stack.environment["BUZZWATCH_RULES"] = before
    one = answer[0] if isinstance(answer, list) else answer
    assert (one["watches"], one["themes"]) == (watches, themes)
