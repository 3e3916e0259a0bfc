from __future__ import annotations

from pathlib import Path
from typing import Any

import pydantic
import pytest

from contracts.environment.setting_names import setting_names
from contracts.errors import SettingsError
from contracts.settings import Settings, load_settings


def _secrets(model: type[pydantic.BaseModel], prefix: str = "BUZZWATCH_") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        annotation: Any = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
            found += _secrets(annotation, f"{prefix}{name.upper()}__")
        elif "SecretStr" in str(annotation):
            found.append(prefix + name.upper())
    return found


SECRETS = [*_secrets(Settings), "BUZZWATCH_REDIS__URL", "BUZZWATCH_MLFLOW__TRACKING_URI"]
"""Settings that are secrets, or addresses that may hold one."""


def test_there_are_secrets() -> None:
    assert {
        "BUZZWATCH_KAFKA__SASL_PASSWORD",
        "BUZZWATCH_KAFKA__SSL_KEY_PASSWORD",
        "BUZZWATCH_PRIVACY__AUTHOR_KEY",
    } <= set(SECRETS)


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_can_come_from_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = "redis://:hunter2@cache:6379/0" if name.endswith("URL") else "https://ann:hunter2@mlflow"
    (tmp_path / "secret").write_text(f"{value}\n")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    group, _, field = name.removeprefix("BUZZWATCH_").lower().partition("__")
    found = getattr(getattr(load_settings(), group), field)
    assert (found.get_secret_value() if isinstance(found, pydantic.SecretStr) else found) == value


def test_a_server_that_a_file_names_is_not_started_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("redis://cache:6379/0")
    monkeypatch.setenv("BUZZWATCH_REDIS__URL_FILE", str(tmp_path / "url"))
    assert load_settings().external == {"redis"}


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff", "no text"),
     (b"x" * 70_000, "more than")],
)  # fmt: skip
def test_a_file_that_is_of_no_use_is_named(
    content: bytes | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    monkeypatch.setenv("BUZZWATCH_PRIVACY__AUTHOR_KEY_FILE", str(tmp_path / "secret"))
    with pytest.raises(SettingsError, match=f"^BUZZWATCH_PRIVACY__AUTHOR_KEY_FILE: .*{said}"):
        load_settings()


def test_a_setting_and_its_file_are_not_both_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("hunter2")
    monkeypatch.setenv("BUZZWATCH_PRIVACY__AUTHOR_KEY", "other")
    monkeypatch.setenv("BUZZWATCH_PRIVACY__AUTHOR_KEY_FILE", str(tmp_path / "secret"))
    with pytest.raises(SettingsError, match="are both set") as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)


def test_a_value_that_is_wrong_is_said_without_the_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("http://user:hunter2@cache")
    monkeypatch.setenv("BUZZWATCH_REDIS__URL_FILE", str(tmp_path / "url"))
    with pytest.raises(SettingsError, match="BUZZWATCH_REDIS__URL") as raised:
        load_settings()
    assert "hunter2" not in str(raised.value)


def test_a_misspelt_file_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_KAFKA__SASL_PASWORD_FILE", "/x")
    with pytest.raises(SettingsError, match="did you mean BUZZWATCH_KAFKA__SASL_PASSWORD_FILE"):
        load_settings()


def test_no_setting_has_the_name_of_anothers_file() -> None:
    names = set(setting_names(Settings))
    assert not {f"{name}_FILE" for name in names} & names


@pytest.mark.parametrize("missing", ["SASL_MECHANISM", "SASL_USERNAME", "SASL_PASSWORD"])
def test_what_sasl_needs_is_asked_for(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    given = {"SASL_MECHANISM": "SCRAM-SHA-512", "SASL_USERNAME": "ann", "SASL_PASSWORD": "secret"}
    for name, value in given.items():
        if name != missing:
            monkeypatch.setenv(f"BUZZWATCH_KAFKA__{name}", value)
    with pytest.raises(SettingsError, match=f"needs {missing.lower()}") as raised:
        load_settings()
    assert str(raised.value).startswith("BUZZWATCH_KAFKA")
