"""MLflow's model registry, as far as serving needs it: which version has the alias, and its files."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import EDQUOT, EFBIG, ENOSPC, EROFS
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pydantic

from contracts.errors import BuzzwatchError, Unavailable
from contracts.events import one_line
from contracts.redaction import redacted
from contracts.settings import MlflowSettings

if TYPE_CHECKING:
    from models.registry.rest import RestClient


SERVED_TAG: Final = "served_at"
"""Tag of a version: when a worker or an API last began to serve it."""
ARCHIVED_TAG: Final = "archived_at"
"""Tag of a version that is set aside: since when (`training.registry.archive`)."""
HISTORY_TAG: Final = "champions"
"""Tag of the registered model: the versions that served, separated by commas, the last one at the end."""
EVENT_TAG: Final = "audit."
"""Begins tags of the registered model that keep events for the topic `audit` (`training.registry.unsent`)."""
LONGEST_HISTORY: Final = 100
"""Versions: MLflow keeps 5,000 characters of a tag."""
_DISK: Final = re.compile("|".join(re.escape(os.strerror(one)) for one in (ENOSPC, EDQUOT, EFBIG, EROFS)))


class NoChampion(BuzzwatchError):
    """MLflow answers, but no version of the model has the alias."""


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of the registered model."""

    name: str
    version: str
    aliases: tuple[str, ...]
    origin: str
    """Tells this version from one of the same number in another or a recreated registry."""


