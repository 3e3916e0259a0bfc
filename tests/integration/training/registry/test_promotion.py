from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import main
from cli.training.models import app
from contracts.errors import ArtefactError, SettingsError
from contracts.settings import Settings
from models.linear.model import HashedModel
from models.registry.champion import Champion
from tests.integration.registering import Registering
from tests.unit.models.hashed_samples import random_weights
from tests.unit.training.registry.test_promotion_gate import evidence
from tests.waiting import until
from training.data.datasets import DataError
from training.evaluation.held_out import FILE
from training.registry.promotion import PromotionError, list_versions, promote, rollback
from training.registry.promotion_gate import GateRefused
from training.registry.register import chosen_alias, default_alias, register_artefact


@pytest.fixture
def register(settings: Settings, mlflow_uri: str, tmp_path: Path) -> Callable[..., str]:
    """Registers a model that gets a share of its held-out texts right."""
    made = 0

    def register_one(right: float | None, alias: str | None = None, *, damaged: bool = False) -> str:
        nonlocal made
        made += 1
        folder = tmp_path / f"model-{made}"
        HashedModel(random_weights(made), {"trained_on": f"seed {made}"}).save(folder)
        if right is not None:
            evidence(right).save(folder)
        if damaged:
            (folder / FILE).write_bytes(b"damaged")
        return register_artefact(settings, folder, alias=alias or default_alias(settings))

    return register_one


def test_the_first_version_is_champion_and_the_next_ones_wait(settings: Settings, register: Callable[..., str]) -> None:
    first, second = register(0.7), register(0.9)
    aliases = {one.version: one.aliases for one in list_versions(settings)}
    assert aliases == {first: ("champion",), second: ("challenger",)}


def test_a_better_version_is_promoted_and_every_follower_serves_it_and_the_rollback(
    settings: Settings, register: Callable[..., str], tmp_path: Path
) -> None:
    first, second = register(0.7), register(0.9)
    followers = [
        Champion(
            settings.model_copy(update={"mlflow": settings.mlflow.model_copy(update={"cache_dir": tmp_path / name})})
        )
        for name in ("one", "two")
    ]

    def serve(version: str) -> bool:
        return all(follower.current.ref.version == version for follower in followers)

    for follower in followers:
        follower.start()
    try:
        done = promote(settings)
        assert (done.version, done.replaced, done.refused) == (second, first, None)
        until(lambda: serve(second))
        back = rollback(settings)
        assert (back.version, back.replaced) == (first, second)
        until(lambda: serve(first))
    finally:
        for follower in followers:
            follower.stop()
    with pytest.raises(PromotionError, match="replaced no version"):
        rollback(settings)


def test_models_that_were_measured_on_different_texts_are_compared_on_labelled_files(
    settings: Settings, register: Callable[..., str], tmp_path: Path
) -> None:
    register(None)
    second = register(None)
    texts = [f"the bag {i} was {'not ' * (i % 2)}{('late', 'here', 'lovely')[i % 3]}" for i in range(150)]
    labels = HashedModel(random_weights(2), {}).predict_proba(texts).argmax(axis=1)
    mine = tmp_path / "mine.jsonl"
    rows = [
        json.dumps({"text": text, "label": ("negative", "neutral", "positive")[label]})
        for text, label in zip(texts, labels.tolist(), strict=True)
    ]
    mine.write_text("\n".join(rows))
    with pytest.raises(GateRefused, match="carries no held-out predictions"):
        promote(settings)
    done = promote(settings, on=[mine])
    assert done.version == second
    assert {one.where for one in done.comparisons} >= {"mine.jsonl", "mine.jsonl / negation"}
    assert done.comparisons[0].challenger == 1
    with pytest.raises(GateRefused, match=r"worse than the champion on mine\.jsonl"):
        promote(settings, done.replaced or "", on=[mine])
    (tmp_path / "few.jsonl").write_text("\n".join(rows[:20]))
    with pytest.raises(DataError, match=r"few\.jsonl has 20 rows: models are compared on 100 or more"):
        promote(settings, done.replaced or "", on=[tmp_path / "few.jsonl"])


