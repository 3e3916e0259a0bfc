from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.data.datasets import SOURCES, DataError, fingerprint, load_training_data, read_labelled

ROWS = {"text": ["Lost my bag 😡", 'late, "again"\nand again', "ok"], "label": ["negative", "negative", "neutral"]}


def write(path: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(columns))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    data = read_labelled(write(tmp_path / f"tweets.{suffix}", ROWS))
    assert data.texts == ROWS["text"]
    assert data.labels.tolist() == ROWS["label"]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_what_is_wrong_is_said_with_file_and_row(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tweets.{suffix}"
    wrong: list[tuple[dict[str, list[str]], str]] = [
        ({"text": ["a", "b"], "label": ["neutral", "angry"]}, "row 2: unknown label 'angry'"),
        ({"text": ["a"], "sentiment": ["neutral"]}, "no column 'label'"),
        ({"body": ["a"], "label": ["neutral"]}, "no column 'text'"),
        ({"text": [], "label": []}, "no rows"),
    ]
    for columns, message in wrong:
        with pytest.raises(DataError, match=message) as error:
            read_labelled(write(path, columns))
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.parquet", b"PAR1 no", "not a Parquet file"),
        ("t.csv", b"text,label\n\xff,neutral\n", "not a CSV file"),
        ("t.jsonl", b'{"text": "a", "label": "neutral"}\n{oops\n', "line 2: not JSON"),
        ("t.jsonl", b"[1]\n", "line 1: not a JSON object"),
        ("t.jsonl", b'{"text": null, "label": "neutral"}\n', "row 1: the text is None"),
        ("t.jsonl", b"", "no rows"),
        ("t.csv", b"", "no rows"),
        ("t.xlsx", b"", "not a .parquet, .csv or .jsonl"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read_labelled(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_labelled(tmp_path / "nothing.csv")


def test_near_duplicates_have_one_fingerprint() -> None:
    same = ["@a LOST my bag!! http://t.co/1", "lost my bag", "@b @c lost my bag 2 http://t.co/2 :("]
    assert len({fingerprint(text) for text in same}) == 1
    assert fingerprint("found my bag") != fingerprint(same[0])


def folder_of(tmp_path: Path, n: int = 400) -> Path:
    for source in SOURCES:
        columns: dict[str, list[object]] = {
            "text": [
                f"{source.name} tweet {'abcdefghij'[i % 10]} {chr(97 + i // 10 % 26)} {chr(97 + i // 260)}"
                for i in range(n)
            ],
            "label": [("negative", "positive", "neutral")[i % (2 if source.distant else 3)] for i in range(n)],
        }
        columns["text"][1] = f"@x {columns['text'][0]} !!"
        if source.name == "semeval":
            columns["tweeteval"] = ["val" if i == 0 else "train" for i in range(n)]
        write(tmp_path / f"{source.name}.parquet", columns)
    return tmp_path


def test_near_duplicates_of_held_out_texts_are_not_learnt_from(tmp_path: Path) -> None:
    data = load_training_data(folder_of(tmp_path))
    held = {fingerprint(text) for text in data.rows(data.held_out)[0]}
    learnt = {fingerprint(text) for text in data.rows(data.learn)[0]}
    assert held
    assert not held & learnt
    assert len(data.texts) - (data.held_out | data.learn).sum() == 1  # the copy of SemEval's only held-out text


def test_a_split_stays_when_other_rows_come(tmp_path: Path) -> None:
    few = load_training_data(folder_of(tmp_path, 200))
    before = dict(zip(few.texts, few.held_out.tolist(), strict=True))
    many = load_training_data(folder_of(tmp_path, 400))
    after = dict(zip(many.texts, many.held_out.tolist(), strict=True))
    assert all(after[text] == side for text, side in before.items())
    share = {name: many.held_out[many.source == name].mean() for name in np.unique(many.source)}
    assert share["airline"] == pytest.approx(0.25, abs=0.08)


def test_a_missing_file_of_the_training_data_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "french.parquet").unlink()
    with pytest.raises(DataError, match=r"french\.parquet is missing: .*--data-dir"):
        load_training_data(folder)


def test_a_file_of_the_training_data_without_labels_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    write(folder / "airline.parquet", {"text": ["a"], "sentiment": ["neutral"]})
    with pytest.raises(DataError, match=r"airline\.parquet: no column 'label' \(it has text, sentiment\)"):
        load_training_data(folder)
