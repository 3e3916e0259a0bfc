"""Settings from files: `BUZZWATCH_X_FILE` names the file that holds the value of `BUZZWATCH_X`.

Secrets of containers are mounted as files, and variables are seen by whoever may inspect a process.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from contracts.errors import SettingsError

SUFFIX: Final = "_FILE"
_MOST: Final = 64 * 1024
"""Bytes of the largest file that is taken for a value."""


def values_from_files(variables: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Setting → content of its file, without the line break at its end.

    Args:
        variables: the environment.
        known: names of settings.

    Raises:
        SettingsError: the file cannot be read, is empty or no text, or the setting itself is set, too.
    """
    found = {}
    for variable, path in variables.items():
        name = variable.upper().removesuffix(SUFFIX)
        if not variable.upper().endswith(SUFFIX) or variable.upper() in known or name not in known:
            continue
        if name in variables:
            raise SettingsError(f"{name} and {variable} are both set: keep one of them")
        found[name] = _content(variable, path)
    return found


def _content(variable: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST + 1)
    except OSError as error:
        raise SettingsError(f"{variable}: {path} cannot be read ({error.strerror})") from None
    if len(content) > _MOST:
        raise SettingsError(f"{variable}: {path} has more than {_MOST:,} bytes: it is no value of a setting")
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SettingsError(f"{variable}: {path} is no text (UTF-8)") from None
    if not text:
        raise SettingsError(f"{variable}: {path} is empty")
    return text
