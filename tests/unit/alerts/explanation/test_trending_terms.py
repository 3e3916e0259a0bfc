from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.explanation.trending_terms import grown_terms, similarity, words_of

BEFORE = ["the flight is late again", "late flight, rude crew", "seat is dirty", "flight late, no answer"] * 10
CRISIS = [
    "my suitcase never came, flight fine",
    "no suitcase at the carousel",
    "carousel stands still, suitcase gone",
    "late flight and the suitcase is lost",
]


def test_what_was_always_said_is_no_reason() -> None:
    terms = grown_terms(CRISIS, BEFORE, [])
    assert terms[:2] == ["suitcase", "carousel"]
    assert not {"flight", "late"} & set(terms)


def test_a_word_that_grows_counts_more_than_one_that_is_frequent() -> None:
    now = ["flight cancelled"] * 10 + ["flight late"] * 20
    assert grown_terms(now, ["flight late"] * 100, [])[0] == "cancelled"


def test_without_a_past_the_most_frequent_words_are_the_reason() -> None:
    assert grown_terms(CRISIS, [], [])[:1] == ["suitcase"]
    assert grown_terms([], BEFORE, []) == grown_terms([], [], []) == []


def test_a_word_of_one_tweet_alone_is_nobodys_reason() -> None:
    assert "gone" not in grown_terms(CRISIS, BEFORE, [])
    assert grown_terms(["where is my bag"], [], []) == ["bag"]


def test_stop_words_placeholders_and_the_watch_itself_are_left_out() -> None:
    texts = ["@user <url> Air Paradis suitcase and the RT"] * 5
    assert grown_terms(texts, [], ["@airparadis", "air paradis"]) == ["suitcase"]
    assert words_of("@user <url> the RT it’s 12345") == set()


def test_the_score_is_that_of_the_paper() -> None:
    """Monroe, Colaresi and Quinn 2008, equation 22, computed here by hand for two words at the limit of 1."""
    before = ["alpha"] * 100 + ["beta"] * 300
    for alphas in range(5, 35):
        prior = (alphas + 100) * 40 / 440
        here, there = alphas + prior, 100 + prior
        delta = math.log(here / (80 - here)) - math.log(there / (440 - there))
        expected = ["alpha"] if delta / math.sqrt(1 / here + 1 / there) > 1 else []
        found = grown_terms(["alpha"] * alphas + ["beta"] * (40 - alphas), before, [])
        assert [word for word in found if word == "alpha"] == expected


def test_no_entity_of_a_tweet_ends_the_explanation() -> None:
    """Python refuses numbers of more than 4,300 digits."""
    assert words_of(f"suitcase &#{'1' * 5000}; vanished &#{'0' * 5000}98;roken &amp; late") == {
        *("suitcase", "vanished", "broken", "late")
    }


@settings(max_examples=50)
@given(st.lists(st.text(st.sampled_from("&#;x01aé<> @'’\u0301\0"), max_size=40) | st.text(max_size=40), max_size=4))
def test_whatever_people_write_is_explained(texts: list[str]) -> None:
    assert len(grown_terms(texts, texts[:1], texts[1:])) <= 5
    assert all(0 <= similarity(one, other) <= 1 for one in texts for other in texts)
