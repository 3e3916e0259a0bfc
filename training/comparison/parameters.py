"""Hyper-parameters of a table of experiments, checked before anything is trained."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from training.linear.model_zoo import Member

RECURRENT_PARAMS: Final[dict[str, Any]] = {
    "vectors": "word2vec",
    "units": 64,
    "vocabulary": 40_000,
    "longest": 40,
    "peak": 2e-3,
    "batch": 512,
    "vector_rows": 600_000,
    "vector_epochs": 2,
    "dropout": 0.3,
    "decay": 1e-3,
}
"""Of the networks over words, with the values of `buzzwatch train recurrent`."""
TRANSFORMER_PARAMS: Final[dict[str, Any]] = {
    "peak": 1.5e-4,
    "batch": 64,
    "minutes": 80.0,
    "steps": 1,
    "decay": 0.01,
}


def with_params(member: Member, params: Mapping[str, Any]) -> Member:
    """The member with other hyper-parameters.

    A name is that of scikit-learn's `get_params` or the end of one: `C` is `head__C` where only one learner has a `C`.

    Raises:
        ValueError: it has no such parameter, several, or one of another type.
    """
    if not params:
        return member
    known = {name: value for name, value in member.build(0).get_params().items() if name != "random_state"}
    chosen = {}
    for name, value in params.items():
        full = _full_name(member.name, name, known)
        check_type(name, value, known[full])
        chosen[full] = tuple(value) if isinstance(value, list) else value

    def build(seed: int) -> Any:
        return member.build(seed).set_params(**chosen)

    return replace(member, build=build)


def _full_name(member: str, name: str, known: Mapping[str, Any]) -> str:
    if name in known:
        return name
    ends = [full for full in known if full.endswith(f"__{name}")]
    # The learner of the labels is `head`; the features may have parameters of the same name.
    ends = [full for full in ends if full.startswith("head__")] or ends
    nearest = [full for full in ends if full.count("__") == min(one.count("__") for one in ends)]
    if len(nearest) == 1:
        return nearest[0]
    if nearest:
        raise ValueError(f"{member} has several parameters {name}: name one of {', '.join(nearest)}")
    raise ValueError(unknown_parameter(member, name, [full.rsplit("__", 1)[-1] for full in known]))


def unknown_parameter(member: str, name: str, known: Any) -> str:
    """The error message for a name that a member does not have."""
    names = sorted({*known, "rows", "seed", "curve"})
    near = difflib.get_close_matches(name.lower(), [one.lower() for one in names], 1)
    meant = next((one for one in names if near and one.lower() == near[0]), None)
    hint = f": is {meant} meant?" if meant else f" (it has {', '.join(names)})"
    return f"{member} has no parameter {name}{hint}"


def check_type(name: str, value: Any, usual: Any) -> None:
    """Raises ValueError when the value is of another kind than the usual one."""
    if isinstance(usual, bool) or usual is None or value is None:
        fits = usual is None or value is None or isinstance(value, bool)
    elif isinstance(usual, (int, float)):
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    elif isinstance(usual, str):
        fits = isinstance(value, str)
    elif isinstance(usual, tuple):
        fits = isinstance(value, list)
    else:
        fits = False
    if not fits:
        raise ValueError(f"{name}: {value!r} where the usual value is {usual!r}")
