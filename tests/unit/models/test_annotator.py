from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events import SENTIMENTS
from contracts.rules.schema import Rules, Theme, Watch
from models.annotator import Annotator
from models.text.masking import mask
from tests.fake_model import POISON, FakeModel

RULES = Rules(
    # One name for a watch and a theme: they must not be mixed up.
    watches=(Watch(name="air-paradis", match=("@airparadis", "air paradis")), Watch(name="food", match=("foodora",))),
    themes=(Theme(name="baggage", match=("bag",)), Theme(name="food", match=("meal",))),
)


def test_a_text_is_annotated_in_full() -> None:
    [annotation] = Annotator(RULES).annotate(FakeModel(), ["@AirParadis bad meal, bad bag http://t.co/x"])
    assert annotation.sentiment == "negative"
    assert annotation.confidence == pytest.approx(0.8)
    assert annotation.scores == pytest.approx((0.8, 0.125, 0.075))
    assert annotation.watches == ["air-paradis"]
    assert annotation.themes == ["baggage", "food"]
    assert annotation.masked == "@user bad meal, bad bag <url>"


def test_watches_and_themes_of_one_name_are_told_apart() -> None:
    first, second = Annotator(RULES).annotate(FakeModel(), ["foodora", "meal"])
    assert (first.watches, first.themes) == (["food"], [])
    assert (second.watches, second.themes) == ([], ["food"])


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.one_of(st.text(max_size=20), st.sampled_from(["good bag", "@airparadis\0bad", "meal"])), max_size=6))
def test_a_batch_is_annotated_as_its_texts_are(texts: list[str]) -> None:
    annotator, model = Annotator(RULES), FakeModel()
    batch = annotator.annotate(model, texts)
    assert batch == [annotator.annotate(model, [text])[0] for text in texts]
    for annotation, text in zip(batch, texts, strict=True):
        assert annotation.confidence == max(annotation.scores)
        assert annotation.sentiment == SENTIMENTS[annotation.scores.index(annotation.confidence)]
        assert annotation.masked == mask(text)


def test_what_the_model_raises_comes_through() -> None:
    with pytest.raises(ValueError, match="poison"):
        Annotator(RULES).annotate(FakeModel(), ["good", POISON])


def test_a_list_that_a_reader_changes_does_not_change_the_next_answer() -> None:
    annotator = Annotator(RULES)
    annotator.annotate(FakeModel(), ["air paradis"])[0].watches.clear()
    assert annotator.annotate(FakeModel(), ["air paradis"])[0].watches == ["air-paradis"]
