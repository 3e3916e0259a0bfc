"""`docs/reference/errors.md`: exit statuses, dead letters, problems of REST, errors of one line."""

from __future__ import annotations

import ast
from http import HTTPStatus
from pathlib import Path

from api.factory import create_app
from api.parts import Parts
from contracts.errors import InvalidRecord
from docs.generator.text import code_of, first_sentence, page, product_files, table

_HEAD = "What ends a command, what a request is refused with, and why a record went to the dead letters."
_STATUSES = """
| status | means |
|---|---|
| 0 | done. `retrain --if-due` and `--check`: 0 when there is a reason to retrain, or nothing was due |
| 1 | not done; standard error has one line for each thing that is wrong, beginning with `buzzwatch:` or `file:line`. `doctor`, `topics list`, `models estimate` and `retrain --check`: what was looked for is not as it should be |
| 2 | wrong options or arguments; the line says which |
| 130 | Ctrl-C. What had been acknowledged by then is done, and said |
| 141 | who reads the output has had enough (`| head`); silent |

The worker (`faust -A stream.app worker`), the API and the notifier end with 0 after SIGTERM and with 1 when they cannot start or
cannot go on; the last line of the log says why, and whoever started them shall start them again.
"""


def errors_page() -> str:
    """All kinds of failure that users meet."""
    letters = [(f"`{kind.__name__}`", " ".join((kind.__doc__ or "").split())) for kind in _below(InvalidRecord)]
    rows = [(f"`{name}`", first_sentence(doc), f"`{file}`") for name, (file, doc) in sorted(raised().items())]
    return page(
        "Errors",
        "contracts/errors.py, the classes that stand on it, and the API's OpenAPI description",
        _HEAD,
        "## Exit statuses",
        _STATUSES,
        "## Dead letters",
        "The header `error-class` of a dead letter, and the label of `buzzwatch_dead_letters_total`. `buzzwatch dlq list"
        " --error-class NAME` lists them, [events](../events.md#dead-letters) says what may be done.",
        table(("`error-class`", "means"), letters),
        "## Problems of REST",
        "Each is a problem of RFC 9457, `application/problem+json`: `type` is `about:blank`, so `title` is the status in"
        " words; `detail` says in one line what is wrong; `request_id` is in the log as well.",
        table(("status", "title", "when"), _problems()),
        "## Errors of one line",
        "The classes behind the lines that begin with `buzzwatch:`. The line itself says what is wrong, with which value, and"
        " what to do.",
        table(("class", "means", "in"), rows),
    )


def _below(kind: type[Exception]) -> list[type[Exception]]:
    found: list[type[Exception]] = []
    kinds = {below.__name__: below for below in kind.__subclasses__()}
    for _, one in sorted(kinds.items()):
        if one.__module__ == kind.__module__:
            found += [one, *_below(one)]
    return found


def raised() -> dict[str, tuple[Path, str | None]]:
    """Every class that stands on `BuzzwatchError`, with its file and docstring."""
    bases: dict[str, list[str]] = {}
    at: dict[str, tuple[Path, str | None]] = {}
    for file in product_files():
        for node in ast.walk(code_of(file)):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
                at[node.name] = (file, ast.get_docstring(node))
    found = {"BuzzwatchError"}
    while True:
        more = {name for name, named in bases.items() if found & set(named)} - found
        if not more:
            return {name: at[name] for name in found}
        found |= more


def _problems() -> list[tuple[str, str, str]]:
    when: dict[str, dict[str, None]] = {}
    described = create_app(Parts.__new__(Parts)).openapi()
    for methods in described["paths"].values():
        for route in methods.values():
            for status, answer in route["responses"].items():
                if status >= "400":
                    when.setdefault(status, {})[answer["description"]] = None
    rows = []
    for status, told in sorted(when.items()):
        title = HTTPStatus(int(status)).phrase
        rows.append((status, title, "; ".join(one for one in told if one != title or len(told) == 1)))
    return rows
