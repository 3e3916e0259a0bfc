"""Which formats the linear family has: a TF-IDF pipeline in ONNX, and the compiled model in its own.

Not every member can be converted. ONNX has a tokenizer and a TfIdfVectorizer for words, so word n-grams and a logistic
regression go through skl2onnx; n-grams of characters inside words (`char_wb`), which most members use, do not, and
neither does hashing, which no ONNX operator does on bytes. Whole bytes (int8) have nothing to gain: onnxruntime
quantizes products of matrices, not the operators of scikit-learn's models, and the compiled model's weights are whole
bytes already. LiteRT has no operators on text.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS
from models.base.artefact import load_artefact
from models.base.sentiment import Scores
from models.linear.model import HashedModel
from training.data.datasets import TrainingData
from training.evaluation.format_cost import TOGETHER, FormatRow, accuracy, loss, speed, weighed

_WORD: Final = "[a-zA-Z0-9_]+"
"""What ONNX's tokenizer (RE2) and scikit-learn's cut alike."""
_OPSET: Final = 17


class TfidfWords:
    """TF-IDF of word 1-2-grams and logistic regression, on people's labels. Texts are lower-cased before it."""

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        # Lower-casing inside would become ONNX's StringNormalizer, which fails where the system has no en_US locale.
        # Without sublinear_tf: with it skl2onnx 1.20 gives a text that says a word twice other scores, by .02.
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, dtype=np.float32, lowercase=False, token_pattern=_WORD)
        self.pipeline = make_pipeline(words, LogisticRegression(C=2.0, max_iter=100, random_state=0))

    def fit(self, texts: Sequence[str], labels: NDArray[np.str_]) -> TfidfWords:
        """Learn."""
        self.pipeline.fit(_lower(texts), labels)
        if tuple(self.pipeline.classes_.tolist()) != SENTIMENTS:
            raise ValueError(f"the labels are {self.pipeline.classes_}, not the three sentiments")
        return self

    def predict_proba(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, 3)."""
        scores: NDArray[Any] = self.pipeline.predict_proba(_lower(texts))
        return scores

    def to_onnx(self) -> bytes:
        """Strings (n, 1) in, labels and probabilities (n, 3) out."""
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import StringTensorType

        words = self.pipeline[0]
        made = to_onnx(
            self.pipeline,
            initial_types=[("text", StringTensorType([None, 1]))],
            options={id(self.pipeline): {"zipmap": False}, id(words): {"tokenexp": _WORD}},
            target_opset=_OPSET,
        )
        return bytes(made.SerializeToString())


class OnnxWords:
    """The same in onnxruntime."""

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def predict_proba(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, 3)."""
        scores: NDArray[Any] = self._session.run(None, {"text": np.array(_lower(texts), object)[:, None]})[1]
        return scores


def linear_formats(
    data: TrainingData, rows: Mapping[str, NDArray[np.int64]], hashed: HashedModel, progress: Callable[[str], None]
) -> Iterator[FormatRow]:
    """The TF-IDF pipeline natively and in ONNX, then the compiled model.

    Args:
        rows: data set → held-out rows to measure on.
        hashed: should not have learnt from them.
    """
    progress("training TF-IDF and logistic regression")
    texts, labels = data.rows(data.learn & ~data.distant)
    native = TfidfWords().fit(texts, labels)
    progress("converting it to ONNX")
    content = native.to_onnx()
    # Pickled to be weighed only; no model of ours is stored that way.
    yield (first := _row("tfidf-lr words", "native", native, _pickled(native), data, rows, None))
    onnx = (lambda folder: (folder / "model.onnx").write_bytes(content), _opened)
    yield _row("tfidf-lr words", "onnx", OnnxWords(content), onnx, data, rows, first.accuracy)
    yield _row("hashed", "native", hashed, (hashed.save, load_artefact), data, rows, None)


def _row(
    member: str,
    form: str,
    model: Scores,
    stored: tuple[Callable[[Path], object], Callable[[Path], Scores]],
    data: TrainingData,
    rows: Mapping[str, NDArray[np.int64]],
    native: dict[str, float] | None,
) -> FormatRow:
    reached = {}
    for name, mine in rows.items():
        scores = model.predict_proba([data.texts[row] for row in mine.tolist()])
        reached[name] = accuracy(scores, np.searchsorted(np.array(SENTIMENTS), data.labels[mine]))
    asked = [data.texts[row] for mine in rows.values() for row in mine.tolist()]
    asked = [asked[k] for k in np.random.default_rng(0).permutation(len(asked))[:TOGETHER].tolist()]
    lost = 0.0 if native is None else loss(native, reached)
    counts = {name: len(mine) for name, mine in rows.items()}
    return FormatRow("linear", member, form, reached, counts, *weighed(*stored), *speed(model, asked), lost=lost)


def _pickled(model: TfidfWords) -> tuple[Callable[[Path], object], Callable[[Path], Scores]]:
    def load(folder: Path) -> Scores:
        read: Scores = pickle.loads((folder / "model").read_bytes())  # noqa: S301 (written a moment ago)
        return read

    return lambda folder: (folder / "model").write_bytes(pickle.dumps(model)), load


def _opened(folder: Path) -> OnnxWords:
    return OnnxWords((folder / "model.onnx").read_bytes())


def _lower(texts: Sequence[str]) -> list[str]:
    return [text.lower() for text in texts]
