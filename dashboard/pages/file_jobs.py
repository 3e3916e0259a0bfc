"""Files of texts that are scored in the background: one after the other, with progress, the result as CSV or JSONL."""

from __future__ import annotations

import csv
import json
import logging
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from api.routes.predict import Scored
from contracts.errors import BuzzwatchError
from contracts.texts import checked_text
from contracts.times import clock_ms
from contracts.tweet_files.reader import read_rows
from contracts.tweet_files.rows import ReadOptions, Row

_log = logging.getLogger("buzzwatch.dashboard")

MOST_ROWS: Final = 100_000
_KEPT: Final = 8
"""Jobs that are remembered; the oldest result is deleted when a new file comes."""
_BATCH: Final = 500
_LONGEST_END: Final = len(".parquet")
_COLUMNS: Final = (
    *("row", "sentiment", "confidence", "negative", "neutral", "positive"),
    *("watches", "themes", "reliable", "model_version", "error", "text"),
)

Score = Callable[[Sequence[str]], Sequence[Scored]]


@dataclass
class Job:
    """One file."""

    id: str
    name: str
    """That of the file, for people."""
    folder: Path
    source: Path
    started_ms: int
    total: int = 0
    """Rows that will be scored; 0 while they are being counted."""
    done: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {"negative": 0, "neutral": 0, "positive": 0})
    wrong: int = 0
    """Rows that cannot be scored."""
    problem: str | None = None
    """Why it ended before the end of the file."""
    is_finished: bool = False

    def result(self, kind: str) -> Path:
        """Where the result is."""
        return self.folder / f"{self.id}.{kind}"


class FileJobs:
    """Scores files in one thread, so that requests are not held up. Results live as long as the process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="buzzwatch-files-")
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="files")

    def add(self, name: str, content: bytes, score: Score) -> Job:
        """Begin with a file; its name says what kind it is. `score` blocks."""
        identifier, folder = uuid.uuid4().hex, Path(self._folder.name)
        source = folder / f"{identifier}-source{_kind_of(name)}"
        source.write_bytes(content)
        job = Job(identifier, name, folder, source, clock_ms())
        with self._lock:
            self._jobs[identifier] = job
            while len(self._jobs) > _KEPT:
                old = self._jobs.pop(next(iter(self._jobs)))
                for kind in ("csv", "jsonl"):
                    old.result(kind).unlink(missing_ok=True)
        self._threads.submit(self._run, job, score)
        return job

    def get(self, identifier: str) -> Job | None:
        """A job, None when it is not there (any more)."""
        return self._jobs.get(identifier)

    def stop(self) -> None:
        """End after the batch at hand, and delete the results."""
        self._threads.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def _run(self, job: Job, score: Score) -> None:
        try:
            options = ReadOptions(columns=())
            job.total = sum(1 for _ in islice(read_rows(job.source, options), MOST_ROWS))
            rows = read_rows(job.source, options)
            with (
                job.result("csv").open("w", newline="", encoding="utf-8") as table,
                job.result("jsonl").open("w", encoding="utf-8") as lines,
            ):
                writer = csv.DictWriter(table, _COLUMNS)
                writer.writeheader()
                for batch in _batches(rows):
                    if job.done >= MOST_ROWS:
                        job.problem = f"only the first {MOST_ROWS:,} rows are scored"
                        break
                    for answer in self._answers(job, batch, score):
                        lines.write(json.dumps(answer, ensure_ascii=False) + "\n")
                        writer.writerow({name: _cell(answer.get(name)) for name in _COLUMNS})
                    job.done += len(batch)
        except BuzzwatchError as error:
            job.problem = str(error).replace(str(job.source), job.name)
        except Exception:
            _log.exception("the file %s could not be scored", job.name)
            job.problem = "a mistake of ours; the log says more"
        finally:
            job.source.unlink(missing_ok=True)
            job.is_finished = True

    def _answers(self, job: Job, batch: list[Row], score: Score) -> Iterator[dict[str, Any]]:
        texts: list[str] = []
        answers: list[dict[str, Any]] = []
        for row in batch:
            answer: dict[str, Any] = {"row": row.where}
            answers.append(answer)
            try:
                if row.fields is None:
                    raise BuzzwatchError(row.wrong or "no JSON object")
                text = row.fields.get("text")
                if not isinstance(text, str):
                    raise BuzzwatchError("no text")
                texts.append(checked_text(text))
                answer["text"] = texts[-1]
            except BuzzwatchError as error:
                answer["error"] = str(error)
                job.wrong += 1
        scored = iter(score(texts) if texts else ())
        for answer in answers:
            if "error" not in answer:
                annotation, model = next(scored)
                negative, neutral, positive = (round(score, 4) for score in annotation.scores)
                job.counts[annotation.sentiment] += 1
                answer |= {
                    "sentiment": annotation.sentiment,
                    "confidence": round(annotation.confidence, 4),
                    "negative": negative,
                    "neutral": neutral,
                    "positive": positive,
                    "watches": annotation.watches,
                    "themes": annotation.themes,
                    "reliable": annotation.reliable,
                    "model_version": model.version,
                }
            yield answer


def _kind_of(name: str) -> str:
    """The ends of a name that can say what kind a file is: `.csv.gz`. A stranger's name may have any others."""
    return "".join(end for end in Path(name).suffixes[-2:] if end[1:].isalnum() and len(end) <= _LONGEST_END).lower()


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _cell(value: Any) -> Any:
    """A spreadsheet takes a text that begins so for a formula, and would run it."""
    if isinstance(value, list):
        return " ".join(value)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
