from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.base.artefact import load_artefact
from tests.unit.training.data.test_datasets import FILES, folder_of
from tests.unit.training.linear.small import SMALL_HASHED
from training.evaluation.held_out import HeldOut
from training.linear.model_zoo import MEMBERS
from training.linear.train import Trained, train


def trained_on(folder: Path, name: str, **options: object) -> Trained:
    member = SMALL_HASHED if name == "hashed" else MEMBERS[name]
    return train(folder, member, 0, lambda _: None, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def hashed(folder: Path) -> Trained:
    return trained_on(folder, "hashed", keep=False)


def test_the_kept_model_carries_the_figures_of_one_that_saw_no_held_out_text(folder: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    trained = train(folder, SMALL_HASHED, 0, steps.append)
    assert trained.model is not None
    assert list(trained.metrics) == list(FILES)
    assert trained.metrics["airline"]["n"] == len(trained.held_out["airline"][0])
    assert any("learning split" in step for step in steps)
    trained.save(tmp_path / "out")
    metadata = load_artefact(tmp_path / "out").metadata
    assert metadata["metrics"] == trained.metrics
    assert metadata["data_hash"] == trained.data_hash
    assert metadata["trained_on"] == "sentiment140 400 + airline 400 + semeval 400 + french 400"
    assert sum(metadata["reference"]["classes"].values()) == pytest.approx(1, abs=1e-3)
    assert len(metadata["reference"]["confidence"]) == 20
    kept = HeldOut.load(tmp_path / "out")
    assert kept is not None
    np.testing.assert_array_equal(kept.keys, trained.evidence.keys)
    np.testing.assert_allclose(kept.scores, trained.evidence.scores, atol=1e-5)
    assert {name: mask.sum() for name, mask in kept.slices.items()} == {
        name: mask.sum() for name, mask in trained.evidence.slices.items()
    }


@pytest.mark.parametrize("name", ["tfidf-lr", "tfidf-nbsvm"])
def test_another_member_is_measured_on_the_same_held_out_texts(folder: Path, hashed: Trained, name: str) -> None:
    other = trained_on(folder, name)
    assert other.model is None
    for source in FILES:
        assert other.metrics[source]["n"] == hashed.metrics[source]["n"]
        assert (other.held_out[source][0] == hashed.held_out[source][0]).all()
        np.testing.assert_allclose(other.held_out[source][1].sum(axis=1), 1, atol=1e-5)


def test_a_learning_curve_shows_what_fewer_rows_teach(folder: Path) -> None:
    trained = trained_on(folder, "hashed", keep=False, curve=True)
    rows = [rows for rows, _ in trained.curve["airline"]]
    assert len(rows) == 3
    assert rows == sorted(rows)
    assert rows[-1] == trained.rows


def test_a_limit_on_emoticon_labels_leaves_all_labels_by_people(folder: Path, hashed: Trained) -> None:
    few = trained_on(folder, "hashed", keep=False, distant=50)
    assert few.distant_rows == 50
    assert few.rows - few.distant_rows == hashed.rows - hashed.distant_rows
