"""The cascade: who answers, within which time, and what happens without the deep tier."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from models import cascade
from models.base.artefact import load_artefact
from models.base.sentiment import WordWeight
from models.cascade import CascadeModel
from models.linear.model import HashedModel
from tests.unit.models.deep.tiny import tiny_model
from tests.unit.models.hashed_samples import random_weights

NOTED = {"threshold": 0.7, "blend": 1.0, "budget_s": 0.2, "patience_s": 2.0}


class Fixed:
    """Answers with the probabilities that it was given by text, after a pause for each."""

    def __init__(self, answers: dict[str, list[float]], pause_s: float = 0.0) -> None:
        self.answers, self.pause_s, self.asked = answers, pause_s, list[str]()
        self.metadata: Mapping[str, Any] = {}

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        time.sleep(self.pause_s * len(texts))
        return np.array([self.answers[text] for text in texts], np.float32)

    def explain(self, text: str) -> list[WordWeight]:
        return [WordWeight(text, self.answers[text][0])]

    def save(self, folder: Path) -> None:
        raise NotImplementedError


FAST = {"sure": [0.9, 0.05, 0.05], "unsure": [0.4, 0.3, 0.3], "torn": [0.34, 0.33, 0.33]}
SLOW = {text: [0.0, 0.0, 1.0] for text in FAST}


def test_only_what_the_linear_tier_is_unsure_of_goes_to_the_deep_one() -> None:
    deep = Fixed(SLOW)
    answered = CascadeModel(Fixed(FAST), deep, NOTED).answer(["sure", "unsure", "torn"], None)
    assert answered.tiers.tolist() == [0, 1, 1]
    assert answered.probabilities.argmax(axis=1).tolist() == [0, 2, 2]
    assert deep.asked == ["torn", "unsure"]  # the least sure first


def test_by_the_margin_two_rivals_are_asked_about_and_a_lead_over_two_is_not() -> None:
    """Of equal confidence, .48: one has a rival at .47, the other is far ahead of both others."""
    fast = {"rivals": [0.48, 0.47, 0.05], "ahead": [0.48, 0.26, 0.26]}
    deep = Fixed({text: [0.0, 0.0, 1.0] for text in fast})
    model = CascadeModel(Fixed(fast), deep, {**NOTED, "threshold": 0.1, "by": "margin"})
    assert model.answer(["ahead", "rivals"], None).tiers.tolist() == [0, 1]
    assert CascadeModel(Fixed(fast), deep, NOTED).answer(list(fast), None).tiers.tolist() == [1, 1]


def test_a_blend_mixes_both_answers() -> None:
    model = CascadeModel(Fixed(FAST), Fixed(SLOW), {**NOTED, "blend": 0.5})
    np.testing.assert_allclose(model.predict_proba(["torn"])[0], [0.17, 0.165, 0.665], atol=1e-6)


def test_the_budget_ends_the_deep_tiers_work() -> None:
    deep = Fixed(SLOW, pause_s=0.001)
    model = CascadeModel(Fixed(FAST), deep, NOTED)
    answered = model.predict_tiers(["unsure"] * 2_000, behind_s=0.0)
    assert 0 < answered.tiers.sum() < 2_000


def test_a_stream_that_is_behind_gets_linear_answers_only() -> None:
    deep = Fixed(SLOW)
    model = CascadeModel(Fixed(FAST), deep, NOTED)
    assert model.predict_tiers(["torn"], behind_s=2.0).tiers.tolist() == [0]
    assert not deep.asked
    assert model.predict_tiers(["torn"], behind_s=0.0).tiers.tolist() == [1]


def test_without_a_clock_the_same_texts_get_the_same_answers() -> None:
    model = CascadeModel(Fixed(FAST), Fixed(SLOW, pause_s=0.001), {**NOTED, "budget_s": 1e-9})
    assert model.predict_proba(["torn"] * 100).argmax(axis=1).tolist() == [2] * 100


def test_the_tier_that_answers_explains() -> None:
    model = CascadeModel(Fixed(FAST), Fixed(SLOW), NOTED)
    assert model.explain("sure") == [WordWeight("sure", 0.9)]
    assert model.explain("torn") == [WordWeight("torn", 0.0)]


@pytest.fixture(scope="module")
def linear() -> HashedModel:
    return HashedModel(random_weights(), {})


def test_a_saved_cascade_answers_as_before(linear: HashedModel, tmp_path: Path) -> None:
    texts = ["love the gate", "hmm", "not the gate", "I hate waiting"]
    model = CascadeModel(linear, tiny_model(), {**NOTED, "threshold": 0.9})
    model.save(tmp_path)
    loaded = load_artefact(tmp_path)
    assert isinstance(loaded, CascadeModel)
    before, after = model.answer(texts, None), loaded.answer(texts, None)
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    np.testing.assert_array_equal(before.tiers, after.tiers)
    assert loaded.degraded is None


def test_without_its_deep_tier_the_linear_one_serves_and_the_reason_is_told(
    linear: HashedModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    CascadeModel(linear, tiny_model(), NOTED).save(tmp_path)
    noted = json.loads((tmp_path / "metadata.json").read_text())
    del noted["metadata_sha256"]
    noted["parts"]["deep"]["runtime"] = "unheard-of"
    (tmp_path / "metadata.json").write_text(json.dumps(noted))
    loaded = load_artefact(tmp_path)
    assert isinstance(loaded, CascadeModel)
    assert "unheard-of" in str(loaded.degraded)
    assert "linear one answers alone" in caplog.text
    np.testing.assert_array_equal(loaded.predict_proba(["hmm"]), linear.predict_proba(["hmm"]))
    assert cascade.TIERS == ("linear", "deep")


def test_the_further_behind_the_fewer_texts_go_to_the_deep_tier() -> None:
    model = CascadeModel(Fixed(FAST), Fixed(SLOW, pause_s=0.001), {**NOTED, "budget_s": 0.3})
    asked = [int(model.predict_tiers(["torn"] * 1_000, behind_s=behind).tiers.sum()) for behind in (0.0, 1.0, 1.8, 2.0)]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] > 1.5 * asked[1] > 1.5 * asked[2] > asked[3] == 0


def test_a_slow_deep_tier_does_not_overdraw_a_small_budget() -> None:
    deep = Fixed(SLOW, pause_s=0.02)
    model = CascadeModel(Fixed(FAST), deep, {**NOTED, "budget_s": 0.12})
    model.predict_tiers(["torn"] * 100, behind_s=0.0)  # learns the pace
    answered = model.predict_tiers(["torn"] * 100, behind_s=0.0)
    assert 1 <= answered.tiers.sum() <= 6  # not a chunk of 32


def test_after_a_hiccup_the_deep_tier_is_asked_again() -> None:
    deep = Fixed(SLOW, pause_s=0.2)
    model = CascadeModel(Fixed(FAST), deep, {**NOTED, "budget_s": 0.05})
    model.predict_tiers(["torn"] * 4, behind_s=0.0)
    deep.pause_s = 0.0
    batches = [int(model.predict_tiers(["torn"] * 50, behind_s=0.0).tiers.sum()) for _ in range(60)]
    assert batches[0] == 0
    assert batches[-1] == 50


class Panic(BaseException):
    """As a tokenizer's panic in Rust arrives: no Exception."""


