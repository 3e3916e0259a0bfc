from __future__ import annotations

from contracts.events import ModelRef, Prediction, Scores, Sentiment
from dashboard.feed.picking import MOST, Picker, row_of

LETTERS = "bcdfghjklmnpqrstvwxz"


def prediction(
    number: int, text: str, sentiment: Sentiment = "negative", sure: float = 0.9, watch: str = "us"
) -> Prediction:
    return Prediction(
        tweet_id=str(number),
        prediction_id=f"p{number}",
        sentiment=sentiment,
        confidence=sure,
        scores=Scores(0, 0, 0),
        watches=[watch] if watch else [],
        themes=[],
        model=ModelRef("sentiment", "1"),
        text=text,
        lang="en",
        created_at="2026-11-20T10:00:00.000Z",
        scored_at="2026-11-20T10:00:00.100Z",
    )


def distinct(number: int) -> str:
    """Words of its own: digits do not tell texts apart."""
    syllables = [LETTERS[number // 20**place % 20] for place in range(3)]
    return " ".join(f"{kind}{'a'.join(syllables)}" for kind in ("to", "mu", "li"))


def test_a_quiet_stream_is_shown_whole() -> None:
    came = [prediction(number, "the same text") for number in range(MOST)]
    assert Picker().pick(came) == came


def test_of_thousands_those_are_shown_that_say_most() -> None:
    happy = [prediction(number, distinct(number), "positive", 0.99) for number in range(3000)]
    angry = [prediction(number, distinct(number)) for number in range(3000, 3030)]
    picked = Picker().pick(happy + angry)
    assert 10 <= len(picked) <= MOST
    assert {one.sentiment for one in picked} == {"negative"}


def test_near_duplicates_are_shown_once_also_in_the_next_frame() -> None:
    picker = Picker()
    passed_on = [prediction(number, f"lost my bag again, terrible {number}") for number in range(500)]
    assert len(picker.pick(passed_on)) == 1
    assert picker.pick(passed_on) == []


def test_a_storm_about_one_watch_does_not_hide_another() -> None:
    storm = [prediction(number, distinct(number), sure=0.99) for number in range(1000)]
    other = [prediction(2000, "they cancelled our honeymoon", sure=0.6, watch="rival")]
    assert other[0] in Picker().pick(storm + other)


def test_a_row_is_bounded_and_says_what_a_page_needs() -> None:
    row = row_of(prediction(1, "x" * 10_000))
    assert len(row["text"]) == 500
    assert {"id", "text", "s", "c", "w", "th", "at"} <= set(row)
