"""Snapshots: the labels that hold, as a Parquet file named by the hash of its content.

Training reads snapshots and never the topic, so that the same snapshot and seed give the same model. The hash is over
the rows, not over the file: another version of the Parquet library writes other bytes of the same labels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS
from contracts.times import to_ms
from contracts.whole_files import arriving
from learning.labels.resolution import Label
from models.linear.constants import CLEANING

_FORMAT: Final = "1"
_DIGITS: Final = 16


class SnapshotError(BuzzwatchError):
    """A snapshot cannot be written or used. Names the file."""


def content_hash(labels: Sequence[Label]) -> str:
    """SHA-256 over the labels and the version of the text cleaning."""
    digest = hashlib.sha256(f"{_FORMAT}/{CLEANING}\n".encode())
    for label in labels:
        digest.update(json.dumps(_row(label), sort_keys=True, ensure_ascii=True).encode() + b"\n")
    return digest.hexdigest()


def write_snapshot(labels: Sequence[Label], folder: Path) -> Path:
    """Write `labels-HASH.parquet`; one that is there already stays.

    Raises:
        SnapshotError: there is no label, or the file cannot be written (no room on the disk, no right).
    """
    if not labels:
        raise SnapshotError(
            "no label holds, so there is nothing to write: judge some tweets (`buzzwatch review`, feedback) or bring "
            "labels with `buzzwatch labels import`; `buzzwatch labels stats` says what there is"
        )
    import pyarrow as pa
    import pyarrow.parquet as pq

    digest = content_hash(labels)
    path = folder / f"labels-{digest[:_DIGITS]}.parquet"
    if path.is_file():
        return path
    rows = [_row(label) for label in labels]
    table = pa.table({name: [row[name] for row in rows] for name in rows[0]}, schema=_schema(pa))
    noted = {"buzzwatch.format": _FORMAT, "buzzwatch.cleaning": str(CLEANING), "buzzwatch.sha256": digest}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with arriving(path) as new:
            pq.write_table(table.replace_schema_metadata(noted), new, compression="zstd")
    except OSError as error:
        raise SnapshotError(f"{path} cannot be written: {error.strerror or error}; nothing is left of it") from None
    return path


def read_snapshot(path: Path) -> list[Label]:
    """Read what `write_snapshot` wrote.

    Raises:
        SnapshotError: missing, no snapshot, damaged, empty, or of another cleaning of texts than this program's.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise SnapshotError(f"{path}: no such file; `buzzwatch labels snapshot` writes one")
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or "no Parquet file, or a damaged one"
        raise SnapshotError(f"{path}: {reason}; `buzzwatch labels snapshot` writes one") from None
    noted = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if "buzzwatch.sha256" not in noted:
        raise SnapshotError(f"{path} is no snapshot of labels: `buzzwatch labels snapshot` writes one")
    cleaning = noted.get("buzzwatch.cleaning")
    if noted.get("buzzwatch.format") != _FORMAT or cleaning != str(CLEANING):
        raise SnapshotError(
            f"{path} was taken with text cleaning {cleaning}, this program has {CLEANING}: take a new one with "
            "`buzzwatch labels snapshot`"
        )
    try:
        labels = [_label(row) for row in table.to_pylist()]
        as_noted = content_hash(labels) == noted["buzzwatch.sha256"]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):  # columns that are missing or others
        as_noted = False
    if not as_noted:
        raise SnapshotError(f"{path} is damaged (its content is not what its hash says): take a new one")
    if not labels:
        raise SnapshotError(f"{path} is empty: there is nothing to learn from")
    return labels


def _row(label: Label) -> dict[str, Any]:
    row = asdict(label)
    row["created_at"] = to_ms(label.created_at)
    row["sources"] = "+".join(label.sources)
    del row["watches"]
    scores = row.pop("scores") or (None,) * len(SENTIMENTS)
    return row | dict(zip(SENTIMENTS, scores, strict=True))


def _label(row: dict[str, Any]) -> Label:
    scores = tuple(row.pop(name) for name in SENTIMENTS)
    row["scores"] = None if None in scores else scores
    row["sources"] = tuple(row["sources"].split("+"))
    row["created_at"] = datetime.fromtimestamp(row["created_at"] / 1000, UTC)
    return Label(**row)


def _schema(pa: Any) -> Any:
    return pa.schema(
        [
            ("text", pa.string()),
            ("label", pa.string()),
            ("probability", pa.float64()),
            ("judges", pa.int64()),
            ("sources", pa.string()),
            ("created_at", pa.int64()),
            ("tweet_id", pa.string()),
            ("prediction_id", pa.string()),
            ("model_version", pa.string()),
            *((name, pa.float64()) for name in SENTIMENTS),
        ]
    )
