"""One crisis has one first notification, with the severity that it rises to at once."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tests import commands
from tests.fakes import Receiver
from tests.stack import RunningStack
from tests.waiting import until

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
CRISIS_S = 2 * 86_400 + 10 * 3600
_RANDOM = random.Random(31)


def _word() -> str:
    return "".join(_RANDOM.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(8))


def _recorded() -> Iterator[dict[str, str]]:
    """Two and a half days of two tweets a minute, a quarter of them complaints; then ten minutes of crisis, whose
    share rises within seconds from a good half to nearly all."""

    def row(second: float, negative: bool) -> dict[str, str]:
        return {
            "text": f"@acme {_word()} {_word()}",
            "created_at": (BEGIN + timedelta(seconds=second)).isoformat(),
            "author_id": _word(),
            "sentiment": "negative" if negative else "neutral",
        }

    for second in range(0, CRISIS_S + 7200, 30):
        yield row(second, _RANDOM.random() < 0.25)
    for number in range(1800):
        share = 0.58 if number < 45 else 0.97
        yield row(CRISIS_S + number / 3, number * share % 1 < share)


def _alerts(folder: Path, rule: str) -> list[dict[str, Any]]:
    rows = sorted(_recorded(), key=lambda row: row["created_at"])
    (folder / "tweets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "rules.yaml").write_text(
        "watches: [{name: acme, match: ['@acme']}]\n"
        f"rules: [{{alert: BadBuzz, kind: bad_buzz, keep_firing_for: 90s{rule}}}]\n"
    )
    named = ("--data", str(folder / "tweets.jsonl"), "--rules", str(folder / "rules.yaml"))
    done = commands.run("alerts", "backtest", "--format", "json", *named, env=os.environ)
    done.check_returncode()
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_in_a_backtest_a_crisis_that_gets_worse_at_once_is_one_alert(tmp_path: Path) -> None:
    _RANDOM.seed(31)
    (alert,) = _alerts(tmp_path, "")
    assert alert["labels"]["severity"] == "critical"
    start = datetime.fromisoformat(alert["startsAt"])
    assert 0 <= (start - BEGIN).total_seconds() - CRISIS_S <= 60


def test_a_rule_that_does_not_wait_for_the_severity_tells_of_the_same_crisis_twice(tmp_path: Path) -> None:
    _RANDOM.seed(31)
    milder, worse = _alerts(tmp_path, ", severity_settle: 0s")
    assert (milder["labels"]["severity"], worse["labels"]["severity"]) == ("warning", "critical")
    assert milder["startsAt"] == worse["startsAt"]


def _posts(receiver: Receiver, watch: str) -> list[tuple[str, str, str]]:
    """Status, severity and start of what was told of a watch, in order."""
    return [
        (alert["status"], alert["labels"]["severity"], alert["startsAt"])
        for post in receiver.posts
        for alert in post.body["alerts"]
        if alert["labels"]["alertname"] == "BadBuzz" and alert["labels"].get("watch") == watch
    ]


def test_on_the_running_stack_a_crisis_that_gets_worse_at_once_is_told_once(
    stack: RunningStack, receiver: Receiver
) -> None:
    watch, handle = "american", "@americanair"
    producer = Producer({"bootstrap.servers": stack.settings.kafka.bootstrap_servers})

    def send(complaints: int, praise: int) -> None:
        said = ["you lost my bag again, this is the worst"] * complaints + ["thank you, what a great crew"] * praise
        for number, text in enumerate(said):
            value = {"id": f"{watch}{_word()}", "text": f"{handle} {_word()} {text}", "author_id": _word()}
            producer.produce("tweets", json.dumps({**value, "lang": "en"}).encode(), key=str(number))
        producer.flush()

    send(86, 74)
    time.sleep(1)
    send(600, 0)
    until(lambda: ("resolved",) in [told[:1] for told in _posts(receiver, watch)], said=stack.said)
    first = _posts(receiver, watch)[0]
    of_first = [told for told in _posts(receiver, watch) if told[2] == first[2]]
    assert [told[:2] for told in of_first] == [("firing", "critical"), ("resolved", "critical")]
