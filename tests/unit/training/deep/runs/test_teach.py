"""A teacher labels tweets that only emoticons labelled, can be stopped at any byte, and others learn from it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from models.deep.model import DeepModel
from tests.unit.models.deep.tiny import tiny_model
from tests.unit.training.deep.invented import write_data
from training.comparison.suite import run_suite
from training.data.datasets import DataError, load_training_data
from training.data.sources import SourcesError
from training.deep.data.corpus import Corpus, encode, shares_of
from training.deep.data.vocabulary import build_vocabulary
from training.deep.runs.teach import TeachError, TeachOptions, teach
from training.linear.model_zoo import MEMBERS


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), polar=700, human=90)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    tiny_model().save(folder)
    return folder


@pytest.fixture
def options(teacher: Path) -> TeachOptions:
    return TeachOptions(teacher, 600, threads=2, least=0.0, chunk=256)


def ask(data_dir: Path, options: TeachOptions, out: Path) -> list[str]:
    told: list[str] = []
    done = teach(data_dir, options, out, told.append)
    assert done.written == sum(done.labels.values()) == pq.read_table(out).num_rows
    return told


def test_answers_are_the_teachers_to_tweets_that_are_not_held_out(
    data_dir: Path, options: TeachOptions, tmp_path: Path, teacher: Path
) -> None:
    told = ask(data_dir, options, tmp_path / "taught.parquet")
    table = pq.read_table(tmp_path / "taught.parquet").to_pydict()
    data = load_training_data(data_dir)
    learnt = {data.texts[row] for row in np.flatnonzero(data.learn & data.distant).tolist()}
    assert len(table["text"]) == 600
    assert set(table["text"]) <= learnt
    model = tiny_model()
    assert isinstance(model, DeepModel)
    found = np.array([table[name] for name in ("negative", "neutral", "positive")]).T
    np.testing.assert_allclose(found, model.predict_proba(table["text"]), atol=1e-4)
    assert table["label"][table["text"].index(next(t for t in table["text"] if "hate" in t))] == "negative"
    assert any("600 of 600 tweets" in line for line in told)


def test_a_run_that_was_cut_off_goes_on_to_the_same_file(data_dir: Path, options: TeachOptions, tmp_path: Path) -> None:
    ask(data_dir, options, tmp_path / "whole.parquet")
    ask(data_dir, replace(options, rows=300), tmp_path / "cut.parquet")
    kept = tmp_path / "cut.answers"
    os.truncate(kept, kept.stat().st_size - 30)  # in the middle of an answer
    ask(data_dir, options, tmp_path / "cut.parquet")
    assert pq.read_table(tmp_path / "cut.parquet").equals(pq.read_table(tmp_path / "whole.parquet"))
    assert kept.stat().st_size == 600 * 12


def test_time_ends_a_run_and_unsure_answers_are_not_written(
    data_dir: Path, options: TeachOptions, tmp_path: Path
) -> None:
    out = tmp_path / "taught.parquet"
    done = teach(data_dir, replace(options, minutes=1e-9, threads=1, least=0.9), out, lambda _: None)
    assert done.asked == 256
    assert 0 < done.written < done.asked  # most words mean nothing to the teacher
    table = pq.read_table(out).to_pydict()
    assert min(max(row) for row in zip(table["negative"], table["neutral"], table["positive"], strict=True)) >= 0.9


def test_answers_of_another_run_are_refused(data_dir: Path, options: TeachOptions, tmp_path: Path) -> None:
    ask(data_dir, options, tmp_path / "taught.parquet")
    with pytest.raises(TeachError, match="answers of another run \\(other seed\\): name another file with --out"):
        teach(data_dir, replace(options, seed=1), tmp_path / "taught.parquet", lambda _: None)


def test_only_tweets_about_a_subject_are_asked_about(data_dir: Path, options: TeachOptions, tmp_path: Path) -> None:
    ask(data_dir, replace(options, about="AIRPORT|gate"), tmp_path / "taught.parquet")
    texts = pq.read_table(tmp_path / "taught.parquet")["text"].to_pylist()
    assert 0 < len(texts) < 600
    assert all("airport" in text or "gate" in text for text in texts)
    with pytest.raises(TeachError, match="other about"):
        ask(data_dir, options, tmp_path / "taught.parquet")
    with pytest.raises(DataError, match="no tweet labelled by emoticons in which 'zeppelin' is found to ask"):
        ask(data_dir, replace(options, about="zeppelin"), tmp_path / "other.parquet")


def test_without_emoticons_there_is_nobody_to_ask_about(options: TeachOptions, tmp_path: Path) -> None:
    folder = write_data(tmp_path / "data", polar=60, human=90)
    (folder / "sentiment140.parquet").unlink()
    with pytest.raises(DataError, match="no tweet labelled by emoticons to ask"):
        teach(folder, options, tmp_path / "taught.parquet", lambda _: None)


def test_what_was_taught_is_learnt_from_and_judges_nothing(
    data_dir: Path, options: TeachOptions, tmp_path: Path
) -> None:
    ask(data_dir, options, tmp_path / "taught.parquet")
    data = load_training_data(data_dir, taught=[tmp_path / "taught.parquet"])
    mine = data.source == "taught"
    assert mine.sum() == 600
    assert not data.held_out[mine].any()
    assert data.learn[mine].all()
    assert not data.by_people[mine].any()
    assert {round(one, 3) for one in data.weight[mine].tolist()} == {0.7, 0.91}  # complaints first
    np.testing.assert_allclose(data.targets[mine].sum(axis=1), 1, atol=1e-3)
    assert ((data.targets[mine] > 0.01) & (data.targets[mine] < 0.99)).any()  # probabilities, not labels alone
    suite = run_suite(data, MEMBERS["tfidf-lr"], 0, lambda _: None, ["airline"], years=False)
    assert "taught" not in {row.set for row in suite.rows}
    assert suite.rows[-1].learnt == int((data.apart_from(data.source == "airline") & data.by_people).sum())


def test_a_file_that_lies_among_the_labelled_ones_or_is_named_twice_is_learnt_from_once(
    data_dir: Path, options: TeachOptions, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for path in data_dir.iterdir():
        (folder / path.name).symlink_to(path)
    taught = folder / "taught.parquet"
    ask(data_dir, options, taught)
    known = load_training_data(folder)
    assert (known.source == "taught").sum() == 600
    again = load_training_data(folder, taught=[taught, folder / ".." / "data" / "taught.parquet"])
    assert (again.source == "taught").sum() == 600
    assert again.data_hash == load_training_data(data_dir, taught=[taught]).data_hash


def test_a_network_gets_the_probabilities_as_targets_beside_peoples_and_emoticons_labels(
    data_dir: Path, options: TeachOptions, tmp_path: Path
) -> None:
    ask(data_dir, options, tmp_path / "taught.parquet")
    data = load_training_data(data_dir, taught=[tmp_path / "taught.parquet"])
    corpus = Corpus(data, encode(build_vocabulary(data.texts, 100, 1), data.texts, 8))
    shares = shares_of(data)
    assert sum(shares.values()) == pytest.approx(1)
    assert [shares["taught"], shares["sentiment140"]] == pytest.approx([0.3, 0.2])
    batch = next(corpus.mixture(shares=shares, size=64, longest=8, seed=0).batches())
    soft = ((batch.targets > 0.01) & (batch.targets < 0.99)).any(axis=1)
    assert soft.any()
    assert not (soft & batch.distant).any()


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"negative": [0.5], "neutral": [0.9], "positive": [0.1]}, r"row 1: .* are no probabilities"),
        ({"negative": [0.5], "neutral": [0.5]}, "no column 'positive' beside its other probabilities"),
        ({"negative": [None], "neutral": [0.5], "positive": [0.5]}, "must be probabilities|are no probabilities"),
    ],
)
def test_damaged_probabilities_are_named(
    data_dir: Path, tmp_path: Path, columns: dict[str, list[float]], said: str
) -> None:
    import pyarrow as pa

    path = tmp_path / "taught.parquet"
    pq.write_table(pa.table({"text": ["a"], "label": ["neutral"], **columns}), path)
    with pytest.raises(DataError, match=said) as raised:
        load_training_data(data_dir, taught=[path])
    assert str(path) in str(raised.value)


def test_a_missing_file_is_named(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(SourcesError, match="`buzzwatch train teach` makes one"):
        load_training_data(data_dir, taught=[tmp_path / "nothing.parquet"])
