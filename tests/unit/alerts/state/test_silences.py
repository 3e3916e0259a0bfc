from __future__ import annotations

from typing import Any

import pytest

from alerts.state.alert import Alert
from alerts.state.silences import Silence, SilenceError, new_silence
from contracts.rules.matchers import parse_matcher

NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000


def silence(*matchers: str, **changes: Any) -> Silence:
    given = {
        "starts_at_ms": NOW_MS,
        "ends_at_ms": NOW_MS + HOUR_MS,
        "created_by": "maya",
        "comment": "known",
        "now_ms": NOW_MS,
        **changes,
    }
    return new_silence([parse_matcher(text) for text in matchers], **given)


def alert(**labels: str) -> Alert:
    return Alert("bad_buzz", "f", {"alertname": "BadBuzz", **labels}, {}, NOW_MS, 0.5)


def test_it_holds_from_its_start_up_to_but_not_including_its_end() -> None:
    one = silence("watch=delta", starts_at_ms=NOW_MS + 1000)
    assert [one.state(NOW_MS + ms) for ms in (0, 999, 1000, HOUR_MS - 1, HOUR_MS)] == [
        "pending",
        "pending",
        "active",
        "active",
        "expired",
    ]


def test_it_mutes_what_all_its_matchers_match_while_it_holds() -> None:
    one = silence("watch=delta", 'alertname=~"Bad.*"')
    assert one.mutes(alert(watch="delta"), NOW_MS)
    assert not one.mutes(alert(watch="united"), NOW_MS)
    assert not one.mutes(alert(watch="delta"), NOW_MS + HOUR_MS)


def test_none_starts_in_the_past() -> None:
    assert silence("watch=delta", starts_at_ms=NOW_MS - HOUR_MS).starts_at_ms == NOW_MS


def test_each_is_shown_with_the_names_of_alertmanager() -> None:
    one = silence('watch!~"delta|united"', "alertname=BadBuzz")
    assert one.public(NOW_MS) == {
        "id": one.id,
        "status": {"state": "active"},
        "matchers": [
            {"name": "watch", "value": "delta|united", "isRegex": True, "isEqual": False},
            {"name": "alertname", "value": "BadBuzz", "isRegex": False, "isEqual": True},
        ],
        "startsAt": "2026-09-21T14:13:20.000Z",
        "endsAt": "2026-09-21T15:13:20.000Z",
        "createdBy": "maya",
        "comment": "known",
        "updatedAt": "2026-09-21T14:13:20.000Z",
    }


@pytest.mark.parametrize(
    ("matchers", "changes", "complaint"),
    [
        ((), {}, "mute everything"),
        (("watch=~.*", "theme="), {}, "mute everything"),
        (("watch!=delta",), {}, "mute everything"),
        (("watch=delta",), {"ends_at_ms": NOW_MS}, "end after it starts"),
        (("watch=delta",), {"starts_at_ms": NOW_MS - 2, "ends_at_ms": NOW_MS - 1}, "end in the future"),
        (("watch=delta",), {"created_by": ""}, "createdBy"),
        (("watch=delta",), {"comment": "\n"}, "comment"),
    ],
)
def test_one_that_cannot_be_is_refused(matchers: tuple[str, ...], changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SilenceError, match=complaint):
        silence(*matchers, **changes)
