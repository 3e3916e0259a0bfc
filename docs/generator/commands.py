"""`docs/reference/cli.md`: every command with its help, arguments, options and examples."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

import typer

from cli.main import COMMANDS
from cli.main import app as command
from docs.generator.text import ROOT, page, table

_HEAD = """What `buzzwatch COMMAND --help` says, on one page. Where Kafka, Redis and MLflow are is a matter of
[settings](../settings.md); while `buzzwatch up` runs, the other commands find it by themselves. How commands end:
[exit statuses](errors.md#exit-statuses)."""


def commands_page() -> str:
    """A section for each group, a smaller one for each command in it."""
    root = typer.main.get_command(command)
    rows = [(f"[`buzzwatch {name}`](#buzzwatch-{name})", told) for name, (_, _, told) in COMMANDS.items()]
    parts = [table(("command", "for"), rows)]
    for path, one in _walk(root, "buzzwatch"):
        if path != "buzzwatch":
            parts += _section(path, one)
    return page("Commands", "the help of the commands", _HEAD, *parts)


def _walk(one: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, one
    if hasattr(one, "list_commands"):
        for name in one.list_commands(None):
            yield from _walk(one.get_command(None, name), f"{path} {name}")


def _section(path: str, one: Any) -> list[str]:
    parts = [f"{'#' * (1 + min(len(path.split()) - 1, 3))} `{path}`", _help(one.help or one.callback.__doc__ or "")]
    arguments = [parameter for parameter in one.params if parameter.param_type_name == "argument"]
    options = [
        parameter for parameter in one.params if parameter.param_type_name == "option" and parameter.name != "help"
    ]
    if not hasattr(one, "list_commands"):
        names = [_argument(parameter) for parameter in arguments]
        parts.append(f"```\n{' '.join([path, *(['[OPTIONS]'] if options else []), *names])}\n```")
    if arguments:
        rows = [(f"`{_argument(parameter)}`", getattr(parameter, "help", "") or "") for parameter in arguments]
        parts.append(table(("argument", "is"), rows))
    if options:
        context = one.context_class(one)
        records = [parameter.get_help_record(context) for parameter in options]
        parts.append(table(("option", "is"), [(f"`{names}`", _escaped(told)) for names, told in records]))
    return parts


def _help(text: str) -> str:
    """Paragraphs as they are, the examples as code."""
    paragraphs = textwrap.dedent(text).strip().split("\n\n")
    parts: list[str] = []
    examples: list[str] = []
    for paragraph in paragraphs:
        lines = [line.strip() for line in paragraph.splitlines()]
        if lines[0].startswith("buzzwatch ") or (examples and paragraph.startswith("  ")):
            examples += lines
            continue
        if examples:
            parts.append("```\n" + "\n".join(examples) + "\n```")
            examples = []
        parts.append(_escaped(paragraph))
    if examples:
        parts.append("```\n" + "\n".join(examples) + "\n```")
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    """Placeholders in angle brackets are text, not HTML; default folders are those of any clone."""
    return re.sub(r"<(?=[A-Za-z/])", "&lt;", text).replace(f"{ROOT}/", "")


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    many = "..." if parameter.nargs == -1 else ""
    return f"{name}{many}" if parameter.required else f"[{name}]{many}"
