"""Who serves: listing the registered versions, moving the champion's alias through the gate, and back.

The tag `champions` of the registered model lists who has served, the last one at the end: each rollback goes one step
further back. Promotions write it, and workers and APIs when they begin to serve what somebody else gave the alias
(`Registry.note_served`); they also note it on the version, as `served_at`. Registries from before that
tag have `promoted_from` on each version, the one that it replaced last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from contracts.audit import AuditEvent
from contracts.errors import ArtefactError, BuzzwatchError, Unavailable
from contracts.settings import Settings
from models.base.artefact import load_artefact, without_folder
from models.base.smoke_test import tried
from models.registry.client import (
    ARCHIVED_TAG,
    EVENT_TAG,
    HISTORY_TAG,
    LONGEST_HISTORY,
    SERVED_TAG,
    RegisteredVersion,
    Registry,
    history,
)
from training.evaluation.held_out import CHAMPIONS_FILE, HeldOut
from training.registry.common_set import CommonSet, read_common_set
from training.registry.promotion_gate import Comparison, GateRefused, check
from training.tracking import connected

CHALLENGER: Final = "challenger"
"""Alias of the version that waits for promotion."""

_LONGEST_REASON: Final = 500


class PromotionError(BuzzwatchError):
    """The alias cannot be moved. Says why and what to do."""


@dataclass(frozen=True)
class Version:
    """A registered version, as `buzzwatch models list` shows it."""

    version: str
    aliases: tuple[str, ...]
    family: str
    created_at: str
    trained_on: str
    figures: Mapping[str, float]
    """`set.figure` → held-out value."""
    promoted_at: str | None
    promoted_from: str | None
    forced: str | None
    """Why it was promoted although the gate refused it."""
    archived_at: str | None = None


class Promoted(NamedTuple):
    """What a promotion did."""

    version: str
    replaced: str | None
    comparisons: list[Comparison]
    refused: str | None
    """The gate's findings, when it was overruled."""


