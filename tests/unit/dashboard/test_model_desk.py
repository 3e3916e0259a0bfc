from __future__ import annotations

import json
import threading
from collections.abc import Sequence

import pytest

from contracts.errors import BuzzwatchError
from dashboard.model_desk import Answer, ModelDesk
from tests.waiting import PATIENCE_S, until


class Command:
    """Answers what it is told to, when it is let."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[list[str]] = []
        self.may_end = threading.Event()
        self.may_end.set()

    def __call__(self, arguments: Sequence[str]) -> Answer:
        self.asked.append(list(arguments))
        assert self.may_end.wait(PATIENCE_S)
        return self.answer


def ended(desk: ModelDesk) -> None:
    until(lambda: desk.last is not None and desk.last.ended_ms is not None)


def test_what_the_gate_says_is_kept_with_who_asked() -> None:
    command = Command(Answer(1, "", ["version 2 stays where it is: worse than the champion on airline"]))
    desk = ModelDesk(command)
    desk.promote("2", "maya")
    ended(desk)
    assert command.asked == [["promote", "2", "--by=maya", "--format", "json"]]
    assert desk.last is not None
    assert (desk.last.who, desk.last.failed, desk.last.result) == ("maya", True, None)
    assert "worse than the champion" in desk.last.lines[0]


def test_a_reason_forces_and_cannot_become_another_option() -> None:
    command = Command(Answer(0, '{"version": "2"}', []))
    desk = ModelDesk(command)
    desk.promote("2", "--all", "--on=/etc/passwd")
    ended(desk)
    assert command.asked[0][2:4] == ["--by=--all", "--force=--on=/etc/passwd"]
    assert desk.last is not None
    assert desk.last.result == {"version": "2"}


def test_one_change_at_a_time() -> None:
    command = Command(Answer(0, "{}", []))
    command.may_end.clear()
    desk = ModelDesk(command)
    desk.roll_back("maya", "it calls every question a complaint")
    with pytest.raises(BuzzwatchError, match="maya has started one"):
        desk.promote("2", "otto")
    command.may_end.set()
    ended(desk)
    desk.promote("2", "otto")
    ended(desk)
    assert [arguments[0] for arguments in command.asked] == ["rollback", "promote"]


def test_versions_are_listed_or_it_is_said_why_not() -> None:
    assert ModelDesk(Command(Answer(0, json.dumps([{"version": "1"}]), []))).versions(30).value == [{"version": "1"}]
    away = ModelDesk(Command(Answer(1, "", ["MLflow at http://x does not answer"]))).versions(30)
    assert (away.value, away.problem) == (None, "MLflow at http://x does not answer")


def test_what_a_version_carries_is_asked_once_for_each_version() -> None:
    command = Command(Answer(0, '{"version": "3", "slices": []}', []))
    desk = ModelDesk(command)
    for version in ("3", "3", "4"):
        known = desk.held_out(version, 30)
        assert known.value == {"version": "3", "slices": []}
    assert [arguments[:2] for arguments in command.asked] == [["held-out", "3"], ["held-out", "4"]]
