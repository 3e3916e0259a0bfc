from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import pytest

from stream.worker.health import Health, Role


@dataclass
class _Role:
    """What a role says of itself."""

    name: str = "score"
    partitions: int = 4
    last_progress: float = 0.0
    is_behind: bool = True
    lag: int = 0
    held_back: str | None = None


def _health(role: _Role, model: str | None = None, kafka: str | None = None, sole: Sequence[Role] = ()) -> Health:
    return Health(
        [cast("Role", role)],
        sole=sole,
        model_problem=lambda: model,
        kafka_problem=lambda: kafka,
        stalled_after_s=30,
        clock=lambda: 100.0,
    )


def test_who_has_work_and_gets_nothing_done_is_not_alive() -> None:
    report = _health(_Role(last_progress=69, lag=7)).live()
    assert (report.status, report.problems) == (503, ["score: 7 records wait and nothing was committed for 31 s"])


def test_a_role_that_one_worker_has_must_make_progress_too_but_needs_no_partition() -> None:
    judge = cast("Role", _Role("judge", partitions=0, last_progress=60, lag=1))
    health = Health(
        [],
        sole=[judge],
        model_problem=lambda: None,
        kafka_problem=lambda: None,
        stalled_after_s=30,
        clock=lambda: 100.0,
    )
    assert health.live().problems == ["judge: 1 records wait and nothing was committed for 40 s"]
    assert health.ready().status == 200


def test_a_batch_that_hangs_on_its_way_is_no_progress_although_nothing_waits_to_be_polled() -> None:
    assert _health(_Role(last_progress=69, lag=0)).live().status == 503


@pytest.mark.parametrize("role", [_Role(last_progress=71), _Role(last_progress=0, is_behind=False)])
def test_who_makes_progress_or_has_nothing_to_do_is_alive(role: _Role) -> None:
    assert _health(role).live().status == 200


def test_records_behind_an_open_transaction_are_no_lag_but_a_problem() -> None:
    health = _health(_Role(is_behind=False, held_back="what is behind tweets[0]@5 cannot be read"))
    assert health.ready().problems == ["what is behind tweets[0]@5 cannot be read"]
    assert health.live().status == 200


def test_ready_takes_a_partition_a_model_and_a_kafka() -> None:
    assert _health(_Role()).ready().status == 200
    assert _health(_Role(partitions=0), "no model", "no Kafka").ready().problems == [
        "score: no partition assigned",
        "no model",
        "no Kafka",
    ]
