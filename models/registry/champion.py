"""The champion: the model that serves, following its alias in MLflow without a restart."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from contracts.errors import ArtefactError, BuzzwatchError, Unavailable
from contracts.events import ModelRef
from contracts.settings import Settings
from models.base.artefact import in_short
from models.base.sentiment import SentimentModel
from models.base.smoke_test import Hanging, tried
from models.registry.champion_cache import KEPT_VERSIONS, ChampionCache
from models.registry.client import NoChampion, RegisteredVersion, Registry

_log = logging.getLogger("buzzwatch.champion")

_SLOWEST_RETRY_S = 60.0
"""A version that cannot be loaded is tried again at least once a minute: its files may have been repaired."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that serves, and what is known about it."""

    ref: ModelRef
    model: SentimentModel
    aliases: tuple[str, ...]
    metrics: Mapping[str, float]
    """Held-out figures by name, as `data set.metric` where the model has several."""
    trained_on: str

    @staticmethod
    def of(ref: ModelRef, model: SentimentModel, aliases: tuple[str, ...] = ()) -> LoadedModel:
        """Take metrics and training data from the model's own metadata."""
        metadata = model.metadata
        return LoadedModel(ref, model, aliases, _flat(metadata.get("metrics", {})), str(metadata.get("trained_on", "")))


