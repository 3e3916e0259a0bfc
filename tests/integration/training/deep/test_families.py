"""Each small network, tiny: it learns, it is resumed, it serves in every format with the same answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.base.artefact import load_artefact
from models.deep.model import DeepModel
from tests.unit.training.deep.invented import write_data
from training.data.datasets import TrainingData

if TYPE_CHECKING:
    from training.deep.export.register import Served
    from training.deep.networks.recurrent import Member
    from training.deep.runs.work_folder import Finished

# Keras 3.15 under NumPy 2.4.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")

FAMILIES = ("bilstm", "bigru", "cnn", "dense")
ASKED = ["@air i love this flight", "so awful, they lost it", "boarding at the gate", "", "😡😡", "x" * 5000]
SMALL: dict[str, Any] = {
    "units": 8,
    "vocabulary": 200,
    "rows": 6_400,
    "batch": 64,
    "peak": 0.01,
    "longest": 12,
    "vector_rows": 500,
    "dropout": 0.1,
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module", params=FAMILIES)
def trained(request: pytest.FixtureRequest, data_dir: Path, work: Path) -> tuple[Finished, TrainingData, Path]:
    from training.deep.runs.recurrent import RecurrentOptions, train_recurrent

    member: Member = request.param
    options = RecurrentOptions(member=member, **SMALL)
    finished, data = train_recurrent(data_dir, options, work / member, lambda _: None)
    return finished, data, work / member


@pytest.fixture(scope="module")
def served(trained: tuple[Finished, TrainingData, Path]) -> Served:
    from training.deep.export.register import finish

    return finish(trained[0], trained[1], "onnx", lambda _: None)


@pytest.fixture(scope="module")
def short(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, Path]:
    """A run of ten steps, and its folder, of which tests that go on take a copy."""
    from training.deep.runs.recurrent import RecurrentOptions, train_recurrent

    work = tmp_path_factory.mktemp("short") / "dense"
    options = RecurrentOptions(member="dense", **{**SMALL, "rows": 640})
    return train_recurrent(data_dir, options, work, lambda _: None)[0], work


def test_every_family_is_trained_here() -> None:
    from training.deep.networks.recurrent import MEMBERS

    assert MEMBERS == FAMILIES


def test_a_network_learns_three_labels_from_two_kinds_of_rows(served: Served) -> None:
    assert served.metrics["airline"]["accuracy"]["value"] > 0.9
    assert served.metrics["sentiment140"]["binary_accuracy"]["value"] > 0.9
    assert set(served.evidence.source.tolist()) == {"sentiment140", "airline", "semeval", "french"}


def test_every_format_gives_the_answers_of_the_network(
    trained: tuple[Finished, TrainingData, Path], served: Served
) -> None:
    from training.deep.export.convert import FORMATS
    from training.deep.export.register import finish

    finished, data, _ = trained
    # All four of the CNN; of the others what serves, for converting takes seconds each.
    forms = FORMATS if finished.member == "cnn" else ("onnx", "litert-int8")
    done = {form: served if form == "onnx" else finish(finished, data, form, lambda _: None) for form in forms}
    for form in forms:
        if form.endswith("int8"):  # whole bytes round
            lost = (
                done["onnx"].metrics["semeval"]["accuracy"]["value"]
                - done[form].metrics["semeval"]["accuracy"]["value"]
            )
            assert lost < 0.05
        else:
            expected = finished.network(_padded(done[form].model), training=False).numpy()
            np.testing.assert_allclose(done[form].model.logits(ASKED), expected, atol=1e-3, rtol=1e-3)


def test_padding_changes_no_answer(trained: tuple[Finished, TrainingData, Path]) -> None:
    finished, _, _ = trained
    ids = np.array([[5, 9, 7, 3, 0], [4, 2, 0, 0, 0]], np.int32)
    wider = np.pad(ids, ((0, 0), (0, 4)))
    np.testing.assert_allclose(finished.network(wider), finished.network(ids), atol=1e-5)


def test_a_saved_model_answers_as_before(served: Served, tmp_path: Path) -> None:
    served.save(tmp_path)
    loaded = load_artefact(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(ASKED), served.model.predict_proba(ASKED))
    np.testing.assert_allclose(loaded.predict_proba(ASKED).sum(axis=1), 1, atol=1e-5)


def _padded(model: DeepModel) -> np.ndarray:
    """What the network reads of `ASKED`, each as long as the longest."""
    found = model.tokens(ASKED)
    table = np.zeros((len(found), max(map(len, found))), np.int32)
    for row, ids in enumerate(found):
        table[row, : len(ids)] = ids
    return table


def test_what_stands_in_a_work_folder_is_the_network(trained: tuple[Finished, TrainingData, Path]) -> None:
    from training.deep.runs.work_folder import restored

    finished, _, work = trained
    again = restored(work)
    assert again.member == finished.member
    for ours, theirs in zip(finished.network.get_weights(), again.network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_folder_whose_checkpoints_are_gone_holds_no_network(
    trained: tuple[Finished, TrainingData, Path], tmp_path: Path
) -> None:
    from training.deep.runs.work_folder import WorkFolderError, restored

    _, _, work = trained
    emptied = tmp_path / work.name
    shutil.copytree(work, emptied)
    for path in emptied.glob("ckpt-*"):
        path.unlink()
    with pytest.raises(WorkFolderError, match="nothing was kept"):
        restored(emptied)


def test_a_run_that_went_on_and_was_stopped_is_taken_as_it_stands_at_its_checkpoint(
    data_dir: Path, short: tuple[Finished, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.deep.runs.recurrent import RecurrentOptions, train_recurrent
    from training.deep.runs.work_folder import restored

    work = tmp_path / "dense"
    shutil.copytree(short[1], work)
    before = short[0].network.get_weights()
    monkeypatch.setenv("BUZZWATCH_TRAINING__CHECKPOINT_EVERY_S", "1e-9")

    def stop(told: str) -> None:
        if "960 tweets" in told:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_recurrent(data_dir, RecurrentOptions(member="dense", **SMALL), work, stop)
    found = restored(work)
    # 15 steps were done; the last checkpoint came before that, when the pause that writing costs was over.
    assert 10 < found.state.step < 15
    assert any((ours != theirs).any() for ours, theirs in zip(found.network.get_weights(), before, strict=True))


def test_a_longer_run_goes_on_where_a_shorter_one_ended(
    data_dir: Path, short: tuple[Finished, Path], tmp_path: Path
) -> None:
    from training.deep.runs.recurrent import RecurrentOptions, train_recurrent

    shutil.copytree(short[1], tmp_path / "dense")
    longer = RecurrentOptions(member="dense", **{**SMALL, "rows": 1_280})
    second, _ = train_recurrent(data_dir, longer, tmp_path / "dense", lambda _: None)
    assert (short[0].state.step, second.state.step) == (10, 20)
    assert second.state.rows == 1_280


def test_a_folder_with_another_run_is_refused(data_dir: Path, short: tuple[Finished, Path], tmp_path: Path) -> None:
    from training.deep.runs.recurrent import RecurrentOptions, train_recurrent
    from training.deep.runs.work_folder import WorkFolderError

    shutil.copytree(short[1], tmp_path / "dense")
    other = RecurrentOptions(member="dense", **{**SMALL, "rows": 640, "units": 9})
    with pytest.raises(WorkFolderError, match="units"):
        train_recurrent(data_dir, other, tmp_path / "dense", lambda _: None)


def test_a_folder_with_a_run_on_other_data_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    from training.deep.runs.recurrent import RecurrentOptions
    from training.deep.runs.work_folder import TOKENIZER, WorkFolderError, begin

    work = tmp_path / "dense"
    options = RecurrentOptions(member="dense", **SMALL)
    begin(work, "recurrent", 12, options, '{"a": 2, "b": 3}', "one hash")
    (work / "state.json").write_text("{}")
    with pytest.raises(WorkFolderError, match=r"^\S+ holds another run \(other data\): .*$"):
        begin(work, "recurrent", 12, options, '{"a": 2, "b": 3}', "another hash")
    with pytest.raises(WorkFolderError, match=r"\(other vocabulary\)"):
        begin(work, "recurrent", 12, options, '{"b": 2, "a": 3}', "one hash")
    assert (work / TOKENIZER).read_text() == '{"a": 2, "b": 3}'
    begin(work, "recurrent", 12, options, '{"a": 2, "b": 3}', "one hash")


def test_a_folder_that_does_not_say_its_data_is_accepted_once_with_any(tmp_path: Path) -> None:
    from training.deep.runs.recurrent import RecurrentOptions
    from training.deep.runs.work_folder import OPTIONS, WorkFolderError, begin

    work = tmp_path / "dense"
    options = RecurrentOptions(member="dense", **SMALL)
    begin(work, "recurrent", 12, options, "{}", "one hash")
    (work / "state.json").write_text("{}")
    noted = json.loads((work / OPTIONS).read_text())
    del noted["data_hash"]  # as it was before
    (work / OPTIONS).write_text(json.dumps(noted))
    begin(work, "recurrent", 12, options, "{}", "one hash")
    with pytest.raises(WorkFolderError, match="other data"):
        begin(work, "recurrent", 12, options, "{}", "another hash")


def test_the_same_seed_gives_the_same_weights(data_dir: Path, short: tuple[Finished, Path], tmp_path: Path) -> None:
    from training.deep.runs.recurrent import RecurrentOptions, train_recurrent

    options = RecurrentOptions(member="dense", **{**SMALL, "rows": 640})
    again, _ = train_recurrent(data_dir, options, tmp_path / "dense", lambda _: None)
    for ours, theirs in zip(short[0].network.get_weights(), again.network.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
