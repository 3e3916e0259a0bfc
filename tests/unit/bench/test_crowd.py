from __future__ import annotations

import pytest

from bench.room.crowd import Crowd
from contracts.errors import BuzzwatchError
from tests.servers import free_ports


def test_readers_whom_nobody_serves_say_so_in_one_line() -> None:
    (port,) = free_ports(1)
    with pytest.raises(BuzzwatchError, match=f"cannot be connected to http://127.0.0.1:{port}/: .*refused"):
        Crowd(f"http://127.0.0.1:{port}/", 2).__enter__()