class Champion:
    """Follows the alias of `settings.mlflow`; thread-safe.

    A version that cannot be loaded or does not answer leaves the last good one in place. At a start, what cannot be
    loaded gives way to the next older one in the cache, else to the last one in MLflow that has served and loads.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.mlflow
        self._registry = Registry(settings.mlflow)
        self._cache = ChampionCache(settings.champion_cache)
        self._serving: tuple[RegisteredVersion, LoadedModel] | None = None
        self._failed: RegisteredVersion | None = None
        self._hanging: dict[tuple[str, str, str], Hanging] = {}
        """Versions whose smoke test did not end in time, by name, version, origin."""
        self._to_note: RegisteredVersion | None = None
        """A version that serves by its alias, which is not noted in MLflow yet."""
        self._notes = False
        self._failures = 0
        self._wait = 0.0
        self._failure: str | None = None
        self._registry_failure: str | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, required: bool = True, cached_first: bool = False) -> None:
        """Load the champion from MLflow, else the one served last from the cache, else an older one; follow the alias.

        What serves by the alias is noted in MLflow, for rollbacks.

        Args:
            required: raise when there is none.
            cached_first: serve what was served last without asking MLflow first, which may be away and then takes
                its time-out; what was promoted in the meantime serves after the first look at the alias.

        Raises:
            Unavailable, NoChampion, ArtefactError: no model can be loaded; the message is about MLflow's.
                When not `required` this is logged, and the alias followed until there is a model.
        """
        self._notes = True
        try:
            if not (cached_first and self._serve_from_cache()):
                self.load()
        except BuzzwatchError as error:
            if required:
                raise
            _log.error("no model serves yet: %s; MLflow is asked again until there is one", error)
        self._stopping.clear()
        self._thread = threading.Thread(target=self._follow, name="champion", daemon=True)
        self._thread.start()

    def load(self) -> LoadedModel:
        """What `start` does, without following the alias."""
        try:
            self._check_alias()
        except BuzzwatchError as error:
            self._load_last_served(error)
        finally:
            self._registry.close()
        return self.current

    def stop(self) -> None:
        """Stop following; the current model stays."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=self._settings.timeout_s)
            self._thread = None
        self._registry.close()

    @property
    def current(self) -> LoadedModel:
        """The model that serves; ask once per batch, since it is swapped as a whole."""
        serving = self._serving
        if serving is None:
            raise Unavailable(f"no model is loaded yet: {self._registry_failure or self._failure or 'it is starting'}")
        return serving[1]

    @property
    def missing(self) -> str | None:
        """Why no model serves, None when one does: the version with the alias, an older one, or a part of a cascade."""
        try:
            _ = self.current
        except Unavailable as error:
            return str(error)
        return None

    @property
    def failure(self) -> str | None:
        """Why the version that has the alias does not serve, or not all of it; None when it does."""
        if self._failure is not None or self._serving is None:
            return self._failure
        # A cascade whose deep tier cannot be loaded serves with its linear one, and says why.
        degraded: str | None = getattr(self._serving[1].model, "degraded", None)
        return degraded

    @property
    def registry_failure(self) -> str | None:
        """Why MLflow could not be asked the last time, None when it could."""
        return self._registry_failure

    def _follow(self) -> None:
        while not self._stopping.wait(self._settings.poll_interval_s):
            try:
                self._check_alias()
            except BuzzwatchError:
                pass  # logged by _check_alias, once
            except Exception:
                _log.exception("the champion's alias could not be checked; the model in place serves on")

    def _check_alias(self) -> None:
        """Ask MLflow for the version with the alias; load, test and install it where it is new."""
        version = self._ask()
        if self._serving is not None and _same(version, self._serving[0]):
            if version.aliases != self._serving[0].aliases:
                loaded = self._serving[1]
                self._serving = version, LoadedModel.of(loaded.ref, loaded.model, version.aliases)
            self._reset_failure()
            self._note()
            return
        if self._failed is not None and _same(version, self._failed) and self._wait > 0:
            self._wait -= self._settings.poll_interval_s
            return
        try:
            self._install_champion(version)
        except BuzzwatchError as error:
            self._fail(version, str(error))
            raise

    def _ask(self) -> RegisteredVersion:
        try:
            version = self._registry.champion()
        except Unavailable as error:
            self._registry_failure = self._log_once(self._registry_failure, str(error))
            raise
        except NoChampion as error:
            self._registry_failure = None
            self._failure = self._log_once(self._failure, str(error))
            raise
        if self._registry_failure is not None:
            _log.info("MLflow answers again")
        self._registry_failure = None
        return version

    def _log_once(self, before: str | None, now: str) -> str:
        if before != now and self._serving is not None:
            _log.warning("%s; %s serves on", now, _named(self._serving[0]))
        return now

    def _install_champion(self, version: RegisteredVersion) -> None:
        loaded = self._prepared(version)
        before = self._serving
        self._serving = version, loaded
        self._reset_failure()
        _log.info("%s serves now%s", _named(version), f", in place of version {before[0].version}" if before else "")
        try:
            self._cache.remember(version)
        except Unavailable as error:
            _log.warning("%s serves, but cannot be kept for the next start: %s", _named(version), error)
        self._to_note = version if self._notes else None
        self._note()

    def _note(self) -> None:
        """Note in MLflow which version serves; a failure is repeated at the next check of the alias."""
        version, self._to_note = self._to_note, None
        if version is None:
            return
        try:
            self._registry.note_served(version)
        except Unavailable as error:
            _log.info("%s serves, which could not be noted in MLflow and is tried again: %s", _named(version), error)
            self._to_note = version

    def _prepared(self, version: RegisteredVersion) -> LoadedModel:
        return self._tried(
            version, lambda: self._cache.load(version, lambda folder: self._registry.download(version, folder))
        )

    def _tried(self, version: RegisteredVersion, load: Callable[[], SentimentModel]) -> LoadedModel:
        """The model that `load` returns, after the smoke test.

        Raises:
            ArtefactError: it cannot serve: whatever `load` or the test raised.
            Unavailable: `load` raised it.
        """
        key = version.name, version.version, version.origin
        if key in self._hanging and self._hanging[key].asker.is_busy:
            raise self._hanging[key]
        try:
            model = load()
            tried(model)
            return LoadedModel.of(ModelRef(name=version.name, version=version.version), model, version.aliases)
        except Hanging as error:
            self._hanging[key] = error
            raise
        except BuzzwatchError:
            raise
        except Exception as error:
            raise ArtefactError(f"it cannot be used: {in_short(error)}") from error

    def _fail(self, version: RegisteredVersion, why: str) -> None:
        self._failures = self._failures + 1 if self._failed is not None and _same(version, self._failed) else 0
        self._failed = version
        self._wait = min(self._settings.poll_interval_s * (2 ** min(self._failures, 8) - 1), _SLOWEST_RETRY_S)
        self._failure = self._log_once(self._failure, f"{_named(version)} cannot serve: {why}")

    def _reset_failure(self) -> None:
        self._failed = self._failure = None
        self._failures = 0
        self._wait = 0.0

    def _serve_from_cache(self) -> RegisteredVersion | None:
        """Serve the version that served last. None when it cannot; `failure` has the reason."""
        version = self._cache.last_served()
        if version is None or version.name != self._settings.model_name:
            return None
        try:
            self._serving = version, self._prepared(version)
        except BuzzwatchError as error:
            self._failure = self._failure or f"{_named(version)} cannot serve: {error}"
            return None
        return version

    def _load_last_served(self, why: BuzzwatchError) -> None:
        version = self._serve_from_cache()
        if version is None:
            version = self._serve_an_older_one(self._kept()) or self._serve_an_older_one(self._served_before())
            if version is None:
                raise why
            self._failure = self._failure or "what served last is not in the cache"
            _log.warning("%s", self._failure)
        _log.warning("%s; %s serves until MLflow has a version that can", why, _named(version))

    def _kept(self) -> Iterator[tuple[RegisteredVersion, Callable[[], SentimentModel]]]:
        """The versions in the cache."""
        try:
            for version in self._cache.kept(self._settings.model_name):
                yield version, partial(self._cache.load_kept, version)
        except Unavailable as error:
            _log.warning("older versions in the cache cannot be tried: %s", error)

    def _served_before(self) -> Iterator[tuple[RegisteredVersion, Callable[[], SentimentModel]]]:
        """The versions that have served elsewhere, for a host with an empty cache."""
        if self._registry_failure is not None:
            return
        try:
            before = self._registry.served_before()
        except Unavailable as error:
            _log.warning("older versions in MLflow cannot be tried: %s", error)
            return
        for version in before[:KEPT_VERSIONS]:
            fetch = partial(self._registry.download, version)
            yield version, partial(self._cache.load, version, fetch)

    def _serve_an_older_one(
        self, candidates: Iterable[tuple[RegisteredVersion, Callable[[], SentimentModel]]]
    ) -> RegisteredVersion | None:
        for version, load in candidates:
            if self._failed is not None and _same(version, self._failed):
                continue
            try:
                self._serving = version, self._tried(version, load)
            except BuzzwatchError as error:
                _log.warning("%s cannot serve either, the next older version is tried: %s", _named(version), error)
            else:
                return version
        return None


def serving_version(champion: Champion) -> str | None:
    """The version that serves, None while none does."""
    try:
        return champion.current.ref.version
    except Unavailable:
        return None


def _same(one: RegisteredVersion, other: RegisteredVersion) -> bool:
    return (one.name, one.version, one.origin) == (other.name, other.version, other.origin)


def _named(version: RegisteredVersion) -> str:
    return f"{version.name} version {version.version}"


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)) and math.isfinite(value):
            flat[f"{prefix}{name}"] = float(value)
    return flat
