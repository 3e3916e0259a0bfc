from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.text.digests import digests
from models.text.normal_form import normal

_NOISE = re.compile(rb"[@<h](?:(?<=@)\w+|(?<=<)\w+>|(?<=h)ttps?://[^\s\x00]+)")


def _not_compared(one: str) -> bool:
    if one < "\x80":
        return not one.isalpha()
    return one == "\u200b" or unicodedata.category(one)[0] in "PZ" or unicodedata.category(one) == "Nd"


def compared(text: str) -> bytes:
    """The same in plain Python."""
    text = normal(text)
    lower = "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)
    letters = _NOISE.sub(b"", lower.encode("utf-8", "surrogatepass"))
    kept = (one for one in letters.decode("utf-8", "surrogatepass") if ord(one) > 0xFFFF or not _not_compared(one))
    letters = "".join(kept).encode("utf-8", "surrogatepass")
    return (letters[2:66] if letters.startswith(b"rt") else letters[:64]) or text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("my bag is lost", "RT @bob: My BAG is lost"),
        ("my bag is lost", "@AirParadis my bag is lost!!!"),
        ("my bag is lost", "my bag is lost <url>"),
        ("my bag is lost", "my bag is lost https://t.co/abc?d=1"),
        ("AF123 is late by 40 minutes", "AF998 is late by 5 minutes"),
        ("À l'heure ? Jamais", "à l’heure ? jamais"),
        ("H&M lost my bag", "H&amp;M lost my bag"),
        ("“never again”", "never again"),
        ("¡Nunca más! — «jamás»", "nunca más... jamás…"),
        ("رحلة ٤٥", "رحلة 45"),
        ("＠AirParadis my bag is lost", "＠Other ｍｙ bag is lost"),
        ("my bag\u200b is\ufeff lost", "my b\u00adag is lost\u200d"),
        ("lost ❤️", "lost ❤"),
        ("كُتُب", "كتب"),
        (f"{'a very long complaint ' * 5} one", f"{'a very long complaint ' * 5} two"),
    ],
)
def test_the_same_is_said(one: str, other: str) -> None:
    assert len(set(digests([one, other]).tolist())) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("bag lost", "bag found"), ("12:30", "12:40"), ("où", "ou"), ("😡", "😢"), ("<b", "b>c")]
)
def test_something_else_is_said(one: str, other: str) -> None:
    assert len(set(digests([one, other]).tolist())) == 2


def test_each_text_has_its_digest_whatever_stands_beside_it() -> None:
    texts = ["a\0b", "", "\0", "plain", "\ud800", "@user"]
    assert digests(texts).tolist() == [digests([text])[0] for text in texts]


_PIECES = st.sampled_from(
    ["@bob", "@", "<url>", "<b", "http://x", "HTTPS://T.co/a", "http://", "rt", "RT ", "É", "ß", "h"]
)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.lists(st.one_of(_PIECES, st.text(max_size=8)), max_size=20).map("".join), min_size=2, max_size=8))
@example(["http://a\0b", "https:// x", "<user>bag", "<us-er>bag", "İx", "\ud800"])
def test_two_texts_have_one_digest_when_the_same_is_compared(texts: list[str]) -> None:
    # A mention's end and a link's beginning are ASCII: letters that become ASCII in lower case (the Kelvin sign) aside.
    texts = [text.replace("\u212a", "k") for text in texts]
    found = digests(texts).tolist()
    says = [compared(text) for text in texts]
    for one in range(len(texts)):
        for other in range(one):
            assert (found[one] == found[other]) == (says[one] == says[other])


def test_digests_are_the_same_on_every_machine() -> None:
    assert [f"{one:016x}" for one in digests(["my bag is lost", "Où est mon sac ?"]).tolist()] == [
        "0163a9a6c41b3f40",
        "89436c40ba446d02",
    ]
