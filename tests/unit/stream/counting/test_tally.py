from __future__ import annotations

import msgspec
import pytest

from alerts.counters.counts import Answer
from alerts.counters.store import Cell
from contracts.events import ModelRef, Prediction, Scores
from contracts.settings import AlertSettings
from contracts.times import to_rfc3339
from stream.counting.tally import MAX_SAMPLES
from tests.oracles.tally import event_time, tally

SETTINGS = AlertSettings()
NOW = 1_790_000_040_000
NOW_S = NOW // 1000


def prediction(
    at_ms: int = NOW, sentiment: str = "negative", watches: tuple[str, ...] = ("air-paradis",), text: str = "lost"
) -> Prediction:
    return Prediction(
        tweet_id="1",
        prediction_id="p",
        sentiment=sentiment,  # type: ignore[arg-type]
        confidence=0.9,
        scores=Scores(0.9, 0.05, 0.05),
        watches=list(watches),
        themes=["baggage"],
        model=ModelRef("sentiment", "1"),
        text=text,
        lang=None,
        created_at=to_rfc3339(at_ms),
        scored_at=to_rfc3339(NOW),
    )


def test_a_tweet_counts_for_the_stream_its_watch_and_its_theme() -> None:
    minute = NOW_S - NOW_S % 60
    counts = tally([(prediction(), NOW)], SETTINGS, NOW)
    assert counts.minutes == {
        Cell(minute, "", "", "negative"): 1,
        Cell(minute, "", "baggage", "negative"): 1,
        Cell(minute, "air-paradis", "", "negative"): 1,
        Cell(minute, "air-paradis", "baggage", "negative"): 1,
    }
    assert sum(counts.buckets.values()) == 4


def test_its_text_is_told_apart_for_its_watch_and_theme() -> None:
    minute = NOW_S - NOW_S % 60
    same = [prediction(text="Lost!! @user"), prediction(text="lost 12"), prediction(text="found", sentiment="positive")]
    negative, positive = tally([(one, NOW) for one in same], SETTINGS, NOW).voices
    assert negative.minutes == (
        Cell(minute, "air-paradis", "", "negative"),
        Cell(minute, "air-paradis", "baggage", "negative"),
    )
    assert len(negative.texts) == 2
    assert len(set(negative.texts)) == 1
    assert positive.texts[0] not in negative.texts


def test_without_its_text_every_tweet_is_a_voice_of_its_own() -> None:
    silent = [(msgspec.structs.replace(prediction(), text=None, prediction_id=str(number)), NOW) for number in (1, 2)]
    (group,) = tally(silent, SETTINGS, NOW).voices
    assert len(set(group.texts)) == 2


@pytest.mark.parametrize(
    ("lang", "text", "language"),
    [
        ("es-MX", "lost", "es"),
        (None, "Toujours pas de nouvelles de ma valise, trois jours que j'attends", "fr"),
        ("und", "lost", "und"),
    ],
)
def test_a_tweet_in_an_unknown_language_counts_apart_and_is_kept_with_its_language(
    lang: str | None, text: str, language: str
) -> None:
    foreign = msgspec.structs.replace(prediction(), reliable=False, lang=lang, text=text)
    counts = tally([(foreign, NOW)], SETTINGS, NOW)
    assert {cell.sentiment for cell in counts.minutes} == {"negative~"}
    assert [(sample.subject, sample.lang) for sample in counts.samples] == [("air-paradis~", language)]


def test_what_the_model_said_is_counted_with_its_confidence() -> None:
    sure = msgspec.structs.replace(prediction(), confidence=1.0)
    counts = tally([(prediction(), NOW), (sure, NOW), (sure, NOW)], SETTINGS, NOW)
    slot = NOW_S - NOW_S % 600
    assert counts.answers == {Answer(slot, "1", "negative", 18): 1, Answer(slot, "1", "negative", 19): 2}


def test_a_late_tweet_fills_its_minute_and_no_window() -> None:
    counts = tally([(prediction(NOW - 3_600_000), NOW)], SETTINGS, NOW)
    assert {cell.start_s for cell in counts.minutes} == {(NOW_S - 3600) // 60 * 60}
    assert not counts.buckets
    assert not counts.samples


def test_a_backlog_is_not_late_only_because_it_was_scored_late() -> None:
    an_hour_ago = NOW - 3_600_000
    assert event_time(an_hour_ago, an_hour_ago, SETTINGS) == (an_hour_ago, False)


@pytest.mark.parametrize(
    ("written", "counts_at", "late"),
    [
        (NOW - 120_000, NOW - 120_000, False),
        (NOW - 120_001, NOW - 120_001, True),
        (NOW + 300_000, NOW + 300_000, False),
        (NOW + 300_001, NOW, False),
        (253_402_300_799_999, NOW, False),
    ],
)
def test_lateness_has_the_stated_limits(written: int, counts_at: int, late: bool) -> None:
    assert event_time(written, NOW, SETTINGS) == (counts_at, late)


def test_a_date_in_the_year_1_is_older_than_anything_kept() -> None:
    counts = tally([(prediction(-62_135_596_800_000), NOW)], SETTINGS, NOW)
    assert not counts.minutes
    assert not counts.buckets


def test_samples_are_the_newest_negative_tweets_of_a_watch() -> None:
    many = [(prediction(text=f"t{number}"), NOW) for number in range(MAX_SAMPLES + 5)]
    counts = tally([*many, (prediction(sentiment="positive"), NOW)], SETTINGS, NOW)
    assert [sample.text for sample in counts.samples] == [f"t{number}" for number in range(5, MAX_SAMPLES + 5)]


def test_the_model_is_sure_from_a_confidence_of_seven_tenths_on() -> None:
    some = [msgspec.structs.replace(prediction(), confidence=confidence) for confidence in (0.5, 0.6999, 0.7, 0.98)]
    (group,) = tally([(one, NOW) for one in some], SETTINGS, NOW).voices
    assert group.sure.tolist() == [False, False, True, True]
