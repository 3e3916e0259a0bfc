from __future__ import annotations

import pytest

from alerts.distinct_texts import FILTER_BITS, digests, filter_bits


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("my bag is lost", "RT @bob: My BAG is lost"),
        ("my bag is lost", "@AirParadis my bag is lost!!! 😡".replace("😡", "")),
        ("my bag is lost", "my bag is lost <url>"),
        ("my bag is lost", "my bag is lost https://t.co/abc?d=1"),
        ("AF123 is late by 40 minutes", "AF998 is late by 5 minutes"),
        (f"{'a very long complaint ' * 5} one", f"{'a very long complaint ' * 5} two"),
    ],
)
def test_the_same_is_said(one: str, other: str) -> None:
    assert len(set(digests([one, other]))) == 1


@pytest.mark.parametrize(("one", "other"), [("bag lost", "bag found"), ("12:30", "12:40"), ("où", "ou"), ("😡", "😢")])
def test_something_else_is_said(one: str, other: str) -> None:
    assert len(set(digests([one, other]))) == 2


def test_each_text_has_its_digest_whatever_stands_beside_it() -> None:
    texts = ["a\0b", "", "\0", "plain", "\ud800", "@user"]
    assert digests(texts) == [digests([text])[0] for text in texts]


def test_a_text_about_two_watches_has_bits_of_its_own_for_each() -> None:
    (digest,) = digests(["my bag is lost"])
    assert filter_bits(digest, "acme") == filter_bits(digest, "acme") != filter_bits(digest, "other")
    place, mask = filter_bits(digest, "acme")
    assert 0 <= int(place.removeprefix("#")) < FILTER_BITS // 32
    assert 1 <= mask.bit_count() <= 3
    assert mask < 1 << 32
