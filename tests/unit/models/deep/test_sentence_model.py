"""A linear head on sentence embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ArtefactError
from models.base.artefact import load_artefact
from models.deep.sentence_model import DIMENSIONS, ENCODER, FAMILY, SentenceModel, embedded

PRAISE = ["quel service formidable, merci !", "what wonderful service, thank you!"]
BLAME = ["ma valise est perdue, c'est une honte", "my suitcase is lost, what a disgrace"]


def model() -> SentenceModel:
    """Praise against blame, by the embeddings of the first of each."""
    praise, blame = embedded([PRAISE[0]])[0], embedded([BLAME[0]])[0]
    weights = 10 * np.stack([blame - praise, np.zeros(DIMENSIONS), praise - blame], axis=1)
    metadata = {"family": FAMILY, "encoder": ENCODER, "languages": ["fr"]}
    return SentenceModel(metadata, weights.astype(np.float32), np.zeros(3, np.float32))


def test_what_is_alike_in_another_language_is_answered_alike(tmp_path: Path) -> None:
    model().save(tmp_path)
    loaded = load_artefact(tmp_path)
    found = loaded.predict_proba([*PRAISE, *BLAME])
    assert found.argmax(axis=1).tolist() == [2, 2, 0, 0]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(loaded.predict_proba([BLAME[1]])[0], found[3], atol=1e-4)  # whoever stands beside it
    assert loaded.predict_proba([]).shape == (0, 3)
    assert [word.word for word in loaded.explain("merci @buzz")] == ["merci", "@user"]


def test_another_encoder_and_weights_of_another_shape_are_refused() -> None:
    weights, bias = np.zeros((DIMENSIONS, 3), np.float32), np.zeros(3, np.float32)
    with pytest.raises(ArtefactError, match="needs the encoder 'other', this program has"):
        SentenceModel({"encoder": "other"}, weights, bias)
    with pytest.raises(ArtefactError, match=r"\(512, 3\) and \(3,\)"):
        SentenceModel({"encoder": ENCODER}, weights[1:], bias)
    with pytest.raises(ArtefactError, match="lacks bias"):
        SentenceModel.load({"encoder": ENCODER}, {"weights": weights})
