"""Back to what served last, whoever moved the alias."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.errors import ArtefactError
from contracts.settings import Settings
from models.registry.champion import Champion
from models.registry.client import HISTORY_TAG, SERVED_TAG
from tests.integration.registering import Registering
from tests.waiting import until
from training.registry.promotion import PromotionError, promote, rollback

ALIAS = "champion"


@pytest.fixture
def follow(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Champion]]:
    """Starts a follower of the alias with a cache of its own, as a worker on another host is."""
    started: list[Champion] = []

    def start(**options: bool) -> Champion:
        mlflow = settings.mlflow.model_copy(
            update={"cache_dir": tmp_path / f"cache-{len(started)}", "poll_interval_s": 0.2}
        )
        champion = Champion(settings.model_copy(update={"mlflow": mlflow}))
        started.append(champion)
        champion.start(**options)
        return champion

    yield start
    for champion in started:
        champion.stop()


def serves(champion: Champion, version: str) -> None:
    until(lambda: champion.current.ref.version == version)


def history(registering: Registering) -> list[str]:
    tags: dict[str, str] = registering.client.get_registered_model(registering.name).tags
    return tags.get(HISTORY_TAG, "").split(",")


def foreign(registering: Registering) -> str:
    """A version that is no model of ours, with the alias."""
    version = registering.version(text="{}")
    registering.promote(version)
    return version


def test_what_another_client_gave_the_alias_is_noted_once_it_serves(
    settings: Settings, registering: Registering, follow: Callable[..., Champion]
) -> None:
    first, second, third = (registering.version() for _ in range(3))
    registering.promote(first)
    workers = [follow(), follow()]
    for version in (second, third):
        registering.promote(version)
        for worker in workers:
            serves(worker, version)
    until(lambda: history(registering) == [first, second, third])
    until(lambda: SERVED_TAG in registering.client.get_model_version(registering.name, third).tags)
    assert rollback(settings).version == second
    for worker in workers:
        serves(worker, second)
    assert rollback(settings).version == first
    with pytest.raises(PromotionError, match=f"version {first} replaced no version that still exists"):
        rollback(settings)
    assert history(registering) == [first]


def test_an_alias_on_a_version_that_cannot_load_goes_back_to_what_still_serves(
    settings: Settings, registering: Registering, follow: Callable[..., Champion]
) -> None:
    first, second = registering.version(), registering.version()
    registering.promote(first)
    worker = follow()
    registering.promote(second)
    serves(worker, second)
    until(lambda: history(registering) == [first, second])
    broken = foreign(registering)
    until(lambda: worker.failure is not None and f"version {broken}" in worker.failure)
    done = rollback(settings)
    assert (done.version, done.replaced) == (second, broken)
    until(lambda: worker.failure is None)
    assert worker.current.ref.version == second
    assert rollback(settings).version == first


def test_without_a_worker_the_versions_that_cannot_load_are_passed_over(
    settings: Settings, registering: Registering
) -> None:
    first, damaged = registering.version(), registering.version(damaged=True)
    registering.client.set_registered_model_tag(registering.name, HISTORY_TAG, f"{first},{damaged}")
    foreign(registering)
    done = rollback(settings)
    assert done.version == first
    assert done.refused is not None
    assert f"version {damaged} cannot serve" in done.refused


def test_nothing_that_loads_is_left_is_said_with_the_reason(settings: Settings, registering: Registering) -> None:
    damaged = registering.version(damaged=True)
    registering.client.set_registered_model_tag(registering.name, HISTORY_TAG, damaged)
    broken = foreign(registering)
    with pytest.raises(PromotionError, match=rf"replaced no .* loaded \(version {damaged} cannot serve"):
        rollback(settings)
    assert str(registering.client.get_model_version_by_alias(registering.name, ALIAS).version) == broken


def test_a_version_of_another_cleaning_is_passed_over(settings: Settings, registering: Registering) -> None:
    first, other = registering.version(), registering.version(noted={"cleaning": 99})
    registering.client.set_registered_model_tag(registering.name, HISTORY_TAG, f"{first},{other}")
    foreign(registering)
    assert rollback(settings).version == first


def test_a_missing_alias_comes_back_to_what_served_last(
    settings: Settings, registering: Registering, follow: Callable[..., Champion]
) -> None:
    first, second = registering.version(), registering.version()
    registering.promote(first)
    worker = follow()
    registering.promote(second)
    serves(worker, second)
    until(lambda: history(registering) == [first, second])
    registering.client.delete_registered_model_alias(registering.name, ALIAS)
    done = rollback(settings)
    assert (done.version, done.replaced) == (second, None)


def test_missing_and_garbled_tags_are_made_up_for(
    settings: Settings, registering: Registering, follow: Callable[..., Champion]
) -> None:
    first, second = registering.version(), registering.version()
    registering.promote(first)
    worker = follow()
    registering.promote(second)
    serves(worker, second)
    until(lambda: SERVED_TAG in registering.client.get_model_version(registering.name, second).tags)
    registering.client.delete_registered_model_tag(registering.name, HISTORY_TAG)
    assert rollback(settings).version == first
    registering.client.set_registered_model_tag(registering.name, HISTORY_TAG, f"x,,{second},99,{first},ü")
    assert rollback(settings).version == second


def test_what_was_promoted_and_never_served_is_passed_over_where_workers_note(
    settings: Settings, registering: Registering, follow: Callable[..., Champion]
) -> None:
    first, second, third = (registering.version() for _ in range(3))
    registering.promote(first)
    worker = follow()
    until(lambda: history(registering) == [first])
    worker.stop()
    promote(settings, second, force="no worker runs")
    promote(settings, third, force="no worker runs")
    assert rollback(settings).version == first


def test_a_version_that_cannot_load_is_not_promoted(settings: Settings, registering: Registering) -> None:
    first, damaged = registering.version(), registering.version(damaged=True)
    registering.promote(first)
    with pytest.raises(ArtefactError, match=f"version {damaged} cannot serve"):
        promote(settings, damaged, force="whatever")
    assert str(registering.client.get_model_version_by_alias(registering.name, ALIAS).version) == first


def test_an_empty_registry_has_nothing_to_roll_back(settings: Settings, mlflow_uri: str) -> None:
    with pytest.raises(PromotionError, match=r"no version of .* has the alias 'champion'.*nothing to roll back to"):
        rollback(settings)


def test_a_model_deleted_while_it_serves_serves_on(
    settings: Settings, registering: Registering, follow: Callable[..., Champion]
) -> None:
    first = registering.version()
    registering.promote(first)
    worker = follow()
    registering.client.delete_registered_model(registering.name)
    until(lambda: worker.failure is not None and "no version of the model" in worker.failure)
    assert worker.current.ref.version == first
    with pytest.raises(PromotionError, match="nothing to roll back to"):
        rollback(settings)


def test_a_new_host_serves_what_served_last_while_the_alias_is_on_what_cannot_load(
    registering: Registering, follow: Callable[..., Champion]
) -> None:
    first, second = registering.version(), registering.version()
    registering.promote(first)
    worker = follow()
    registering.promote(second)
    serves(worker, second)
    until(lambda: history(registering) == [first, second])
    broken = foreign(registering)
    newcomer = follow()
    assert newcomer.current.ref.version == second
    assert newcomer.failure is not None
    assert f"version {broken} cannot serve" in newcomer.failure
    registering.client.delete_registered_model_alias(registering.name, ALIAS)
    assert follow().current.ref.version == second
    assert history(registering) == [first, second]
