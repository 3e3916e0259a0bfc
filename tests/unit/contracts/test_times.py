from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from contracts.times import to_ms, to_rfc3339


def test_instants_outside_the_years_1_to_9999_are_clamped() -> None:
    assert to_rfc3339(-(10**18)) == "0001-01-01T00:00:00.000Z"
    assert to_rfc3339(10**18) == "9999-12-31T23:59:59.999Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_back(moment: datetime) -> None:
    milliseconds = to_ms(moment)
    assert to_ms(datetime.fromisoformat(to_rfc3339(milliseconds))) == milliseconds
