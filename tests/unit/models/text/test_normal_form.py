from __future__ import annotations

import html
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.rules.schema import Topic
from models.text.batch import TextBatch
from models.text.digests import digests
from models.text.matching import Matcher
from models.text.normal_form import normal, normal_form


def _x(term: str) -> Topic:
    return Topic(name="x", match=(term,))


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("plain ASCII, as most texts are", "plain ASCII, as most texts are"),
        ("Où êtes-vous ?", "Où êtes-vous ?"),
        ("‘a’ ʼb＇ `c´ d′", "'a' 'b' 'c' d'"),
        ("“a” „b“ «c» ＂", '"a" "b" "c" "'),
        ("a‐b‑c–d—e−f", "a-b-c-d-e-f"),
        ("＃ｔａｇ ＠ｎａｍｅ １２", "#tag @name 12"),
        ("𝓽𝓸𝓹 ⓣⓞⓟ 🄰", "top top A"),
        ("ℹ️ Ⓜ️", "ℹ Ⓜ"),
        ("a\u200cb\u200dc\u2060d\ufeffe\u00adf\u200eg", "abcdefg"),
        ("👩\u200d👧 ❤\ufe0f 👍🏽", "👩\u200d👧 ❤ 👍"),
        ("👩🏽\u200d❤️\u200d👩 👩&zwj;✈", "👩\u200d❤\u200d👩 👩\u200d✈"),
        ("\u200d👩\u200d a\u200d👧\u200d", "👩 a👧"),
        ("Straße STRAẞE &szlig; ﬁne oﬃce ﬅ", "Strasse STRASSE ss fine office st"),
        ("a\u200bb", "a\u200bb"),
        ("a\u00a0b\u3000c", "a\u00a0b c"),
        ("&amp; &lt; &gt; &quot; &apos; &#39; &#x27; &#X2F;", "& < > \" ' ' ' /"),
        ("&eacute;t&eacute; &rsquo; &nbsp;&hellip;", "été ' \u00a0…"),
        ("&amp;amp;amp; &amp;#39; &#38;lt;", "& ' <"),
        ("&#146;&#x92;", "''"),
        ("& &; &# &#; &#x; &nosuch; &amp AT&T &#xD800; &#1; &#1114112; &#99999999999;", None),
        ("\ud800 \x00 \x01", None),
    ],
)
def test_each_character_has_one_form(written: str, means: str | None) -> None:
    assert normal(written) == (written if means is None else means)


def test_a_batch_without_anything_to_change_stays_itself() -> None:
    batch = TextBatch.of(["plain", "", "é", "a\0b"])
    assert normal_form(batch) is batch


@given(st.lists(st.one_of(st.text(max_size=20), st.sampled_from(["&amp;", "’", "\u200d", "&#39"])), max_size=6))
@settings(deadline=None)
def test_a_text_has_its_form_whatever_stands_beside_it(texts: list[str]) -> None:
    assert list(normal_form(texts)) == [normal(text) for text in texts]


@given(st.text(st.characters(exclude_characters="&", exclude_categories=["Cs"]), max_size=30))
@settings(deadline=None)
def test_it_differs_by_no_letter_from_unicodes_own_compatibility_form(text: str) -> None:
    def letters(text: str) -> str:
        return "".join(one for one in unicodedata.normalize("NFKC", text) if one.isalpha() and one not in "ʹʻʼʽˈꞌـ")

    assert letters(normal(text)) == letters(text.replace("ß", "ss").replace("ẞ", "SS"))


_ENTITY = st.one_of(
    st.sampled_from(["&amp;", "&lt;", "&quot;", "&eacute;", "&nbsp;", "&AMP;", "&Eacute;"]),
    st.integers(160, 0xD7FF).map(lambda point: f"&#{point};"),
    st.integers(160, 0xD7FF).map(lambda point: f"&#x{point:x};"),
)


@given(st.lists(st.one_of(_ENTITY, st.sampled_from([" ", "a", "é"])), max_size=8).map("".join))
@settings(deadline=None)
def test_entities_mean_what_a_browser_shows(text: str) -> None:
    if "&amp;" not in text and "&AMP;" not in text and "&#38;" not in text:
        assert normal(text) == normal(html.unescape(text))


_WAYS = [
    ("'", "’‘ʼ＇`´"),
    ('"', "“”«»＂"),
    ("-", "‐‑–—"),
    ("#", "＃"),
    ("@", "＠"),
    ("&", ["&amp;", "&#38;", "&#x26;", "＆"]),
    ("a", ["ａ", "𝐚", "ⓐ", "a\u00ad", "a\u2060", "\ufeffa", "a\u200d"]),
]
_PLAIN = st.text("abc '\"-#@&é", max_size=12)


@st.composite
def _rewritten(draw: st.DrawFn) -> tuple[str, str]:
    text = draw(_PLAIN)
    ways = dict(_WAYS)
    other = "".join(draw(st.sampled_from([one, *ways.get(one, "")])) for one in text)
    return text, other


@given(_rewritten(), st.text("abc'&@#", min_size=1, max_size=3))
@settings(deadline=None, max_examples=80)
def test_matching_and_digests_do_not_depend_on_how_a_text_is_written(pair: tuple[str, str], term: str) -> None:
    one, other = pair
    matcher = Matcher([_x(term)])
    assert matcher.match(one) == matcher.match(other)
    assert digests([one]).tolist() == digests([other]).tolist()


@given(_rewritten())
@settings(deadline=None, max_examples=80)
def test_a_term_matches_however_it_is_written(pair: tuple[str, str]) -> None:
    one, other = (part.strip() for part in pair)
    if one and other:
        text = "b (a) 'c' " + one
        assert Matcher([_x(one)]).match(text) == Matcher([_x(other)]).match(text)
