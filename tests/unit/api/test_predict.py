from __future__ import annotations

import asyncio
import json
import unicodedata
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from api.json_body import Shortcut
from contracts.events import prediction_id
from models.cascade import CascadeModel
from tests.fake_model import POISON, FakeModel
from tests.unit.api.conftest import Api


async def test_a_prediction_says_everything_of_the_contract(api: Api) -> None:
    answer = await api.post("/predict", {"text": "@AirParadis bad, lost my bag", "id": 1465, "lang": "en"})
    assert answer.status_code == 200
    assert answer.json() == {
        "prediction_id": prediction_id("sentiment", "7", "1465"),
        "sentiment": "negative",
        "confidence": pytest.approx(0.8),
        "scores": pytest.approx({"negative": 0.8, "neutral": 0.125, "positive": 0.075}),
        "watches": ["air-paradis"],
        "themes": ["baggage"],
        "theme_sentiments": {"baggage": "negative"},
        "reliable": True,
        "model": {"name": "sentiment", "version": "7"},
    }


async def test_without_an_id_the_prediction_id_is_random(api: Api) -> None:
    ids = {(await api.post("/predict", {"text": "x"})).json()["prediction_id"] for _ in range(3)}
    assert len(ids) == 3
    assert {uuid.UUID(id_).version for id_ in ids} == {5}


async def test_requests_together_are_scored_together_and_one_that_fails_fails_alone(api: Api) -> None:
    texts = [f"good {number}" for number in range(40)]
    answers = await asyncio.gather(*(api.post("/predict", {"text": text}) for text in [POISON, *texts]))
    assert answers[0].status_code == 500
    assert answers[0].json()["detail"] == "the model failed on this text (ValueError)"
    assert {answer.json()["sentiment"] for answer in answers[1:]} == {"positive"}


async def test_a_batch_answers_in_its_order(api: Api) -> None:
    answer = await api.post("/predict/batch", {"texts": ["bad", "good", "so"]})
    assert [one["sentiment"] for one in answer.json()] == ["negative", "positive", "neutral"]
    assert (await api.post("/predict/batch", {"texts": []})).json() == []
    assert len((await api.post("/predict/batch", {"texts": ["x"] * 1000})).json()) == 1000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"text": "@AirParadis bad, lost my bag", "id": 7}),
        ("/predict", {"text": "", "id": []}),
        ("/predict", {"text": "x", "id": 1.5}),
        ("/predict", {}),
        ("/predict", []),
        ("/predict/batch", {"texts": ["x", 7, "", None]}),
        ("/predict/batch", {"texts": [7, "x" * 10_001], "on_error": "skip"}),
        ("/predict/batch", {"texts": "x", "on_error": "never"}),
        ("/predict/batch", {"texts": ["x"] * 1001}),
    ],
)
async def test_the_short_way_answers_as_the_documented_one(api: Api, path: str, body: Any) -> None:
    headers = {"x-request-id": "the-same"}
    short = await api.client.post(path, json=body, headers=headers)
    routes = api.app.router.routes
    routes[:] = [route for route in routes if not isinstance(route, Shortcut)]
    documented = await api.client.post(path, json=body, headers=headers)
    assert (short.status_code, short.json()) == (documented.status_code, documented.json())
    assert dict(short.headers) == dict(documented.headers)


