from __future__ import annotations

import errno
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.events import Scores
from contracts.learning.settings import LearningSettings
from learning.labels import snapshot
from learning.labels.resolution import Label, resolve
from learning.labels.snapshot import SnapshotError, read_snapshot, write_snapshot
from tests.unit.learning.labels.saying import says


def labels(count: int = 5) -> list[Label]:
    events = [says("ann", "negative", f"text {n}", label_id=says("x", "neutral").label_id) for n in range(count)]
    events.append(says("bob", "positive", "scored", scores=Scores(0.1, 0.2, 0.7), source="random", model_version="7"))
    return resolve(events, LearningSettings()).labels


def test_a_snapshot_reads_back_as_it_was(tmp_path: Path) -> None:
    written = labels()
    path = write_snapshot(written, tmp_path)
    read = read_snapshot(path)
    assert [(one.text, one.label, one.scores, one.sources, one.random) for one in read] == [
        (one.text, one.label, one.scores, one.sources, one.random) for one in written
    ]


def test_the_same_labels_are_the_same_file_byte_for_byte(tmp_path: Path) -> None:
    written = labels()
    first, second = write_snapshot(written, tmp_path / "a"), write_snapshot(written, tmp_path / "b")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    assert write_snapshot(written[1:], tmp_path / "a").name != first.name


def test_without_labels_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no label holds"):
        write_snapshot([], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_of_another_cleaning_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "CLEANING", 1)
    path = write_snapshot(labels(), tmp_path)
    monkeypatch.undo()
    with pytest.raises(SnapshotError, match=r"text cleaning 1, this program has \d+: take a new one"):
        read_snapshot(path)


def test_what_is_no_snapshot_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    pq.write_table(
        pq.read_table(write_snapshot(labels(), tmp_path)).replace_schema_metadata({}), tmp_path / "b.parquet"
    )
    for name, why in (("a.parquet", "damaged"), ("b.parquet", "no snapshot"), ("missing.parquet", "no such file")):
        with pytest.raises(SnapshotError, match=f"{name}.*{why}"):
            read_snapshot(tmp_path / name)


def test_a_changed_snapshot_is_damaged(tmp_path: Path) -> None:
    path = write_snapshot(labels(), tmp_path)
    table = pq.read_table(path)
    other = table.drop_columns(["sources"]).append_column("sources", pa.array([7] * len(table)))
    for changed in (table.slice(1), table.drop_columns(["label"]), table.select(["text"]), other):
        pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)
        with pytest.raises(SnapshotError, match="damaged"):
            read_snapshot(path)


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match=os.strerror(errno.ENOTDIR)):
        write_snapshot(labels(), tmp_path / "file" / "inside")
