from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from contracts.errors import Unavailable
from contracts.settings import Settings
from models.base.artefact import load_artefact
from models.cascade import CascadeModel
from models.linear.model import HashedModel
from models.registry.champion import Champion
from tests.unit.models.deep.tiny import tiny_model
from tests.unit.models.hashed_samples import random_weights
from training.data.datasets import TrainingData, one_hot
from training.data.sources import Source
from training.evaluation.held_out import HeldOut
from training.linear.model_zoo import MEMBERS
from training.linear.train import Trained
from training.registry.register import log_trained, seed_registry

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

TEXTS = ["@AirParadis lost my bag again", "thanks, lovely crew", "when does the gate open?"]


def trained(model: HashedModel | None) -> Trained:
    value = {"value": 0.8, "low": 0.7, "high": 0.9}
    scores = np.random.default_rng(0).dirichlet([1, 1, 1], 60).astype(np.float32)
    labels = np.repeat(["negative", "neutral", "positive"], 20)
    source = np.full(60, "airline")
    return Trained(
        member=MEMBERS["hashed" if model else "tfidf-lr"],
        metrics={"airline": {"n": 60, "accuracy": value, "recall": {"negative": value}}},
        held_out={"airline": (labels, scores)},
        evidence=HeldOut.of([f"text {i}" for i in range(60)], labels, source, np.full(60, ""), scores),
        params={"l2": 0.1},
        data_hash="abc",
        trained_on="airline 60",
        rows=60,
        distant_rows=0,
        seconds=1.0,
        tweets_per_s=100.0,
        curve={"airline": [(6, 0.5), (60, 0.8)]},
        model=model,
        estimator=None,
    )


def client(settings: Settings) -> MlflowClient:
    from mlflow import MlflowClient

    uri = settings.mlflow.tracking_uri
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs_of(settings: Settings) -> list[Run]:
    experiment = client(settings).get_experiment_by_name(settings.mlflow.model_name)
    assert experiment is not None
    return list(client(settings).search_runs([experiment.experiment_id]))


def test_an_empty_registry_is_seeded_once_with_the_shipped_model(settings: Settings, mlflow_uri: str) -> None:
    assert seed_registry(settings)
    assert not seed_registry(settings)
    name = settings.mlflow.model_name
    versions = client(settings).search_model_versions(f"name = '{name}'")
    assert [version.version for version in versions] in (["1"], [1])
    loaded = Champion(settings).load()
    assert loaded.ref.version == "1"
    np.testing.assert_array_equal(
        loaded.model.predict_proba(TEXTS), load_artefact(settings.artefact).predict_proba(TEXTS)
    )


def test_a_trained_model_becomes_champion_with_its_figures(settings: Settings, mlflow_uri: str) -> None:
    model = HashedModel(
        random_weights(), {"metrics": trained(None).metrics, "trained_on": "airline 60", "data_hash": "abc"}
    )
    version = log_trained(settings, trained(model), alias=settings.mlflow.alias)
    found = client(settings).get_model_version_by_alias(settings.mlflow.model_name, settings.mlflow.alias)
    assert str(found.version) == version
    assert found.tags["airline.accuracy"] == "0.8000"
    assert found.tags["trained_on"] == "airline 60"
    (run,) = runs_of(settings)
    assert run.data.metrics["airline.accuracy"] == pytest.approx(0.8)
    assert run.data.params["l2"] == "0.1"
    assert [file.path for file in client(settings).list_artifacts(run.info.run_id, "plots")] == [
        "plots/airline.png",
        "plots/learning_curve.png",
    ]


