from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import Unavailable
from contracts.settings import MlflowSettings, Settings
from models.base.sentiment import SentimentModel
from models.linear.model import HashedModel
from models.registry.champion import Champion
from models.registry.champion_cache import ChampionCache
from models.registry.client import NoChampion, RegisteredVersion, Registry
from tests.integration.registering import Registering
from tests.servers import RunningServer
from tests.unit.models.deep.tiny import tiny_model
from tests.waiting import until

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def quick(settings: Settings) -> Settings:
    settings.mlflow = settings.mlflow.model_copy(update={"poll_interval_s": 0.1})
    return settings


@pytest.fixture
def champions() -> Iterator[Callable[[Settings], Champion]]:
    started: list[Champion] = []

    def start(settings: Settings) -> Champion:
        champion = Champion(settings)
        started.append(champion)
        champion.start()
        return champion

    yield start
    for champion in started:
        champion.stop()


def away(settings: Settings) -> Settings:
    mlflow = settings.mlflow.model_copy(update={"tracking_uri": NOBODY})
    return settings.model_copy(update={"mlflow": mlflow})


def test_a_promotion_and_a_rollback_are_served_without_a_restart(
    quick: Settings, registering: Registering, champions: Callable[[Settings], Champion]
) -> None:
    first, second = registering.version(), registering.version()
    registering.promote(first)
    champion = champions(quick)
    assert champion.current.ref.version == first
    assert champion.current.aliases == ("champion",)
    assert champion.current.metrics == {"accuracy": 0.5}
    assert champion.current.trained_on == "seed 1"
    before = champion.current.model.predict_proba(["a text"])

    registering.promote(second)
    until(lambda: champion.current.ref.version == second)
    assert (champion.current.model.predict_proba(["a text"]) != before).any()

    registering.promote(first)
    until(lambda: champion.current.ref.version == first)
    assert (champion.current.model.predict_proba(["a text"]) == before).all()


def test_with_the_default_settings_the_alias_is_asked_for_often_enough_to_serve_a_promotion_in_ten_seconds(
    settings: Settings, registering: Registering, champions: Callable[[Settings], Champion]
) -> None:
    registering.promote(registering.version())
    assert settings.mlflow.poll_interval_s <= 5
    champion = champions(settings)
    registering.promote(second := registering.version())
    until(lambda: champion.current.ref.version == second)


def test_a_damaged_version_leaves_the_last_good_one_and_says_so_once(
    quick: Settings,
    registering: Registering,
    champions: Callable[[Settings], Champion],
    caplog: pytest.LogCaptureFixture,
) -> None:
    registering.promote(good := registering.version())
    champion = champions(quick)
    registering.promote(bad := registering.version(damaged=True))
    with caplog.at_level(logging.WARNING, "buzzwatch.champion"):
        until(lambda: champion.failure is not None)
        time.sleep(1.5)  # several more polls
    assert champion.current.ref.version == good
    assert f"version {bad} cannot serve" in str(champion.failure)
    assert "damaged" in str(champion.failure)
    said = [record for record in caplog.records if record.name == "buzzwatch.champion"]
    assert len([record for record in said if record.levelno >= logging.WARNING]) == 1
    registering.promote(good)
    until(lambda: champion.failure is None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"noted": {"metrics": [1]}},
        {"noted": {"family": ["hashed"]}},
        {"noted": {"metrics": {"accuracy": 10**400}}},
        {"noted": {"family": "cascade", "parts": 1}},
        {"text": '{"format_version": 1, "metrics": ' + "[" * 100_000},
    ],
    ids=["metrics", "family", "figure", "parts", "nested"],
)
def test_whatever_is_wrong_with_a_version_the_last_good_one_serves_and_it_is_tried_ever_less_often(
    quick: Settings,
    registering: Registering,
    champions: Callable[[Settings], Champion],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    wrong: dict[str, Any],
) -> None:
    registering.promote(good := registering.version())
    champion = champions(quick)
    begun: list[int] = []
    """How often MLflow had been asked for the alias when each attempt began."""
    load, ask, asked = ChampionCache.load, Registry.champion, 0

    def counted_ask(registry: Registry) -> RegisteredVersion:
        nonlocal asked
        asked += 1
        return ask(registry)

    def counted(cache: ChampionCache, version: RegisteredVersion, fetch: Callable[[Path], None]) -> SentimentModel:
        begun.append(asked)
        return load(cache, version, fetch)

    monkeypatch.setattr(ChampionCache, "load", counted)
    monkeypatch.setattr(Registry, "champion", counted_ask)
    registering.promote(bad := registering.version(**wrong))
    with caplog.at_level(logging.WARNING, "buzzwatch.champion"):
        until(lambda: len(begun) >= 4)
    assert champion.current.ref.version == good
    assert f"version {bad} cannot serve" in str(champion.failure)
    assert "\n" not in str(champion.failure)
    assert not [record for record in caplog.records if record.exc_info]
    gaps = [later - earlier for earlier, later in itertools.pairwise(begun)]
    assert gaps[:2] == [1, 2]  # at the polls 0, 1, 3, and 7 or 8
    assert gaps[2] >= 4
    registering.promote(good)
    until(lambda: champion.failure is None)


