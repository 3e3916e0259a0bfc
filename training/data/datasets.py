"""Labelled tweets: reading them, and a split that is the same every time."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS
from contracts.extras import what_to_install


class DataError(BuzzwatchError):
    """Labelled tweets cannot be used. Names the file and what is wrong."""


class Source(NamedTuple):
    """One file of the training data."""

    name: str
    distant: bool
    """Labelled by emoticons, not by people."""
    held_out: float
    """Share that is held out; the file's own split is taken where it has one."""
    weight: float
    """What one of its rows counts in training."""
    negative: float = 1.0
    """How many times more its negative rows count: a missed complaint costs more than a false one."""


SOURCES: Final = (
    Source("sentiment140", distant=True, held_out=0.05, weight=1.0),
    # Small, and what the product is for: a weight of 8 gains a point here and costs SemEval next to nothing.
    Source("airline", distant=False, held_out=0.25, weight=8.0),
    # One in six of its tweets is negative, of a later year's one in three; without the factor half of them were missed.
    Source("semeval", distant=False, held_out=0.05, weight=1.0, negative=2.0),
    Source("french", distant=False, held_out=0.20, weight=1.0),
)

_NAMES: Final = re.compile(r"https?://\S+|@\w+")
_NO_LETTERS: Final = re.compile(r"[\W\d_]+")


@dataclass(frozen=True)
class Labelled:
    """Texts with their labels, row by row."""

    texts: list[str]
    labels: NDArray[np.str_]


@dataclass(frozen=True)
class TrainingData:
    """All files in one, row by row."""

    texts: list[str]
    labels: NDArray[np.str_]
    source: NDArray[np.str_]
    distant: NDArray[np.bool_]
    weight: NDArray[np.float64]
    held_out: NDArray[np.bool_]
    learn: NDArray[np.bool_]
    """Not held out, and no near-duplicate of what is."""
    data_hash: str
    """SHA-256 over the files."""
    company: NDArray[np.str_]
    """The airline that a tweet is about, empty where the file does not say."""

    def rows(self, mask: NDArray[np.bool_]) -> tuple[list[str], NDArray[np.str_]]:
        """Texts and labels where `mask` is true."""
        return [self.texts[i] for i in np.flatnonzero(mask).tolist()], self.labels[mask]


def fingerprint(text: str) -> int:
    """The same 64 bits for near-duplicates: texts that differ in case, names, links, digits, punctuation only."""
    letters = _NO_LETTERS.sub("", _NAMES.sub(" ", text.lower()))
    return int.from_bytes(hashlib.blake2b(letters.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def load_training_data(folder: Path) -> TrainingData:
    """Read the files of `SOURCES` as Parquet and split them by the fingerprint of each text.

    Raises:
        DataError: a file is missing, a column of it is, or it cannot be used; names file and row.
    """
    texts: list[str] = []
    labels, sources, held, companies = [], [], [], []
    digest = hashlib.sha256()
    for source in SOURCES:
        path = folder / f"{source.name}.parquet"
        if not path.is_file():
            raise DataError(f"{path} is missing: name the folder of the training data with --data-dir")
        digest.update(path.read_bytes())
        table = _read_parquet(path)
        part = _labelled(path, table)
        texts += part.texts
        labels.append(part.labels)
        sources.append(np.full(len(part.texts), source.name))
        own = table.get("tweeteval")
        company = table.get("airline")
        companies.append(
            np.array([value or "" for value in company], np.str_) if company else np.full(len(part.texts), "")
        )
        held.append(np.array([value == "val" for value in own]) if own else np.zeros(len(part.texts), bool))
    names = np.concatenate(sources)
    prints = np.array([fingerprint(text) for text in texts], np.uint64)
    held_out = np.concatenate(held)
    # The share of a fingerprint's own range: a text stays on its side whatever else is in the files.
    position = prints.astype(np.float64) / 2.0**64
    for source in SOURCES:
        mine = names == source.name
        if not held_out[mine].any():
            held_out |= mine & (position < source.held_out)
    return TrainingData(
        texts=texts,
        labels=np.concatenate(labels),
        source=names,
        distant=np.isin(names, [source.name for source in SOURCES if source.distant]),
        weight=_weights(names, np.concatenate(labels)),
        held_out=held_out,
        learn=~held_out & ~np.isin(prints, np.unique(prints[held_out])),
        data_hash=digest.hexdigest(),
        company=np.concatenate(companies),
    )


def _weights(source: NDArray[np.str_], labels: NDArray[np.str_]) -> NDArray[np.float64]:
    weight = np.ones(len(source))
    for one in SOURCES:
        mine = source == one.name
        weight[mine] = np.where(labels[mine] == "negative", one.weight * one.negative, one.weight)
    return weight


def read_labelled(path: Path) -> Labelled:
    """Read a Parquet, CSV or JSONL file with `text` and `label`.

    Raises:
        DataError: missing, of another kind, empty, a column is missing, or a label is unknown; names file and row.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    readers = {".parquet": _read_parquet, ".csv": _read_csv, ".jsonl": _read_jsonl}
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: not a .parquet, .csv or .jsonl file")
    return _labelled(path, readers[path.suffix.lower()](path))


def _labelled(path: Path, columns: Mapping[str, list[Any]]) -> Labelled:
    for name in ("text", "label"):
        if name not in columns:
            raise DataError(f"{path}: no column {name!r} (it has {', '.join(columns) or 'none'})")
    texts, labels = columns["text"], columns["label"]
    if not texts:
        raise DataError(f"{path}: no rows")
    for row, (text, label) in enumerate(zip(texts, labels, strict=True), start=1):
        if not isinstance(text, str):
            raise DataError(f"{path}, row {row}: the text is {text!r}")
        if label not in SENTIMENTS:
            raise DataError(f"{path}, row {row}: unknown label {label!r} (known: {', '.join(SENTIMENTS)})")
    return Labelled(list(texts), np.array(labels, dtype=np.str_))


def _read_parquet(path: Path) -> dict[str, list[Any]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"{path}: Parquet cannot be read: {what_to_install('pyarrow')}") from None
    try:
        return dict(pq.read_table(path).to_pydict())
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not a Parquet file: {_first_line(error)}") from None


def _read_csv(path: Path) -> dict[str, list[Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            rows = list(csv.DictReader(file, strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path}: not a CSV file: {_first_line(error)}") from None
    return _columns(rows)


def _read_jsonl(path: Path) -> dict[str, list[Any]]:
    rows = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}, line {number}: not JSON: {_first_line(error)}") from None
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number}: not a JSON object")
            rows.append(row)
    return _columns(rows)


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    names = Counter(str(name) for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names} if rows else {"text": [], "label": []}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def data_summary(sources: Iterable[str]) -> str:
    """How many rows of each file, as `airline 11,720 + semeval 49,486`."""
    return " + ".join(f"{name} {count:,}" for name, count in Counter(sources).items())
