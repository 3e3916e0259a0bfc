"""The tables of docs/architecture.md are the way that a tweet goes, traced in a worker and a notifier.

A file is *on the way* when a function of it hands the tweet on to other files. What it calls (compiled kernels, tables,
look-ups) returns to it and calls no file of the way; `contracts`, metrics and settings are apart.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

import pytest
from confluent_kafka import Producer
from ruamel.yaml import YAML

from bootstrap.prepare import prepare
from contracts.rules.file import load_rules
from contracts.settings import ROOT, Settings
from contracts.times import clock_ms, to_rfc3339
from contracts.topics import TopicSettings
from demo.tweet_texts import angry, ordinary
from models.registry.champion_cache import ChampionCache
from models.registry.client import RegisteredVersion
from stream.kafka.topic_reader import follow
from tests.fakes import Receiver
from tests.integration.alerts.notifications import delivering
from tests.servers import free_ports
from tests.stack import quick_rules
from tests.waiting import PATIENCE_S, until

_PAGE: Final = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
_FOLDERS: Final = ("stream/", "models/", "alerts/")
_USUAL: Final = 500
_ANGRY: Final = 150
_BESIDE: Final = {"alerts/rules/feedback_evaluator.py", "alerts/receivers/alertmanager_resend.py"}
"""In threads of the way, for what goes another way: judgements, and alerts that Alertmanager is sent again."""

_RETRIES: Final = 3
"""Files more than usual: on a loaded machine something may be tried again."""


class Call(NamedTuple):
    """A function of one file calls one of another, perhaps through a library."""

    thread: str
    caller: str
    callee: str


class Trace:
    """A function for `threading.setprofile` that notes calls between files of the product."""

    def __init__(self) -> None:
        self._files: dict[CodeType, str] = {}
        self.calls: set[Call] = set()

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call" or not (callee := self._file(frame)):
            return
        caller = frame.f_back
        while caller is not None and not self._file(caller):
            caller = caller.f_back
        self.calls.add(Call(threading.current_thread().name, "" if caller is None else self._file(caller), callee))

    def _file(self, frame: FrameType) -> str:
        """The path in the repository, "" for what is not counted."""
        known = self._files.get(frame.f_code)
        if known is None:
            name = frame.f_code.co_filename.removeprefix(f"{ROOT}/")
            counted = name.startswith(_FOLDERS) and not name.endswith("metrics.py")
            known = self._files[frame.f_code] = name if counted else ""
        return known


def tweets() -> list[bytes]:
    """Ordinary tweets of yesterday, then angry ones of now."""
    rng = random.Random(7)
    now_ms = clock_ms()
    texts = [ordinary(rng).text for _ in range(_USUAL)] + [angry(rng).text for _ in range(_ANGRY)]
    rows = [{"id": f"t{number}", "text": text} for number, text in enumerate(texts)]
    for number, row in enumerate(rows[:_USUAL]):  # the others are of the moment in which they are sent
        row["created_at"] = to_rfc3339(now_ms - 80_000_000 + number * 150_000)
    return [json.dumps(row).encode() for row in rows]


def keep_bad_buzz(path: Path) -> None:
    """Rules of other kinds are evaluated in the same thread, and are not what a tweet goes through."""
    yaml = YAML()
    document = yaml.load(path.read_text(encoding="utf-8"))
    document["rules"] = [rule for rule in document["rules"] if rule["kind"] == "bad_buzz"]
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def remember_the_shipped_model(settings: Settings) -> None:
    """As a worker leaves it that served the model while MLflow was there."""
    version = RegisteredVersion(name=settings.mlflow.model_name, version="1", aliases=("champion",), origin="shipped")
    champions = ChampionCache(settings.champion_cache)

    def fetch(folder: Path) -> None:
        shutil.copytree(settings.artefact, folder, dirs_exist_ok=True)

    champions.load(version, fetch)
    champions.remember(version)


@contextmanager
def traced_worker(settings: Settings) -> Iterator[Trace]:
    """A worker in this process, as `faust worker` starts it, all of its threads traced."""
    from bootstrap.worker import build_worker

    trace, loop = Trace(), asyncio.new_event_loop()
    hangup = signal.getsignal(signal.SIGHUP)
    threading.setprofile(trace)
    try:
        app = build_worker(prepare(settings))
        app.finalize()
        thread = threading.Thread(target=loop.run_forever, name="event loop")
        thread.start()
        asyncio.run_coroutine_threadsafe(app.start(), loop).result(PATIENCE_S)
        yield trace
        asyncio.run_coroutine_threadsafe(app.stop(), loop).result(PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    finally:
        threading.setprofile(None)
        signal.signal(signal.SIGHUP, hangup)


@pytest.fixture
def calls(settings: Settings, topics: TopicSettings, tmp_path: Path) -> set[Call]:
    """What called what while tweets became an alert and that was posted."""
    receiver = Receiver()
    settings.rules = tmp_path / "rules.yaml"
    quick_rules(settings.rules, receiver)
    keep_bad_buzz(settings.rules)
    settings.worker.group = topics.tweets
    (settings.worker.web_port,) = free_ports(1)
    remember_the_shipped_model(settings)
    producer = Producer(settings.kafka.librdkafka_producer())

    def send(lines: list[bytes]) -> None:
        for line in lines:
            producer.produce(topics.tweets, line, key=b"1")
        assert producer.flush(60) == 0

    with traced_worker(settings) as trace, delivering(settings, *load_rules(settings.rules).receivers):
        first, *rest = tweets()
        send([first])
        until(lambda: list(follow(settings, topics.scored, from_beginning=True, until_end=True)))
        trace.calls.clear()  # everything has started
        send(rest)
        receiver.wait_for(1)
    receiver.close()
    return trace.calls


def files_named_under(heading: str) -> set[str]:
    """In the second column of the table under this heading."""
    table = _PAGE.partition(f"## {heading}\n")[2].partition("\n#")[0]
    rows = [line.split("|")[2] for line in table.splitlines() if line.startswith("| ")]
    return {name for cell in rows for name in re.findall(r"`([a-z_/]+\.py)`", cell)}


def files_that_ran(part: str) -> int:
    """The number of files that the page says."""
    found = re.search(rf"^\| {re.escape(part)} \| \d+ \| (\d+) \|", _PAGE, re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_a_tweet_goes_the_way_that_the_page_draws(calls: set[Call]) -> None:
    to_scored = {"intake", "event loop", "score_0", "publishing"}
    to_webhook = {"counting", "rules", "notifier"}
    for heading, part, most, is_of in (
        ("The way of a tweet", "record to `tweets.scored`", 12, to_scored.__contains__),
        (
            "The way of a prediction",
            "`tweets.scored` to the webhook",
            25,
            lambda thread: thread in to_webhook or thread.startswith("post-"),
        ),
    ):
        way = files_named_under(heading)
        made = [call for call in calls if is_of(call.thread)]
        ran = {call.callee for call in made}
        assert way - ran == set(), "named and not on the way"
        assert len(way) <= most
        back = {call[1:] for call in made if call.callee in way and call.caller not in {"", *way, *_BESIDE}}
        assert back == set(), "hands the tweet on and is not named"
        assert len(ran) <= files_that_ran(part) + _RETRIES, sorted(ran)
