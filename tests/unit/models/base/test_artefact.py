from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ArtefactError
from contracts.settings import Settings
from models.base.artefact import METADATA, METADATA_SHA256, WEIGHTS, load_artefact
from models.linear.model import HashedModel
from tests.unit.models.hashed_samples import HOSTILE, random_weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    HashedModel(random_weights(), {"trained_on": "nothing"}).save(tmp_path / "model")
    return tmp_path / "model"


def change(folder: Path, **values: object) -> None:
    """As somebody else might have written them: without a checksum."""
    metadata = json.loads((folder / METADATA).read_text())
    del metadata[METADATA_SHA256]
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


def test_metadata_that_are_not_as_written_are_refused(folder: Path) -> None:
    metadata = json.loads((folder / METADATA).read_text())
    (folder / METADATA).write_text(json.dumps(metadata | {"trained_on": "something else"}))
    with pytest.raises(ArtefactError, match=r"metadata\.json is damaged \(its SHA-256"):
        load_artefact(folder)
    (folder / METADATA).write_text(json.dumps(dict(reversed(metadata.items()))))  # laid out otherwise, the same
    load_artefact(folder)


def test_an_artefact_of_before_metadata_had_a_checksum_is_read(folder: Path) -> None:
    change(folder)
    assert METADATA_SHA256 not in json.loads((folder / METADATA).read_text())
    assert load_artefact(folder).metadata["trained_on"] == "nothing"


def test_a_loaded_model_can_be_saved_again(folder: Path, tmp_path: Path) -> None:
    model = HashedModel(random_weights(), {**load_artefact(folder).metadata, "trained_on": ("a", "tuple")})
    model.save(tmp_path / "again")
    assert load_artefact(tmp_path / "again").metadata["trained_on"] == ["a", "tuple"]


NESTED = b'{"format_version": 1, "metrics": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def test_metadata_nested_too_deeply_are_damaged(folder: Path) -> None:
    (folder / METADATA).write_bytes(NESTED)
    with pytest.raises(ArtefactError, match="RecursionError") as error:
        load_artefact(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"family": ["hashed"]}, r"unknown model family \['hashed'\]"),
        ({"family": {}}, "unknown model family"),
        ({"format_version": [1]}, r"format version \[1\]"),
        ({"metrics": [1]}, "metrics are no JSON object"),
        ({"cleaning": "1\n2"}, "text cleaning"),
        ({"family": "cascade", "parts": [1]}, "TypeError"),
        ({"family": "student", "cleaning": 1, "longest": "long"}, "lacks network, tokenizer"),
    ],
)
def test_metadata_of_another_shape_are_refused_in_one_line(
    folder: Path, values: dict[str, object], message: str
) -> None:
    change(folder, **values)
    with pytest.raises(ArtefactError, match=message) as error:
        load_artefact(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


def test_whatever_the_bytes_of_an_artefact_are_an_artefact_error_is_all_that_is_raised(folder: Path) -> None:
    rng = np.random.default_rng(0)
    whole = {name: (folder / name).read_bytes() for name in (METADATA, WEIGHTS)}
    refused = 0
    for attempt in range(200):
        name = (METADATA, WEIGHTS)[attempt % 2]
        content = bytearray(whole[name])
        for at in rng.integers(0, len(content), 3):
            content[at] = rng.integers(0, 256)
        (folder / name).write_bytes(content)
        if name == WEIGHTS:  # with the checksum of the changed bytes, so that they are read
            metadata = json.loads(whole[METADATA]) | {"sha256": hashlib.sha256(content).hexdigest()}
            del metadata[METADATA_SHA256]
            (folder / METADATA).write_text(json.dumps(metadata))
        try:
            load_artefact(folder)
        except ArtefactError:
            refused += 1
        for other, content_before in whole.items():
            (folder / other).write_bytes(content_before)
    assert refused > 150
