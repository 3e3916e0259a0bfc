from __future__ import annotations

from collections.abc import Sequence

from alerts.counters.counts import Counts, Point, Sample
from alerts.state.alert import Alert
from contracts.times import clock_ms
from dashboard.feed.alert_view import AlertView
from dashboard.feed.episode import episode_of

END_S = clock_ms() // 60_000 * 60 - 3600
BEGIN_S = END_S - 600


def view(**labels: str) -> AlertView:
    notes = {"top_themes": "baggage (20), crew (4)"}
    alert = Alert("bad_buzz", "f" * 16, {"alertname": "BadBuzz", **labels}, notes, BEGIN_S * 1000, 0.8, END_S * 1000)
    return AlertView(alert, [], [])


class Counted:
    """A board with a calm hour, and a storm in the alert's third minute."""

    def series(self, since_s: int, until_s: int, step_s: int, watch: str, theme: str) -> list[Point]:
        storm = BEGIN_S + 120
        return [
            Point(at, watch, theme, Counts(90, 10) if at == storm else Counts(2, 8))
            for at in range(since_s, until_s, step_s)
            if at != BEGIN_S + 240
        ]

    def samples(self, watches: Sequence[str], since_ms: int) -> list[Sample]:
        def sample(text: str, at_s: int, *themes: str) -> Sample:
            return Sample(watches[0], at_s * 1000, text, themes, text)

        return [
            sample("after it", END_S + 60, "baggage"),
            sample("no theme", END_S - 60),
            sample("rude", END_S - 120, "crew"),
            sample("no bag", END_S - 180, "baggage"),
            sample("no bag", END_S - 190, "baggage"),
        ]


def test_an_alerts_time_with_what_came_before_and_after() -> None:
    episode = episode_of(view(watch="delta"), Counted())
    assert episode is not None
    assert (episode.bars[0].start_s, episode.bars[-1].start_s) == (BEGIN_S - 1800, END_S + 840)
    assert episode.worst is not None
    assert (episode.worst.start_s, episode.worst.negative, episode.most) == (BEGIN_S + 120, 90, 100)
    assert (episode.begin, episode.end) == (1800 / 3300, 2400 / 3300)
    assert next(bar for bar in episode.bars if bar.start_s == BEGIN_S + 240).tweets == 0
    assert [one.text for one in episode.tweets] == ["no bag", "rude", "no theme"]


def test_an_alert_about_no_watch_has_no_counts() -> None:
    assert episode_of(view(model_version="3"), Counted()) is None
