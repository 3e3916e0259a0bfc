from __future__ import annotations

import pytest
import typer

from cli.output.moments import moment_ms, period_ms

NOW = 1_790_000_000_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T01:00:01+01:00", 1000),
        ("1970-01-01T00:00:01", 1000),
        ("1970-01-02", 86_400_000),
        ("2h", NOW - 7_200_000),
        ("1d12h", NOW - 129_600_000),
        ("30m ago", NOW - 1_800_000),
        ("-30m", NOW - 1_800_000),
        ("999999999d", 0),
    ],
)
def test_a_time_is_a_date_or_how_long_ago(text: str, ms: int) -> None:
    assert moment_ms("--since", text, now_ms=NOW) == ms
    assert moment_ms("--since", None) is None


@pytest.mark.parametrize("text", ["", "yesterday", "2 hours", "2x", "2026-13-01", "h", "9999999999d"])
def test_what_is_no_time_is_refused_with_both_forms(text: str) -> None:
    with pytest.raises(
        typer.BadParameter, match=r"--until: .* is no time: write a time such as 2026.* or how long ago"
    ):
        moment_ms("--until", text)


def test_a_period_without_anything_in_it_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="--since 1h is not before --until 2h"):
        period_ms("1h", "2h")
    assert period_ms(None, None) == (None, None)
