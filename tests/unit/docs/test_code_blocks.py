"""What the pages show can be typed: every command line of ours, every setting, every script."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest
import typer

from cli.main import app
from contracts.environment.secret_files import SUFFIX
from contracts.environment.setting_names import setting_names
from contracts.settings import ROOT, Settings

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`(buzzwatch [^`]+)`(?!`)")
_COMMAND: Any = typer.main.get_command(app)
_OTHERS = {"BUZZWATCH_WEBHOOK_SECRET", "BUZZWATCH_CHAT_URL", "BUZZWATCH_DATA_DIR", "BUZZWATCH_URL", "BUZZWATCH_KEY"}
"""No settings: secrets that rules files of the pages name, the folder of labelled tweets, what an example reads."""
_OPERATORS = frozenset({"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "&>"})


class Shown(NamedTuple):
    """Code of a page."""

    page: str
    language: str
    code: str


def _pages() -> list[tuple[str, str]]:
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")) for file in sorted(files)]


def _blocks(*languages: str) -> list[Shown]:
    """Blocks of code, dedented."""
    return [
        Shown(page, language, re.sub(f"^{indent}", "", code, flags=re.MULTILINE))
        for page, text in _pages()
        for indent, language, code in _BLOCK.findall(text)
        if language in languages
    ]


def _lines(shown: Shown) -> Iterator[str]:
    """Lines that are typed: all of a script, those behind a `$` where the answers are shown too."""
    for line in shown.code.replace("\\\n", " ").splitlines():
        if shown.language != "console":
            yield line
        elif line.startswith("$ "):
            yield line[2:]


def _calls(line: str) -> Iterator[list[str]]:
    """The arguments of each `buzzwatch` that a line starts, also in a container."""
    line = re.sub(r"<\([^)]*\)", "-", line)  # what another command prints, as a file
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # the body of a request goes on in the next line
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word not in _OPERATORS:
            command.append(word)
            continue
        while command and re.fullmatch(r"\w+=.*|export|if|then|do|while|!", command[0]):
            command.pop(0)
        if command and command[0] in ("docker", "kubectl") and {"exec", "run"} & set(command):
            at = command.index("--") + 1 if "--" in command else 1
            command = command[command.index("buzzwatch", at) :] if "buzzwatch" in command[at:] else []
        if command and command[0].rpartition("/")[2] == "buzzwatch" and "[OPTIONS]" not in command:
            yield command[1:]
        command = []


CALLS = [
    (shown.page, call)
    for shown in _blocks("", "bash", "sh", "console")
    for line in _lines(shown)
    for call in _calls(line)
]


@cache
def _found(group: Any, name: str) -> Any:
    """Made once: each command of its own brings a module."""
    return group.get_command(None, name)


def _leaf(arguments: list[str]) -> tuple[Any, Any, list[str]]:
    """The command that the arguments lead to, the context of its group, and what is left for it."""
    command, context, rest = _COMMAND, _COMMAND.context_class(_COMMAND, info_name="buzzwatch"), arguments
    while hasattr(command, "list_commands"):
        _, rest, _ = command.make_parser(context).parse_args(list(rest))
        if not rest:
            break
        found = _found(command, rest[0])
        assert found is not None, f"there is no {' '.join([*context.command_path.split(), rest[0]])}"
        command, rest = found, rest[1:]
        context = command.context_class(command, info_name=command.name, parent=context)
    return command, context, rest


def test_every_command_line_of_a_page_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_DATA_DIR", "data")  # as docs/deep-models.md asks for
    wrong = []
    for page, call in CALLS:
        try:
            command, context, rest = _leaf(call)
            if not hasattr(command, "list_commands"):
                command.make_context(command.name, rest, parent=context.parent)
        except Exception as error:  # what a user would be told
            wrong.append(f"{page}: buzzwatch {shlex.join(call)}: {getattr(error, 'message', error)}")
    assert len(CALLS) > 90
    assert {page for page, _ in CALLS} > {"README.md", "docs/quickstart.md", "docs/how-to/roll-back.md"}
    assert wrong == []


def test_a_command_within_a_sentence_exists_with_its_options() -> None:
    wrong = []
    for page, text in _pages():
        spans = " && ".join(_SPAN.findall(_BLOCK.sub("", text)))
        for span in filter(None, spans.split(" && ")):
            words = [word for word in re.split(r"[\s|=]+", span.partition("#")[0]) if word][1:]
            command = _COMMAND
            while words and hasattr(command, "list_commands") and (found := _found(command, words[0])):
                command, words = found, words[1:]
            if hasattr(command, "list_commands") and words and re.fullmatch(r"[a-z][a-z-]*", words[0].strip(".,:;")):
                wrong.append(f"{page}: {span}")
            known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            known |= {"--help"}
            wrong += [f"{page}: {span}: {word}" for word in words if word.startswith("--") and word not in known]
    assert wrong == []


def test_every_setting_that_a_page_names_exists() -> None:
    names = set(setting_names(Settings))
    names |= {f"{name}{SUFFIX}" for name in names} | _OTHERS
    named = {(page, name) for page, text in _pages() for name in re.findall(r"\bBUZZWATCH_[A-Z0-9_]*", text)}
    wrong = {
        (page, name)
        for page, name in named
        if name not in names
        and not (name.endswith("_") and any(known.startswith(name) for known in names))  # a group of them
    }
    assert wrong == set()


@pytest.mark.parametrize("shown", _blocks("bash", "sh"), ids=lambda shown: shown.page)
def test_a_script_is_good_bash(shown: Shown) -> None:
    done = subprocess.run(["bash", "-n", "-c", shown.code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shown", _blocks("python"), ids=lambda shown: shown.page)
def test_a_block_of_python_can_be_compiled(shown: Shown) -> None:
    compile(shown.code, shown.page, "exec")


@pytest.mark.parametrize("shown", _blocks("json"), ids=lambda shown: shown.page)
def test_a_block_of_json_can_be_read(shown: Shown) -> None:
    json.loads(shown.code)
