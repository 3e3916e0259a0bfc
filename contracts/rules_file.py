"""Reading a rules file, so that a mistake is named with file, line and key."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydantic
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from contracts.errors import RulesError
from contracts.rules import Rules

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def load_rules(path: Path) -> Rules:
    """Read and check a rules file. `${NAME}` in a value stands for the environment variable.

    Raises:
        RulesError: `file:line: key: what is wrong`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RulesError(f"{path}: the rules file cannot be read: {reason}") from None
    try:
        document = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise RulesError(f"{path}:{line}: not YAML: {error.problem or error.context}") from None
    except YAMLError as error:
        raise RulesError(f"{path}:1: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise RulesError(f"{path}:1: the file must be a mapping with watches, themes, rules and receivers")
    try:
        return Rules.model_validate(_expanded(document, path, (), document))
    except pydantic.ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = _place(detail["loc"])
        message = _message(detail, place)
        line = _line(document, place) if place else _line_naming(text, message)
        raise RulesError(f"{path}:{line}: {_dotted(place)}{message}") from None


def _place(location: Sequence[Any]) -> list[Any]:
    """Where it is in the file: pydantic puts the kind of a rule or receiver behind its number."""
    has_kind = len(location) > 2 and location[0] in ("rules", "receivers") and isinstance(location[1], int)
    return [*location[:2], *location[3:]] if has_kind else list(location)


def _line_naming(text: str, message: str) -> int:
    """The last line that has the name that the message quotes: the second of two entries, the reference to nothing."""
    quoted = re.search(r"'([^']+)'", message)
    if quoted is None:
        return 1
    name = re.compile(rf"\b{re.escape(quoted[1])}\b")
    return max((number for number, line in enumerate(text.splitlines(), 1) if name.search(line)), default=1)


def _expanded(node: Any, path: Path, place: tuple[Any, ...], root: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _expanded(value, path, (*place, key), root) for key, value in node.items()}
    if isinstance(node, list):
        return [_expanded(value, path, (*place, index), root) for index, value in enumerate(node)]
    if isinstance(node, str):

        def value_of(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in os.environ:
                where = f"{path}:{_line(root, place)}: {_dotted(place)}"
                raise RulesError(f"{where}the environment variable {name} is not set")
            return os.environ[name]

        return _VARIABLE.sub(value_of, node)
    return node


def _dotted(place: Sequence[Any]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return f"{text.lstrip('.')}: " if text else ""


def _message(detail: Any, place: Sequence[Any]) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        known = _known_keys()
        if place[-1] in known:
            return "a key of another place or kind, it means nothing here"
        guess = difflib.get_close_matches(str(place[-1]), known, n=1)
        return f"unknown key{f', did you mean {guess[0]}?' if guess else ''}"
    if detail["type"] == "missing":
        return "this key is missing"
    return message


def _known_keys() -> set[str]:
    schema = Rules.model_json_schema()
    parts = [schema, *schema["$defs"].values()]
    return {key for part in parts for key in part.get("properties", {})}


def _line(document: Any, place: Sequence[Any]) -> int:
    """The line of the deepest part of `place` that the document has, counted from 1."""
    line = 1
    for part in place:
        try:
            marks: Any = document.lc
            line = (marks.key(part) if isinstance(document, dict) else marks.item(part))[0] + 1
            document = document[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
