"""Labelled tweets: reading them, and a split that is the same every time."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError, InvalidTweet
from contracts.events import MAX_TEXT, SENTIMENTS
from contracts.tweet_files.errors import TweetFileError
from contracts.tweet_files.reader import read_rows
from contracts.tweet_files.rows import ReadOptions
from contracts.tweet_objects.fields import is_unicode
from contracts.tweet_objects.shapes import TEXTS, find
from training.data.sources import Source, described, find_sources, taught_sources, weighted


class DataError(BuzzwatchError):
    """Labelled tweets cannot be used. Names the file and what is wrong."""


_NAMES: Final = re.compile(r"https?://\S+|@\w+")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_ROUNDED: Final = 0.01
"""So far from 1 the sum of three rounded probabilities may be."""
_NO_LETTERS: Final = re.compile(r"[\W\d_]+")


@dataclass(frozen=True)
class Labelled:
    """Texts with their labels, row by row."""

    texts: list[str]
    labels: NDArray[np.str_]


@dataclass(frozen=True, kw_only=True)
class FileColumns:
    """A file, row by row."""

    texts: list[str]
    labels: NDArray[np.str_]
    weight: NDArray[np.float64]
    held_out: NDArray[np.bool_]
    company: NDArray[np.str_]
    """The part of its file that a tweet belongs to, such as its airline; empty where the file has none."""
    period: NDArray[np.int64]
    """The year; 0 where the file does not have it."""
    targets: NDArray[np.float32]
    """(n, 3): how probable each label is; 1 for the label but in a teacher's file, which has a column for each."""


@dataclass(frozen=True, kw_only=True)
class TrainingData(FileColumns):
    """All files in one."""

    sources: tuple[Source, ...]
    """The files, in the order of the rows."""
    source: NDArray[np.str_]
    """Name of the source."""
    distant: NDArray[np.bool_]
    """Labelled by emoticons."""
    learn: NDArray[np.bool_]
    """Learnt from when a model is measured: not held out, and no near-duplicate of what is."""
    fingerprints: NDArray[np.uint64]
    """Near-duplicates have the same."""
    data_hash: str
    """SHA-256 over the files."""

    def rows(self, mask: NDArray[np.bool_]) -> tuple[list[str], NDArray[np.str_]]:
        """Texts and labels where `mask` is true."""
        return [self.texts[i] for i in np.flatnonzero(mask).tolist()], self.labels[mask]

    def rows_of(self, is_meant: Callable[[Source], bool]) -> NDArray[np.bool_]:
        """Rows (n,) of the files that are meant."""
        return np.isin(self.source, [one.name for one in self.sources if is_meant(one)])

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Rows that the model to be kept learns from: all but those of files that are only measured on."""
        return ~self.rows_of(lambda source: source.role == "test")

    @property
    def by_people(self) -> NDArray[np.bool_]:
        """Rows that people labelled."""
        return ~self.rows_of(lambda source: source.role in ("emoticons", "teacher"))

    @property
    def by_emoticons_alone(self) -> NDArray[np.bool_]:
        """Usable rows labelled by emoticons that are near-duplicates of nothing that people labelled.

        A polarity knows the texts that it has learnt by heart, emoticon and all. A head that learns from the same texts
        with people's labels would take it for better than it is.
        """
        return self.distant & self.usable & ~np.isin(self.fingerprints, np.unique(self.fingerprints[self.by_people]))

    def apart_from(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Usable rows that are neither among `rows` nor near-duplicates of them."""
        return self.usable & ~rows & ~np.isin(self.fingerprints, np.unique(self.fingerprints[rows]))


