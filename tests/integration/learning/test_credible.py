"""Judgements that cannot be true, with a real Redis behind."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest

from alerts.rules.feedback_evaluator import FeedbackEvaluator
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from contracts.errors import Unavailable
from contracts.events import Feedback, Scores, decode_feedback
from contracts.rules.schema import Rules
from contracts.settings import AlertSettings, Settings
from learning.labels.credible import Credibility
from learning.labels.texts import PredictionTexts, Remembered
from stream.counting.feedback_consumer import JudgeFeedback
from stream.counting.marked_consumer import MarkedBatch
from stream.dead_letters.record import error_class
from stream.kafka.records import OutRecord
from tests.fakes_kafka import FakeRecord
from tests.judgements import judgements

RULES = Rules.model_validate(
    {
        "watches": [{"name": "air-paradis", "match": ["@airparadis"]}],
        "rules": [{"alert": "ConsecutiveErrors", "kind": "consecutive_errors"}],
    }
)
PREDICTION = "4a7f0a54-2a8e-5f0e-8a43-0d9f5b8b6c11"


class Site:
    """What a worker has: version 3 serves, 2 has served before."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis = connect(settings)
        self.texts = PredictionTexts(self.redis, settings)
        self.registry: list[str] | None = ["2", "3"]
        self.credibility = Credibility(
            self.redis, settings, self.texts, serving=lambda: "3", served=self._served_by_registry
        )
        self.evaluator = FeedbackEvaluator(self.redis, settings, RULES)
        self.letters: list[OutRecord] = []
        self.labelled: list[Feedback] = []
        self.task = JudgeFeedback(
            self.evaluator,
            self.letters.extend,
            lambda received: self.labelled.extend(one for _, one in received),
            credibility=self.credibility,
        )
        self.offset = 0

    def _served_by_registry(self) -> list[str]:
        if self.registry is None:
            raise Unavailable("MLflow cannot be reached")
        return self.registry

    def send(self, *values: bytes) -> None:
        """Through the judge's door."""
        records = [FakeRecord(value, offset=self.offset + number) for number, value in enumerate(values)]
        end = self.offset + len(records)
        assert self.task.act(MarkedBatch("t", 0, self.offset, end, records)) == end
        self.offset = end

    def why(self, **fields: object) -> str | None:
        [found] = self.credibility.doubts([decode_feedback(judgement(**fields))])
        return found


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    alerts = settings.alerts.model_copy(update={"author_judgements": 5})
    site = Site(settings.model_copy(update={"alerts": AlertSettings.model_validate(alerts)}))
    yield site
    site.redis.close()


def judgement(**fields: object) -> bytes:
    given = {
        "feedback_id": str(uuid.uuid4()),
        "prediction_id": str(uuid.uuid4()),
        "predicted": "negative",
        "correct": False,
        "model_version": "3",
    }
    return json.dumps(given | fields).encode()


def test_an_invented_version_fires_nothing_counts_nothing_and_goes_to_the_dead_letters(site: Site) -> None:
    site.send(*(judgement(model_version="7") for _ in range(3)))
    assert AlertStore(site.redis, site.settings).list("firing") == []
    assert judgements(site.redis, site.settings.redis.prefix) == {}
    assert site.labelled == []
    assert len(site.letters) == 3
    for letter in site.letters:
        headers = dict(letter.headers)
        assert error_class(letter) == "ImplausibleFeedback"
        assert b"model version '7' never served" in str(headers["error"]).encode()
    site.send(*(judgement() for _ in range(3)))
    assert [alert.labels["model_version"] for alert in AlertStore(site.redis, site.settings).list("firing")] == ["3"]


def test_versions_that_served_are_known_from_here_from_redis_and_from_the_registry(site: Site) -> None:
    assert site.why(model_version="3") is None
    assert site.why(model_version="2") is None
    site.evaluator.serving("11", 1_790_000_000_000)
    assert site.why(model_version="11") is None
    assert "never served" in str(site.why(model_version="12"))


def test_without_the_registry_a_version_that_is_not_known_is_doubted_and_the_reason_says_so(site: Site) -> None:
    site.registry = None
    assert site.why(model_version="3") is None
    assert "the registry does not answer" in str(site.why(model_version="2"))


def test_what_is_remembered_of_a_prediction_must_not_be_contradicted(site: Site) -> None:
    site.texts.remember(
        [Remembered(prediction_id=PREDICTION, text="x", scores=Scores(0.1, 0.2, 0.7), model_version="3")]
    )
    said = {"prediction_id": PREDICTION}
    assert site.why(**said, predicted="positive") is None
    assert site.why(**said, predicted="negative") == "the prediction said positive, not negative"
    wrong_version = site.why(**said, predicted="positive", model_version="2")
    assert wrong_version == "the prediction was made by model version '3', not '2'"


def test_a_remembered_prediction_is_proof_that_its_version_served(site: Site) -> None:
    site.texts.remember([Remembered(prediction_id=PREDICTION, text="x", model_version="9")])
    assert site.why(prediction_id=PREDICTION, model_version="9") is None
    assert "never served" in str(site.why(model_version="9"))


def test_a_tie_contradicts_neither_label(site: Site) -> None:
    site.texts.remember(
        [Remembered(prediction_id=PREDICTION, text="x", scores=Scores(0.4, 0.4, 0.2), model_version="3")]
    )
    assert site.why(prediction_id=PREDICTION, predicted="negative") is None
    assert site.why(prediction_id=PREDICTION, predicted="neutral") is None
    assert site.why(prediction_id=PREDICTION, predicted="positive") is not None


def test_one_author_counts_so_often_and_no_more_and_others_go_on(site: Site) -> None:
    mine = [judgement(author="eve") for _ in range(8)]
    site.send(*mine[:3])
    site.send(*mine[3:])
    assert len(site.letters) == 3
    assert b"its author has judged 5 predictions within 3600 s" in str(dict(site.letters[0].headers)["error"]).encode()
    site.send(mine[0])  # sent again: it counted, and does not count twice
    site.send(judgement(author="ann"), *(judgement() for _ in range(8)))
    assert len(site.letters) == 3
    assert sum(judgements(site.redis, site.settings.redis.prefix).values()) == 5 + 1 + 8
    assert not any("eve" in name for name in site.redis.scan_iter(f"{site.settings.redis.prefix}:*"))


def test_unreadable_and_doubted_records_are_sent_in_their_order(site: Site) -> None:
    site.send(judgement(model_version="7"), b"nonsense", judgement(), judgement(model_version="8"))
    assert [error_class(letter) for letter in site.letters] == [
        "ImplausibleFeedback",
        "UnreadableRecord",
        "ImplausibleFeedback",
    ]
    assert len(site.labelled) == 1