def list_versions(settings: Settings) -> list[Version]:
    """All versions of the model, newest first.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    with connected(settings) as mlflow:
        client = mlflow.MlflowClient()
        aliases = aliases_of(client, settings)
        found = client.search_model_versions(f"name = '{settings.mlflow.model_name}'")
        versions = [_version(one, aliases.get(str(one.version), ())) for one in found]
    return sorted(versions, key=lambda one: int(one.version), reverse=True)


def promote(
    settings: Settings,
    which: str = CHALLENGER,
    *,
    force: str | None = None,
    on: Sequence[Path] = (),
    tags: Mapping[str, str] = MappingProxyType({}),
    event: Callable[[Promoted], AuditEvent] | None = None,
) -> Promoted:
    """Let a version serve, if the gate lets it pass.

    Args:
        which: a version number or an alias.
        force: why it shall serve although the gate refuses it; kept as a tag of the version.
        on: labelled files that both score instead of comparing what they carry.
        tags: noted on the version.
        event: what to keep about it for the topic `audit`, before the alias is moved (`training.registry.unsent`).

    Raises:
        DataError: a file of `on` cannot be used.
        Unavailable: MLflow cannot be reached.
        PromotionError: there is no such version, it serves already, or `force` is no reason.
        ArtefactError: it cannot be loaded, or does not score.
        GateRefused: it is worse than the champion somewhere, or cannot be compared.
    """
    if force is not None and not 0 < len(force.strip()) <= _LONGEST_REASON:
        raise PromotionError(f"--force needs a reason of at most {_LONGEST_REASON} characters: it is kept")
    common = read_common_set(on)
    with connected(settings) as mlflow:
        client = mlflow.MlflowClient()
        aliases = aliases_of(client, settings)
        version, known = registered(client, settings, which)
        champion = holder(aliases, settings.mlflow.alias)
        if version == champion:
            raise PromotionError(f"version {version} is the champion already")
        if ARCHIVED_TAG in known:
            raise PromotionError(f"version {version} is archived: `buzzwatch models archive {version} --undo` first")
        challenger = _carried(client, settings, version, common, serves=True)
        comparisons: list[Comparison] = []
        refused = None
        try:
            if challenger.degraded is not None:
                raise GateRefused(challenger.degraded)
            if champion is not None:
                comparisons = check(
                    _champions(client, settings, champion, common), challenger.held_out, challenger.champions
                )
        except GateRefused as error:
            if force is None:
                raise GateRefused(f"version {version} stays where it is: {error}") from None
            refused = str(error)
        done = Promoted(version, champion, comparisons, refused)
        if event is not None:
            keep_event(client, settings, event(done))
        move_champion(client, settings, version, {**tags, **({"forced": force.strip()} if refused and force else {})})
    return done


def keep_event(client: Any, settings: Settings, event: AuditEvent) -> None:
    """Keep the event of a change that is about to be made, until it is on the topic `audit`."""
    client.set_registered_model_tag(settings.mlflow.model_name, f"{EVENT_TAG}{event.id}", event.model_dump_json())


def rollback(settings: Settings, event: Callable[[Promoted], AuditEvent] | None = None) -> Promoted:
    """Let the version serve that served last before the one with the alias, whoever moved the alias or took it away.

    Passed over are versions that were deleted or cannot be loaded here, and, where workers note what serves, those that
    were promoted and never served. `event` is as in `promote`.

    Raises:
        Unavailable: MLflow cannot be reached.
        PromotionError: none that has served before still exists and can be loaded.
    """
    with connected(settings) as mlflow:
        client = mlflow.MlflowClient()
        name, alias = settings.mlflow.model_name, settings.mlflow.alias
        champion = holder(aliases_of(client, settings), alias)
        known = {str(one.version): one.tags for one in client.search_model_versions(f"name = '{name}'")}
        served = _served(client, settings, champion, known)
        before, refused = _last_that_loads(client, settings, champion, served, known)
        if before is None:
            raise PromotionError(_nothing_to_roll_back_to(settings, champion, refused))
        done = Promoted(served[before], champion, [], "; ".join(refused) or None)
        if event is not None:
            keep_event(client, settings, event(done))
        # The tag first: a worker that sees the alias there would note its version once more.
        _keep_served(client, settings, served[: before + 1])
        client.set_registered_model_alias(name, alias, served[before])
        if champion in known:
            client.set_model_version_tag(name, champion, "rolled_back_at", now())
    return done


def _last_that_loads(
    client: Any,
    settings: Settings,
    champion: str | None,
    served: list[str],
    known: Mapping[str, Mapping[str, str]],
) -> tuple[int | None, list[str]]:
    """The place in `served` of the last version to go back to, and why later ones were passed over."""
    refused: dict[str, str] = {}
    places = sorted(range(len(served)), key=lambda place: (SERVED_TAG in known[served[place]], place), reverse=True)
    for place in places:
        version = served[place]
        if version == champion or version in refused:
            continue
        if ARCHIVED_TAG in known[version]:
            refused[version] = f"version {version} is archived"
            continue
        try:
            _carried(client, settings, version, serves=True)
        except (ArtefactError, Unavailable) as error:
            refused[version] = str(error)
        else:
            return place, list(refused.values())
    return None, list(refused.values())


def _nothing_to_roll_back_to(settings: Settings, champion: str | None, refused: list[str]) -> str:
    name, alias = settings.mlflow.model_name, settings.mlflow.alias
    who = f"version {champion}" if champion else f"no version of {name!r} has the alias {alias!r}, which"
    why = f" and can be loaded ({'; '.join(refused)})" if refused else ""
    return f"{who} replaced no version that still exists{why}: nothing to roll back to"


def move_champion(client: Any, settings: Settings, version: str, tags: Mapping[str, str]) -> None:
    """Give the version the champion's alias, and note when, after whom and, in `tags`, why if it was forced."""
    name, alias = settings.mlflow.model_name, settings.mlflow.alias
    aliases = aliases_of(client, settings)
    champion = holder(aliases, alias)
    noted = {"promoted_at": now(), **({"promoted_from": champion} if champion else {}), **tags}
    known = {str(one.version): one.tags for one in client.search_model_versions(f"name = '{name}'")}
    served = _served(client, settings, champion, known)
    if champion in known:
        served.append(champion)
    # Tags first: whoever sees the alias there can roll back.
    for key, value in noted.items():
        client.set_model_version_tag(name, version, key, value)
    if "forced" not in noted and "forced" in known.get(version, {}):
        client.delete_model_version_tag(name, version, "forced")
    _keep_served(client, settings, [*served, version])
    client.set_registered_model_alias(name, alias, version)
    if CHALLENGER in aliases.get(version, ()) and alias != CHALLENGER:
        client.delete_registered_model_alias(name, CHALLENGER)