def fingerprint(text: str) -> int:
    """The same 64 bits for near-duplicates: texts that differ in case, names, links, digits, punctuation only."""
    letters = _NO_LETTERS.sub("", _NAMES.sub(" ", text.lower()))
    return int.from_bytes(hashlib.blake2b(letters.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def load_training_data(
    folder: Path,
    description: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
    taught: Sequence[Path] = (),
    roles: Collection[str] | None = None,
) -> TrainingData:
    """Read the labelled files of a folder and split them by the fingerprint of each text.

    Args:
        description: a YAML of the files, as `training.data.sources` reads it.
        progress: receives a line for each file, what it is taken for.
        taught: files of `buzzwatch train teach`, learnt from beside the others; once, also where they lie among them.
        roles: those of `Source.role` whose files are read; all when not given.

    Raises:
        SourcesError: there is no labelled file, or their description cannot be used.
        DataError: a file, or all of them, cannot be used; names file and row.
    """
    found = find_sources(folder, description)
    named = {path.resolve(): path for path in taught}
    others = [source for source in found.sources if (folder / source.file).resolve() not in named]
    used = weighted([*others, *taught_sources(list(named.values()))])
    if roles is not None:
        used = [source for source in used if source.role in roles]
        if not used:
            raise DataError(f"{folder}: no file there has labels by people")
    read = [_read(folder / source.file, source, strict=found.described) for source in used]
    sources, parts = [source for source, _ in read], [part for _, part in read]
    prints = [np.array([fingerprint(text) for text in part.texts], np.uint64) for part in parts]
    for source, part, mine in zip(sources, parts, prints, strict=True):
        if not source.held_out_where and source.role in ("people", "emoticons"):
            # The share of a fingerprint's own range: a text stays on its side whatever else is in the files.
            part.held_out[:] = mine.astype(np.float64) / 2.0**64 < source.held_out
        progress(described(source, part.labels.tolist(), int(part.held_out.sum())))
    for name in found.left_out:
        progress(f"{folder / name} is not described, so it is not used")
    joined: dict[str, Any] = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(FileColumns)
        if field.name != "texts"
    }
    sizes = [len(part.texts) for part in parts]
    data = TrainingData(
        **joined,
        sources=tuple(sources),
        texts=[text for part in parts for text in part.texts],
        source=np.repeat([source.name for source in sources], sizes),
        distant=np.repeat([source.distant for source in sources], sizes),
        learn=np.zeros(sum(sizes), bool),
        fingerprints=np.concatenate(prints),
        data_hash=hash_of(folder / source.file for source in sources),
    )
    data = replace(data, learn=data.apart_from(data.held_out))
    _check(folder, data)
    return data


def _read(path: Path, source: Source, *, strict: bool) -> tuple[Source, FileColumns]:
    """A file and its description; `strict`: every column that the description names must be there."""
    table = _columns_of(path)
    if not strict:
        named = {"part": source.part, "period": source.period}
        missing: dict[str, Any] = {key: None for key, column in named.items() if column not in table}
        if not table.keys() >= source.held_out_where.keys():
            missing["held_out_where"] = {}
        source = source.model_copy(update=missing)
    return source, _part(path, source, table)


def _part(path: Path, source: Source, table: Mapping[str, list[Any]]) -> FileColumns:
    part = _labelled(path, table)
    if source.distant and (part.labels == SENTIMENTS[1]).any():
        row = int(np.flatnonzero(part.labels == SENTIMENTS[1])[0]) + 1
        raise DataError(f"{path}, row {row}: neutral, where labels by emoticons are negative or positive")
    n = len(part.texts)
    for column in (*source.held_out_where, source.part, source.period):
        if column is not None and column not in table:
            raise DataError(f"{path}: no column {column!r} (it has {_names(table)})")
    held_out = np.full(n, source.role == "test" or bool(source.held_out_where))
    for column, value in source.held_out_where.items():
        held_out &= np.array([str(one) == value for one in table[column]])
    years = table[source.period] if source.period else [None] * n
    return FileColumns(
        texts=part.texts,
        labels=part.labels,
        weight=np.array([source.weight_of(label) for label in part.labels.tolist()]),
        held_out=held_out,
        company=np.array([str(one or "") for one in table[source.part]] if source.part else [""] * n, np.str_),
        period=np.array([_year(one) for one in years], np.int64),
        targets=_probabilities(path, table, part.labels) if source.role == "teacher" else one_hot(part.labels),
    )


def one_hot(labels: NDArray[np.str_]) -> NDArray[np.float32]:
    """Labels (n,) as (n, 3)."""
    table: NDArray[np.float32] = np.eye(3, dtype=np.float32)[np.searchsorted(np.array(SENTIMENTS), labels)]
    return table


def _probabilities(path: Path, table: Mapping[str, list[Any]], labels: NDArray[np.str_]) -> NDArray[np.float32]:
    """A teacher's columns `negative`, `neutral` and `positive`; its labels where it has none of them."""
    if not any(name in table for name in SENTIMENTS):
        return one_hot(labels)
    try:
        found = np.array([table[name] for name in SENTIMENTS], np.float32).T
    except KeyError as error:
        raise DataError(f"{path}: no column {error} beside its other probabilities") from None
    except (TypeError, ValueError):
        raise DataError(f"{path}: {', '.join(SENTIMENTS)} must be probabilities in every row") from None
    wrong = np.flatnonzero(~((found >= 0).all(axis=1) & (np.abs(found.sum(axis=1) - 1) < _ROUNDED)))
    if len(wrong):
        raise DataError(f"{path}, {table[_WHERE][int(wrong[0])]}: {found[wrong[0]].tolist()} are no probabilities")
    return found


def _year(value: Any) -> int:
    found = _YEAR.search(str(value)) if value is not None else None
    return int(found[0]) if found else 0


def _check(folder: Path, data: TrainingData) -> None:
    """Enough to learn from and to measure on."""
    learnt = sorted(set(data.labels[data.learn].tolist()))
    if len(learnt) < 2:
        only = f"only {learnt[0]} tweets" if learnt else "no tweet"
        raise DataError(f"{folder}: {only} to learn from: a model needs at least two labels")
    if not data.held_out.any():
        raise DataError(
            f"{folder}: no text is held out of {len(data.texts):,}, so nothing can be measured: "
            "add rows, or raise held_out in sources.yaml"
        )


def hash_of(paths: Iterable[Path]) -> str:
    """SHA-256 over the files' contents, as `TrainingData.data_hash`."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def read_labelled(path: Path, encoding: str | None = None, note: Callable[[str], None] = lambda _: None) -> Labelled:
    """Read a file, a folder of parts or a pipe with `text` and `label`; of objects of the networks the full text.

    Args:
        path: JSONL, JSON, CSV or Parquet.
        encoding: of a text file that is not UTF-8.
        note: gets one line for whatever its owner should know.

    Raises:
        DataError: missing, of another kind, empty, a column is missing, or a label is unknown; names file and row.
    """
    options = ReadOptions(columns=("label",), required=("text", "label"), fields=TEXTS, encoding=encoding)
    table = _columns_of(path, options)
    for line in options.notes.all():
        note(f"{path}: {line}")
    return _labelled(path, table)


_WHERE: Final = "\0where"
"""Beside the columns of a file: where each row stands in it. No column is called so."""


def _columns_of(path: Path, options: ReadOptions | None = None) -> dict[str, list[Any]]:
    """The columns of a file, all of them unless `options` names some; `text` is the full text."""
    options = options or ReadOptions(columns=None, required=("text", "label"), fields=TEXTS)
    columns: dict[str, list[Any]] = {_WHERE: []}
    try:
        for number, row in enumerate(read_rows(path, options)):
            if row.fields is None:
                raise DataError(f"{path}, {row.where}: {row.wrong}")
            fields = {**row.fields, _WHERE: row.where}
            if TEXTS & fields.keys():
                fields["text"] = find(row.fields).text
            for name in fields:
                if name not in columns:
                    columns[name] = [None] * number
            for name, values in columns.items():
                values.append(fields.get(name))
    except (TweetFileError, InvalidTweet) as error:
        raise DataError(str(error)) from None
    return columns if columns[_WHERE] else {"text": [], "label": []}


def _labelled(path: Path, columns: Mapping[str, list[Any]]) -> Labelled:
    for name in ("text", "label"):
        if name not in columns:
            raise DataError(f"{path}: no column {name!r} (it has {_names(columns)})")
    texts, labels = columns["text"], columns["label"]
    if not texts:
        raise DataError(f"{path}: no rows")
    for where, text, label in zip(columns[_WHERE], texts, labels, strict=True):
        if not isinstance(text, str):
            raise DataError(f"{path}, {where}: the text is {text!r}")
        if len(text) > MAX_TEXT:
            raise DataError(f"{path}, {where}: the text has {len(text):,} code points, the limit is {MAX_TEXT:,}")
        if not is_unicode(text):
            raise DataError(f"{path}, {where}: the text has a lone surrogate")
        if label not in SENTIMENTS:
            raise DataError(f"{path}, {where}: unknown label {label!r} (known: {', '.join(SENTIMENTS)})")
    return Labelled(list(texts), np.array(labels, dtype=np.str_))


def _names(columns: Iterable[str]) -> str:
    return ", ".join(name for name in columns if name != _WHERE) or "none"


def data_summary(sources: Iterable[str]) -> str:
    """How many rows of each file, as `airline 11,720 + semeval 49,486`."""
    return " + ".join(f"{name} {count:,}" for name, count in Counter(sources).items())
