from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import ArtefactError
from contracts.rules.schema import LEARNT_THEMES, Rules, Theme, Watch
from models.annotator import Annotator
from models.linear.tokens import tokens
from models.text.batch import TextBatch
from models.themes.learnt import LANES, SHIPPED, LearntThemes, load_learnt_themes
from tests.fake_model import FakeModel
from tests.oracles.hashed import negated, word_hashes

RULES = Rules(
    watches=(Watch(name="air", match=("@air",)),),
    themes=(
        Theme(name="baggage", match=("bag",)),
        Theme(name="service", match=("hotline",), learnt=True),
        Theme(name="delay", match=("late",)),
    ),
)
ON_HOLD = "bad: three hours on the phone and nobody answers"


def themes(text: str) -> list[str]:
    return Annotator(RULES).annotate(FakeModel(), [text])[0].themes


def test_a_complaint_is_about_a_learnt_theme_without_a_word_of_it() -> None:
    (answer,) = Annotator(RULES).annotate(FakeModel(), [ON_HOLD])
    assert answer.themes == ["service"]
    assert answer.theme_sentiments == {"service": "negative"}


def test_only_complaints_are_asked_and_words_still_count() -> None:
    assert themes(ON_HOLD.replace("bad", "good")) == []
    assert themes("good hotline, late bag") == ["baggage", "service", "delay"]
    assert themes("bad bag") == ["baggage"]


def test_what_the_words_weighed_is_told() -> None:
    words = Annotator(RULES).explain_themes(ON_HOLD, ["service", "baggage"])
    assert list(words) == ["service"]
    weights = {one.word: one.weight for one in words["service"]}
    assert max(weights, key=lambda word: weights[word]) == "phone"


def test_nothing_is_explained_where_nothing_is_learnt() -> None:
    rules = Rules(watches=RULES.watches, themes=(Theme(name="service", match=("hotline",)),))
    assert Annotator(rules).explain_themes(ON_HOLD, ["service"]) == {}


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.text(max_size=30) | st.sampled_from(["a b " * 400, "never", "é 😡"]), min_size=1, max_size=5))
def test_the_sums_are_those_of_the_plain_reference(texts: list[str]) -> None:
    weights = np.random.default_rng(0).integers(-128, 128, (1 << 8, LANES)).astype(np.int8)
    heads = LearntThemes(weights, np.full(LANES, 0.01), np.linspace(-1, 1, LANES), 0.5)
    rows = np.arange(len(texts))[::-1].copy()
    for row, found in zip(rows.tolist(), heads.probabilities(TextBatch.of(texts), rows), strict=True):
        words = tokens(texts[row].encode("utf-8", "surrogatepass"))
        hashes = word_hashes(words, 3, negated(words, frozenset(), 0))
        total = sum((weights[h >> 24].astype(np.int64) for h in hashes), np.zeros(LANES, np.int64))
        logits = total * 0.01 / np.sqrt(max(len(hashes), 1)) + np.linspace(-1, 1, LANES)
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), atol=1e-9)


def test_a_damaged_or_foreign_artefact_is_refused_with_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "themes"
    shutil.copytree(SHIPPED, folder)
    assert load_learnt_themes(folder).weights.shape == (1 << 16, LANES)
    content = (folder / "weights.npz").read_bytes()
    load_learnt_themes.cache_clear()
    (folder / "weights.npz").write_bytes(content[:-1] + b"x")
    with pytest.raises(ArtefactError, match=f"{folder}: weights.npz is damaged"):
        load_learnt_themes(folder)
    (folder / "weights.npz").unlink()
    with pytest.raises(ArtefactError, match="cannot be read"):
        load_learnt_themes(folder)
    heads = load_learnt_themes()
    LearntThemes(heads.weights[:100], heads.scale, heads.bias, 0.5).save(folder, {})
    with pytest.raises(ArtefactError, match="arrays of other shapes"):
        load_learnt_themes(folder)
    heads.save(folder, {})
    metadata = json.loads((folder / "metadata.json").read_text())
    assert metadata["themes"] == list(LEARNT_THEMES)
    shutil.copytree(SHIPPED.parent / "linear", tmp_path / "linear")
    with pytest.raises(ArtefactError, match="no learnt themes of this version"):
        load_learnt_themes(tmp_path / "linear")


def test_the_weights_are_small() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 1e6
