"""Every setting in one class. Environment variables: prefix `BUZZWATCH_`, nested with `__`.

BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS=kafka-1:9092,kafka-2:9092
BUZZWATCH_REDIS__URL=redis://cache:6379/0
BUZZWATCH_WORKER__ROLES=score
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal

import pydantic
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from contracts.backing_services import Group, Port, Seconds
from contracts.backing_services import KafkaSettings as KafkaSettings
from contracts.backing_services import MlflowSettings as MlflowSettings
from contracts.backing_services import RedisSettings as RedisSettings
from contracts.backing_services import TracingSettings as TracingSettings
from contracts.environment.running_ports import read_running_ports
from contracts.environment.secret_files import SUFFIX, values_from_files
from contracts.environment.setting_names import PREFIX, misspelt, setting_names, unknown
from contracts.errors import SettingsError
from contracts.learning.rollout import RolloutSettings
from contracts.learning.settings import LearningSettings
from contracts.redaction import redacted

_FORMS: Final = {
    r"^[\w.-]+$": "has something else than letters, digits, '.', '_' and '-'",
    r"^\d+[mg]$": "is no size such as 512m or 2g",
    r"^([1-9]\d{0,8}/(second|minute|hour|day))?$": "is no rate such as 600/minute",
}
"""What a pattern means."""

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds the packages."""


Rate = Annotated[str, pydantic.Field(pattern=r"^([1-9]\d{0,8}/(second|minute|hour|day))?$")]


