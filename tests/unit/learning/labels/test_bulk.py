from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.learning.labels import judge_hash
from contracts.learning.settings import LearningSettings
from learning.labels.bulk import LabelFileError, read_label_file
from learning.labels.resolution import resolve


def file_of(folder: Path, *rows: object) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_texts_are_masked_and_judges_hashed(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        {"text": "@jane lost my bag", "label": "negative", "id": 7},
        {"text": "fine", "label": "neutral", "judge": "bob"},
    )
    first, second = read_label_file(path, "ann", "key")
    assert (first.text, first.tweet_id, first.judge) == ("@user lost my bag", "7", judge_hash("ann", "key"))
    assert second.judge == judge_hash("bob", "key")
    assert (second.tweet_id or "").startswith("text-")


def test_the_same_file_twice_counts_once_and_as_another_batch_again(tmp_path: Path) -> None:
    path = file_of(tmp_path, {"text": "a bag", "label": "negative"}, {"text": "a seat", "label": "neutral"})
    twice = read_label_file(path, "ann", "") + read_label_file(path, "ann", "")
    assert resolve(twice, LearningSettings()).duplicates == 2
    assert read_label_file(path, "ann", "", batch="b")[0].label_id != twice[0].label_id


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "a", "label": "angry"}, "line 2: unknown label 'angry'"),
        ({"text": "a", "label": None}, "line 2: the label is missing"),
        ({"text": "a", "label": "neutral", "id": True}, "line 2: the id is True: expected a string or a whole number"),
        ({"text": "  ", "label": "neutral"}, "line 2: text is empty"),
        ({"text": 7, "label": "neutral"}, "line 2: the text is 7"),
        ({"text": "a", "label": "neutral", "prediction_id": "x"}, "line 2: prediction_id 'x' is no UUID"),
        ({"text": "a", "label": "neutral", "id": "9" * 300}, "line 2: the id has 300 characters"),
    ],
)
def test_a_file_with_a_bad_row_is_refused_as_a_whole(tmp_path: Path, row: object, said: str) -> None:
    path = file_of(tmp_path, {"text": "a bag", "label": "negative"}, row)
    with pytest.raises(LabelFileError, match=f"nothing was imported: {said}"):
        read_label_file(path, "ann", "")


def test_the_id_of_a_wrapped_tweet_is_its_own(tmp_path: Path) -> None:
    path = file_of(tmp_path, {"data": {"id": "7", "text": "a bag"}, "label": "negative"})
    assert [event.tweet_id for event in read_label_file(path, "ann", "")] == ["7"]


def test_a_file_without_rows_or_columns_says_so(tmp_path: Path) -> None:
    with pytest.raises(LabelFileError, match="no rows"):
        read_label_file(file_of(tmp_path), "ann", "")
    (tmp_path / "a.csv").write_text("text\nhello\n")
    with pytest.raises(LabelFileError, match="label"):
        read_label_file(tmp_path / "a.csv", "ann", "")
    with pytest.raises(LabelFileError, match=r"none\.csv"):
        read_label_file(tmp_path / "none.csv", "ann", "")
