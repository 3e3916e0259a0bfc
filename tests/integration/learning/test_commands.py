"""`buzzwatch labels` and `buzzwatch review` over a real Kafka and a real Redis."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alerts.storage.connection import connect
from cli.learning import labels as labels_command
from cli.learning import retrain as retrain_command
from cli.learning import review as review_command
from contracts.settings import Settings
from contracts.topics import TopicSettings
from learning.labels.log import read_labels
from learning.labels.resolution import resolve
from learning.labels.snapshot import read_snapshot
from learning.review.queue import ReviewQueue
from tests.integration.learning.test_review import item, of_one_judge


@pytest.fixture
def as_environment(settings: Settings, topics: TopicSettings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of this test, where the commands look for them."""
    for name, value in {
        "KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "KAFKA__TOPICS__LABELS": topics.labels,
        "REDIS__URL": settings.redis.url,
        "REDIS__PREFIX": settings.redis.prefix,
        "LOCAL__DATA_DIR": str(settings.local.data_dir),
    }.items():
        monkeypatch.setenv(f"BUZZWATCH_{name}", value)
    return settings


def labels(*arguments: str) -> str:
    ended = CliRunner().invoke(labels_command.app, list(arguments), catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_labels_are_imported_counted_retracted_and_erased(as_environment: Settings, tmp_path: Path) -> None:
    file = tmp_path / "checked.csv"
    file.write_text("id,text,label,judge\n1,@jane my bag,negative,\n2,fine,neutral,bob\n3,lovely crew,positive,\n")
    assert labels("import", str(file), "--judge", "ann") == "imported 3 labels\n"
    again = CliRunner().invoke(labels_command.app, ["import", str(file), "--judge", "ann"])
    assert again.stdout == "imported 0 labels\n"
    assert "3 were imported before" in again.stderr
    found = json.loads(labels("stats", "--format", "json"))
    assert (found["judgements"], found["duplicates"], found["labels"]["negative"]) == (3, 0, 1)
    assert "texts with a label  3" in labels("stats")
    snapshot = Path(labels("snapshot").strip())
    assert {label.text for label in read_snapshot(snapshot)} == {"@user my bag", "fine", "lovely crew"}
    assert labels("snapshot").strip() == str(snapshot)
    assert labels("retract", "--judge", "ann", "--reason", "tired").startswith("retracted 2 judgements")
    erased = labels("erase", "2", "22")
    assert erased == "erased 1 judgements\n22: nothing was said about it so far; what is said later will not count\n"
    assert json.loads(labels("stats", "--format", "json"))["judgements"] == 0
    assert labels("import", str(file), "--judge", "ann", "--batch", "again") == "imported 3 labels\n"
    assert json.loads(labels("stats", "--format", "json"))["judgements"] == 2


def test_whether_a_retraining_is_due_is_said_with_the_reason(
    as_environment: Settings, mlflow_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUZZWATCH_MLFLOW__TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("BUZZWATCH_MLFLOW__MODEL_NAME", as_environment.mlflow.model_name)
    file = tmp_path / "checked.csv"
    file.write_text("text,label\n" + "".join(f"bag number {number},negative\n" for number in range(120)))
    labels("import", str(file), "--judge", "ann")

    def asked(*arguments: str) -> tuple[int, str]:
        ended = CliRunner().invoke(retrain_command.app, list(arguments))
        return ended.exit_code, ended.stdout

    assert asked("--check") == (1, "not due: 120 new labels, and no other reason\n")
    assert asked("--if-due")[0] == 0
    monkeypatch.setenv("BUZZWATCH_LEARNING__RETRAIN_AFTER", "110")
    assert asked("--check") == (0, "due: 120 new labels (110 are enough)\n")
    due = json.loads(asked("--check", "--format", "json")[1])
    assert (due["due"], due["new_labels"]) == (True, 120)
    assert asked("--if-due")[0] == 1  # it begins, and has no old data to learn from


def test_a_sitting_of_review_by_keys(as_environment: Settings) -> None:
    settings = as_environment
    shown, blind = of_one_judge(), of_one_judge(blind=True)
    ReviewQueue(connect(settings), settings).offer([item(shown, priority=1.0), item(blind, priority=2.0), item(7000)])

    def sit(keys: str) -> str:
        arguments = ["--judge", "ann"]
        ended = CliRunner().invoke(review_command.app, arguments, input="\n".join(keys) + "\n", catch_exceptions=False)
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    output = sit("x1u31q")
    assert "[torn   model: negative; 3 wait]" in output
    assert "[judge without the prediction; 2 wait]" in output
    assert "undone" in output
    assert output.endswith("judged 2\n")
    found = resolve(read_labels(settings), settings.learning)
    assert sorted(label.label for label in found.labels) == ["negative", "positive"]
    assert sit("s").endswith("judged 0\n")
    assert "nothing waits for you" in sit("")
    ended = CliRunner().invoke(review_command.app, ["--status", "--format", "json"], catch_exceptions=False)
    assert json.loads(ended.stdout)["accuracy_in_production"] is None
