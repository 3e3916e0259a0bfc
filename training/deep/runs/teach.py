"""A teacher's answers to tweets that people did not label: what an emoticon said gives way to three probabilities.

The answers are kept one by one beside the file that is made of them: a run can be stopped, resumed and prolonged.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS
from contracts.whole_files import arriving
from models.base.artefact import load_artefact, read_metadata
from models.base.sentiment import SentimentModel
from models.text.language import known_languages
from training.data.datasets import DataError, TrainingData, load_training_data
from training.data.sources import LANGUAGE_KEY
from training.deep.runs.stopping import terminated

_ROW: Final = 12
"""Bytes of one answer: three numbers in float32."""


class TeachError(BuzzwatchError):
    """Answers that were kept cannot be added to. Names them and the reason."""


@dataclass(frozen=True)
class TeachOptions:
    """What is asked, and of whom."""

    teacher: Path
    """Folder of an artefact of any family."""
    rows: int
    """Most tweets to ask about."""
    minutes: float | None = None
    """Stop after so long, however many were asked."""
    least: float = 0.5
    """Only answers as sure as this are written."""
    threads: int = 0
    """As many as there are processors for 0."""
    seed: int = 0
    about: str = ""
    """Regular expression: only tweets that it is found in, in whatever case, are asked about."""
    chunk: int = 1024
    """Tweets between two looks at the clock; what a killed run loses, times the threads. A network gets those of like
    length together: of 1,024 MPNet reads 21.2 tokens a tweet (20.5 without padding), of 256 it would be 23.4."""


@dataclass(frozen=True)
class Taught:
    """The result."""

    asked: int
    written: int
    labels: dict[str, int]
    agreed: float
    """Share of the written answers that are not neutral and agree with the emoticon."""
    tweets_per_s: float
    """Of this run, wall clock; 0 when all had been asked before."""


def teach(
    folder: Path, options: TeachOptions, out: Path, progress: Callable[[str], None], description: Path | None = None
) -> Taught:
    """Ask a teacher about tweets labelled by emoticons and write `text`, `label`, three probabilities and the language
    to `out`.

    Only files in a language that the teacher knows are asked about, and no near-duplicates of held-out texts. Which
    tweets come first is drawn by the seed, the same ones for every teacher.

    Raises:
        DataError: there are no such tweets. re.error: `about` is no regular expression.
        ArtefactError: the teacher cannot be read.
        TeachError: the answers beside `out` are of another teacher, other data, another seed or subject.
        SystemExit: on SIGTERM; what was answered is kept.
    """
    progress("reading the data")
    data = load_training_data(folder, description, progress)
    known = known_languages(read_metadata(options.teacher))
    rows = np.random.default_rng(options.seed).permutation(np.flatnonzero(data.learn & data.distant))
    rows = rows[data.rows_of(lambda source: source.spoken in known)[rows]]
    if options.about:
        about = re.compile(options.about, re.IGNORECASE)
        rows = rows[[about.search(data.texts[row]) is not None for row in rows.tolist()]]
    rows = rows[: options.rows]
    if not len(rows):
        such = f" in which {options.about!r} is found" if options.about else ""
        raise DataError(
            f"{folder}: no tweet labelled by emoticons{such} to ask the teacher about "
            f"(it knows {', '.join(sorted(known))})"
        )
    kept = out.with_name(f"{out.stem}.answers")
    _note(kept, options, data)
    model = load_artefact(options.teacher)
    before = _count(kept)
    started = time.monotonic()
    stopped = _ask(model, data, rows, kept, options, progress)
    asked = min(_count(kept), len(rows))
    rate = max(0, asked - before) / max(time.monotonic() - started, 1e-6)
    answers = np.fromfile(kept, np.float32, 3 * asked).reshape(-1, 3)
    done = _write(data, rows[:asked], answers, options.least, out)
    if stopped:
        raise SystemExit(128 + signal.SIGTERM)
    return Taught(asked, *done, rate)


def _note(kept: Path, options: TeachOptions, data: TrainingData) -> None:
    """Whose answers they are; those of another run are refused."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    path = kept.with_suffix(".json")
    mine = {
        "teacher": read_metadata(options.teacher)["sha256"],
        "data_hash": data.data_hash,
        "seed": options.seed,
        "about": options.about,
    }
    if kept.is_file() and path.is_file():
        theirs = json.loads(path.read_text("utf-8"))  # notes of before lack `about`
        if differing := sorted(name for name in mine if theirs.get(name, "") != mine[name]):
            raise TeachError(
                f"{kept} holds answers of another run (other {', '.join(differing)}): name another file with --out"
            )
    path.write_text(json.dumps(mine) + "\n", "utf-8")


def _count(kept: Path) -> int:
    """Whole answers; one that a kill has cut off is asked for again."""
    return kept.stat().st_size // _ROW if kept.is_file() else 0


def _ask(
    model: SentimentModel,
    data: TrainingData,
    rows: NDArray[np.int64],
    kept: Path,
    options: TeachOptions,
    progress: Callable[[str], None],
) -> bool:
    """Append answers until all are there or the time is over; true when SIGTERM ended it."""
    at = _count(kept)
    started, first = time.monotonic(), at
    threads = options.threads or len(os.sched_getaffinity(0))

    def answers(texts: Sequence[str]) -> NDArray[np.float32]:
        return model.predict_proba(texts)

    with kept.open("ab") as file, ThreadPoolExecutor(threads) as pool, terminated() as ended:
        file.truncate(at * _ROW)
        waiting: list[Future[NDArray[np.float32]]] = []
        ahead = at
        while at < len(rows):
            while ahead < len(rows) and len(waiting) < threads:
                texts = [data.texts[row] for row in rows[ahead : ahead + options.chunk].tolist()]
                waiting.append(pool.submit(answers, texts))
                ahead += len(texts)
            found = waiting.pop(0).result()
            file.write(np.ascontiguousarray(found, np.float32).tobytes())
            file.flush()
            at += len(found)
            passed = time.monotonic() - started
            progress(f"{at:,} of {len(rows):,} tweets, {(at - first) / max(passed, 1e-6):,.0f} a second")
            if ended.is_set() or (options.minutes and passed > 60 * options.minutes):
                break
        for one in waiting:
            one.cancel()
        return ended.is_set()


def _write(
    data: TrainingData, rows: NDArray[np.int64], answers: NDArray[np.float32], least: float, out: Path
) -> tuple[int, dict[str, int], float]:
    sure = answers.max(axis=1) >= least
    rows, answers = rows[sure], answers[sure]
    labels = np.array(SENTIMENTS)[answers.argmax(axis=1)]
    columns: dict[str, Any] = {"text": [data.texts[row] for row in rows.tolist()], "label": labels.tolist()}
    columns |= {name: np.round(answers[:, k], 4) for k, name in enumerate(SENTIMENTS)}
    spoken = {source.name: source.spoken for source in data.sources}
    languages = {spoken[name] for name in set(data.source[rows].tolist())}
    noted = {LANGUAGE_KEY: languages.pop()} if len(languages) == 1 else {}
    with arriving(out) as new:
        pq.write_table(pa.table(columns).replace_schema_metadata(noted), new)
    polar = labels != SENTIMENTS[1]
    agreed = float((labels[polar] == data.labels[rows][polar]).mean()) if polar.any() else float("nan")
    return len(rows), {name: int((labels == name).sum()) for name in SENTIMENTS}, agreed