def test_a_version_that_loads_but_does_not_answer_is_never_served(
    quick: Settings, registering: Registering, champions: Callable[[Settings], Champion]
) -> None:
    registering.promote(good := registering.version())
    champion = champions(quick)
    registering.promote(registering.version(model=tiny_model(temperature=float("nan"))))
    until(lambda: champion.failure is not None)
    assert "no probabilities" in str(champion.failure)
    assert champion.current.ref.version == good
    again = Champion(quick)  # a new process: its own look fails, what served last does not
    again.load()
    assert again.current.ref.version == good
    assert "no probabilities" in str(again.failure)


def test_a_version_that_does_not_answer_is_asked_once_and_another_one_can_follow_it(
    quick: Settings,
    registering: Registering,
    champions: Callable[[Settings], Champion],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registering.promote(good := registering.version())
    champion = champions(quick)
    registering.promote(hanging := registering.version())
    go_on, asked = threading.Event(), list[int]()

    def hang(_: object, texts: Sequence[str]) -> None:
        asked.append(len(texts))
        go_on.wait(300)

    with monkeypatch.context() as patched:
        patched.setattr("models.base.smoke_test.TIMEOUT_S", 0.5)
        patched.setattr(HashedModel, "predict_proba", hang)
        until(lambda: champion.failure is not None)
        time.sleep(1.0)  # ten more polls
        assert f"version {hanging} cannot serve: it has not answered" in str(champion.failure)
        assert (champion.current.ref.version, asked) == (good, [1])
    registering.promote(newer := registering.version())
    until(lambda: champion.current.ref.version == newer)
    assert champion.failure is None
    registering.promote(hanging)
    until(lambda: champion.failure is not None)
    go_on.set()  # it was only slow
    until(lambda: champion.current.ref.version == hanging)


def test_while_mlflow_is_away_the_cache_serves_and_mlflow_is_followed_when_it_is_back(
    tmp_path: Path, own_mlflow: RunningServer, champions: Callable[[Settings], Champion]
) -> None:
    mlflow = MlflowSettings(tracking_uri=own_mlflow.address, poll_interval_s=0.1, cache_dir=tmp_path / "cache")
    settings = Settings(mlflow=mlflow)
    registering = Registering(settings, tmp_path / "registering")
    registering.create()
    registering.promote(first := registering.version())
    second = registering.version()
    running = champions(settings)
    own_mlflow.kill()
    until(lambda: running.registry_failure is not None)
    assert running.current.ref.version == first
    assert running.failure is None

    started_alone = champions(settings)
    assert started_alone.current.ref.version == first
    own_mlflow.start()
    registering.promote(second)
    until(lambda: {running.current.ref.version, started_alone.current.ref.version} == {second})
    assert running.registry_failure is None


def test_started_from_the_cache_it_serves_before_mlflow_answers_and_then_follows(
    quick: Settings, registering: Registering
) -> None:
    registering.promote(first := registering.version())
    before = Champion(quick)
    before.start()
    before.stop()
    registering.promote(second := registering.version())
    champion = Champion(quick)
    champion.start(cached_first=True)
    try:
        assert champion.current.ref.version == first
        until(lambda: champion.current.ref.version == second)
    finally:
        champion.stop()


def test_a_frozen_mlflow_holds_nobody_up(
    tmp_path: Path, own_mlflow: RunningServer, champions: Callable[[Settings], Champion]
) -> None:
    mlflow = MlflowSettings(tracking_uri=own_mlflow.address, poll_interval_s=0.1, timeout_s=1)
    own_mlflow.freeze()
    with pytest.raises(Unavailable):
        champions(Settings(mlflow=mlflow.model_copy(update={"cache_dir": tmp_path / "cache"})))
    own_mlflow.thaw()


def test_with_neither_mlflow_nor_a_cache_one_line_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(Unavailable, match=r"buzzwatch up.*BUZZWATCH_MLFLOW__TRACKING_URI") as raised:
        Champion(away(settings)).start()
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


def test_without_a_model_or_alias_one_line_says_what_to_do(settings: Settings, registering: Registering) -> None:
    with pytest.raises(NoChampion, match=r"has the alias 'champion'.*buzzwatch train"):
        Champion(settings).start()
    registering.version()
    with pytest.raises(NoChampion):
        Champion(settings).start()
    other = settings.model_copy(update={"mlflow": settings.mlflow.model_copy(update={"model_name": "nobody-knows-it"})})
    with pytest.raises(NoChampion):
        Champion(other).start()


def test_a_registry_that_gets_its_model_later_is_followed(quick: Settings, registering: Registering) -> None:
    champion = Champion(quick)
    champion.start(required=False)
    with pytest.raises(Unavailable, match="no model is loaded yet"):
        _ = champion.current
    assert str(champion.missing).startswith("no model is loaded yet")
    registering.promote(version := registering.version())

    def serves() -> bool:
        try:
            return champion.current.ref.version == version
        except Unavailable:
            return False

    until(serves)
    assert champion.missing is None
    champion.stop()


def test_the_same_version_of_a_recreated_registry_is_fetched_again(
    quick: Settings, registering: Registering, champions: Callable[[Settings], Champion]
) -> None:
    registering.promote(registering.version())
    champion = champions(quick)
    registering.client.delete_registered_model(registering.name)
    registering.create()
    assert registering.version() == champion.current.ref.version
    registering.promote(champion.current.ref.version)
    until(lambda: champion.current.trained_on == "seed 2")


def test_damage_in_the_cache_is_repaired_by_another_download(settings: Settings, registering: Registering) -> None:
    registering.promote(registering.version())
    Champion(settings).load()
    [weights] = settings.champion_cache.rglob("weights.npz")
    weights.write_bytes(b"damaged")
    assert Champion(settings).load().trained_on == "seed 1"
    [weights] = settings.champion_cache.rglob("weights.npz")
    weights.write_bytes(b"damaged")
    with pytest.raises(Unavailable, match="cannot be reached"):
        Champion(away(settings)).load()
    assert Champion(settings).load().trained_on == "seed 1"


def damage(cache: Path, version: str) -> None:
    [weights] = cache.glob(f"*-{version}/artefact/**/weights.npz")
    weights.write_bytes(b"damaged")


def test_a_damaged_cache_without_mlflow_gives_way_to_the_newest_version_that_loads(
    settings: Settings, registering: Registering
) -> None:
    versions = [registering.version() for _ in range(4)]
    for version in versions:
        registering.promote(version)
        Champion(settings).load()
    damage(settings.champion_cache, versions[3])
    damage(settings.champion_cache, versions[2])
    for _ in range(2):  # the second time the damaged ones are no longer there
        champion = Champion(away(settings))
        assert champion.load().ref.version == versions[1]
        assert champion.failure is not None
        assert champion.registry_failure is not None
    first = Champion(away(settings))
    first.start(cached_first=True)
    first.stop()
    assert first.current.ref.version == versions[1]
    back = Champion(settings)
    assert back.load().ref.version == versions[3]
    assert back.failure is None


def test_which_version_is_damaged_in_the_cache_is_said(settings: Settings, registering: Registering) -> None:
    first, second = registering.version(), registering.version()
    for version in (first, second):
        registering.promote(version)
        Champion(settings).load()
    damage(settings.champion_cache, second)
    champion = Champion(away(settings))
    assert champion.load().ref.version == first
    assert f"version {second} cannot serve" in str(champion.failure)
    assert "weights.npz is damaged" in str(champion.failure)
    assert "\n" not in str(champion.failure)


@pytest.mark.parametrize("content", [b"\xff\x00\xfe", b'{"name": 1}', b"[" * 100_000])
def test_damaged_notes_of_the_cache_stop_nobody(settings: Settings, registering: Registering, content: bytes) -> None:
    registering.promote(version := registering.version())
    Champion(settings).load()
    (settings.champion_cache / "current.json").write_bytes(content)
    champion = Champion(away(settings))
    assert champion.load().ref.version == version
    assert champion.failure is not None
    [origin] = settings.champion_cache.glob("*/origin")
    origin.write_bytes(content)
    assert Champion(settings).load().ref.version == version


def test_a_rollback_does_not_need_the_files_in_mlflow(settings: Settings, registering: Registering) -> None:
    first, second = registering.version(), registering.version()
    for version in (first, second):
        registering.promote(version)
        Champion(settings).load()
    for version in (first, second):
        source = registering.client.get_model_version(registering.name, version).run_id
        assert source is not None
        registering.client.delete_run(source)
    registering.promote(first)
    assert Champion(settings).load().ref.version == first


def test_processes_that_start_together_share_one_cache(settings: Settings, registering: Registering) -> None:
    registering.promote(version := registering.version())
    served: list[str] = []
    threads = [threading.Thread(target=lambda: served.append(Champion(settings).load().ref.version)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served == [version] * 6
    assert json.loads((settings.champion_cache / "current.json").read_text())["version"] == version
    assert not list(settings.champion_cache.glob(".arriving-*"))
