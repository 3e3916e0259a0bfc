"""What a reader of `labels` would pass over is refused before it is written: no server is asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from contracts.learning.labels import InvalidLabel
from contracts.settings import Settings
from learning.labels.log import LabelWriter
from tests.unit.learning.labels.saying import says


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tweet_id": ""}, "tweet_id"),
        ({"tweet_id": "x" * 257}, "tweet_id"),
        ({"tweet_id": "\udc80"}, "lone surrogate"),
        ({"text": "x" * 10_001}, "text"),
        ({"reason": "x" * 501}, "reason"),
        ({"judge": "ann"}, "judge"),
        ({"label": None}, "a label"),
        ({"source": None}, "source"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_no_reader_would_take_is_not_written(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidLabel, match=said) as raised:
        LabelWriter(Settings()).write(
            [says("ann", "negative"), msgspec.structs.replace(says("ann", "negative"), **wrong)]
        )
    assert "\n" not in str(raised.value)