class Failing(Fixed):
    """Raises what it was given, until it is given nothing."""

    raised: BaseException | None = None

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.raised is not None:
            raise self.raised
        return super().predict_proba(texts)


@pytest.mark.parametrize("behind_s", [None, 0.0])
@pytest.mark.parametrize("raised", [MemoryError("no memory"), Panic("called `Option::unwrap()`")])
def test_when_the_deep_tier_raises_the_linear_answers_stand_and_the_reason_is_told(
    raised: BaseException, behind_s: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    deep = Failing(SLOW)
    model = CascadeModel(Fixed(FAST), deep, NOTED)
    deep.raised = raised
    for _ in range(2):
        answered = model.predict_tiers(["sure", "torn"], behind_s)
        assert answered.tiers.tolist() == [0, 0]
        np.testing.assert_array_equal(answered.probabilities, Fixed(FAST).predict_proba(["sure", "torn"]))
    assert str(raised) in str(model.degraded)
    assert len(caplog.records) == 1  # once, not with every batch
    deep.raised = None
    assert model.predict_tiers(["sure", "torn"], behind_s).tiers.tolist() == [0, 1]
    assert model.degraded is None


def test_an_interrupt_in_the_deep_tier_is_not_kept_back() -> None:
    deep = Failing(SLOW)
    deep.raised = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        CascadeModel(Fixed(FAST), deep, NOTED).predict_proba(["torn"])


@pytest.mark.parametrize(
    ("noted", "named"), [({"longest": "long"}, "ValueError"), ({"temperature": float("nan")}, "no probabilities")]
)
def test_a_deep_tier_that_cannot_be_built_or_does_not_answer_is_left_out(
    linear: HashedModel, tmp_path: Path, noted: dict[str, object], named: str
) -> None:
    CascadeModel(linear, tiny_model(), NOTED).save(tmp_path)
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    del metadata["metadata_sha256"]
    metadata["parts"]["deep"] |= noted
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    loaded = load_artefact(tmp_path)
    assert isinstance(loaded, CascadeModel)
    assert named in str(loaded.degraded)
    np.testing.assert_array_equal(loaded.predict_proba(["hmm"]), linear.predict_proba(["hmm"]))


@pytest.mark.parametrize(
    "figure",
    [
        {"patience_s": 0},
        {"budget_s": -1},
        {"blend": 2},
        {"threshold": float("nan")},
        {"threshold": None},
        {"by": "luck"},
    ],
)
def test_a_cascade_with_a_figure_that_cannot_be_is_refused(
    linear: HashedModel, tmp_path: Path, figure: dict[str, Any]
) -> None:
    CascadeModel(linear, tiny_model(), NOTED).save(tmp_path)
    metadata = json.loads((tmp_path / "metadata.json").read_text()) | figure
    del metadata["metadata_sha256"]
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ArtefactError):
        load_artefact(tmp_path)