class Registry:
    """Asks MLflow. Every call takes a few request time-outs at most: a server that is away holds nobody up."""

    def __init__(self, settings: MlflowSettings, rest: RestClient | None = None) -> None:
        self._settings = settings
        self._rest = rest
        self._package: Any = None

    def champion(self) -> RegisteredVersion:
        """The version that has the alias.

        Raises:
            Unavailable: MLflow cannot be reached.
            NoChampion: it can, but there is no such model or alias.
        """
        name, alias = self._settings.model_name, self._settings.alias
        try:
            found = self._client().get_model_version_by_alias(name, alias)
        except Exception as error:  # what else answers at that address may say anything
            if getattr(error, "error_code", None) in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise NoChampion(
                    f"no version of the model {name!r} has the alias {alias!r} in MLflow at {self._where}: "
                    "register one with `buzzwatch train linear`"
                ) from None
            raise self._away(error) from error
        return RegisteredVersion(
            name=name,
            version=str(found.version),
            aliases=tuple(sorted({alias, *found.aliases})),
            origin=_origin(found),
        )

    def named(self, which: str) -> RegisteredVersion:
        """The version with this number or alias; its aliases are not all known.

        Raises:
            Unavailable: MLflow cannot be reached.
            NoChampion: it can, but there is no such version.
        """
        name = self._settings.model_name
        try:
            client = self._connected()
            ask = client.get_model_version if which.isdecimal() else client.get_model_version_by_alias
            found = ask(name, which)
        except Exception as error:  # what else answers at that address may say anything
            if getattr(error, "error_code", None) in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                what = f"version {which}" if which.isdecimal() else f"alias {which!r}"
                raise NoChampion(
                    f"{name!r} has no {what} in MLflow at {self._where}: see `buzzwatch models list`"
                ) from None
            raise self._away(error) from error
        return RegisteredVersion(name, str(found.version), (), _origin(found))

    def archived_at(self, version: RegisteredVersion) -> str | None:
        """Since when a version is set aside, None where it is not.

        Raises:
            Unavailable: MLflow cannot be reached.
        """
        try:
            tags: Mapping[str, str] = self._connected().get_model_version(version.name, version.version).tags
        except Exception as error:  # what else answers at that address may say anything
            raise self._away(error) from error
        return tags.get(ARCHIVED_TAG)

    def download(self, version: RegisteredVersion, folder: Path) -> None:
        """Fetch the version's files into `folder`, through the tracking server where that serves them.

        Raises:
            Unavailable: MLflow or its artifact store cannot be reached, the files are not there, or the disk is full.
        """
        client = self._connected()
        from mlflow.artifacts import download_artifacts

        try:
            uri = client.get_model_version_download_uri(version.name, version.version)
            if logged := re.fullmatch(r"models:/(m-[0-9a-f]+)", uri):  # MLflow 3 registers logged models
                uri = client.get_logged_model(logged[1]).artifact_location
            download_artifacts(artifact_uri=uri, dst_path=str(folder), tracking_uri=self._settings.tracking_uri)
        except Exception as error:  # each kind of artifact store has its own
            # MLflow gathers the errors of all files in a text of many lines; those of the disk are about this machine.
            if full := _DISK.search(str(error)):
                raise Unavailable(
                    f"the files of {version.name} version {version.version} cannot be kept in {folder}: {full[0]}; "
                    "make room and try again"
                ) from None
            raise Unavailable(
                f"the files of {version.name} version {version.version} cannot be downloaded from MLflow at "
                f"{self._where}: {short_cause(error)}"
            ) from None

    @contextmanager
    def artefact(self, version: RegisteredVersion) -> Iterator[Path]:
        """The folder of the version's model, downloaded for as long as the block lasts.

        Raises:
            Unavailable: as of `download`. ArtefactError: there is no model of ours in the files.
        """
        from models.base.artefact import artefact_in  # NumPy: who asks for a version alone does without

        with tempfile.TemporaryDirectory() as scratch:
            self.download(version, Path(scratch))
            yield artefact_in(Path(scratch), f"version {version.version}")

    def note_served(self, version: RegisteredVersion) -> None:
        """Note that this version, which has the alias, serves now: a rollback goes back to what served.

        Whoever moved the alias, the note is right, since only a version that loads is noted.

        Raises:
            Unavailable: MLflow cannot be reached or takes no tags.
        """
        try:
            client = self._client()
            model = client.get_registered_model(version.name)
            if str(model.aliases.get(self._settings.alias)) != version.version:
                return  # moved on while this version was loaded
            served = history(model.tags)
            if served[-1:] != [version.version]:
                noted = ",".join([*served, version.version][-LONGEST_HISTORY:])
                client.set_registered_model_tag(version.name, HISTORY_TAG, noted)
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            client.set_model_version_tag(version.name, version.version, SERVED_TAG, now)
        except Exception as error:  # what else answers at that address may say anything
            raise self._away(error) from error

    def served_before(self) -> list[RegisteredVersion]:
        """The versions that have served and still exist, the last one first; their aliases are not known.

        Raises:
            Unavailable: MLflow cannot be reached.
        """
        name = self._settings.model_name
        try:
            client = self._connected()
            served = history(client.get_registered_model(name).tags)
            known = {str(one.version): one for one in client.search_model_versions(f"name = '{name}'")}
        except Exception as error:  # what else answers at that address may say anything
            raise self._away(error) from error
        return [
            RegisteredVersion(name, number, (), _origin(known[number]))
            for number in dict.fromkeys(reversed(served))
            if number in known
        ]

    def served_versions(self) -> list[str]:
        """The last hundred versions that served, also of other processes; those that were deleted too.

        Raises:
            Unavailable: MLflow cannot be reached.
        """
        try:
            return history(self._model_tags())
        except Exception as error:  # what else answers at that address may say anything
            raise self._away(error) from error

    def keeps_events(self) -> bool:
        """Whether a change of models is not on the topic `audit` yet.

        Raises:
            Unavailable: MLflow cannot be reached.
        """
        try:
            return any(key.startswith(EVENT_TAG) for key in self._model_tags())
        except Exception as error:  # what else answers at that address may say anything
            raise self._away(error) from error

    def _model_tags(self) -> Mapping[str, str]:
        tags: Mapping[str, str] = self._client().get_registered_model(self._settings.model_name).tags
        return tags

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._rest is not None:
            self._rest.close()
            self._rest = None

    @property
    def _where(self) -> str:
        return without_password(self._settings.tracking_uri)

    def _client(self) -> Any:
        """Plain REST where that suffices, else the `mlflow` package's client."""
        # Here, since httpx is a twentieth of what a worker imports; one that is started again scores without it.
        from models.registry.rest import RestClient, is_plain

        if not is_plain(self._settings.tracking_uri):
            return self._connected()
        if self._rest is None:
            self._rest = RestClient(self._settings.tracking_uri, self._settings.timeout_s)
        return self._rest

    def _connected(self) -> Any:
        if self._package is None:
            _configure(self._settings)
            from mlflow import MlflowClient

            uri = self._settings.tracking_uri
            self._package = MlflowClient(tracking_uri=uri, registry_uri=uri)
        return self._package

    def _away(self, error: Exception) -> Unavailable:
        if isinstance(error, pydantic.ValidationError):  # a proxy's page, another service
            return Unavailable(
                f"what answers at {self._where} is not MLflow ({one_line(error)}): set BUZZWATCH_MLFLOW__TRACKING_URI "
                "to its address"
            )
        if getattr(error, "error_code", None) is not None:
            return Unavailable(f"MLflow at {self._where} answers with an error ({short_cause(error)})")
        return Unavailable(
            f"MLflow at {self._where} cannot be reached ({short_cause(error)}): start it with `buzzwatch up` or set "
            "BUZZWATCH_MLFLOW__TRACKING_URI"
        )


def history(tags: Mapping[str, str]) -> list[str]:
    """The versions that served, the last one at the end, from the registered model's tags.

    Anybody may write a tag: what is no version's number is left out.
    """
    return [number for number in tags.get(HISTORY_TAG, "").split(",") if number.isdecimal()]


def _origin(found: Any) -> str:
    return f"{found.source} {found.creation_timestamp}"


def without_password(url: str) -> str:
    """`url`, or a text that quotes one, as it may be shown."""
    return redacted(url)


def _configure(settings: MlflowSettings) -> None:
    """MLflow reads these when it is imported or asked. Somebody's own choice stays."""
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # we ask again at the next poll ourselves
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(math.ceil(settings.timeout_s)),
    }.items():
        os.environ.setdefault(name, value)


def short_cause(error: Exception) -> str:
    """The cause in a few words, out of the paragraph of URLs that requests makes of it."""
    text = " ".join(str(error).split()) or type(error).__name__
    if found := re.search(r"(Connection refused|Name or service not known|timed out|Connection reset)", text):
        return found[1].lower()
    return without_password(text)[:200]
