"""A transformer of two small layers: a folder's preset is fine-tuned, converted, distilled and put in a cascade."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.base.artefact import load_artefact
from models.linear.model import HashedModel
from tests.unit.training.deep.invented import BAD, GOOD, PLAIN, write_data
from training.data.datasets import TrainingData
from training.linear.hashed_classifier import HashedClassifier

if TYPE_CHECKING:
    from training.deep.export.register import Served
    from training.deep.runs.work_folder import Finished

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> str:
    import keras
    import keras_hub

    keras.utils.set_random_seed(0)
    pieces = [chr(ord("a") + i) for i in range(26)]
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "@",
        *pieces,
        *(f"##{p}" for p in pieces),
        *GOOD,
        *BAD,
        *PLAIN,
    ]
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=words, lowercase=True)
    backbone = keras_hub.models.BertBackbone(len(words), 2, 2, 32, 64, max_sequence_length=64)
    folder = str(tmp_path_factory.mktemp("preset"))
    backbone.save_to_preset(folder)
    tokenizer.save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def trained(preset: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, TrainingData, Path]:
    from training.deep.runs.transformer import TransformerOptions, train_transformer

    home = tmp_path_factory.mktemp("home")
    write_data(home / "data", polar=300, human=240)
    # Two minutes are never reached: the loss of so few texts is learnt in seconds, and steps end the run.
    options = TransformerOptions(preset=preset, peak=3e-3, batch=64, minutes=2, steps=120)
    finished, data = train_transformer(home / "data", options, home / "work" / "small", lambda _: None)
    return finished, data, home


@pytest.fixture(scope="module")
def done(trained: tuple[Finished, TrainingData, Path]) -> Served:
    from training.deep.export.register import finish

    return finish(trained[0], trained[1], "onnx", lambda _: None)


def test_a_preset_in_a_folder_is_fine_tuned_to_three_labels(done: Served) -> None:
    assert done.metrics["airline"]["accuracy"]["value"] > 0.85
    assert done.metrics["sentiment140"]["binary_accuracy"]["value"] > 0.85


def test_the_served_tokenizer_is_the_presets(preset: str) -> None:
    import keras_hub
    from tokenizers import Tokenizer

    from training.deep.networks.transformer import tokenizer_json

    served = Tokenizer.from_str(tokenizer_json(preset))
    theirs = keras_hub.models.BertTokenizer.from_preset(preset)
    for text in ["flight late", "i love xylophones", "boarding @ gate", "Ticket LOST", ""]:
        assert served.encode(text).ids == [2, *np.asarray(theirs(text)).tolist(), 3]


def test_its_conversions_answer_alike(trained: tuple[Finished, TrainingData, Path]) -> None:
    from training.deep.export.formats import compare_formats

    finished, data, _ = trained
    rows = {row.format: row for row in compare_formats(finished, data, 60, lambda _: None)}
    assert set(rows) == {"native", "onnx", "onnx-int8", "litert", "litert-int8"}
    assert rows["onnx"].accuracy == rows["native"].accuracy == rows["litert"].accuracy
    assert rows["litert-int8"].megabytes < rows["litert"].megabytes
    assert all(row.tweets_per_s > 0 and row.one_ms > 0 for row in rows.values())


def test_its_row_in_the_leaderboard_says_how_to_make_it_again(
    trained: tuple[Finished, TrainingData, Path], done: Served
) -> None:
    from training.deep.export.register import result_of

    result = result_of(done, trained[1], "small", "buzzwatch train transformer --preset small")
    assert (result.family, result.format) == ("transformer", "onnx")
    assert result.megabytes
    assert result.seconds > 0
    assert result.params["tweets_seen"] == 120 * 64


def test_a_student_learns_neutral_from_its_teacher(trained: tuple[Finished, TrainingData, Path], done: Served) -> None:
    from training.deep.export.register import finish
    from training.deep.runs.student import StudentOptions, train_student

    home = trained[2]
    done.save(home / "teacher")
    options = StudentOptions(
        member="cnn", units=16, vocabulary=200, longest=12, teachers=(str(home / "teacher"),), taught=200,
        rows=19_200, batch=64, peak=0.01, vector_rows=300,
    )  # fmt: skip
    finished, data = train_student(home / "data", options, home / "work" / "student", lambda _: None)
    student = finish(finished, data, "litert-int8", lambda _: None)
    assert student.metrics["semeval"]["recall"]["neutral"]["value"] > 0.6
    assert student.metrics["semeval"]["accuracy"]["value"] > 0.8


def test_a_student_that_was_stopped_goes_on(
    trained: tuple[Finished, TrainingData, Path], done: Served, tmp_path: Path
) -> None:
    from training.deep.runs.student import StudentOptions, train_student

    home = trained[2]
    done.save(tmp_path / "teacher")
    steps = []
    for rows in (640, 640, 1_280):
        options = StudentOptions(
            member="dense", units=8, vocabulary=200, longest=12, teachers=(str(tmp_path / "teacher"),), taught=50,
            rows=rows, batch=64, vector_rows=300,
        )  # fmt: skip
        finished, _ = train_student(home / "data", options, tmp_path / "work" / "student", lambda _: None)
        steps.append(finished.state.step)
    assert steps == [10, 10, 20]
    assert finished.params["teachers"] == [str(tmp_path / "teacher")]


def test_teachers_say_neutral_and_emoticons_the_direction() -> None:
    from training.deep.runs.student import blended

    hard = np.array([[1, 0, 0], [1, 0, 0]], np.float32)
    taught = np.array([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]], np.float32)
    distant, human = blended(hard, taught, np.array([True, False]), trust=0.5)
    np.testing.assert_allclose(distant, [0.4 * 0.625, 0.6, 0.4 * 0.375], atol=1e-6)
    np.testing.assert_allclose(human, [0.55, 0.3, 0.15], atol=1e-6)


def test_a_cascade_is_chosen_that_comes_close_to_its_deep_tier(
    trained: tuple[Finished, TrainingData, Path], done: Served, tmp_path: Path
) -> None:
    from training.deep.cascade.build import cascade_of, draw

    data = trained[1]
    estimator = HashedClassifier()
    texts, labels = data.rows(data.learn)
    estimator.fit(texts, labels, data.weight[data.learn], distant=data.distant[data.learn], progress=lambda _: None)
    linear = estimator.model_
    assert isinstance(linear, HashedModel)
    model, curve, evidence = cascade_of(linear, done.model, data, 60, 0.1, 5.0, lambda _: None)
    assert curve.points[0].share == 0
    assert curve.points[-1].share == pytest.approx(1)
    assert curve.gap[0] == pytest.approx(curve.chosen.mean - curve.deep_alone)
    assert curve.gap[1] <= 0.05  # chosen as close to the deep tier
    assert curve.gap[2] >= -0.05
    assert set(evidence.source.tolist()) == {"sentiment140", "airline", "semeval", "french"}  # what the gate asks for
    draw(curve, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1_000
    model.save(tmp_path / "cascade")
    np.testing.assert_array_equal(
        load_artefact(tmp_path / "cascade").predict_proba(texts[:9]), model.predict_proba(texts[:9])
    )


def test_what_is_no_preset_is_named(tmp_path: Path) -> None:
    from training.deep.networks.transformer import PresetError, backbone_of

    with pytest.raises(PresetError, match="cannot be loaded"):
        backbone_of(str(tmp_path / "nothing"))
