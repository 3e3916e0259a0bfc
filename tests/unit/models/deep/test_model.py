"""A deep model serves: the same protocol as the linear one, honest refusals."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ArtefactError
from models.base.artefact import load_artefact
from models.deep.model import DeepModel
from tests.unit.models.deep.tiny import tiny_model


def test_probabilities_sum_to_one_whatever_the_text() -> None:
    texts = ["love", "", " ", "\ud800 lone", "a\x00b", "x" * 10_000, "love " * 3_000, "😡", "@", "http://"]
    scores = tiny_model().predict_proba(texts)
    assert scores.shape == (len(texts), 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_no_texts_have_no_answers() -> None:
    assert tiny_model().predict_proba([]).shape == (0, 3)


def test_answers_come_in_the_order_of_the_texts() -> None:
    texts = ["hate the the the gate", "love", "the hate", "love the"] * 100
    scores = tiny_model().predict_proba(texts)
    for text, row in zip(texts, scores, strict=True):
        np.testing.assert_allclose(row, tiny_model_alone.predict_proba([text])[0], atol=1e-6)


tiny_model_alone = tiny_model()


class Recorder:
    """A network that notes the shapes of what it gets."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def logits(self, ids: np.ndarray) -> np.ndarray:
        self.shapes.append(ids.shape)
        return np.zeros((len(ids), 3), np.float32)


@pytest.mark.parametrize(("family", "shapes"), [("student", [(64, 8)]), ("transformer", [(32, 1), (32, 8)])])
def test_a_transformer_gets_fewer_texts_of_more_like_length(family: str, shapes: list[tuple[int, int]]) -> None:
    model, recorder = tiny_model(), Recorder()
    parts = {name: array.tobytes() for name, array in model.arrays().items()}
    opened = DeepModel({**model.metadata, "family": family}, **parts, opened=recorder)
    opened.logits(["love", "the gate " * 4] * 32)
    assert recorder.shapes == shapes


def test_a_temperature_makes_answers_modest_and_keeps_their_order() -> None:
    sure, modest = tiny_model().predict_proba(["love"]), tiny_model(temperature=3.0).predict_proba(["love"])
    assert sure.argmax() == modest.argmax() == 2
    assert modest.max() < sure.max()


def test_names_and_links_change_nothing() -> None:
    first, second = tiny_model().predict_proba(["@united love http://a.b/c", "@Delta love https://xyz.example"])
    np.testing.assert_array_equal(first, second)


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    model = tiny_model(temperature=2.0)
    model.save(tmp_path)
    loaded = load_artefact(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(["love the gate"]), model.predict_proba(["love the gate"]))
    assert loaded.metadata["family"] == "student"


def test_threads_get_the_answers_of_one(tmp_path: Path) -> None:
    model, texts = tiny_model(), ["love", "hate the gate", "not"] * 50
    alone = model.predict_proba(texts)
    with ThreadPoolExecutor(4) as pool:
        for scores in pool.map(lambda _: model.predict_proba(texts), range(20)):
            np.testing.assert_array_equal(scores, alone)


def test_explaining_signs_the_words() -> None:
    weights = {word.word: word.weight for word in tiny_model().explain("@united love the http://x.y hate")}
    assert weights["love"] > 1
    assert weights["hate"] < -1
    assert abs(weights["the"]) < 1e-3
    assert {"@user", "URL"} <= set(weights)


@pytest.mark.parametrize(
    ("noted", "named"), [({"cleaning": 0}, "text cleaning 0"), ({"runtime": "pickle"}, "'pickle'")]
)
def test_an_artefact_of_another_kind_is_refused_with_its_reason(noted: dict[str, object], named: str) -> None:
    with pytest.raises(ArtefactError, match=named):
        tiny_model(**noted)


def test_a_damaged_network_is_refused(tmp_path: Path) -> None:
    tiny_model().save(tmp_path)
    noted = json.loads((tmp_path / "metadata.json").read_text())
    del noted["metadata_sha256"]
    noted["runtime"] = "litert"
    (tmp_path / "metadata.json").write_text(json.dumps(noted))
    with pytest.raises(ArtefactError, match="LiteRT refuses"):
        load_artefact(tmp_path)
