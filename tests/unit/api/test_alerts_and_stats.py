from __future__ import annotations

import pytest
import redis

from alerts.counters.feedback_counts import Judgements
from tests.unit.api.conftest import Api


async def test_alerts_come_by_state(api: Api) -> None:
    assert [alert["status"] for alert in (await api.get("/alerts")).json()["alerts"]] == ["firing", "resolved"]
    [firing] = (await api.get("/alerts", state="firing")).json()["alerts"]
    assert firing["labels"]["alertname"] == "BadBuzz"
    assert firing["endsAt"] == "0001-01-01T00:00:00Z"
    assert (await api.get("/alerts", state="open")).status_code == 422


async def test_stats_are_counts_and_shares_per_step(api: Api) -> None:
    answer = await api.get(
        "/stats",
        watch="air-paradis",
        theme="",
        since="2023-11-14T22:00:00Z",
        until="2023-11-14T23:00:00+00:00",
        step=90,
    )
    assert api.stats.asked == {
        "since_s": 1_699_999_200,
        "until_s": 1_700_002_800,
        "step_s": 120,
        "watch": "air-paradis",
        "theme": "",
    }
    assert answer.json()["step_s"] == 120
    assert answer.json()["points"] == [
        {
            "start": "2023-11-14T22:14:00.000Z",
            "watch": "air-paradis",
            "theme": "",
            "negative": 3,
            "neutral": 1,
            "positive": 0,
            "total": 4,
            "share": 0.75,
            "texts": 2,
            "unreliable": 1,
        }
    ]


async def test_stats_have_the_judgements_per_model_version_of_the_same_time(api: Api) -> None:
    api.judgements.found = {"6": Judgements(1, 0), "7": Judgements(2, 1), "8|b": Judgements(0, 0)}
    answer = await api.get("/stats", since="2023-11-14T22:00:00Z", until="2023-11-14T23:00:00Z")
    assert api.judgements.asked == {"since_s": 1_699_999_200, "until_s": 1_700_002_800}
    assert answer.json()["judgements"] == [
        {"model_version": "7", "right": 2, "wrong": 1, "accuracy": 0.6667},
        {"model_version": "6", "right": 1, "wrong": 0, "accuracy": 1.0},
    ]


async def test_stats_are_of_the_last_hour_when_no_times_are_given(api: Api) -> None:
    assert (await api.get("/stats")).status_code == 200
    assert api.stats.asked["until_s"] - api.stats.asked["since_s"] == 3600
    assert api.stats.asked["watch"] is None


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"since": "2023-11-14T23:00:00Z", "until": "2023-11-14T22:00:00Z"}, "since: must be before until"),
        ({"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T00:00:00Z"}, "step: makes more than 1,500 steps"),
        ({"since": "yesterday"}, "since: "),
        ({"step": 0}, "step: "),
    ],
)
async def test_stats_that_cannot_be_had_are_refused(api: Api, params: dict[str, str], complaint: str) -> None:
    answer = await api.get("/stats", **params)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(complaint)


async def test_without_redis_the_answer_is_503_in_one_line(api: Api) -> None:
    api.alerts.failure = redis.ConnectionError("Error 111 connecting to secret:6379")
    for answer in (await api.get("/alerts"), await api.get("/health", alerts="critical")):
        assert answer.status_code == 503
        assert answer.json() == {"detail": "Redis does not answer: alerts and statistics are away"}
