"""What a format costs and gains: accuracy, size, time to load, to answer one tweet, and many."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from models.artefact import load_artefact
from models.deep.served import DeepModel, softmax
from models.deep.tweet_text import CLEANING
from training.datasets import TrainingData
from training.deep.convert import FORMATS, converted, runtime_of
from training.deep.finished import Finished
from training.deep.serving import answers_of, temperature_of, truth_of

LOST: Final = 0.005
"""A conversion that loses more accuracy than this anywhere is reported as such."""
_ALONE: Final = 60
"""Tweets answered one at a time."""
_TOGETHER: Final = 600


@dataclass(frozen=True)
class FormatRow:
    """One model in one format."""

    family: str
    member: str
    format: str
    accuracy: dict[str, float]
    """Data set → accuracy; on sets without neutral tweets the larger of negative and positive."""
    rows: dict[str, int]
    """Data set → held-out texts it is from."""
    megabytes: float
    load_ms: float
    one_ms: float
    """Median processor time of a tweet alone."""
    tweets_per_s: float
    """Processor time, one thread, batches of 128 of like length."""
    lost: float
    """Largest loss of accuracy against the native network; above `LOST` it is a bad conversion."""


class NativeNetwork:
    """The network as it was trained, behind the interface of a served one."""

    def __init__(self, network: keras.Model) -> None:
        self._network = network

    def logits(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """(n, width) token ids, 0 for none, to (n, 3)."""
        answer: NDArray[np.float32] = np.asarray(self._network.predict_on_batch(ids))
        return answer


def compare_formats(
    finished: Finished,
    data: TrainingData,
    most: int,
    tell: Callable[[str], None],
    keep: Callable[[str, DeepModel], None] | None = None,
) -> Iterator[FormatRow]:
    """The native network, then each of `FORMATS`, on the same held-out texts.

    Args:
        most: held-out texts of each set.
        keep: gets each format's model, with the temperature that the native one was given.
    """
    metadata: dict[str, Any] = {
        "family": finished.family,
        "member": finished.member,
        "cleaning": CLEANING,
        "longest": finished.longest,
        "data_hash": data.data_hash,
        "params": dict(finished.params),
    }
    words = finished.tokenizer.encode("utf-8")
    native = DeepModel(metadata, words, b"", opened=NativeNetwork(finished.network))
    answers = answers_of(native, data, tell, most)
    metadata["temperature"] = temperature_of(answers, data)
    reached = {name: _accuracy(answers.logits[name], truth_of(data, rows)) for name, rows in answers.rows.items()}
    asked = [data.texts[row] for rows in answers.rows.values() for row in rows.tolist()]
    asked = [asked[k] for k in np.random.default_rng(0).permutation(len(asked))[:_TOGETHER].tolist()]
    counts = {name: len(rows) for name, rows in answers.rows.items()}
    size = sum(weights.nbytes for weights in finished.network.get_weights()) / 1e6
    yield FormatRow(
        finished.family, finished.member, "native", reached, counts, size, 0.0, *_speed(native, asked), lost=0.0
    )
    for form in FORMATS:
        tell(f"converting {finished.member} to {form}")
        model = DeepModel({**metadata, "runtime": runtime_of(form), "form": form}, words, converted(finished, form))
        if keep is not None:
            keep(form, model)
        with tempfile.TemporaryDirectory() as scratch:
            model.save(Path(scratch))
            size = sum(path.stat().st_size for path in Path(scratch).iterdir()) / 1e6
            started = time.process_time()
            load_artefact(Path(scratch)).predict_proba(["once"])
            load_ms = 1000 * (time.process_time() - started)
        theirs = answers_of(model, data, tell, most)
        now = {name: _accuracy(theirs.logits[name], truth_of(data, rows)) for name, rows in theirs.rows.items()}
        lost = max(reached[name] - now[name] for name in now if name != "french")
        yield FormatRow(
            finished.family, finished.member, form, now, counts, size, load_ms, *_speed(model, asked), lost=lost
        )


def _accuracy(logits: NDArray[np.float32], truth: NDArray[np.intp]) -> float:
    scores = softmax(logits)
    if not (truth == 1).any():
        scores[:, 1] = -1
    return float((scores.argmax(axis=1) == truth).mean())


def _speed(model: DeepModel, texts: Sequence[str]) -> tuple[float, float]:
    """Median milliseconds of one tweet alone, and tweets a second together; processor time."""
    model.predict_proba(texts[:200])
    alone = []
    for text in texts[:_ALONE]:
        started = time.process_time()
        model.predict_proba([text])
        alone.append(time.process_time() - started)
    started = time.process_time()
    model.predict_proba(texts)
    return 1000 * float(np.median(alone)), len(texts) / max(time.process_time() - started, 1e-9)
