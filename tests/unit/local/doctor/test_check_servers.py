from __future__ import annotations

import pytest

from contracts.topics import Topic
from local.doctor.check_servers import few_copies
from local.topics import TopicState


def topic(name: str, copies: int, in_sync: int) -> TopicState:
    return TopicState(Topic(name, 4, 1000, 1000), "exists", 4, {}, (), copies, in_sync)


@pytest.mark.parametrize(
    ("brokers", "copies", "in_sync", "said"),
    [
        (1, 1, 1, ""),  # one broker can hold no more
        (3, 3, 2, ""),
        (3, 1, 1, "fewer than 3 copies on 3 brokers"),
        (3, 3, 1, "min.insync.replicas below 2"),
        (3, 3, 3, "nothing can be written while one broker is away"),
    ],
)
def test_what_a_cluster_would_lose_with_one_broker_is_named(brokers: int, copies: int, in_sync: int, said: str) -> None:
    found = few_copies([topic("tweets", copies, in_sync), topic("audit", 3, 2)], brokers)
    assert said in found
    assert found.startswith("tweets: ") == bool(said)
    assert ("audit" in found) is False
