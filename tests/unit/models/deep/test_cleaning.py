"""What a deep model reads of a tweet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.deep.cleaning import cleaned


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("@united where's my bag", "@user where's my bag"),
        ("see http://t.co/x and www.air.example!", "see http and http"),
        ("sooooo late!!!!", "soo late!!"),
        ("fish &amp; chips &lt;3", "fish & chips <3"),
        ("why 😡", "why  pouting face "),
        ("wave 👋🏽", "wave  waving hand sign "),
        ("don’t", "don't"),
    ],
)
def test_names_links_emoji_and_repetitions_are_made_alike(text: str, read: str) -> None:
    assert cleaned(text) == read


@given(st.text())
def test_anything_becomes_text_that_can_be_encoded(text: str) -> None:
    cleaned(text).encode("utf-8")
