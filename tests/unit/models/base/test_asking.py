"""What never answers holds up neither who asks nor the end of the process."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from models.base.asking import Asker, TooLate
from tests.waiting import until


def test_an_answer_comes_and_an_error_is_raised_where_it_was_asked() -> None:
    asker = Asker("asked", 60)
    assert asker.ask(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        asker.ask(lambda: 1 / 0)
    with pytest.raises(TimeoutError, match="of the call"):
        asker.ask(lambda: (_ for _ in ()).throw(TimeoutError("of the call")))
    asker.stop()


def test_while_a_call_hangs_the_next_ones_are_not_made_and_afterwards_they_are() -> None:
    asker, go_on, made = Asker("asked", 0.05), threading.Event(), [0]

    def call() -> bool:
        made[0] += 1
        return go_on.wait(300)

    with pytest.raises(TooLate, match=r"within 0\.05 s"):
        asker.ask(call)
    with pytest.raises(TooLate, match="no answer yet"):
        asker.ask(call)
    assert made == [1]
    go_on.set()

    def answered() -> bool:
        try:
            return asker.ask(lambda: True)
        except TooLate:
            return False

    until(answered)
    asker.stop()


HANGS = """
import threading
from models.base.asking import Asker, TooLate
try:
    Asker("asked", 0.05).ask(threading.Event().wait)
except TooLate:
    print("too late")
"""


def test_a_process_ends_while_a_call_hangs() -> None:
    done = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "too late\n"
