"""The names of all settings, and variables that are meant to be one and are not."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from typing import Final

import pydantic

PREFIX = "BUZZWATCH_"
_NEAR = 0.75
"""Likeness (difflib's ratio) from which a variable without a group is taken for a misspelt setting."""

_A_LITTLE: Final = 0.5
"""The same from which a setting is named as what may be meant."""


def setting_names(model: type[pydantic.BaseModel], prefix: str = PREFIX) -> Iterator[str]:
    """The variable of every setting and group."""
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        yield variable
        if isinstance(field.annotation, type) and issubclass(field.annotation, pydantic.BaseModel):
            yield from setting_names(field.annotation, f"{variable}__")


def unknown(
    variables: Iterable[str], known: Iterable[str], others: Collection[str], elsewhere: str
) -> list[tuple[str, str | None]]:
    """Variables that begin as settings do and are none, each with the nearest setting where one is a little like it.

    They stop nothing, as they may be somebody's own: `others`, and those that stand in the text `elsewhere` (the rules
    file), are.
    """
    names = {name.removeprefix(PREFIX): name for name in known}
    found = []
    for variable in sorted(variables):
        meant = variable.upper().removeprefix(PREFIX)
        ours = meant in names or variable.upper() in others
        if variable.upper().startswith(PREFIX) and not ours and variable not in elsewhere:
            near = difflib.get_close_matches(meant, names, n=1, cutoff=_A_LITTLE)
            found.append((variable, names[near[0]] if near else None))
    return found


def misspelt(variables: Iterable[str], known: Iterable[str]) -> tuple[str, str | None] | None:
    """The first variable that names no setting but was meant to, and the nearest name of one.

    `BUZZWATCH_` and two underscores further on mean a setting, and so does a name that is near to one. Others are
    taken for somebody's own, such as a secret that the rules file refers to.
    """
    names = {name.removeprefix(PREFIX): name for name in known}
    for variable in sorted(variables):
        if not variable.upper().startswith(PREFIX) or variable.upper() in names.values():
            continue
        meant = variable.upper().removeprefix(PREFIX)
        nested = "__" in meant
        near = difflib.get_close_matches(meant, names, n=1, cutoff=0.5 if nested else _NEAR)
        if nested or near:
            return variable, names[near[0]] if near else None
    return None
