"""Reading a rules file, so that a mistake is named with file, line and key."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pydantic
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean

from contracts.errors import RulesError
from contracts.rules import mistakes
from contracts.rules.references import misnamed
from contracts.rules.schema import Rules

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HALF: Final = re.compile("[\ud800-\udfff]")
_MOST_BYTES: Final = 4 * 1024 * 1024
_TOO_DEEP: Final = re.compile(r"(?:[\[{]\s*){64}")
"""ruamel.yaml takes time that grows with the square of such a run: 18 s for 5,000 brackets."""
_MOST_VALUES: Final = 200_000
"""With aliases a small file can stand for more values than any memory holds."""


class Mistake(NamedTuple):
    """What a check of `load_rules` finds: what is wrong, and where in the file."""

    message: str
    location: tuple[str | int, ...]


Check = Callable[[Rules], Iterable[Mistake]]


def load_rules(path: Path, *checks: Check) -> Rules:
    """Read and check a rules file. `${NAME}` in a value stands for the environment variable.

    Args:
        checks: what must hold beyond the schema, here and now; each yields what does not.

    Raises:
        RulesError: `file:line: key: what is wrong`, a line for each mistake in the order of the file.
    """
    document = _document(path)
    expansion = _Expansion(path, document)
    plain = expansion.of(document, ())
    wrong = expansion.wrong
    try:
        rules = Rules.model_validate(plain)
    except pydantic.ValidationError as error:
        unreadable = {one.location for one in wrong}
        found = [
            *mistakes.all_wrong(error, plain),
            *(mistakes.Wrong(one.location, one.message) for one in misnamed(plain)),
        ]
        wrong += [one for one in found if one.location not in unreadable]
    else:
        wrong += [mistakes.Wrong(one.location, one.message) for check in checks for one in check(rules)]
        if not wrong:
            return rules
    lines = sorted((_line(document, one.location), f"{_dotted(one.location)}{one.message}") for one in wrong)
    raise RulesError("\n".join(f"{path}:{line}: {message}" for line, message in dict.fromkeys(lines)))


def _document(path: Path) -> dict[Any, Any]:
    text = _text(path)
    if _TOO_DEEP.search(text):
        raise RulesError(f"{path}:1: not YAML: nested too deeply")
    try:
        document = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        # A duplicate key is reported with its values, which may be secrets: passwords, addresses of receivers.
        problem = " ".join(str(error.problem or error.context).split()).partition(" with value ")[0]
        raise RulesError(f"{path}:{line}: not YAML: {problem}") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        hint = ": UTF-16? Save it as UTF-8" if "\0" in text[:4] else ""
        raise RulesError(f"{path}:{line}: not YAML: {text[error.position]!r} stands there{hint}") from None
    except (YAMLError, ValueError, OverflowError) as error:  # a date that there is not, a number without end
        raise RulesError(f"{path}:1: not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise RulesError(f"{path}:1: not YAML: nested too deeply") from None
    except Exception as error:  # what ruamel.yaml trips over: a merge (`<<`) of a mapping into itself, for one
        raise RulesError(f"{path}:1: not YAML that can be read: {type(error).__name__}: {error}") from None
    if not isinstance(document, dict):
        raise RulesError(f"{path}:1: the file must be a mapping with watches, themes, rules and receivers")
    return document


def content_of(path: Path) -> bytes:
    """The bytes of a rules file.

    Raises:
        RulesError: it cannot be read, or is larger than any rules file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise RulesError(
            f"{path}: the rules file cannot be read: {error.strerror} (BUZZWATCH_RULES names it)"
        ) from None
    if len(data) > _MOST_BYTES:
        raise RulesError(f"{path}: the rules file is larger than {_MOST_BYTES // 1024**2} MiB")
    return data


def _text(path: Path) -> str:
    try:
        return content_of(path).decode().lstrip("\ufeff")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RulesError(
            f"{path}:{line}: byte 0x{error.object[error.start]:02X} is not UTF-8: save it as UTF-8"
        ) from None


class _Expansion:
    """A copy of the document in plain values, with the environment filled in."""

    def __init__(self, path: Path, root: Any) -> None:
        self._path = path
        self._root = root
        self._values = 0
        self._open: set[int] = set()
        self.wrong: list[mistakes.Wrong] = []
        """What cannot be filled in or written down; its value stays as it is in the file."""

    def of(self, node: Any, location: tuple[Any, ...]) -> Any:
        self._values += 1
        if self._values > _MOST_VALUES:
            raise RulesError(f"{self._path}: the aliases of the rules file expand to more than {_MOST_VALUES:,} values")
        if isinstance(node, (dict, list)):
            if id(node) in self._open:
                where = f"{self._path}:{_line(self._root, location)}: {_dotted(location)}"
                raise RulesError(f"{where}an alias refers to itself")
            self._open.add(id(node))
            copy: Any = (
                {self._whole(str(key), location): self.of(value, (*location, key)) for key, value in node.items()}
                if isinstance(node, dict)
                else [self.of(value, (*location, index)) for index, value in enumerate(node)]
            )
            self._open.remove(id(node))
            return copy
        if isinstance(node, ScalarBoolean):  # of an anchor: ruamel's is an int
            return bool(node)
        if not isinstance(node, str):
            return node
        return self._whole(_VARIABLE.sub(lambda match: self._variable(match[1], location), node), location)

    def _whole(self, text: str, location: tuple[Any, ...]) -> str:
        """The text; nothing that holds half of a character can be written to Redis or sent."""
        if _HALF.search(text):
            self.wrong.append(mistakes.Wrong(location, "holds half of a character (a lone surrogate)"))
        return text

    def _variable(self, name: str, location: tuple[Any, ...]) -> str:
        if name not in os.environ:
            self.wrong.append(mistakes.Wrong(location, f"the environment variable {name} is not set"))
            return f"${{{name}}}"
        return os.environ[name]


def _dotted(location: Sequence[Any]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{text.lstrip('.')}: " if text else ""


def _line(document: Any, location: Sequence[Any]) -> int:
    """The line of the deepest part of `location` that the document has, counted from 1."""
    line = 1
    for part in location:
        try:
            marks: Any = document.lc
            line = (marks.key(part) if isinstance(document, dict) else marks.item(part))[0] + 1
            document = document[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
