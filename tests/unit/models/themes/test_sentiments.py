from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from contracts.rules.schema import Rules, Theme, Watch
from models.annotator import Annotator
from models.base.sentiment import Tier
from tests.fake_model import FakeModel

THEMES = {
    "baggage": ("bag", "lost and found", "valise"),
    "crew": ("crew", "équipage"),
    "food": ("meal", "repas"),
    "delay": ("late", "meal"),
}
RULES = Rules(
    watches=(Watch(name="air", match=("@air", "crew")),),
    themes=tuple(Theme(name=name, match=match) for name, match in THEMES.items()),
)


def felt(text: str, rules: Rules = RULES) -> dict[str, str]:
    return dict(Annotator(rules).annotate(FakeModel(), [text])[0].theme_sentiments)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("good crew but a bad bag", {"crew": "positive", "baggage": "negative"}),
        ("bad crew. good bag", {"crew": "negative", "baggage": "positive"}),
        ("good crew, bad bag", {"crew": "positive", "baggage": "negative"}),
        ("good crew and bad bag", {"crew": "positive", "baggage": "negative"}),
        ("crew good 😍 bag bad 😡", {"crew": "positive", "baggage": "negative"}),
        ("crew: good, very - bag: bad, very", {"crew": "positive", "baggage": "negative"}),
        ("the crew, good, and so on; the bag, bad, and so on", {"crew": "positive", "baggage": "negative"}),
        ("l'équipage, good, mais ma valise, bad", {"crew": "positive", "baggage": "negative"}),
        # Without another theme, too, what is said behind "but" is said of something else.
        ("good crew but all else is bad", {"crew": "positive"}),
        ("although the bag is bad, the crew is good", {"crew": "positive", "baggage": "negative"}),
        # Nothing parts the two.
        ("good crew bad bag", {"crew": "negative", "baggage": "negative"}),
        ("bad: the crew with the bag", {"crew": "negative", "baggage": "negative"}),
        ("a bad crew-bag 3.5 x,5", {"crew": "negative", "baggage": "negative"}),
        # A theme in several clauses has the mean of them: 0.8 against 0.8 and 0.8.
        ("good crew but bad crew, however bad crew", {"crew": "negative"}),
        # A term of two themes, a term with "and" in it, a term of a watch and a theme.
        ("good meal but bad bag", {"food": "positive", "delay": "positive", "baggage": "negative"}),
        ("bad lost and found but good crew", {"baggage": "negative", "crew": "positive"}),
        ("but good", {}),
        ("good crew", {"crew": "positive"}),
        ("the crew", {"crew": "neutral"}),
    ],
)
def test_what_is_felt_about_a_theme_is_said_in_its_clause(text: str, expected: dict[str, str]) -> None:
    assert felt(text) == expected


def test_a_neutral_clause_of_a_text_that_takes_sides_takes_the_same() -> None:
    assert felt("bad bad day, the crew came; the bag came") == {"crew": "negative", "baggage": "negative"}
    assert felt("the crew came, the bag came") == {"crew": "neutral", "baggage": "neutral"}


def test_what_is_found_across_a_zero_width_space_has_the_sentiment_of_the_text() -> None:
    rules = Rules(
        watches=RULES.watches, themes=(Theme(name="crew", match=("crew",)), Theme(name="bag", match=("handbag",)))
    )
    assert felt("good crew but bad hand\u200bbag", rules) == {"crew": "positive", "bag": "negative"}


def test_any_number_of_themes_has_sentiments() -> None:
    themes = tuple(Theme(name=f"t{number}", match=(f"word{number}x",)) for number in range(200))
    text = "good word7x but bad word199x, bad word64x"
    assert felt(text, Rules(watches=RULES.watches, themes=themes)) == {
        "t7": "positive",
        "t64": "negative",
        "t199": "negative",
    }


def test_without_themes_nothing_is_felt_about_any() -> None:
    assert felt("good crew but bad bag", Rules(watches=RULES.watches, themes=())) == {}


def test_who_repeats_a_theme_for_ever_costs_no_more() -> None:
    annotator, text = Annotator(RULES), "good crew but bad bag, " * 400
    annotator.annotate(FakeModel(), [text])
    since = time.process_time()
    (answer,) = annotator.annotate(FakeModel(), [text])
    assert time.process_time() - since < 1
    assert set(answer.theme_sentiments) == {"crew", "baggage"}


class Counting(FakeModel):
    """A cascade whose quick tier is not the deep one's opinion."""

    tiers: tuple[Tier, ...] = ("linear", "deep")

    def __init__(self) -> None:
        super().__init__()
        self.behind: list[float | None] = []

    def predict_tiers(
        self, texts: Sequence[str], behind_s: float | None
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        self.behind.append(behind_s)
        return self.predict_proba(texts), np.zeros(len(texts), np.uint8)


def test_a_cascade_asks_its_quick_tier_alone_about_clauses() -> None:
    model = Counting()
    (answer,) = Annotator(RULES).annotate(model, ["good crew but bad bag"])
    assert answer.theme_sentiments == {"crew": "positive", "baggage": "negative"}
    assert model.behind == [None, float("inf")]


_words = st.sampled_from(
    ["good", "bad", "crew", "bag", "meal", "but", "and", ",", ".", "😍", "\u200b", "é", "\0", "x,1"]
)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.lists(_words, max_size=12).map(" ".join) | st.text(max_size=20), max_size=6))
def test_a_batch_is_judged_as_its_texts_are_and_every_theme_is(texts: list[str]) -> None:
    annotator = Annotator(RULES)
    together = annotator.annotate(FakeModel(), texts)
    assert together == [annotator.annotate(FakeModel(), [text])[0] for text in texts]
    for answer in together:
        assert list(answer.theme_sentiments) == answer.themes
