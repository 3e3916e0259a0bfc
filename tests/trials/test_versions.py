"""Feedback about several versions and on several partitions, on a running stack; an alias that others move.

The last trials of feedback, since the stack keeps the second version and the second partition.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.stack import RunningStack
from tests.trials.test_feedback import judgement, own_version, send, wait_judged
from tests.waiting import until
from training.registry.register import register_artefact


def serving(stack: RunningStack) -> str:
    """The version that the API answers with."""
    answer = stack.client.post("/predict", json={"text": "a late flight"})
    version: str = answer.json()["model"]["version"]
    return version


def fired(stack: RunningStack, version: str) -> set[str]:
    """Names of the alerts about a version, resolved ones too."""
    listed = json.loads(stack.run("alerts", "list", "--all", "--format", "json").stdout)
    return {one["labels"]["alertname"] for one in listed if one["labels"].get("model_version") == version}


@pytest.fixture(scope="module")
def versions(stack: RunningStack) -> tuple[str, str]:
    """What served, and what another client of MLflow gave the alias, which serves now."""
    first = serving(stack)
    second = register_artefact(stack.settings, stack.settings.artefact, alias="champion")
    until(lambda: serving(stack) == second, said=stack.said)
    until(lambda: _worker(stack, "buzzwatch_model_version") == float(second), said=stack.said)
    return first, second


def test_a_version_that_serves_no_more_starts_no_alert_about_its_accuracy(
    stack: RunningStack, versions: tuple[str, str]
) -> None:
    first, second = versions
    before = fired(stack, first)

    # Wrong one after the other, with right ones between, so that only the accuracy and the number of errors speak.
    wrong = [judgement(first, correct=number % 3 == 2) for number in range(60)]
    send(stack, wrong)
    later = own_version(stack)
    send(stack, [judgement(later)])
    wait_judged(stack, later, 1)
    assert fired(stack, first) == before

    send(stack, [judgement(second, correct=number % 3 == 2) for number in range(60)])
    until(lambda: "Accuracy" in fired(stack, second), said=stack.said)


def _worker(stack: RunningStack, metric: str) -> float | None:
    """What the worker says of itself, None as long as it says nothing."""
    page = stack.client.get(f"http://127.0.0.1:{stack.environment['BUZZWATCH_WORKER__WEB_PORT']}/metrics").text
    found = [line.split()[-1] for line in page.splitlines() if line.startswith(f"{metric} ")]
    return float(found[0]) if found else None


def test_a_rollback_goes_back_to_what_served_last_whoever_moved_the_alias(
    stack: RunningStack, versions: tuple[str, str]
) -> None:
    from mlflow import MlflowClient  # half a second of every process that collects tests

    _, second = versions
    uri = stack.settings.mlflow.tracking_uri
    client = MlflowClient(uri, uri)
    run = client.create_run(client.create_experiment("somebody's"))
    client.log_text(run.info.run_id, "no model of ours", "model/model.pkl")
    foreign = str(client.create_model_version("sentiment", f"{run.info.artifact_uri}/model", run.info.run_id).version)
    client.set_registered_model_alias("sentiment", "champion", foreign)
    until(lambda: f"version {foreign} cannot serve" in stack.client.get("/health").text, said=stack.said)
    assert serving(stack) == second
    assert f"version {second} is the champion again" in stack.run("models", "rollback").stderr.decode()
    until(lambda: "cannot serve" not in stack.client.get("/health").text, said=stack.said)
    assert serving(stack) == second


@pytest.mark.filterwarnings("ignore")  # of MLflow, about itself
def test_the_model_as_mlflow_loads_it_keeps_the_rows_names_and_refuses_null(
    stack: RunningStack, tmp_path: Path
) -> None:
    import mlflow
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    uri = stack.settings.mlflow.tracking_uri
    source = MlflowClient(uri, uri).get_model_version_by_alias("sentiment", "champion").source
    loaded = mlflow.pyfunc.load_model(
        mlflow.artifacts.download_artifacts(source, dst_path=str(tmp_path), tracking_uri=uri)
    )
    texts = ["lost my bag", "thank you", "when does the gate open"]
    table = loaded.predict(pd.DataFrame({"text": texts}, index=[2, 0, 1]))
    assert list(table.index) == [2, 0, 1]
    answers = stack.client.post("/predict/batch", json={"texts": texts}).json()
    expected = [[one["scores"][label] for label in ("negative", "neutral", "positive")] for one in answers]
    np.testing.assert_allclose(table[["negative", "neutral", "positive"]], expected, atol=1e-4)
    with pytest.raises(MlflowException, match="row 1: text is null"):
        loaded.predict(pd.DataFrame({"text": ["lost my bag", None]}))


def test_every_partition_of_feedback_is_judged_also_one_that_was_added(stack: RunningStack) -> None:
    topic = stack.settings.kafka.topics.feedback
    admin = AdminClient(stack.settings.kafka.librdkafka())
    admin.create_partitions([NewPartitions(topic, 2)])[topic].result(60)
    version = own_version(stack)
    producer = Producer(stack.settings.kafka.librdkafka_producer())
    for partition in (0, 1):
        for _ in range(5):
            producer.produce(topic, judgement(version), b"k", partition=partition)
    assert producer.flush(60) == 0
    until(lambda: _worker(stack, "buzzwatch_feedback_lag_records") == 0, said=stack.said)
    wait_judged(stack, version, 10)