def test_a_deep_run_leaves_the_same_evidence(settings: Settings, mlflow_uri: str, tmp_path: Path) -> None:
    """Parameters, data hash, environment, figures, plots: log_run needs of the network only what was noted of it."""
    from training.deep.export.calibrate import Answers
    from training.deep.export.register import Served, log_run, result_of
    from training.deep.runs.training_loop import State
    from training.deep.runs.work_folder import Finished, losses_of

    (tmp_path / "progress.jsonl").write_text('{"rows": 64, "loss": 0.9}\n{"rows": 128, "loss": 0.7}\n{"rows": 192, "lo')
    losses = losses_of(tmp_path)
    assert losses == [(64, 0.9), (128, 0.7)]
    one = trained(None)
    model = tiny_model(metrics=one.metrics, form="onnx", trained_on="airline 60")
    state = State(step=3, rows=192, seconds=2.0)
    finished = Finished("student", "cnn", None, "{}", 8, {"units": 8}, state, losses)
    labels, scores = one.held_out["airline"]
    answers = Answers({"airline": np.arange(60)}, {"airline": scores})
    done = Served(finished, model, {"airline": scores}, answers, one.evidence, 2.0, 100.0)
    data = TrainingData(
        sources=(Source(file="airline.parquet"),),
        fingerprints=np.arange(60).astype(np.uint64),
        period=np.zeros(60, np.int64),
        texts=[f"text {i}" for i in range(60)],
        labels=labels,
        source=one.evidence.source,
        distant=np.zeros(60, bool),
        weight=np.ones(60),
        held_out=np.ones(60, bool),
        learn=np.zeros(60, bool),
        company=np.full(60, ""),
        data_hash="abc",
        targets=one_hot(labels),
    )
    result = result_of(done, data, "small", "buzzwatch train student")
    version = log_run(settings, done, data, result, settings.mlflow.alias)
    assert version is not None
    run = next(run for run in runs_of(settings) if run.info.run_name == "student cnn")
    found = client(settings).get_model_version(settings.mlflow.model_name, version)
    assert found.run_id == run.info.run_id  # the version's own run has the plots
    assert len(runs_of(settings)) == 1
    assert run.data.params | {"units": "8", "data_hash": "abc", "format": "onnx"} == run.data.params
    assert run.data.metrics["airline.accuracy"] == pytest.approx(0.8)
    assert [file.path for file in client(settings).list_artifacts(run.info.run_id)] == ["environment.json", "plots"]
    assert [file.path for file in client(settings).list_artifacts(run.info.run_id, "plots")] == [
        "plots/airline.png",
        "plots/learning_curve.png",
    ]


def test_a_registered_cascade_has_its_evidence_in_its_own_run(settings: Settings, mlflow_uri: str) -> None:
    from training.deep.cascade.build import Curve, Point
    from training.deep.cascade.register import log_cascade

    one = trained(None)
    noted = {"threshold": 0.7, "blend": 0.5, "budget_s": 0.1, "patience_s": 5.0, "data_hash": "abc"}
    noted |= {"params": {"linear": "abc", "deep": "tiny"}, "metrics": one.metrics}
    cascade = CascadeModel(HashedModel(random_weights(), {}), tiny_model(), noted)
    points = [Point(share, 0.7, 100.0 / (share + 0.1), {"airline": 0.8}, 0.8) for share in (0.0, 0.5)]
    curve = Curve(points, points[1], 0.5, 0.8, 90.0, (0.0, -0.1, 0.1), {"airline": 60})
    version = log_cascade(settings, cascade, curve, one.evidence, "trial")
    found = client(settings).get_model_version(settings.mlflow.model_name, version)
    (run,) = runs_of(settings)
    assert found.run_id == run.info.run_id
    assert run.data.params["threshold"] == "0.7"
    assert run.data.metrics["airline.accuracy"] == pytest.approx(0.8)
    assert [file.path for file in client(settings).list_artifacts(run.info.run_id)] == ["environment.json", "plots"]
    assert [file.path for file in client(settings).list_artifacts(run.info.run_id, "plots")] == [
        "plots/airline.png",
        "plots/cascade.png",
    ]


@pytest.mark.filterwarnings("ignore")  # of MLflow, about itself
def test_the_logged_model_is_a_pyfunc_without_a_pickle(settings: Settings, mlflow_uri: str, tmp_path: Path) -> None:
    import mlflow
    import pandas as pd

    model = HashedModel(random_weights(), {})
    version = log_trained(settings, trained(model), alias="trial")
    uri = f"models:/{settings.mlflow.model_name}/{version}"
    folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path)))
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib")]
    assert (folder / "artifacts" / "linear" / "metadata.json").is_file()
    loaded = mlflow.pyfunc.load_model(uri)
    table = loaded.predict(pd.DataFrame({"text": TEXTS}))
    np.testing.assert_allclose(table[["negative", "neutral", "positive"]], model.predict_proba(TEXTS), atol=1e-6)


def test_a_run_that_only_measures_registers_nothing(settings: Settings, mlflow_uri: str) -> None:
    assert log_trained(settings, trained(None), alias=settings.mlflow.alias) is None
    assert not client(settings).search_model_versions(f"name = '{settings.mlflow.model_name}'")


def test_mlflow_away_is_said_in_one_line(settings: Settings) -> None:
    with pytest.raises(Unavailable, match=r"MLflow at http://127\.0\.0\.1:1") as error:
        seed_registry(settings)
    assert "\n" not in str(error.value)
