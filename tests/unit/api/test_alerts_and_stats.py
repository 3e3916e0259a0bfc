from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/alerts", {"stat": "firing"}, "stat: there is no such parameter; did you mean state? there are state"),
        ("/stats", {"wach": "delta"}, "wach: there is no such parameter; did you mean watch? there are watch, theme"),
        ("/stats", {"step": [60, 120]}, "step: is given more than once"),
        ("/silences", {"pages": 5}, "pages: there is no such parameter; there are state, limit, offset"),
        ("/health", {"alert": "critical"}, "alert: there is no such parameter; did you mean alerts? there are alerts"),
    ],
)
async def test_a_parameter_that_the_route_does_not_have_is_refused(
    api: Api, path: str, query: dict[str, Any], said: str
) -> None:
    answer = await api.get(path, **query)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(said)


async def test_stats_are_counts_and_shares_per_step(api: Api) -> None:
    answer = await api.get(
        "/stats",
        watch="air-paradis",
        theme="",
        since="2023-11-14T22:00:00Z",
        until="2023-11-14T23:00:00+00:00",
        step=120,
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
            "voices": 0,
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
        ({"step": 61}, "step: 61 is no multiple of 60; the nearest are 60, 120"),
        ({"step": -1}, "step: -1 is no multiple of 60; the nearest is 60"),
        ({"step": "61.0"}, "step: 61.0 is no multiple of 60; the nearest are 60, 120"),
        ({"step": "9" * 50}, f"step: {'9' * 50} is no multiple of 60"),
        ({"step": "60.5"}, "step: "),
        ({"since": "2026-11-28T25:00:00Z"}, "since: "),
    ],
)
async def test_stats_that_cannot_be_had_are_refused(api: Api, params: dict[str, str], complaint: str) -> None:
    answer = await api.get("/stats", **params)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(complaint)


async def test_without_redis_the_answer_is_503_in_one_line(api: Api) -> None:
    api.alerts.failure = redis.ConnectionError("Error 111 connecting to secret:6379")
    answer = await api.get("/alerts")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "Redis does not answer; alerts and statistics are away"


@pytest.mark.parametrize(
    "since",
    ["2026-11-28T10:00:00 01:00", "2026-11-28T10:00 01:00", "2026-11-28 10:00:00.5 0100", "2026-11-28T10:00:00 01"],
)
async def test_the_plus_of_an_offset_may_have_become_a_space(api: Api, since: str) -> None:
    answer = await api.get("/stats", since=since, until="2026-11-28T09:30:00Z")
    assert answer.status_code == 200
    assert answer.json()["since"] == "2026-11-28T09:00:00.000Z"


async def test_a_date_and_a_time_parted_by_a_space_stay_what_they_are(api: Api) -> None:
    answer = await api.get("/stats", since="2026-11-28 10:00", until="2026-11-28 10:30")
    assert answer.json()["since"] == "2026-11-28T10:00:00.000Z"


async def test_a_time_that_is_none_gets_a_hint_about_the_plus(api: Api) -> None:
    answer = await api.get("/stats", since="2026-11-28T10:00:00 1:00")
    assert answer.status_code == 422
    assert "%2B" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"watch": "air-pariss"}, "watch: there is no watch 'air-pariss'; did you mean air-paris? the rules have "),
        ({"watch": "nosuch"}, "watch: there is no watch 'nosuch'; the rules have air-paradis, rival"),
        ({"theme": "nosuch"}, "theme: there is no theme 'nosuch'; the rules have baggage"),
    ],
)
async def test_a_name_that_nobody_knows_is_refused_with_those_there_are(
    api: Api, params: dict[str, str], complaint: str
) -> None:
    api.stats.points = []
    answer = await api.get("/stats", **params)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(complaint.replace("air-paris?", "air-paradis?"))
    assert (await api.get("/stats", watch="", theme="baggage")).status_code == 200


async def test_counts_of_a_watch_that_has_left_the_rules_are_shown(api: Api) -> None:
    assert (await api.get("/stats", watch="former")).status_code == 200
