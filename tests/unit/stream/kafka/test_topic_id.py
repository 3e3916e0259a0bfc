"""Whether a topic is the one that it was, and for how long nobody could say."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaException

from contracts.errors import Unavailable
from contracts.settings import KafkaSettings, Settings
from stream.kafka.topic_id import TopicIdentity
from tests.conftest import NOBODY


def test_a_kafka_that_does_not_answer_is_away_from_the_first_question_on() -> None:
    identity = TopicIdentity(Settings(kafka=KafkaSettings(bootstrap_servers=NOBODY)), "tweets")
    assert identity.problem is None
    with pytest.raises(KafkaException):
        identity.ask()
    with pytest.raises(Unavailable, match="Kafka has not answered for 0 s"):
        identity.give_up_after(0)
