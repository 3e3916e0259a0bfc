from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.training.data.test_datasets import folder_of
from tests.unit.training.linear.small import SMALL_HASHED
from training.comparison.suite import run_suite
from training.data.datasets import TrainingData, fingerprint, load_training_data
from training.evaluation.suite import Suite, SuiteError, read_suite, table
from training.linear.model_zoo import MEMBERS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return load_training_data(folder_of(tmp_path_factory.mktemp("data"), 900))


@pytest.fixture(scope="module")
def suite(data: TrainingData) -> Suite:
    return run_suite(data, SMALL_HASHED, 0, lambda _: None)


def test_every_file_by_people_is_held_out_in_part_and_left_out_whole(suite: Suite, data: TrainingData) -> None:
    found = [(row.set, row.without) for row in suite.rows]
    people = ["airline", "semeval", "french"]
    assert found[:3] == [(name, "held-out part") for name in people]
    assert [one for one in found if one[1] == "whole file"] == [(name, "whole file") for name in people]
    assert [one for one in found if "year" in one[1]] == [("semeval", f"year {year}") for year in range(2013, 2017)]
    whole = {row.set: row for row in suite.rows if row.without == "whole file"}
    assert whole["airline"].report["n"] == (data.source == "airline").sum()
    assert whole["airline"].learnt == (data.source == "semeval").sum() + (data.source == "french").sum()
    assert suite.score is not None


def test_near_duplicates_of_what_is_left_out_are_on_its_side(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 900)
    data = load_training_data(folder)
    rows = data.source == "airline"
    learn = data.apart_from(rows)
    seen = {fingerprint(text) for text in data.rows(learn)[0]}
    assert not seen & {fingerprint(text) for text in data.rows(rows)[0]}


def test_it_is_kept_and_read_again(suite: Suite, tmp_path: Path) -> None:
    again = read_suite(suite.save(tmp_path))
    assert again is not None
    assert table(again) == table(suite)
    assert again.score == suite.score
    assert read_suite(tmp_path / "none.json") is None
    (tmp_path / "hashed.json").write_text("{}")
    with pytest.raises(SuiteError, match=r"hashed\.json: not a stored suite"):
        read_suite(tmp_path / "hashed.json")


def test_another_member_and_some_files_only(data: TrainingData) -> None:
    found = run_suite(data, MEMBERS["tfidf-nbsvm"], 0, lambda _: None, ["french"])
    assert [row.set for row in found.rows if row.without != "held-out part"] == ["french"]
    with pytest.raises(SuiteError, match=r"no file labelled by people is called french2 .*there are airline"):
        run_suite(data, SMALL_HASHED, 0, lambda _: None, ["french2"])