def _served(client: Any, settings: Settings, champion: str | None, known: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The versions that served before the one with the alias and still exist, the newest last.

    Args:
        known: version → its tags.
    """
    found = client.search_registered_models(f"name = '{settings.mlflow.model_name}'")
    noted = history(found[0].tags) if found else []
    if not noted:  # from before that tag, or somebody took it away: the versions' own tags, each once
        by_time = sorted((tags[SERVED_TAG], version) for version, tags in known.items() if SERVED_TAG in tags)
        noted = [version for _, version in by_time] or _promotions(champion, known)
    served = [version for version in noted if version in known]
    while served and served[-1] == champion:  # twice where the one between them was deleted
        served.pop()
    return served


def _promotions(champion: str | None, known: Mapping[str, Mapping[str, str]]) -> list[str]:
    if champion is None:
        return sorted(
            (one for one, tags in known.items() if "promoted_at" in tags), key=lambda v: known[v]["promoted_at"]
        )
    chain = [champion]
    while (before := known.get(chain[-1], {}).get("promoted_from")) and before not in chain:
        chain.append(before)
    return chain[::-1]


def _keep_served(client: Any, settings: Settings, served: list[str]) -> None:
    client.set_registered_model_tag(settings.mlflow.model_name, HISTORY_TAG, ",".join(served[-LONGEST_HISTORY:]))


def has_champion(client: Any, settings: Settings) -> bool:
    """Whether a version has the champion's alias."""
    return holder(aliases_of(client, settings), settings.mlflow.alias) is not None


def aliases_of(client: Any, settings: Settings) -> dict[str, tuple[str, ...]]:
    """Version → aliases. Only the registered model knows them all: a search leaves them out."""
    found = client.search_registered_models(f"name = '{settings.mlflow.model_name}'")
    held: dict[str, list[str]] = {}
    for model in found:
        for alias, version in model.aliases.items():
            held.setdefault(str(version), []).append(alias)
    return {version: tuple(sorted(names)) for version, names in held.items()}


def holder(aliases: Mapping[str, tuple[str, ...]], alias: str) -> str | None:
    """The version that has the alias."""
    return next((version for version, names in aliases.items() if alias in names), None)


def registered(client: Any, settings: Settings, which: str) -> tuple[str, Mapping[str, str]]:
    """The number of a version and its tags.

    Args:
        which: a version number or an alias.

    Raises:
        PromotionError: there is none.
    """
    name = settings.mlflow.model_name
    known = {str(one.version): one.tags for one in client.search_model_versions(f"name = '{name}'")}
    version = holder(aliases_of(client, settings), which) or which
    if version not in known:
        what = f"version {which}" if which.isdecimal() else f"alias {which!r}"
        shown = ", ".join(sorted(known, key=int)) or "none"
        raise PromotionError(f"{name!r} has no {what} (versions: {shown}); see `buzzwatch models list`")
    return version, known[version]


def _champions(client: Any, settings: Settings, version: str, common: CommonSet | None) -> HeldOut | None:
    """What the champion carries. A damaged champion is no reason to keep it: the gate can be overruled."""
    try:
        return _carried(client, settings, version, common, serves=False).held_out
    except (ArtefactError, Unavailable) as error:
        raise GateRefused(f"the champion, version {version}, cannot be compared: {error}") from None


class _Carried(NamedTuple):
    """What an artefact has with it."""

    held_out: HeldOut | None
    champions: HeldOut | None
    """What the champion of the time says about the same texts; of a retrained version."""
    degraded: str | None
    """Why not all of it can be loaded here: it would not answer as it was measured."""


def _carried(
    client: Any, settings: Settings, version: str, common: CommonSet | None = None, *, serves: bool
) -> _Carried:
    """The version's predictions: on the common set, else those it carries; `serves`: also see that it scores."""
    found = client.get_model_version(settings.mlflow.model_name, version)
    registered = RegisteredVersion(found.name, str(found.version), (), "")
    with Registry(settings.mlflow).artefact(registered) as folder:
        degraded = _see_that_it_scores(version, folder) if serves else None
        try:
            if common is not None:
                return _Carried(common.scored(load_artefact(folder)), None, degraded)
            return _Carried(HeldOut.load(folder), HeldOut.load(folder, CHAMPIONS_FILE), degraded)
        except ArtefactError as error:
            raise ArtefactError(f"version {version}: {without_folder(error, folder)}") from None


def _see_that_it_scores(version: str, folder: Path) -> str | None:
    try:
        model = load_artefact(folder)
        tried(model)
    except ArtefactError as error:
        raise ArtefactError(f"version {version} cannot serve: {without_folder(error, folder)}") from None
    except Exception as error:  # whatever a model raises that was not made for this
        raise ArtefactError(f"version {version} cannot be used: {error!r}") from None
    degraded: str | None = getattr(model, "degraded", None)
    return degraded


def _version(found: Any, aliases: tuple[str, ...]) -> Version:
    figures = {}
    for key, value in found.tags.items():
        if "." in key:
            try:
                figures[key] = float(value)
            except ValueError:
                continue
    return Version(
        version=str(found.version),
        aliases=aliases,
        family=found.tags.get("family", ""),
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC).isoformat(timespec="seconds"),
        trained_on=found.tags.get("trained_on", ""),
        figures=figures,
        promoted_at=found.tags.get("promoted_at"),
        promoted_from=found.tags.get("promoted_from"),
        forced=found.tags.get("forced"),
        archived_at=found.tags.get(ARCHIVED_TAG),
    )


def now() -> str:
    """The time, as tags have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
