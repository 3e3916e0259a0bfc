"""REST, command line and rules file of the running stack: what is wrong is said with what to do."""

from __future__ import annotations

import gzip
import json
import subprocess
import time
from pathlib import Path

import pytest

from tests import commands
from tests.stack import RunningStack
from tests.waiting import until

TWEET = b'{"text": "@AirParadis lost my bag"}'
JSON = {"content-type": "application/json"}


def command(stack: RunningStack, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return commands.said(*arguments, env={**stack.environment, **settings})


def test_a_body_without_content_type_is_refused_with_the_header_to_send(stack: RunningStack) -> None:
    for headers in ({}, {"content-type": "application/x-www-form-urlencoded"}):
        answer = stack.client.post("/predict", content=TWEET, headers=headers)
        assert answer.status_code == 415
        assert "content-type: application/json" in answer.json()["detail"]


def test_a_gzipped_body_is_read_and_one_that_unpacks_to_too_much_refused(stack: RunningStack) -> None:
    headers = JSON | {"content-encoding": "gzip"}
    answer = stack.client.post("/predict", content=gzip.compress(TWEET), headers=headers)
    assert (answer.status_code, answer.json()["watches"]) == (200, ["air-paradis"])
    assert stack.client.post("/predict", content=gzip.compress(b" " * 9_000_000), headers=headers).status_code == 413
    assert stack.client.post("/predict", content=TWEET, headers=JSON | {"content-encoding": "br"}).status_code == 415


def test_one_empty_text_among_a_thousand_is_named_and_may_be_skipped(stack: RunningStack) -> None:
    texts = [f"good flight {number}" for number in range(999)]
    texts.insert(617, "")
    refused = stack.client.post("/predict/batch", json={"texts": texts})
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith('texts.617: is empty (1 of 1,000 texts; with "on_error": "skip"')
    scored = stack.client.post("/predict/batch", json={"texts": texts, "on_error": "skip"}).json()
    assert [place for place, one in enumerate(scored) if "error" in one] == [617]
    assert sum("sentiment" in one for one in scored) == 999


def test_an_offset_whose_plus_was_not_escaped_is_understood(stack: RunningStack) -> None:
    answer = stack.client.get("/stats?since=2026-11-28T10:00:00+01:00&until=2026-11-28T10:30:00Z")
    assert (answer.status_code, answer.json()["since"]) == (200, "2026-11-28T09:00:00.000Z")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("step=61", "step: 61 is no multiple of 60; the nearest are 60, 120"),
        ("watch=nosuch", "watch: there is no watch 'nosuch'; the rules have "),
        ("theme=bagage", "theme: there is no theme 'bagage'; did you mean baggage?"),
        ("since=tomorrow", "%2B"),
    ],
)
def test_odd_values_and_unknown_names_are_refused_with_the_choices(stack: RunningStack, query: str, said: str) -> None:
    answer = stack.client.get(f"/stats?{query}")
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_the_status_word_of_health_agrees_with_its_code(stack: RunningStack) -> None:
    for query in ("", "?alerts=critical"):
        answer = stack.client.get(f"/health{query}")
        well = answer.json()["status"] in ("ok", "degraded")
        assert answer.status_code == (200 if well else 503)
        if query and well:
            assert answer.json()["critical_alerts"] == []


def test_dead_letters_are_listed_by_when_they_came(stack: RunningStack) -> None:
    stack.run("produce", "--format", "jsonl", text=b'{"id": "since-1", "text": 7}\n')

    def listed(*options: str) -> list[str]:
        done = command(stack, "dlq", "list", "--format", "json", *options)
        assert done.returncode == 0, done.stderr
        return [one["value"] for one in json.loads(done.stdout) if "since-1" in (one["value"] or "")]

    until(lambda: listed("--since", "10m"), said=stack.said)
    assert listed("--until", "1d") == []
    assert listed("--since", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))) == []
    refused = command(stack, "dlq", "list", "--since", "yesterday")
    assert refused.returncode == 2
    assert "how long ago such as 2h" in " ".join(refused.stderr.split())


def test_a_model_name_that_mlflow_cannot_look_for_is_named_by_its_setting(stack: RunningStack) -> None:
    done = command(stack, "models", "list", BUZZWATCH_MLFLOW__MODEL_NAME="l'humeur")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("buzzwatch: BUZZWATCH_MLFLOW__MODEL_NAME: is no model name")


@pytest.mark.parametrize("arguments", [("alerts", "list"), ("doctor",), ("doctor", "--format", "json")])
def test_no_password_of_an_address_is_shown(stack: RunningStack, arguments: tuple[str, ...]) -> None:
    for address in ("redis://127.0.0.1:1/0?password=hush-1", "redis://maya:hush-1@127.0.0.1:1/0"):
        done = command(
            stack,
            *arguments,
            BUZZWATCH_REDIS__URL=address,
            BUZZWATCH_MLFLOW__TRACKING_URI="http://maya:hush-1@127.0.0.1:1",
        )
        assert done.returncode == 1
        assert "127.0.0.1:1" in done.stdout + done.stderr
        assert "hush-1" not in done.stdout + done.stderr


def test_all_mistakes_of_a_rules_file_are_named_at_once(stack: RunningStack, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "watches:\n  - name: a\n    tersm: [a]\nrules:\n  - alert: B\n    kind: bad_buzz\n    min_volume: '20'\n"
        "    receivers: [desk]\n"
    )
    done = command(stack, "rules", "check", str(rules))
    assert done.returncode == 1
    assert [line.rpartition("rules.yaml:")[2] for line in done.stderr.splitlines()] == [
        "3: watches[0].tersm: unknown key, did you mean match?",
        "7: rules[0].min_volume: a whole number is due here, not '20'",
        "8: rules[0].receivers[0]: rule B names the receiver 'desk', which is not defined",
    ]
