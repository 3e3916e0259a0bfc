"""A student: a small network that learns from the answers of better models (Hinton et al. 2015, arXiv:1503.02531)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from contracts.whole_files import arriving
from models.base.artefact import load_artefact, read_metadata
from training.data.datasets import TrainingData, load_training_data
from training.deep.data.corpus import shares_of
from training.deep.networks.recurrent import network
from training.deep.runs.recurrent import EMOTICONS_SHARE, RecurrentOptions, prepared
from training.deep.runs.training_loop import Schedule, descend
from training.deep.runs.work_folder import Finished, begin, losses_of

_CHUNK: Final = 2_000


@dataclass(frozen=True)
class StudentOptions(RecurrentOptions):
    """What a run depends on, beside the data."""

    member: str = "cnn"  # type: ignore[assignment]
    units: int = 96
    vocabulary: int = 25_000
    teachers: tuple[str, ...] = ()
    """Folders of artefacts; their probabilities are averaged."""
    taught: int = 300_000
    """Rows labelled by emoticons that the teachers are asked about; the student sees no others."""
    trust: float = 0.6
    """The teachers' share in the targets of people's rows and in the direction of the emoticons'."""


def train_student(
    folder: Path, options: StudentOptions, work: Path, progress: Callable[[str], None], description: Path | None = None
) -> tuple[Finished, TrainingData]:
    """Ask the teachers, then train on their answers and the labels; resumes what stands in `work`.

    Emoticons cannot say "neutral", teachers can: their probability of neutral goes into the targets as it is, and only
    the rest is shared out between negative and positive, by label and teachers. So a student sees neutral in a million
    tweets that nobody labelled so.

    Raises:
        DataError: a file is missing. ArtefactError: a teacher cannot be read.
        WorkFolderError: `work` holds another run.
    """
    keras.utils.set_random_seed(options.seed)
    progress("reading the data")
    data = load_training_data(folder, description, progress)
    tokenizer, corpus, vectors = prepared(data, options, work, progress)
    begin(work, "student", options.longest, options, tokenizer.to_str(), data.data_hash)
    rows = taught_rows(data, options)
    taught = _answers(data, rows, options.teachers, work, progress)
    known = np.zeros(len(data.texts), bool)
    known[rows] = True
    # What the teachers were not asked about is left out; of the rest, no row is "distant" any more.
    mixture = dataclasses.replace(corpus, data=dataclasses.replace(data, learn=data.learn & known)).mixture(
        shares=shares_of(data, EMOTICONS_SHARE), size=options.batch, longest=options.longest, seed=options.seed
    )
    targets = data.targets.copy()
    targets[rows] = blended(targets[rows], taught, data.distant[rows], options.trust)
    mixture = dataclasses.replace(mixture, targets=targets, distant=np.zeros(len(known), bool))
    net = network(options.member, vectors, units=options.units, dropout=options.dropout)  # type: ignore[arg-type]
    schedule = Schedule(options.peak, steps=max(1, options.rows // options.batch))
    state = descend(net, mixture.batches, schedule, work, decay=options.decay, progress=progress)
    params = {**asdict(options), "teachers": list(options.teachers)}
    return Finished(
        "student", options.member, net, tokenizer.to_str(), options.longest, params, state, losses_of(work)
    ), data


def taught_rows(data: TrainingData, options: StudentOptions) -> NDArray[np.int64]:
    """The learning rows that the teachers are asked about: all of people's, a draw of the emoticons'."""
    distant = np.flatnonzero(data.learn & data.distant)
    drawn = np.random.default_rng(options.seed).permutation(distant)[: options.taught]
    return np.sort(np.concatenate([np.flatnonzero(data.learn & ~data.distant), drawn]))


def blended(
    hard: NDArray[np.float32], taught: NDArray[np.float32], distant: NDArray[np.bool_], trust: float
) -> NDArray[np.float32]:
    """Targets (n, 3) out of labels and the teachers' answers, as `train_student` says."""
    mixed = trust * taught + (1 - trust) * hard
    polar = np.maximum(taught[:, [0, 2]].sum(axis=1, keepdims=True), 1e-6)
    direction = trust * taught[:, [0, 2]] / polar + (1 - trust) * hard[:, [0, 2]]
    soft = np.stack([direction[:, 0] * (1 - taught[:, 1]), taught[:, 1], direction[:, 1] * (1 - taught[:, 1])], axis=1)
    chosen: NDArray[np.float32] = np.where(distant[:, None], soft, mixed).astype(np.float32)
    return chosen


def _answers(
    data: TrainingData, rows: NDArray[np.int64], teachers: Sequence[str], cache: Path, progress: Callable[[str], None]
) -> NDArray[np.float32]:
    """The teachers' mean probabilities, (len(rows), 3); each teacher's are kept, for it may take an hour to answer."""
    total = np.zeros((len(rows), 3), np.float64)
    for teacher in teachers:
        noted = (
            json.dumps([data.data_hash, read_metadata(Path(teacher))["sha256"]])
            + hashlib.sha256(rows.tobytes()).hexdigest()
        )
        path = cache / f"taught-{hashlib.sha256(noted.encode()).hexdigest()[:16]}.npy"
        if not path.is_file():
            model = load_artefact(Path(teacher))
            table = np.empty((len(rows), 3), np.float32)
            for at in range(0, len(rows), _CHUNK):
                part = rows[at : at + _CHUNK]
                table[at : at + _CHUNK] = model.predict_proba([data.texts[row] for row in part.tolist()])
                progress(f"asking {teacher}: {min(at + _CHUNK, len(rows)):,} of {len(rows):,} tweets")
            with arriving(path) as new:
                np.save(new, table)
        total += np.load(path)
    return (total / max(1, len(teachers))).astype(np.float32)
