from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.data.datasets import DataError, fingerprint, load_training_data, read_labelled
from training.data.sources import SourcesError

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
        (
            {"text": ["a", "b"], "label": ["neutral", "angry"]},
            r"(row 2|row 2 \(line 3\)|line 2): unknown label 'angry'",
        ),
        ({"text": ["a"], "sentiment": ["neutral"]}, "no column 'label'"),
        ({"body": ["a"], "label": ["neutral"]}, "no column 'text'"),
        ({"text": [], "label": []}, "no rows"),
        ({"text": ["a" * 10_001], "label": ["neutral"]}, r"the text has 10,001 code points, the limit is 10,000"),
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
        ("t.csv", b"text,label\n\xff,neutral\n", "line 2, byte 1: 0xFF is not UTF-8"),
        ("t.jsonl", b'{"text": "a", "label": "neutral"}\n{oops\n', "line 2: not JSON"),
        ("t.jsonl", b"[1]\n", "line 1: not a JSON object"),
        ("t.jsonl", b'{"text": null, "label": "neutral"}\n', "line 1: the text is None"),
        ("t.jsonl", b"", "no rows"),
        ("t.csv", b"", "no rows"),
        ("t.xlsx", b"PK\x03\x04", "an Excel workbook: unpack it, or save the sheet as CSV"),
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


FILES = ("sentiment140", "airline", "semeval", "french")


def folder_of(tmp_path: Path, n: int = 400) -> Path:
    for name in FILES:
        columns: dict[str, list[object]] = {
            "text": [
                f"{name} tweet {'abcdefghij'[i % 10]} {chr(97 + i // 10 % 26)} {chr(97 + i // 260)}" for i in range(n)
            ],
            "label": [("negative", "positive", "neutral")[i % (2 if name == "sentiment140" else 3)] for i in range(n)],
        }
        columns["text"][1] = f"@x {columns['text'][0]} !!"
        if name == "airline":
            columns["airline"] = ["Paradis"] * n
        if name == "semeval":
            columns["source"] = [f"twitter-{2013 + i % 4}test" for i in range(n)]
            columns["tweeteval"] = ["val" if i == 0 else "train" for i in range(n)]
        write(tmp_path / f"{name}.parquet", columns)
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


def test_a_file_whose_name_is_no_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff.csv")).write_text("text,label\na,negative\n")
    with pytest.raises(SourcesError, match=r"the file name 'bad.*' is not UTF-8: rename it"):
        load_training_data(tmp_path, progress=print)


def test_any_labelled_files_are_learnt_from(tmp_path: Path) -> None:
    labels = ["negative", "neutral", "positive"] * 30
    texts = [f"tweet {chr(97 + i % 26)}{chr(97 + i // 26)} of mine" for i in range(90)]
    write(tmp_path / "shop.csv", {"text": texts, "label": labels})
    write(tmp_path / "bank.jsonl", {"text": [f"bank {text}" for text in texts], "label": labels})
    told: list[str] = []
    data = load_training_data(tmp_path, progress=told.append)
    assert [source.name for source in data.sources] == ["bank", "shop"]
    assert data.learn.sum() + data.held_out.sum() == 180
    assert not data.distant.any()
    assert told[1] == (
        f"shop: 90 rows (negative 30, neutral 30, positive 30), labels by people, {data.held_out[90:].sum()} held out"
    )


def test_a_description_gives_names_weights_roles_and_what_is_held_out(tmp_path: Path) -> None:
    labels = ["negative", "neutral", "positive"] * 30
    texts = [f"tweet {chr(97 + i % 26)}{chr(97 + i // 26)} of mine" for i in range(90)]
    write(tmp_path / "a.csv", {"text": texts, "label": labels, "part": ["x", "y"] * 45, "when": ["in 2015"] * 90})
    write(tmp_path / "b.csv", {"text": ["so :)", "oh :("], "label": ["positive", "negative"]})
    write(tmp_path / "c.csv", {"text": [f"later {text}" for text in texts], "label": labels})
    write(tmp_path / "d.csv", {"text": ["unused"], "label": ["neutral"]})
    (tmp_path / "sources.yaml").write_text(
        "files:\n"
        "  - {file: a.csv, name: brand, weight: 2, class_weights: {negative: 3}, held_out_where: {part: x},"
        " part: part, period: when}\n"
        "  - {file: b.csv, role: emoticons, held_out: 0}\n"
        "  - {file: c.csv, role: test}\n"
    )
    told: list[str] = []
    data = load_training_data(tmp_path, progress=told.append)
    assert set(data.weight[data.labels == "negative"][:30].tolist()) == {6.0}
    assert data.held_out[:90].sum() == 45
    assert data.held_out[92:].all()
    assert not data.usable[92:].any()
    assert data.distant.tolist() == [False] * 90 + [True] * 2 + [False] * 90
    assert set(data.company[:90].tolist()) == {"x", "y"}
    assert set(data.period[:90].tolist()) == {2015}
    assert told[-1] == f"{tmp_path / 'd.csv'} is not described, so it is not used"


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("files: [{file: e.csv}]", r"e\.csv is missing \(.* has a\.csv\)"),
        ("files: [{file: a.csv, wieght: 2}]", r"files\.0\.wieght"),
        ("files: [{file: a.csv, role: crowd}]", r"files\.0\.role"),
        ("files: [{file: a.csv}, {file: a.csv}]", "two entries have the file 'a.csv'"),
        ("files: []", "files"),
        ("- [", "not YAML"),
    ],
)
def test_a_mistake_in_a_description_is_named(tmp_path: Path, description: str, message: str) -> None:
    write(tmp_path / "a.csv", ROWS)
    (tmp_path / "sources.yaml").write_text(description)
    with pytest.raises(SourcesError, match=message) as error:
        load_training_data(tmp_path)
    assert "\n" not in str(error.value)


def test_a_column_that_a_description_names_is_looked_for(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ROWS)
    (tmp_path / "sources.yaml").write_text("files: [{file: a.csv, period: year}]")
    with pytest.raises(DataError, match=r"a\.csv: no column 'year' \(it has text, label\)"):
        load_training_data(tmp_path)


def test_labels_of_one_kind_only_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", {"text": ["a", "b"], "label": ["neutral", "neutral"]})
    with pytest.raises(DataError, match="only neutral tweets to learn from"):
        load_training_data(tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourcesError, match=r"holds no labelled file \(\.parquet, \.csv, \.jsonl\)"):
        load_training_data(tmp_path)
    with pytest.raises(SourcesError, match="no such folder"):
        load_training_data(tmp_path / "nothing")


def test_a_file_of_the_training_data_without_labels_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    write(folder / "airline.parquet", {"text": ["a"], "sentiment": ["neutral"]})
    with pytest.raises(DataError, match=r"airline\.parquet: no column 'label' \(it has text, sentiment\)"):
        load_training_data(folder)


def test_what_people_labelled_teaches_nothing_by_its_emoticon(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    data = load_training_data(folder)
    assert data.by_emoticons_alone.sum() == data.distant.sum()
    texts = [data.texts[row] for row in np.flatnonzero(data.distant).tolist()]
    write(folder / "kaggle.parquet", {"text": [f"{texts[5].upper()}!", "other"], "label": ["neutral", "negative"]})
    data = load_training_data(folder)
    alone = {data.texts[row] for row in np.flatnonzero(data.by_emoticons_alone).tolist()}
    assert set(texts) - alone == {texts[5]}