def rolled_back(settings: Settings, times: int) -> list[str]:
    """The versions that served one rollback after the other; there is no further one."""
    served = [rollback(settings).version for _ in range(times)]
    with pytest.raises(PromotionError, match="replaced no version that still exists"):
        rollback(settings)
    return served


def test_each_rollback_goes_one_step_further_back_also_past_a_version_that_served_twice(
    settings: Settings, register: Callable[..., str]
) -> None:
    first, second, third = register(0.7), register(0.7), register(0.7)
    for version in (second, third, first):
        promote(settings, version)
    assert rolled_back(settings, 3) == [third, second, first]


def test_a_rollback_passes_over_versions_that_were_deleted(settings: Settings, register: Callable[..., str]) -> None:
    from mlflow import MlflowClient

    first, second, third, fourth = (register(0.7) for _ in range(4))
    for version in (second, third, second, fourth):
        promote(settings, version)
    MlflowClient(settings.mlflow.tracking_uri).delete_model_version(settings.mlflow.model_name, third)
    assert rolled_back(settings, 2) == [second, first]


def test_a_registry_that_knows_only_the_tags_of_versions_is_rolled_back_by_those_and_not_in_a_circle(
    settings: Settings, register: Callable[..., str]
) -> None:
    from mlflow import MlflowClient

    first, second, third, fourth = (register(0.7) for _ in range(4))
    for version in (second, third, first):
        promote(settings, version)
    client = MlflowClient(settings.mlflow.tracking_uri)
    client.delete_registered_model_tag(settings.mlflow.model_name, "champions")
    promote(settings, fourth)
    assert rolled_back(settings, 3) == [first, third, second]


def test_the_reason_of_a_forced_promotion_goes_when_the_gate_lets_the_version_pass_and_its_tags_stay(
    settings: Settings, register: Callable[..., str]
) -> None:
    from mlflow import MlflowClient

    first, second = register(0.9), register(0.6)
    promote(settings, second, force="a trial for an hour", tags={"trial": "one"})
    promote(settings, first)
    third = register(0.5)
    promote(settings, third, force="worse still")
    promote(settings, second)
    assert {one.version: one.forced for one in list_versions(settings)} == {
        first: None,
        second: None,
        third: "worse still",
    }
    known = MlflowClient(settings.mlflow.tracking_uri).get_model_version(settings.mlflow.model_name, second)
    assert known.tags["trial"] == "one"


def test_a_worse_version_is_refused_and_can_be_forced_with_a_reason_that_stays(
    settings: Settings, register: Callable[..., str]
) -> None:
    first, second = register(0.9), register(0.6)
    with pytest.raises(GateRefused, match=rf"version {second} stays where it is: worse than the champion on airline"):
        promote(settings, second)
    assert next(one for one in list_versions(settings) if one.version == first).aliases == ("champion",)
    promote(settings, second, force="a trial for an hour")
    forced = next(one for one in list_versions(settings) if one.version == second)
    assert forced.aliases == ("champion",)
    assert forced.forced == "a trial for an hour"
    assert forced.promoted_from == first


def test_a_version_without_evidence_is_refused(settings: Settings, register: Callable[..., str]) -> None:
    register(0.7)
    register(None)
    with pytest.raises(GateRefused, match="the challenger carries no held-out predictions"):
        promote(settings)


def test_what_is_not_there_is_named(settings: Settings, register: Callable[..., str]) -> None:
    only = register(0.7)
    for wanted, message in [("9", "has no version 9"), ("tuesday", "has no alias 'tuesday'")]:
        with pytest.raises(PromotionError, match=message):
            promote(settings, wanted)
    with pytest.raises(PromotionError, match=f"version {only} is the champion already"):
        promote(settings, only)


