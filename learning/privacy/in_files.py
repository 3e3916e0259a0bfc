"""Erases a subject from the files of the data folder: snapshots of labels and retrainings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from learning.labels.resolution import Label
from learning.labels.snapshot import SnapshotError, read_snapshot, write_snapshot
from learning.privacy.subject import Subject

_READ: Final = 64 * 1024 * 1024
"""Larger files are no notes; snapshots are read as what they are."""


def erase_from_snapshots(folder: Path, subject: Subject) -> tuple[int, list[str]]:
    """Write snapshots anew without the subject's labels; how many, and what could not be looked at.

    A snapshot is named by its content, so the new one has another name.
    """
    number, problems = 0, []
    for path in sorted(folder.glob("labels-*.parquet")):
        try:
            labels = read_snapshot(path)
            kept = [label for label in labels if not is_of(label, subject)]
            if len(kept) == len(labels):
                continue
            if kept:
                write_snapshot(kept, folder)
            path.unlink()
            number += 1
        except (SnapshotError, OSError) as error:
            problems.append(f"{path}: {error}")
        except ImportError:
            problems.append(f"{path}: pyarrow, which reads it, is not installed here")
    return number, problems


def erase_retrainings(folder: Path, subject: Subject) -> tuple[int, list[str]]:
    """Delete the work folders of retrainings that learnt from the subject's texts or quote one; the models stay in the
    registry."""
    number, problems = 0, []
    for run in sorted(path for path in folder.glob("*") if path.is_dir()):
        try:
            if _learnt_from(run, subject) or quotes(run, subject):
                shutil.rmtree(run)
                number += 1
        except (SnapshotError, OSError) as error:
            problems.append(f"{run}: {error}")
    return number, problems


def is_of(label: Label, subject: Subject) -> bool:
    """Whether a label is about the subject."""
    return subject.is_of(label.tweet_id, prediction_id=label.prediction_id)


def quotes(folder: Path, subject: Subject) -> list[Path]:
    """Files in which one of the subject's texts stands."""
    forms = [form.encode() for text in subject.texts if len(text) > 3 for form in (text, json.dumps(text)[1:-1])]
    found = []
    for path in sorted(folder.rglob("*")):
        if forms and path.is_file() and path.stat().st_size <= _READ:
            content = b" ".join(path.read_bytes().split())
            if any(form in content for form in forms):
                found.append(path)
    return found


def _learnt_from(run: Path, subject: Subject) -> bool:
    return any(is_of(label, subject) for path in run.glob("labels-*.parquet") for label in read_snapshot(path))
