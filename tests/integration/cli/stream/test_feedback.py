from __future__ import annotations

import pytest
from confluent_kafka import Consumer
from typer.testing import CliRunner

from cli.stream.feedback import app
from contracts.errors import InvalidFeedback
from contracts.events import decode_feedback
from contracts.settings import Settings
from contracts.topics import TopicSettings

PREDICTION = "4a7f0a54-2a8e-5f0e-8a43-0d9f5b8b6c11"
JUDGED = [PREDICTION, "--predicted", "negative", "--model-version", "7"]


def test_a_judgement_is_on_the_topic_when_the_command_returns(
    settings: Settings, topics: TopicSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS", settings.kafka.bootstrap_servers)
    monkeypatch.setenv("BUZZWATCH_KAFKA__TOPICS__FEEDBACK", topics.feedback)
    result = CliRunner().invoke(app, [*JUDGED, "--wrong", "--expected", "positive"], catch_exceptions=False)
    consumer = Consumer(settings.kafka.librdkafka() | {"group.id": "t", "auto.offset.reset": "earliest"})
    consumer.subscribe([topics.feedback])
    message = consumer.poll(60)
    consumer.close()
    assert message is not None
    judgement = decode_feedback(message.value())
    assert str(judgement.feedback_id) == result.stdout.strip()
    assert (judgement.correct, judgement.expected, judgement.model_version) == (False, "positive", "7")
    assert message.key() == PREDICTION.encode()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([*JUDGED, "--correct", "--expected", "positive"], "correct is true, yet"),
        (["not-an-id", *JUDGED[1:], "--correct"], "prediction_id"),
        ([*JUDGED, "--correct", "--feedback-id", "7"], "feedback_id"),
    ],
)
def test_a_contradiction_or_malformed_id_gets_one_line(arguments: list[str], complaint: str) -> None:
    with pytest.raises(InvalidFeedback, match=complaint) as raised:
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "\n" not in str(raised.value)
