from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.rules.schema import Topic
from models.text import matching
from models.text.matching import Matcher
from models.text.matching_kernel import find_terms
from models.text.normal_form import normal


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


def test_an_emoji_of_several_is_found_whole() -> None:
    matcher = Matcher([_topic("family", "👨‍👩‍👧"), _topic("man", "👨"), _topic("russia", "🇷🇺"), _topic("usa", "🇺🇸")])
    assert matcher.match("ok👨‍👩‍👧👨") == ["family", "man"]
    assert matcher.match("🇫🇷🇺🇸 🇷🇺") == ["russia", "usa"]


def test_no_topics_match_nothing() -> None:
    assert Matcher([]).match_batch(["air", "", "\0"]) == [[], [], []]
    assert Matcher([_topic("nul", "\0a")]).match("\0 x") == []


_FAR = ["दिल", "ल्ली", "கம்", "航空", "カ", "กา", "can't", "&"]
_WORDS = [
    *_FAR,
    "air",
    "Air",
    "fr",
    "france",
    "AIR FRANCE",
    "é",
    "ß",
    "@a",
    "#a",
    "a",
    "a-b",
    "🍝",
    "c+",
    "++",
    "İ",
    "Σ",
    "👨",
    "👨\u200d👩",
    "🇫🇷",
]
_MORE = ["&amp;", "’", "＠", "\u200b", "\u200d", "्", "ี", "ि", "は"]
_PIECES = [*_WORDS, *_MORE, " ", "  ", "\n", "\0", "-", "@", "#", "_", "1", "."]
_terms = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=3).map(" ".join)
_topics = st.lists(st.lists(_terms, min_size=1, max_size=3), max_size=5).map(
    lambda lists: [_topic(f"t{index}", *terms) for index, terms in enumerate(lists)]
)
_texts = st.one_of(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join), st.text(max_size=20))


def _folded(text: str) -> str:
    plain = {"İ": "i"}
    several = (plain.get(letter, letter.lower() if len(letter.lower()) == 1 else letter) for letter in text)
    return "".join(
        folded if len(folded := letter.casefold()) == 1 else one for letter, one in zip(text, several, strict=True)
    )


def test_capital_letters_that_fold_to_two_match_their_small_ones() -> None:
    matcher = Matcher([_topic("istanbul", "istanbul"), _topic("strasse", "straße")])
    assert matcher.match("İSTANBUL STRAẞE") == ["istanbul", "strasse"]
    assert matcher.match("STRASSE, strasse") == ["strasse"]


# Characters with a boundary on either side, as far as these tests have them.
_UNSPACED = re.compile(
    r"[\u0e00-\u0e4f\u0e5a-\u0ecf\u1000-\u103f\u1780-\u17df\u3041-\u309f\u3400-\u9fff\U00020000-\U0003ffff]"
)


_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M" or character == "\u200d"


def _is_word(text: str) -> bool:
    """Whether the text ends inside a word, if more of it comes: marks belong to what is before them (WB4)."""
    while text and _is_mark(text[-1]):
        text = text[:-1]
    return bool(text) and re.match(r"\w", text[-1]) is not None and not _UNSPACED.match(text[-1])


def _is_inside_an_emoji(before: str, character: str) -> bool:
    """Whether it is joined to what is before it, or the second half of a flag."""
    letters = "".join(one for one in before if not _is_mark(one))
    marks = before[len(before.rstrip("".join(filter(_is_mark, before)))) :]
    flags = len(letters) - len(letters.rstrip(_FLAGS))
    return "\u200d" in marks or (character in _FLAGS and flags % 2 == 1)


def _one_by_one(topics: list[Topic], text: str) -> list[str]:
    """The definition: one regular expression per term."""

    def matches(term: str, text: str) -> bool:
        pieces = _folded(unicodedata.normalize("NFC", normal(term))).split()
        pattern = re.compile(r"[\s\u200b]+".join(map(re.escape, pieces)))
        for start in range(len(text)):
            body = pattern.match(text, start)
            if body is None:
                continue
            end = body.end()
            bounded = text[start] in "@#" or (_is_word(text[start]) and not _is_mark(text[start]))
            if (bounded and _is_word(text[:start])) or _is_inside_an_emoji(text[:start], text[start]):
                continue
            if end < len(text) and (_is_mark(text[end]) or (_is_word(body[0]) and _is_word(text[end]))):
                continue
            return True
        return False

    plain = _folded(normal(text))
    variants = [plain, plain.replace("\u200b", "")]
    return [
        topic.name for topic in topics if any(matches(term, variant) for term in topic.match for variant in variants)
    ]


@settings(max_examples=100, deadline=None)
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


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("AT&T", "my AT&amp;T line"),
        ("AT&amp;T", "my AT&T line"),
        ("H&M", "lost my H&#38;M bag"),
        ("R&D", "R&#x26;D"),
        ("can't check in", "I can’t check in"),
        ("can't check in", "I can&#39;t check in"),
        ("can’t check in", "I can&amp;rsquo;t check in"),
        ("l’avion", "dans l'avion"),
        ("l'avion", "dans lʼavion"),
        ("avion", "dans l’avion"),
        ("carry-on", "my carry‑on"),
        ("#airparadis", "＃airparadis"),
        ("@airparadis", "merci＠ＡｉｒＰａｒａｄｉｓ".replace("merci", "")),
        ("air paradis", "Air\u200bParadis"),
        ("airparadis", "Air\u200bParadis"),
        ("air\u200bparadis", "airparadis et air paradis"),
        ("airparadis", "Air\u00adPara\ufeffdis\u2060"),
        ("air paradis", "Air\u00a0Paradis"),
        ("air paradis", "Air&nbsp;Paradis"),
        ("air paradis", "𝗔𝗶𝗿 Ⓟaradis"),
        ("❤", "❤️"),
        ("❤️", "❤"),
        ("كتب", "كُتُب"),
        ("كُتُب", "كتب"),
        ("مطار", "مطــــار"),
        ("航空", "日本航空は"),
        ("เครื่องบิน", "บนเครื่องบินของเรา"),
        ("दिल्ली", "दिल्ली से"),
        ("کتاب‌ها", "کتابها"),
        ("straße", "STRASSE"),
        ("FUẞBALL", "fussball"),
        ("office", "oﬃce"),
        ("👍", "👍🏿"),
        ("👨🏽\u200d🚀", "👨\u200d🚀"),
    ],
)
def test_what_is_written_in_another_way_matches(term: str, text: str) -> None:
    assert Matcher([_topic("x", term)]).match(text) == ["x"]
    assert Matcher([_topic("x", text)]).match(text) == ["x"]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("दिल", "दिल्ली से"),
        ("कम", "कमी"),
        ("ली", "दिल्ली"),
        ("கம்", "கம்பி"),
        ("কম", "কমি"),
        ("كتب", "مكتبة"),
        ("กา", "กำา"),
        ("ガ", "ガス"),
        ("AT&T", "AT&ampT"),
        ("AT&T", "AT and T"),
        ("e", "e\u0323cole"),
        ("👨", "👨\u200d👩\u200d👧"),
        ("👩", "👨\u200d👩\u200d👧"),
        ("👧", "👨🏽\u200d👩🏽\u200d👧🏽"),
        ("👨\u200d👩", "👨\u200d👩\u200d👧"),
        ("❤", "👩\u200d❤️\u200d👩"),
        ("🇷🇺", "🇫🇷🇺🇸"),
    ],
)
def test_part_of_a_word_does_not_match(term: str, text: str) -> None:
    assert Matcher([_topic("x", term)]).match(text) == []
