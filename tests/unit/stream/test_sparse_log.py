from __future__ import annotations

import logging

import pytest

from stream.sparse_log import SparseLog

LOG = logging.getLogger("buzzwatch.tests.sparse")


def test_of_a_flood_the_first_of_each_kind_is_logged_and_then_a_count_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = [0.0]
    log = SparseLog(LOG, lambda: now_s[0])
    for second in range(150):
        now_s[0] = float(second)
        log.warning("@%d is none: %s", second, "bad", kind=f"bad at byte {second}")
        log.error("@%d is none: %s", second, "worse", kind="worse")
    counted = " (the newest of 60 like it since the last line)"
    assert [line for line in caplog.messages if "bad" in line] == [
        "@0 is none: bad",
        f"@60 is none: bad{counted}",
        f"@120 is none: bad{counted}",
    ]
    assert [record.levelname for record in caplog.records if "worse" in record.message] == ["ERROR"] * 3
    log.flush()
    assert len(caplog.messages) == 6
    now_s[0] = 180
    log.flush()
    log.flush()
    assert [line.split(":")[0] for line in caplog.messages[6:]] == ["@149 is none"] * 2
    assert "29 like it" in caplog.messages[6]


def test_kinds_that_others_make_up_do_not_grow_without_limit(caplog: pytest.LogCaptureFixture) -> None:
    log = SparseLog(LOG, lambda: 0)
    for number in range(500):
        log.warning("none: %s", number, kind="x" * number)
    assert len(caplog.messages) == 21


def test_one_alone_after_a_pause_is_said_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    now_s = [0.0]
    log = SparseLog(LOG, lambda: now_s[0])
    for now_s[0] in (0.0, 61.0):
        log.warning("none", kind="")
    assert caplog.messages == ["none", "none"]
