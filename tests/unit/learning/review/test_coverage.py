from __future__ import annotations

from collections import Counter

from learning.review.coverage import buckets_of, most_telling

CREW = "the crew on this flight was so friendly"
BAG = "my bag did not come with us to madrid"


def nothing(buckets: list[int]) -> list[int]:
    return [0] * len(buckets)


def test_each_subject_is_asked_about_before_the_same_again_and_odd_words_come_last() -> None:
    texts = ["zlorpen gremblax quobbish", CREW, f"{CREW} again", f"{CREW} today", BAG, f"{BAG} again"]
    order = most_telling(texts, 6, nothing)
    assert {order[0] in {1, 2, 3}, order[1] in {1, 2, 3}} == {True, False}
    assert order[-1] == 0
    assert sorted(order) == list(range(6))


def test_what_was_judged_before_is_asked_about_later() -> None:
    texts = [CREW, f"{CREW} again", BAG, f"{BAG} again"]
    judged = Counter(buckets_of(CREW) * 9)
    [first] = most_telling(texts, 1, lambda buckets: [judged[one] for one in buckets])
    assert first in {2, 3}


def test_of_equal_texts_the_first_is_taken_and_none_is_no_error() -> None:
    assert most_telling(["one", "two", "three"], 2, nothing) == [0, 1]
    assert most_telling(["", "!!", "😡"], 9, nothing) == [0, 1, 2]
    assert most_telling([], 3, nothing) == []


def test_words_are_buckets_each_once_whatever_their_case() -> None:
    assert buckets_of("Bag bag BAG @user #Bag") == buckets_of("bag @USER #bag")
    assert len(buckets_of("bag @user #bag \ud800")) == 3
