from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any
from weakref import WeakSet

import pytest
from typer.testing import CliRunner

from cli.stream import dlq
from contracts.errors import InvalidTweet
from contracts.settings import Settings
from stream.dead_letters import replay as replaying
from stream.dead_letters.reader import DeadLetter, described
from stream.dead_letters.record import dead_letter
from stream.dead_letters.replay_claims import Claim
from stream.kafka.records import Record
from tests.fakes_kafka import FakeRecord

_DAY_MS = 1_790_000_000_000


def _letter(number: int, timestamp_ms: int = _DAY_MS) -> FakeRecord:
    headers = dead_letter(FakeRecord(), InvalidTweet("no text")).headers
    return FakeRecord(topic="dead-letters", offset=number, timestamp_ms=timestamp_ms, headers=headers)


def _listed(monkeypatch: pytest.MonkeyPatch, letters: Iterator[DeadLetter], *options: str) -> str:
    monkeypatch.setattr(dlq, "dead_letters", lambda _: letters)
    return CliRunner().invoke(dlq.app, ["list", *options], catch_exceptions=False).stdout


def test_a_list_of_the_newest_holds_no_more_than_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    held: WeakSet[DeadLetter] = WeakSet()
    most = 0

    def letters() -> Iterator[DeadLetter]:
        nonlocal most
        for number in range(200):
            letter = described(_letter(number, timestamp_ms=number))
            held.add(letter)
            most = max(most, len(held))
            yield letter

    assert "3 of 200 dead letters" in _listed(monkeypatch, letters(), "--limit", "3")
    assert most <= 3 + 3  # and those that are on their way


@pytest.mark.parametrize(("limit", "shown"), [(1, [1]), (3, [3, 4, 1]), (4, [0, 3, 4, 1]), (9, [2, 0, 3, 4, 1])])
def test_the_newest_are_last_and_of_one_time_those_that_came_later(
    monkeypatch: pytest.MonkeyPatch, limit: int, shown: list[int]
) -> None:
    letters = (described(_letter(number, timestamp_ms=_DAY_MS + at)) for number, at in enumerate([20, 30, 10, 20, 20]))
    found = json.loads(_listed(monkeypatch, letters, "--limit", str(limit), "--format", "json"))
    assert [letter["position"] for letter in found] == [f"0:{number}" for number in shown]


class _Producer:
    """Kafka that acknowledges at once."""

    def __init__(self, _: Any) -> None: ...

    def produce(self, *_: Any, on_delivery: Any, **__: Any) -> None:
        on_delivery(None, None)

    def poll(self, _: float) -> None: ...

    def flush(self, _: float) -> None: ...


class _ReplayLog:
    """Nothing was replayed before."""

    def __init__(self, *_: Any) -> None: ...

    def look(self, positions: Sequence[str]) -> list[Claim]:
        return ["ours"] * len(positions)

    def claim(self, positions: Sequence[str], *, again: bool) -> list[Claim]:
        return self.look(positions)

    def finish(self, **_: Any) -> None: ...


@pytest.mark.parametrize(
    ("options", "said"), [(["--all"], "replayed 500\n"), (["--all", "--dry-run"], "would replay 500\n")]
)
def test_an_interrupted_replay_says_what_it_did_and_is_no_success(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def records(_: Settings) -> Iterator[Record]:
        yield from map(_letter, range(501))
        raise KeyboardInterrupt

    monkeypatch.setattr(dlq, "redis_client", lambda _: nullcontext())
    monkeypatch.setattr(dlq, "log_id", lambda _: "")
    monkeypatch.setattr(dlq, "records", records)
    monkeypatch.setattr(dlq, "ReplayLog", _ReplayLog)
    monkeypatch.setattr(replaying, "Producer", _Producer)
    ended = CliRunner().invoke(dlq.app, ["replay", *options])
    assert (ended.exit_code, ended.stdout, ended.stderr) == (130, said, "interrupted\n")
