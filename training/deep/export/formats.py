"""A trained network in every format, compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from models.base.artefact import load_artefact
from models.deep.cleaning import CLEANING
from models.deep.model import DeepModel
from training.data.datasets import TrainingData
from training.deep.export.calibrate import answers_of, temperature_of, truth_of
from training.deep.export.convert import FORMATS, converted, runtime_of
from training.deep.runs.work_folder import Finished
from training.evaluation.format_cost import TOGETHER, FormatRow, accuracy, loss, speed, weighed


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
    progress: Callable[[str], None],
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
    answers = answers_of(native, data, progress, most)
    metadata["temperature"] = temperature_of(answers, data)
    reached = {name: accuracy(answers.logits[name], truth_of(data, rows)) for name, rows in answers.rows.items()}
    asked = [data.texts[row] for rows in answers.rows.values() for row in rows.tolist()]
    asked = [asked[k] for k in np.random.default_rng(0).permutation(len(asked))[:TOGETHER].tolist()]
    counts = {name: len(rows) for name, rows in answers.rows.items()}
    size = sum(weights.nbytes for weights in finished.network.get_weights()) / 1e6
    yield FormatRow(
        finished.family, finished.member, "native", reached, counts, size, 0.0, *speed(native, asked), lost=0.0
    )
    for form in FORMATS:
        progress(f"converting {finished.member} to {form}")
        model = DeepModel({**metadata, "runtime": runtime_of(form), "form": form}, words, converted(finished, form))
        if keep is not None:
            keep(form, model)
        size, load_ms = weighed(model.save, load_artefact)
        theirs = answers_of(model, data, progress, most)
        now = {name: accuracy(theirs.logits[name], truth_of(data, rows)) for name, rows in theirs.rows.items()}
        lost = loss(reached, now)
        yield FormatRow(
            finished.family, finished.member, form, now, counts, size, load_ms, *speed(model, asked), lost=lost
        )
