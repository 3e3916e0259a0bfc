from __future__ import annotations

from pathlib import Path

import pytest

from models.artefact import load_artefact
from models.compiling import COMPILED
from tests.unit.training.test_datasets import folder_of
from training.datasets import SOURCES
from training.train_linear import train_linear

pytestmark = pytest.mark.skipif(not COMPILED, reason="numba cannot run here")


def test_the_kept_model_carries_the_figures_of_one_that_saw_no_held_out_text(tmp_path: Path) -> None:
    steps: list[str] = []
    trained = train_linear(folder_of(tmp_path), "hashed", 0, steps.append)
    assert trained.model is not None
    assert list(trained.metrics) == [source.name for source in SOURCES]
    assert trained.metrics["airline"]["n"] == len(trained.held_out["airline"][0])
    assert any("learning split" in step for step in steps)
    trained.model.save(tmp_path / "out")
    metadata = load_artefact(tmp_path / "out").metadata
    assert metadata["metrics"] == trained.metrics
    assert metadata["data_hash"] == trained.data_hash
    assert metadata["trained_on"] == "sentiment140 400 + airline 400 + semeval 400 + french 400"


def test_tf_idf_is_measured_on_the_same_held_out_texts(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    hashed, tfidf = (train_linear(folder, kind, 0, lambda _: None) for kind in ("hashed", "tfidf"))
    assert tfidf.model is None
    for source in SOURCES:
        assert tfidf.metrics[source.name]["n"] == hashed.metrics[source.name]["n"]
        assert (tfidf.held_out[source.name][0] == hashed.held_out[source.name][0]).all()