def test_a_champion_with_damaged_evidence_can_be_replaced_by_force_and_a_challenger_with_such_cannot(
    settings: Settings, register: Callable[..., str]
) -> None:
    first, second, third = register(0.7, damaged=True), register(0.9), register(0.9, damaged=True)
    with pytest.raises(
        GateRefused, match=rf"the champion, version {first}, cannot be compared: .*held_out\.npz"
    ) as told:
        promote(settings, second)
    assert "\n" not in str(told.value)
    assert "/tmp" not in str(told.value)  # a scratch folder says nothing to anybody
    assert promote(settings, second, force="the champion is damaged").replaced == first
    with pytest.raises(ArtefactError, match=rf"^version {third}: \S*held_out\.npz") as refused:
        promote(settings, third, force="whatever")
    assert "\n" not in str(refused.value)


def test_a_version_that_cannot_be_loaded_is_refused_with_and_without_force(
    settings: Settings, mlflow_uri: str, tmp_path: Path
) -> None:
    registering = Registering(settings, tmp_path)
    registering.create()
    registering.promote(registering.version())
    damaged = registering.version(damaged=True)
    for reason in (None, "a try"):
        with pytest.raises(ArtefactError, match=f"^version {damaged} cannot serve: weights.npz is damaged"):
            promote(settings, damaged, force=reason)


def test_a_reason_must_be_one(settings: Settings) -> None:
    for reason in ("", "   ", "x" * 501):
        with pytest.raises(PromotionError, match="--force needs a reason"):
            promote(settings, "2", force=reason)


def test_the_champions_alias_is_given_by_promotion_alone(settings: Settings, register: Callable[..., str]) -> None:
    assert chosen_alias(settings, None) == chosen_alias(settings, "champion") == "champion"
    register(0.7)
    assert chosen_alias(settings, None) == "challenger"
    assert chosen_alias(settings, "trial") == "trial"
    for wanted, message in [
        ("champion", "by `buzzwatch models promote`"),
        ("7", "neither a number"),
        ("a b", "digits"),
    ]:
        with pytest.raises(SettingsError, match=message):
            chosen_alias(settings, wanted)


def test_with_mlflow_away_a_promotion_says_so_in_one_line(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUZZWATCH_MLFLOW__TRACKING_URI", settings.mlflow.tracking_uri)  # nobody listens there
    monkeypatch.setattr(sys, "argv", ["buzzwatch", "models", "promote"])
    with pytest.raises(SystemExit) as ended:
        main()
    logging.captureWarnings(False)
    assert ended.value.code == 1
    printed, said = capfd.readouterr()
    assert printed == ""
    assert len(said.splitlines()) == 1, said
    assert f"MLflow at {settings.mlflow.tracking_uri}: connection refused (start it" in said


def test_the_command_lists_promotes_and_rolls_back(
    settings: Settings, register: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    first, second = register(0.7), register(0.9)
    monkeypatch.setenv("BUZZWATCH_MLFLOW__TRACKING_URI", settings.mlflow.tracking_uri)
    monkeypatch.setenv("BUZZWATCH_MLFLOW__MODEL_NAME", settings.mlflow.model_name)

    def run(*arguments: str) -> object:
        result = CliRunner().invoke(app, [*arguments, "--format", "json"], catch_exceptions=False)
        assert result.exit_code == 0
        return json.loads(result.stdout)

    assert [one["version"] for one in run("list")] == [second, first]  # type: ignore[attr-defined]
    assert run("promote")["version"] == second  # type: ignore[index]
    assert run("rollback") == {"version": first, "replaced": second}
    table = CliRunner().invoke(app, ["list"], catch_exceptions=False).stdout
    assert "champion" in table
    aliases = MlflowClient(settings.mlflow.tracking_uri).get_registered_model(settings.mlflow.model_name).aliases
    assert aliases == {"champion": first} or aliases == {"champion": int(first)}
    assert np.isfinite(Champion(settings).load().model.predict_proba(["a"])).all()
