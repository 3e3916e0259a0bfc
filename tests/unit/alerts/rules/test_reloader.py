from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from alerts.rules.reloader import RulesReloader
from contracts.errors import RulesError
from contracts.rules.file import Mistake
from contracts.rules.schema import Rules
from tests.waiting import until

GOOD = "watches:\n  - name: {name}\n    match: [x]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD.format(name="a"))
    return path


@pytest.fixture
def follower(file: Path) -> Iterator[RulesReloader]:
    following = RulesReloader(file, every_s=0.02)
    yield following
    following.stop()


def refused() -> float | None:
    return REGISTRY.get_sample_value("buzzwatch_rules_refused")


def names(rules: Rules) -> list[str]:
    return [watch.name for watch in rules.watches]


def test_a_changed_file_is_in_force_at_the_next_look_and_told_once(file: Path, follower: RulesReloader) -> None:
    told: list[list[str]] = []
    follower.on_change(lambda rules: told.append(names(rules)))
    before = follower.version
    assert not follower.reload_if_changed()
    file.write_text(GOOD.format(name="b2"))
    assert follower.reload_if_changed()
    assert not follower.reload_if_changed()
    assert told == [names(follower.rules)] == [["b2"]]
    assert follower.version != before


def test_a_bad_file_leaves_the_old_rules_in_force_and_is_said_once(
    file: Path, follower: RulesReloader, caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text("watches:\n  - nam: b\n")
    with caplog.at_level(logging.ERROR, "buzzwatch.rules"):
        for _ in range(3):
            assert not follower.reload_if_changed(always=True)
    assert names(follower.rules) == ["a"]
    assert follower.problem is not None
    assert follower.problem.startswith(f"{file}:2: watches[0]")
    assert [record.getMessage() for record in caplog.records if follower.problem in record.getMessage()] == [
        caplog.records[0].getMessage()
    ]
    assert refused() == 1
    file.write_text(GOOD.format(name="a"))
    follower.reload_if_changed()
    assert follower.problem is None
    assert refused() == 0


def test_a_refused_file_is_read_again_by_and_by_as_what_it_names_may_have_come(
    file: Path,
) -> None:
    needed = file.parent / "address"
    needed.touch()

    def is_there(_: Rules) -> Iterator[Mistake]:
        if not needed.exists():
            yield Mistake("there is no address", ("watches",))

    following = RulesReloader(file, every_s=0.02, checks=(is_there,), refused_retry_s=0.1)
    following.start()
    try:
        needed.unlink()
        file.write_text(GOOD.format(name="b2"))
        until(lambda: following.problem is not None)
        assert str(following.problem) == f"{file}:1: watches: there is no address"
        assert names(following.rules) == ["a"]
        needed.touch()
        until(lambda: following.problem is None)
        assert names(following.rules) == ["b2"]
    finally:
        following.stop()


def test_a_file_that_has_gone_is_a_problem_and_no_end(file: Path, follower: RulesReloader) -> None:
    file.unlink()
    assert not follower.reload_if_changed()
    assert "cannot be read" in str(follower.problem)
    assert names(follower.rules) == ["a"]


def test_a_pipe_in_its_place_is_a_problem_and_does_not_block(file: Path, follower: RulesReloader) -> None:
    file.unlink()
    os.mkfifo(file)
    assert not follower.reload_if_changed()
    assert "it is no file" in str(follower.problem)
    file.unlink()
    file.write_text(GOOD.format(name="d"))
    assert follower.reload_if_changed()


def test_without_a_first_reading_there_is_nothing_to_follow(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="cannot be read"):
        RulesReloader(tmp_path / "none.yaml", every_s=1)


def test_the_thread_notices_a_change_by_itself(file: Path, follower: RulesReloader) -> None:
    follower.start()
    file.write_text(GOOD.format(name="c33"))
    until(lambda: names(follower.rules) == ["c33"])


def test_a_file_that_is_still_being_written_is_not_read(file: Path, follower: RulesReloader) -> None:
    told: list[list[str]] = []
    follower.on_change(lambda rules: told.append(names(rules)))
    follower.start()
    with file.open("w") as writing:
        for name in ("one", "two", "three", "four", "five"):
            writing.write(GOOD.format(name=name) if name == "one" else GOOD.format(name=name).split("\n", 1)[1])
            writing.flush()
            time.sleep(0.1)
    until(lambda: bool(told))
    assert told == [["one", "two", "three", "four", "five"]]


def test_sighup_looks_at_once(file: Path) -> None:
    slow = RulesReloader(file, every_s=3600)
    known = signal.getsignal(signal.SIGHUP)
    try:
        slow.on_sighup()
        slow.start()
        file.write_text(GOOD.format(name="d"))
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: names(slow.rules) == ["d"])
    finally:
        signal.signal(signal.SIGHUP, known)
        slow.stop()
