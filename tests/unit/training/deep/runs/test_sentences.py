"""A teacher for one language, out of a few labelled tweets and others' languages, and what it is asked about."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.base.artefact import load_artefact
from tests.unit.models.deep.tiny import tiny_model
from tests.unit.training.deep.invented import write_data
from training.data.datasets import load_training_data
from training.data.sources import taught_sources
from training.deep.runs.sentences import NoSuchLanguageError, SentenceOptions, train_sentences
from training.deep.runs.teach import TeachOptions, teach

FRENCH = ["le personnel est {} ce matin", "vol vers Lyon, accueil {}", "je trouve ce service {}", "{} comme toujours"]
WORDS = {"negative": ["affreux", "horrible", "lamentable", "nul"], "positive": ["superbe", "parfait", "génial", "bon"]}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_data(tmp_path_factory.mktemp("data"), polar=60, human=60)
    rows = [(text.format(word), label) for label, words in WORDS.items() for word in words for text in FRENCH]
    pq.write_table(
        pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]}),
        folder / "french_distant.parquet",
    )
    return folder


def test_it_learns_and_labels_only_its_language_and_its_rows_count_as_that_languages_do(
    data_dir: Path, tmp_path: Path
) -> None:
    model = train_sentences(data_dir, SentenceOptions("fr", others=30), lambda _: None)
    assert list(model.metadata["metrics"]) == ["french"]
    model.save(tmp_path / "french")
    assert load_artefact(tmp_path / "french").metadata["languages"] == ["fr"]
    out = tmp_path / "taught.parquet"
    done = teach(data_dir, TeachOptions(tmp_path / "french", 1_000, threads=1, least=0.0), out, lambda _: None)
    assert done.asked == 32
    data = load_training_data(data_dir, taught=[out])
    taught = data.source == "taught"
    assert {data.texts[i] for i in range(len(data.texts)) if taught[i]} <= {
        text for text, source in zip(data.texts, data.source.tolist(), strict=True) if source == "french_distant"
    }
    # People's French rows count 5, a teacher's seven tenths of that, its complaints 1.3 times.
    expected = [3.5 * (1.3 if label == "negative" else 1) for label in data.labels[taught].tolist()]
    assert data.weight[taught].tolist() == pytest.approx(expected)
    assert next(one for one in data.sources if one.name == "taught").language == "fr"


def test_a_teacher_of_english_is_not_asked_about_french(data_dir: Path, tmp_path: Path) -> None:
    tiny_model().save(tmp_path / "tiny")
    done = teach(data_dir, TeachOptions(tmp_path / "tiny", 1_000, least=0.0), tmp_path / "t.parquet", lambda _: None)
    assert done.asked <= 60
    assert taught_sources([tmp_path / "t.parquet"])[0].language == "en"


def test_a_language_that_nobody_labelled_is_named(data_dir: Path) -> None:
    with pytest.raises(NoSuchLanguageError, match=r"no tweet in 'de' that people labelled"):
        train_sentences(data_dir, SentenceOptions("de"), lambda _: None)
