from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.rules import Topic
from models import matching
from models.matching import Matcher
from models.matching_kernel import find_terms


def _topic(name: str, *terms: str) -> Topic:
    return Topic(name=name, match=terms)


_AIRLINES = Matcher(
    [
        _topic("air-paradis", "@AirParadis", "#airparadis", "Air Paradis"),
        _topic("air", "air", "paradis"),
        _topic("meal", "café", "🍝", "c++"),
    ]
)


def test_names_come_once_in_the_order_of_the_topics() -> None:
    assert _AIRLINES.match("Café on air: AIR   paradis, @airparadis!") == ["air-paradis", "air", "meal"]


def test_only_whole_words_match() -> None:
    assert _AIRLINES.match("airline paradise chair @AirParadisFR #airparadis2 cafés x@airparadis") == []


def test_white_space_between_words_may_be_any() -> None:
    assert _AIRLINES.match("air\n\tparadis") == ["air-paradis", "air"]
    assert "air-paradis" not in _AIRLINES.match("air-paradis")


def test_a_word_matches_its_mention_and_its_tag_but_not_the_other_way_round() -> None:
    assert _AIRLINES.match("#air") == ["air"]
    assert _AIRLINES.match("airparadis") == []


def test_accents_are_kept() -> None:
    assert _AIRLINES.match("cafe") == []


def test_an_emoji_or_sign_needs_no_space_around_it() -> None:
    assert _AIRLINES.match("good🍝!") == ["meal"]
    assert _AIRLINES.match("c++11") == ["meal"]


def test_no_topics_match_nothing() -> None:
    assert Matcher([]).match_batch(["air", "", "\0"]) == [[], [], []]
    assert Matcher([_topic("nul", "\0")]).match("\0 x") == []


_WORDS = ["air", "Air", "fr", "france", "AIR FRANCE", "é", "ß", "@a", "#a", "a", "a-b", "🍝", "c+", "++", "İ", "Σ"]
_PIECES = [*_WORDS, " ", "  ", "\n", "\0", "-", "@", "#", "_", "1", "."]
_terms = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=3).map(" ".join)
_topics = st.lists(st.lists(_terms, min_size=1, max_size=3), max_size=5).map(
    lambda lists: [_topic(f"t{index}", *terms) for index, terms in enumerate(lists)]
)
_texts = st.one_of(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join), st.text(max_size=20))


def _folded(text: str) -> str:
    return "".join(folded if len(folded := character.casefold()) == 1 else character for character in text)


def _one_by_one(topics: list[Topic], text: str) -> list[str]:
    """The definition: one regular expression per term."""

    def matches(term: str) -> bool:
        before = r"(?<!\w)" if re.match(r"[\w@#]", term) else ""
        after = r"(?!\w)" if re.match(r"\w", term[-1]) else ""
        body = r"\s+".join(map(re.escape, _folded(term).split()))
        return re.search(before + body + after, _folded(text)) is not None

    return [topic.name for topic in topics if any(map(matches, topic.match))]


@settings(max_examples=600, deadline=None)
@given(_topics, st.lists(_texts, max_size=5))
def test_a_batch_matches_as_each_term_alone_would(topics: list[Topic], texts: list[str]) -> None:
    matcher = Matcher(topics)
    assert matcher.match_batch(texts) == [_one_by_one(topics, text) for text in texts]
    assert [matcher.match(text) for text in texts] == matcher.match_batch(texts)


def test_without_a_compiler_the_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Café on air: AIR   paradis, @airparadis!", "good🍝 \0 c++", "", "chair"]
    compiled = _AIRLINES.match_batch(texts)
    plain = getattr(find_terms, "py_func", find_terms)
    monkeypatch.setattr(matching, "find_terms", plain)
    assert _AIRLINES.match_batch(texts) == compiled == [["air-paradis", "air", "meal"], ["meal"], [], []]


def test_more_matches_than_expected_are_all_found() -> None:
    topics = [_topic(f"t{index}", "a") for index in range(3)] + [_topic("b", "a b")]
    assert Matcher(topics).match_batch(["a b " * 2000, "a"]) == [["t0", "t1", "t2", "b"], ["t0", "t1", "t2"]]


def test_a_thousand_topics_are_found() -> None:
    topics = [_topic(f"brand-{i}", f"@brand{i}", f"#brand{i}", f"brand number{i}") for i in range(1000)]
    texts = [f"I fly @Brand{i} and BRAND  number{999 - i}" for i in range(1000)]
    expected = [sorted({i, 999 - i}) for i in range(1000)]
    assert Matcher(topics).match_batch(texts) == [[f"brand-{i}" for i in pair] for pair in expected]
