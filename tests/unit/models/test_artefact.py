from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ArtefactError
from contracts.settings import Settings
from models.artefact import METADATA, WEIGHTS, load_artefact
from models.hashed import HashedModel
from tests.unit.models.hashed_samples import HOSTILE, random_weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    HashedModel(random_weights(), {"trained_on": "nothing"}).save(tmp_path / "model")
    return tmp_path / "model"


def change(folder: Path, **values: object) -> None:
    metadata = json.loads((folder / METADATA).read_text())
    (folder / METADATA).write_text(json.dumps(metadata | values))


def test_a_loaded_model_answers_as_the_saved_one(folder: Path) -> None:
    saved = HashedModel(random_weights(), {})
    loaded = load_artefact(folder)
    assert loaded.metadata["trained_on"] == "nothing"
    np.testing.assert_array_equal(loaded.predict_proba(HOSTILE), saved.predict_proba(HOSTILE))


def test_a_model_can_be_saved_over_another(folder: Path) -> None:
    other = HashedModel(random_weights(seed=1), {})
    other.save(folder)
    np.testing.assert_array_equal(load_artefact(folder).predict_proba(["hi"]), other.predict_proba(["hi"]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (METADATA, None, "holds no model"),
        (METADATA, b"{", "metadata.json is damaged"),
        (METADATA, b"[]", "not a JSON object"),
        (METADATA, b"\xff", "metadata.json is damaged"),
        (WEIGHTS, None, "cannot be read"),
        (WEIGHTS, b"other bytes", "its SHA-256"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_one_line(
    folder: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=message) as error:
        load_artefact(folder)
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format_version": 99}, "format version 99"),
        ({"cleaning": 99}, "text cleaning 99"),
        ({"family": "forest"}, "unknown model family 'forest'"),
    ],
)
def test_a_model_of_another_version_is_refused(folder: Path, values: dict[str, object], message: str) -> None:
    change(folder, **values)
    with pytest.raises(ArtefactError, match=message):
        load_artefact(folder)


def test_the_shipped_model_loads_fast_and_is_small() -> None:
    shipped = Settings().artefact
    assert sum(file.stat().st_size for file in shipped.iterdir()) <= 10 * 1024 * 1024
    started = time.process_time()
    load_artefact(shipped)
    assert time.process_time() - started < 0.5
