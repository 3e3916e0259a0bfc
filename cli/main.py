"""The `buzzwatch` command: one file per command group, imported when it is first used."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

import typer
from typer.core import TyperGroup

from contracts.errors import BuzzwatchError
from contracts.extras import what_to_install

# command → (module, name of its Typer app, one line of help). `buzzwatch --help` imports none of them.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "alerts": ("cli.alerts.commands", "app", "Alerts: what fires, what fired, what could not be delivered"),
    "notifier": ("cli.alerts.notifier", "app", "Deliver alerts to their receivers (a process of its own)"),
    "up": ("cli.stack.up", "app", "Start the whole stack on this machine, until Ctrl-C"),
    "api": ("cli.stack.api", "app", "Serve the REST API and the watch room (a process of its own)"),
    "dashboard": ("cli.stack.dashboard", "app", "Serve the pages of the watch room in a process of their own"),
    "keys": ("cli.stack.keys", "app", "Who may call the API: create, list, revoke, rotate keys"),
    "doctor": ("cli.stack.doctor", "app", "Is every part there, in which version, and what to do if not"),
    "rules": ("cli.stack.rules", "app", "The rules file: name all that is wrong with it"),
    "topics": ("cli.stream.topics", "app", "The topics: create, list, describe"),
    "demo": ("cli.stack.demo", "app", "Play a crisis on the local stack and watch the alert go off"),
    "produce": ("cli.stream.produce", "app", "Send tweets from a file or standard input to Kafka"),
    "consume": ("cli.stream.consume", "app", "Follow the scored tweets"),
    "predict": ("cli.stream.predict", "app", "Score texts on this machine"),
    "feedback": ("cli.stream.feedback", "app", "Report whether a prediction was right"),
    "labels": ("cli.learning.labels", "app", "What people said about texts: import, stats, retract, snapshot"),
    "review": ("cli.learning.review", "app", "Judge texts that are worth a minute, one key each"),
    "privacy": ("cli.learning.privacy", "app", "What is kept about people; having it forgotten"),
    "retrain": ("cli.learning.retrain", "app", "Retrain the champion with what people said, register a challenger"),
    "train": ("cli.training.train", "app", "Train models and register them"),
    "data": ("cli.training.data", "app", "What is in labelled tweets"),
    "models": ("cli.training.models", "app", "Registered models: list, promote, roll back, archive"),
    "report": ("cli.learning.report", "app", "What a day was like"),
    "audit": ("cli.training.audit", "app", "Who changed what about the models, when and why"),
    "evaluate": ("cli.training.evaluate", "app", "How good is a model on labelled tweets"),
    "bench": ("cli.stack.bench", "app", "How fast it is, beside its peers, on this machine"),
    "dlq": ("cli.stream.dlq", "app", "Dead letters: list, show, replay"),
}


class _LazyGroup(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, name, help_text = COMMANDS[cmd_name]
        group: typer.Typer = getattr(importlib.import_module(module), name)
        group.rich_markup_mode = None  # help and usage errors as plain lines, fit for a log too
        command = typer.main.get_command(group)
        _refuse_empty_paths(command)
        command.name = cmd_name
        command.short_help = help_text
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, _, help_text) in COMMANDS.items()])


def _refuse_empty_paths(command: Any) -> None:
    """An empty text is the current folder to `pathlib`; as an argument it is an unset variable of a shell."""
    for below in getattr(command, "commands", {}).values():
        _refuse_empty_paths(below)
    for parameter in command.params:
        annotation = parameter.type_descriptor.annotation
        if Path in (annotation, *get_args(annotation)):
            parameter.process_value = partial(_not_empty, parameter, parameter.process_value)


def _not_empty(parameter: Any, process: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    if value == "" or (isinstance(value, (list, tuple)) and "" in value):
        raise typer.BadParameter("is empty: name a file or a folder", ctx=context, param=parameter)
    return process(context, value)


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None:
    """Watches what the crowd feels: tweets from Kafka, scored exactly once, alerts that people trust.

    Examples:

      buzzwatch demo

      buzzwatch doctor

      buzzwatch produce tweets.jsonl
    """


_BROKEN_PIPE: Final = 128 + signal.SIGPIPE
"""What a shell sees of `cat` when `head` has had enough."""
_INTERRUPTED: Final = 128 + signal.SIGINT
_NOT_WRITTEN: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
"""Of a disk or device that takes no more."""


def main() -> None:
    """Run the command; an error of ours or an optional package that is missing is one line and exit status 1.

    When the reader of its output has closed the pipe it ends silently, with the status of other Unix programs; after
    Ctrl-C with 130.
    """
    logging.captureWarnings(True)
    _open_closed_streams()
    cannot_write = False
    try:
        status = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        status = _BROKEN_PIPE
    except KeyboardInterrupt:
        status = _INTERRUPTED
    except OSError as error:
        if error.errno not in _NOT_WRITTEN:
            raise
        where = f" to {error.filename}" if error.filename else ""
        typer.echo(f"buzzwatch: could not write{where}: {error.strerror}", err=True)
        status, cannot_write = 1, True
    if status == _BROKEN_PIPE or cannot_write:  # what is left goes nowhere, or Python complains at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _open_closed_streams() -> None:
    """What a command was started without (`>&-`) reads nothing and writes nowhere.

    Else the next file or socket to be opened becomes its standard output.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def _run() -> int:
    try:
        app()
    except SystemExit as done:
        # Typer and rich make a status 1 of a broken pipe.
        if done.code == 1 and isinstance(done.__context__, BrokenPipeError):
            return _BROKEN_PIPE
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except BuzzwatchError as error:
        from cli.output.console import print_error

        print_error(f"buzzwatch: {error}")
        return 1
    except ModuleNotFoundError as error:
        advice = what_to_install(error.name)
        if advice is None:
            raise
        typer.echo(f"buzzwatch: this needs more than is installed: {advice}", err=True)
        return 1
    except UnicodeEncodeError:
        broken = next((argument for argument in sys.argv if _is_no_text(argument)), None)
        if broken is None:
            raise
        typer.echo(f"buzzwatch: the argument {broken!r} is not UTF-8", err=True)
        return 1
    return 0


def _is_no_text(argument: str) -> bool:
    """Whether it holds bytes that are no characters; Python keeps them as halves of such."""
    return any("\ud800" <= character <= "\udfff" for character in argument)


if __name__ == "__main__":
    main()