class Deep(FakeModel):
    """Finds everything lovely."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(np.array([0, 0, 1], np.float32), (len(texts), 1))


async def test_of_a_cascade_an_answer_says_which_tier_gave_it_and_takes_its_time(api: Api) -> None:
    noted = {"threshold": 0.7, "blend": 1.0, "budget_s": 0.0, "patience_s": 5.0}  # no budget, in a stream
    api.champion.model = CascadeModel(FakeModel(), Deep(), noted)  # type: ignore[assignment]
    answers = (await api.post("/predict/batch", {"texts": ["bad", "so"]})).json()
    assert [(one["sentiment"], one["tier"]) for one in answers] == [("negative", "linear"), ("positive", "deep")]
    alone = (await api.post("/predict", {"text": "so"})).json()
    assert (alone["sentiment"], alone["tier"]) == ("positive", "deep")


async def test_an_explanation_gives_signed_weights_in_the_order_of_the_text(api: Api) -> None:
    answer = (await api.post("/explain", {"text": "good but bad"})).json()
    assert answer["words"] == [
        {"word": "good", "weight": 0.5},
        {"word": "but", "weight": 0.0},
        {"word": "bad", "weight": -0.5},
    ]
    assert answer["sentiment"] == "negative"


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("/predict", {}, "text: Field required"),
        ("/predict", {"text": ""}, "text: is empty"),
        ("/predict", {"text": " \n\t"}, "text: is empty"),
        ("/predict", {"text": "x" * 10_001}, "text: has 10,001 code points, the limit is 10,000"),
        ("/predict", {"text": 7}, "text: Input should be a valid string"),
        ("/predict", {"text": "x", "id": ""}, "id: must have 1 to 256 characters, has 0"),
        ("/predict", [], "the body must be a JSON object such as {…}, not a list"),
        ("/predict/batch", {"texts": ["x", ""]}, "texts.1: is empty"),
        ("/predict/batch", {"texts": ["x"] * 1001}, "texts: List should have at most 1000 items"),
    ],
)
async def test_a_bad_request_gets_one_line_that_names_the_field(api: Api, path: str, body: Any, complaint: str) -> None:
    answer = await api.post(path, body)
    assert answer.status_code == 422
    assert answer.json()["status"] == 422
    assert answer.json()["detail"].startswith(complaint)
    assert "\n" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"not json", "the body is not JSON"),
        (b'{"text": "\\ud800"}', "text: has a lone surrogate"),
        (b"{\xff}", "the body is not UTF-8 (at byte 1)"),
        (b'{"text": "x", "id": ' + b"1" * 5000 + b"}", "the body is not JSON: Exceeds the limit"),
        (b"[" * 200_000, "the body is not JSON that can be read: it is nested too deeply"),
        (b"", "the body is empty"),
        (b'{"text": NaN}', "the body is not JSON: NaN is no number of JSON"),
        (b"[1]", "the body must be a JSON object such as {…}, not a list"),
        (b"null", "the body must be a JSON object such as {…}, not null"),
    ],
)
async def test_what_is_no_json_gets_one_line(api: Api, content: bytes, complaint: str) -> None:
    answer = await api.client.post("/predict", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(complaint)


async def test_ten_thousand_code_points_count_after_normalisation(api: Api) -> None:
    text = unicodedata.normalize("NFD", "é") * 10_000
    assert (await api.post("/predict", {"text": text})).status_code == 200


async def test_bodies_beyond_the_limit_are_refused(api: Api) -> None:
    async def stream() -> Any:
        for _ in range(3):
            yield b"x" * 1_000_000

    large = b'{"text": "' + b"x" * (2 * 1024 * 1024) + b'"}'
    for content in (large, stream()):
        answer = await api.client.post("/predict", content=content)
        assert answer.status_code == 413
        assert "larger than 2,097,152 bytes" in answer.json()["detail"]
    texts = {"texts": ["é" * 4000] * 1000}
    assert (await api.post("/predict/batch", texts)).status_code == 200


async def test_without_a_model_the_answer_is_503_and_why(api: Api) -> None:
    api.champion.down = True
    for path, body in (("/predict", {"text": "x"}), ("/predict/batch", {"texts": ["x"]}), ("/explain", {"text": "x"})):
        answer = await api.post(path, body)
        assert answer.status_code == 503
        assert answer.json()["detail"] == "no model is loaded yet: MLflow is away"
        assert int(answer.headers["retry-after"]) > 0
    assert (await api.get("/model")).status_code == 503


async def test_the_model_is_described(api: Api) -> None:
    api.champion.failure = "sentiment version 8 cannot serve: damaged"
    assert (await api.get("/model")).json() == {
        "name": "sentiment",
        "version": "7",
        "aliases": ["champion"],
        "metrics": {
            "accuracy": 0.9,
            "airline.accuracy.value": 0.8,
            "airline.accuracy.low": 0.7,
            "airline.accuracy.high": 0.9,
        },
        "trained_on": "nothing",
        "failure": "sentiment version 8 cannot serve: damaged",
    }


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_bodies = _json | st.fixed_dictionaries(
    {}, optional={"text": _json, "id": _json, "texts": st.lists(_json, max_size=3) | _json}
)


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_bodies, path=st.sampled_from(["/predict", "/predict/batch", "/explain"]))
async def test_no_body_makes_the_api_fail(api: Api, body: Any, path: str) -> None:
    content = json.dumps(body)  # Infinity included, which is none
    answer = await api.client.post(path, content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 422)
    if answer.status_code == 422:
        assert isinstance(answer.json()["detail"], str)


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1).filter(lambda text: text.strip()))
async def test_every_text_gets_probabilities_that_sum_to_one(api: Api, text: str) -> None:
    answer = (await api.post("/predict", {"text": text})).json()
    assert sum(answer["scores"].values()) == pytest.approx(1, abs=1e-6)
    assert answer["confidence"] == max(answer["scores"].values()) == answer["scores"][answer["sentiment"]]
