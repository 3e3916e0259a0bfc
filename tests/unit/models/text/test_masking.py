from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.text.masking import mask, mask_batch

# Pieces that meet badly: every trigger next to everything that could end or start a match.
_PIECES = [
    *"@＠:./+(-) ,#$\0\n'\"<>éαß木0123a_w",
    "http://", "https://t.co/Ab1", "www.", "bit.ly/x", "x.com", ".com/", "bob@mail.example", "@user", "<url>",
    "<email>", "<phone>", "+33612345678", "06 12 34 56 78", "555-010-0199", "(555) 010-0199", "0033 6", "789", "12 34",
]  # fmt: skip
_texts = st.one_of(st.text(), st.lists(st.sampled_from(_PIECES), max_size=14).map("".join))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("@AirParadis lost my bag", "@user lost my bag"),
        (".@a_1,@b: thanks ＠foo", ".@user,@user: thanks @user"),
        ("@JALについて", "@userについて"),
        ("see http://t.co/x9, or (https://a.example/q?x=1).", "see <url>, or (<url>)."),
        ("WWW.Example.com pic.twitter.com/Ab1 bit.ly/x", "<url> <url> <url>"),
        ("mail bob.b+air@mail.example.com now", "mail <email> now"),
        ("call +33 6 12 34 56 78 or 0033612345678", "call <phone> or <phone>"),
        ("06.12.34.56.78 06 12 34 56 78 0612345678", "<phone> <phone> <phone>"),
        ("1-800-555-0199, (555) 010-0199, 555.010.0199", "<phone>, <phone>, <phone>"),
        ("020 7946 0018 or 07700 900123!", "<phone> or <phone>!"),
    ],
)
def test_what_points_to_a_person_is_replaced(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "AF1234 at 1030, gate 24, 10:30-11:45",
        "$5551234567 or €1 200 or 1,234,567 points",
        "24.02.2015, 2015-02-24, 02/24/2015, 20150224, 2015-2016",
        "#AirParadis #0612345678 747-8000 24/7 +20% and/or",
        "Awww.that hurts :/ 3.5/5 @ home a:b",
        "ticket 1234567890123456",
    ],
)
def test_flights_prices_dates_times_and_tags_stay(text: str) -> None:
    assert mask(text) == text


@settings(max_examples=100, deadline=None)
@given(_texts)
@example("0612345678http://x")
@example("+33612345678@bar.com")
@example("a@b@c.com")
def test_a_masked_text_is_its_own_mask(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(_texts, max_size=6))
def test_a_batch_is_masked_as_its_texts_are(texts: list[str]) -> None:
    assert list(mask_batch(texts)) == [mask(text) for text in texts]


@pytest.mark.parametrize(
    "text", ["@" * 10_000, "a.b@" * 2_500, "http://" + "!" * 9_990, "0 " * 5_000, "x.com/" * 1_600]
)
@pytest.mark.timeout(2)
def test_no_hostile_text_takes_long(text: str) -> None:
    assert mask(mask(text)) == mask(text)
