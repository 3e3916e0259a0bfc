from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.conftest import Api

PREDICTION = "4a7f0a54-2a8e-5f0e-8a43-0d9f5b8b6c11"
RIGHT = {"prediction_id": PREDICTION, "predicted": "negative", "correct": True, "model_version": "7"}


async def test_a_judgement_is_accepted_with_its_id(api: Api) -> None:
    mine = str(uuid.uuid4())
    answer = await api.post("/feedback", {**RIGHT, "feedback_id": mine})
    assert answer.status_code == 202
    assert answer.json() == {"feedback_id": mine, "prediction_id": PREDICTION}
    assert [str(one.feedback_id) for one in api.feedback.published] == [mine]


@pytest.mark.parametrize("missing", [{}, {"feedback_id": None}])
async def test_a_missing_id_is_filled_in(api: Api, missing: dict[str, Any]) -> None:
    ids = {(await api.post("/feedback", {**RIGHT, **missing})).json()["feedback_id"] for _ in range(2)}
    assert len(ids) == 2
    assert ids == {str(one.feedback_id) for one in api.feedback.published}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"predicted": "angry"}, "predicted"),
        ({"prediction_id": "123"}, "prediction_id"),
        ({"feedback_id": "123"}, "feedback_id"),
        ({"correct": "yes"}, "correct"),
        ({"model_version": ""}, "model_version"),
        ({"expected": "positive"}, "correct is true, yet expected (positive) differs"),
        ({"correct": False, "expected": "negative"}, "correct is false, yet"),
        ({"text": "x" * 10_001}, "text"),
    ],
)
async def test_a_bad_judgement_is_refused_by_field_and_not_published(
    api: Api, change: dict[str, Any], field: str
) -> None:
    answer = await api.post("/feedback", {**RIGHT, **change})
    assert answer.status_code == 422
    assert field in answer.json()["detail"]
    assert not api.feedback.published


async def test_without_kafka_the_answer_is_503_and_when_to_come_back(api: Api) -> None:
    api.feedback.down = True
    answer = await api.post("/feedback", RIGHT)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "not acknowledged" in answer.json()["detail"]


_value = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["negative", "positive", PREDICTION])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from([*RIGHT, "feedback_id", "expected", "tweet_id", "watch", "text", "author", "created_at"]),
        _value,
    )
)
async def test_whatever_is_accepted_can_be_read_back(api: Api, change: dict[str, Any]) -> None:
    api.feedback.published.clear()
    answer = await api.post("/feedback", {**RIGHT, **change})
    assert answer.status_code in (202, 422)
    for one in api.feedback.published:
        assert type(one).model_validate_json(one.model_dump_json().encode()) == one


async def test_a_judgement_that_cannot_be_true_is_refused_with_the_reason_and_not_published(api: Api) -> None:
    api.doubt = "model version '99' never served"
    answer = await api.post("/feedback", RIGHT)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "the judgement cannot be true: model version '99' never served"
    assert not api.feedback.published
    assert 'buzzwatch_api_feedback_total{outcome="implausible"} 1.0' in (await api.get("/metrics")).text