class WorkerSettings(Group):
    """The Faust worker."""

    roles: Annotated[frozenset[Literal["score", "watch"]], NoDecode] = frozenset({"score", "watch"})
    """Comma-separated: `score` (tweets to predictions), `watch` (counters, rules)."""
    instance: str | None = pydantic.Field(default=None, pattern=r"^[\w.-]+$")
    """Name of this worker, unique and the same after a restart; by default host name and lowest free slot."""
    group: str = pydantic.Field(default="buzzwatch", pattern=r"^[\w.-]+$")
    """Consumer group of feedback, name of the Faust app; with `-score` and `-watch` that of tweets and predictions."""
    text: Literal["masked", "raw", "none"] = "masked"
    """The text in scored events: handles, URLs, e-mail addresses, phone numbers and the like masked, as it came, or
    none."""
    max_batch: int = pydantic.Field(default=16_000, ge=1, le=100_000)
    """Most tweets in one transaction. A batch takes what is there and what the model scores in half a second, so a
    quiet topic and a slow model have small ones."""
    queued_batches: int = pydantic.Field(default=2, ge=1, le=64)
    """Batches polled ahead of the one being published."""
    session_timeout_s: Seconds = 10
    """Consumer group session time-out, seconds: how long a silent worker keeps its partitions."""
    transaction_timeout_s: Seconds = 8
    """Transaction time-out, seconds; shorter than the session's."""
    drain_timeout_s: Seconds = 10
    """How long SIGTERM waits for the batch in flight, seconds."""
    give_up_after_s: Seconds = 300
    """The worker exits non-zero when Kafka has been away this long, seconds."""
    stalled_after_s: Seconds = 30
    """`/livez` fails when there is lag and no commit for this long, seconds."""
    web_host: str = "127.0.0.1"
    """Address of the worker's own `/livez`, `/readyz` and `/metrics`."""
    web_port: Port = 6066
    """Port of the first worker on this host; the slot is added for further ones."""

    @pydantic.field_validator("roles", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> WorkerSettings:
        if not self.roles:
            raise ValueError("roles: name at least one of score, watch")
        if self.transaction_timeout_s >= self.session_timeout_s:
            raise ValueError("transaction_timeout_s must be shorter than session_timeout_s")
        return self


class AlertSettings(Group):
    """Counters, windows and delivery."""

    late_after_s: Seconds = 120
    """A tweet dated more than this before its record is late: counted, never paging. Seconds."""
    ahead_after_s: Seconds = 300
    """A tweet dated more than this after its record counts at the record's time. Seconds."""
    bucket_s: int = pydantic.Field(default=5, ge=1, le=60)
    """Width of the buckets that windows are made of, seconds; divides 60."""
    bucket_retention_s: Seconds = 7200
    """How long those are kept, seconds."""
    minute_retention_s: Seconds = 8 * 86_400
    """How long counts per minute are kept (statistics and baselines), seconds."""
    hour_retention_s: Seconds = 35 * 86_400
    """How long counts per hour are kept (what is usual at an hour of the day or week), seconds."""
    rules_poll_s: Seconds = 2
    """How often the rules file is looked at for changes, seconds; SIGHUP makes it at once."""
    tick_s: Seconds = 0.5
    """How often rules are evaluated when nothing arrives, seconds."""
    feedback_memory_s: Seconds = 7 * 86_400
    """How long a `feedback_id` is remembered, seconds."""
    author_judgements: int = pydantic.Field(default=100, ge=1, le=100_000)
    """How many judgements of one author count within the window below; further ones go to the dead letters."""
    author_window_s: Seconds = 3600
    """That window, seconds."""
    unserved_version_s: Seconds = 3600
    """A model version that never served is forgotten, and its alerts are over, this long after its last judgement.
    Seconds."""
    new_version_s: float = pydantic.Field(default=7 * 86_400, ge=0, allow_inf_nan=False)
    """How long a model version that took over from another one is watched more sharply (`error_count` fires at half the
    errors, `accuracy` at 5 points more), seconds. 0: not at all."""
    delivery_timeout_s: Seconds = 10
    """Time-out of one delivery attempt, seconds."""
    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Private addresses that receivers may have, comma-separated (`10.20.0.0/16,127.0.0.0/8`). All others that are not
    public are refused: private, loopback, link-local, those of cloud metadata."""
    external_url: str | None = None
    """Where people reach the API, for the links in alerts (`https://buzz.example.org`); by default the address that it
    listens on, which others may not reach."""
    dashboard_url: str | None = None
    """Where Grafana is, with the dashboards of `deploy/monitoring` (`https://grafana.example.org`): alerts then have an
    annotation `dashboard`, the address of theirs at the minute when they began."""
    history: int = pydantic.Field(default=1000, ge=0)
    """How many resolved alerts are kept."""
    silence_retention_s: Seconds = 5 * 86_400
    """How long a silence is kept after its end, seconds."""
    metrics_port: Port = 6065
    """Port of the notifier's `/metrics` and `/livez` on the worker's web host."""

    @pydantic.field_validator("allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return [ip_network(part.strip()) for part in value.split(",") if part.strip()]
        except ValueError as error:
            raise ValueError(f"{error}; write networks such as 10.20.0.0/16,127.0.0.0/8") from None

    @pydantic.field_validator("external_url", "dashboard_url")
    @classmethod
    def _begins_links(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^/\s?#]+[^\s?#]*", value):
            raise ValueError("is no address such as https://buzz.example.org")
        return value

    @pydantic.field_validator("bucket_s")
    @classmethod
    def _divides_a_minute(cls, value: int) -> int:
        if 60 % value:
            raise ValueError(f"{value} does not divide 60")
        return value


class ApiSettings(Group):
    """The REST API."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8000
    """Port to listen on."""
    batch_window_ms: float = pydantic.Field(default=2.0, ge=0)
    """How long a prediction waits for company, milliseconds; 0 scores each request alone."""
    max_batch: int = pydantic.Field(default=256, ge=1)
    """Most texts in one micro-batch."""
    feedback_timeout_s: Seconds = 5
    """How long `/feedback` waits for Kafka's acknowledgement, seconds, before it answers 503."""
    require_keys: bool | None = None
    """Whether requests need a key (`buzzwatch keys create`). When not set: as soon as the API or the workers' pages
    listen on another address than one of this machine alone; `false` is refused then."""
    rate_read: Rate = "600/minute"
    """How often one key may read: `600/minute`, `20/second`; empty for no limit."""
    rate_predict: Rate = "60000/minute"
    """How often one key may ask for predictions; a batch is one request."""
    rate_feedback: Rate = "600/minute"
    """How often one key may judge."""
    rate_review: Rate = "600/minute"
    """How often one key may use the review queue."""
    rate_operate: Rate = "120/minute"
    """How often one key may silence and acknowledge."""
    rate_login: Rate = "10/minute"
    """How often one address may try to sign in."""
    most_at_once: int = pydantic.Field(default=64, ge=1, le=10_000)
    """How many predictions, and how many other requests, are answered at the same time; further ones get 503. More of
    them make each wait longer; fewer refuse short bursts."""
    most_connections: int = pydantic.Field(default=2000, ge=1, le=100_000)
    """How many connections `buzzwatch api` keeps open; what comes on a further one gets 503, and it is closed."""
    session_hours: float = pydantic.Field(default=12, gt=0, le=24 * 365)
    """How long a browser stays signed in, hours."""


class DashboardSettings(Group):
    """The watch room: the pages that the API serves."""

    path: str = "/"
    """Where the pages begin, `/` or a folder such as `/watch-room/`; `off` serves none, and `/` leads to `/docs`."""
    frame_ms: int = pydantic.Field(default=250, ge=100, le=5000)
    """How often open pages get what is new, milliseconds; 250 to 500 looks alive and can be read."""
    readers: int = pydantic.Field(default=1000, ge=1)
    """Most browsers that one process keeps up to date; one more is answered with 503."""

    @pydantic.field_validator("path")
    @classmethod
    def _is_a_folder(cls, value: str) -> str:
        if value != "off" and not re.fullmatch(r"/([\w-][\w.-]*/)*", value):
            raise ValueError("is neither a folder such as / or /watch-room/, nor off")
        return value


class PrivacySettings(Group):
    """What becomes of personal data."""

    author_key: pydantic.SecretStr | None = None
    """Secret under which ids of authors are hashed before they leave the worker; the same for all workers. Without one
    the key is a fixed one that everybody can look up, so that who knows an id can find its hash. A new key makes new
    people of all."""

    @property
    def secret(self) -> str:
        """The key's text, empty without one."""
        return self.author_key.get_secret_value() if self.author_key else ""


class TrainingSettings(Group):
    """Training of networks, which takes hours."""

    checkpoint_every_s: Seconds = 45
    """How often a network in training is kept: a run that is killed loses about that much."""


class LocalSettings(Group):
    """The servers that `buzzwatch up` starts itself."""

    data_dir: Path = Path("var")
    """Where Kafka, Redis and MLflow keep their data, and the logs."""
    kafka_port: Port = 9092
    """Broker port."""
    kafka_controller_port: Port = 9093
    """KRaft controller port."""
    redis_port: Port = 6379
    """Redis port."""
    mlflow_port: Port = 5000
    """MLflow port."""
    kafka_heap: str = pydantic.Field(default="512m", pattern=r"^\d+[mg]$")
    """Heap of the broker, as Java's -Xmx."""
    kafka_java_options: str = ""
    """More options of Java for the broker, between spaces; they come after buzzwatch's own."""


class Settings(BaseSettings):
    """All settings of buzzwatch."""

    model_config = SettingsConfigDict(
        env_prefix="BUZZWATCH_", env_nested_delimiter="__", extra="ignore", validate_default=True
    )

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    mlflow: MlflowSettings = MlflowSettings()
    worker: WorkerSettings = WorkerSettings()
    alerts: AlertSettings = AlertSettings()
    api: ApiSettings = ApiSettings()
    dashboard: DashboardSettings = DashboardSettings()
    privacy: PrivacySettings = PrivacySettings()
    learning: LearningSettings = LearningSettings()
    rollout: RolloutSettings = RolloutSettings()
    training: TrainingSettings = TrainingSettings()
    tracing: TracingSettings = TracingSettings()
    local: LocalSettings = LocalSettings()
    rules: Path = ROOT / "alerts" / "default_rules.yaml"
    """The YAML file with watches, themes, rules and receivers."""
    artefact: Path = ROOT / "models" / "artefacts" / "linear"
    """The shipped model, with which an empty registry is seeded."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level that is logged."""
    log_format: Literal["console", "json"] = "console"
    """Lines for people, or one JSON object a line: time, level, logger, message, and request_id, trace_id, exception
    where there are such."""
    _external: frozenset[str] = pydantic.PrivateAttr(default=frozenset())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, with `NAME_FILE` read for `NAME`."""
        assert isinstance(env_settings, EnvSettingsSource)
        found = {name.lower(): text for name, text in values_from_files(os.environ, set(setting_names(cls))).items()}
        others = {
            name: text
            for name, text in env_settings.env_vars.items()
            if name.upper().removesuffix(SUFFIX).lower() not in found
        }
        env_settings.env_vars = {**others, **found}
        return init_settings, env_settings

    @pydantic.model_validator(mode="after")
    def _follow_local_ports(self) -> Settings:
        kafka = "bootstrap_servers" in self.kafka.model_fields_set
        redis = "url" in self.redis.model_fields_set
        mlflow = "tracking_uri" in self.mlflow.model_fields_set
        named = {"kafka": kafka, "redis": redis, "mlflow": mlflow}
        self._external = frozenset(component for component, is_named in named.items() if is_named)
        self._point_at_local_servers()
        return self

    def _point_at_local_servers(self) -> None:
        """Addresses that nobody set are those of the local stack."""
        local = self.local
        if "kafka" not in self._external:
            self.kafka = self.kafka.model_copy(update={"bootstrap_servers": f"127.0.0.1:{local.kafka_port}"})
        if "redis" not in self._external:
            self.redis = self.redis.model_copy(update={"url": f"redis://127.0.0.1:{local.redis_port}/0"})
        if "mlflow" not in self._external:
            self.mlflow = self.mlflow.model_copy(update={"tracking_uri": f"http://127.0.0.1:{local.mlflow_port}"})

    def names_port(self, variable: str) -> bool:
        """Whether the setting with this variable was set; also True for a variable that is none of ours."""
        group, _, name = variable.removeprefix(PREFIX).lower().partition("__")
        known = getattr(self, group, None)
        if not isinstance(known, Group) or name not in type(known).model_fields:
            return True
        return name in known.model_fields_set

    def with_ports(self, ports: Mapping[str, int]) -> Settings:
        """A copy with these ports, variable → port, where none was set."""
        groups: dict[str, Group] = {}
        for variable, port in ports.items():
            if not self.names_port(variable):
                group, _, name = variable.removeprefix(PREFIX).lower().partition("__")
                groups[group] = groups.get(group, getattr(self, group)).model_copy(update={name: port})
        copy = self.model_copy(update=groups)
        copy._point_at_local_servers()
        return copy

    @property
    def external(self) -> frozenset[str]:
        """Which of kafka, redis and mlflow were named by a setting, so that no local one is started."""
        return self._external

    @property
    def champion_cache(self) -> Path:
        """Where the champion is kept for the time when MLflow is away."""
        return self.mlflow.cache_dir or self.local.data_dir / "champion"

    @property
    def snapshots(self) -> Path:
        """Where snapshots of the labels are kept."""
        return self.learning.snapshots or self.local.data_dir / "snapshots"


def load_settings() -> Settings:
    """The environment's settings, with the ports of the stack that runs on the data folder where it sets none.

    Raises:
        SettingsError: names the first bad variable, its value and why.
    """
    settings = configured_settings()
    return settings.with_ports(read_running_ports(settings.local.data_dir))


_NO_SETTINGS: Final = ("BUZZWATCH_DATA_DIR", "BUZZWATCH_KEY", "BUZZWATCH_PROGRAM_PORT", "BUZZWATCH_URL")
"""Variables of ours that only some commands and examples read."""


def configured_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: names the first bad variable, its value and why.
    """
    names = list(setting_names(Settings))
    if (found := misspelt(os.environ, [*names, *(name + SUFFIX for name in names)])) is not None:
        variable, nearest = found
        hint = f"did you mean {nearest}?" if nearest else "docs/settings.md lists them all"
        raise SettingsError(f"{variable}: there is no such setting; {hint}")
    try:
        settings = Settings()
    except pydantic.ValidationError as error:
        detail = error.errors(include_url=False)[0]
        if detail["type"].startswith(("model_", "dict_")):
            raise SettingsError(_no_group(os.environ)) from None
        name = "BUZZWATCH_" + "__".join(str(part).upper() for part in detail["loc"] if isinstance(part, str))
        message = _FORMS.get(detail.get("ctx", {}).get("pattern", ""), detail["msg"].removeprefix("Value error, "))
        value = redacted(str(detail.get("input")))
        shown = f" (is {value!r})" if isinstance(detail.get("input"), (str, int, float)) and "@" not in value else ""
        raise SettingsError(f"{name}: {redacted(message)}{shown}") from None
    except SettingsError:
        raise
    except Exception:  # pydantic-settings wraps a value that is no JSON where JSON is due
        raise SettingsError(_no_group(os.environ)) from None
    for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        path = getattr(settings.kafka, name)
        if path is not None and not path.is_file():  # the clients' own messages are about Kafka
            raise SettingsError(f"BUZZWATCH_KAFKA__{name.upper()}: there is no file {path}")
    return settings


def unknown_variables(settings: Settings) -> list[str]:
    """A line for each variable that begins as settings do, and is neither one nor named in the rules file."""
    names = list(setting_names(Settings))
    others = [*_NO_SETTINGS, *(name + SUFFIX for name in names)]
    try:
        rules = settings.rules.read_text("utf-8", "replace")
    except OSError:
        rules = ""
    return [
        f"{variable} is no setting and nothing reads it{f': is {nearest} meant?' if nearest else ''}"
        for variable, nearest in unknown(os.environ, names, others, rules)
    ]


def _no_group(variables: Mapping[str, str]) -> str:
    """A variable that names a group of settings and holds something else than JSON."""
    names = list(setting_names(Settings))
    for name in names:
        parts = [other for other in names if other.startswith(f"{name}__")]
        if parts and name in variables:
            try:
                if isinstance(json.loads(variables[name]), dict):
                    continue
            except ValueError:
                pass
            return f"{name}: is a group of settings: set {parts[0]} and so on, or write it as a JSON object"
    return "a BUZZWATCH_ setting cannot be read: a group of settings is no JSON object"


def host_name() -> str:
    """This host's name, fit for a Kafka client id."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in socket.gethostname())
