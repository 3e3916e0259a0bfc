"""`buzzwatch up`: the whole stack on this machine until Ctrl-C."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from alerts.receivers.checks import receivers_can_be_reached
from alerts.rules.checks import kept_long_enough
from api.security.exposure import keys_required
from api.security.first_key import make_first_key
from bootstrap.compiling import start_compiling
from cli.output.preconditions import redis_answers
from contracts.rules.file import load_rules
from contracts.settings import Settings, configured_settings
from local.output import LogFollower
from local.programs import our_programs
from local.servers.server import Server
from local.stack import Stack
from local.topics import create_topics
from models.registry.champion_cache import ChampionCache
from models.registry.client import Registry

app = typer.Typer(add_completion=False)

_COLOURS: Final = {"notifier": "magenta", "api": "green", "kafka": "yellow", "redis": "red", "mlflow": "blue"}
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal. Like KeyboardInterrupt, nothing but the end of `up` catches it."""


@app.command()
def up(
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many Faust workers.")] = 1,
    prepare_only: Annotated[
        bool, typer.Option("--prepare-only", help="Create the topics and seed the registry of named servers, then end.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not show what the processes write.")] = False,
) -> None:
    """Start Kafka, Redis and MLflow, then worker, notifier and API; stop them in order on Ctrl-C.

    A server named by BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS, BUZZWATCH_REDIS__URL or BUZZWATCH_MLFLOW__TRACKING_URI
    is used instead of a local one. Data and logs are kept in BUZZWATCH_LOCAL__DATA_DIR (var). Where a default port is
    taken the next free one is used; other commands find it while the stack runs.

    Examples:

      buzzwatch up

      buzzwatch up --workers 2

      BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS=kafka-1:9092 buzzwatch up

      buzzwatch up --prepare-only
    """
    settings = configured_settings()
    # A mistake in it is reported before anything starts. Whoever only prepares need not have the receivers' files.
    reached = () if prepare_only else (receivers_can_be_reached,)
    load_rules(settings.rules, kept_long_enough(settings.alerts), *reached)
    screen = Screen()
    if prepare_only:
        prepare(settings, screen)
        return
    try:
        with stop_signals_raise(), running_stack(settings, screen, workers=workers, quiet=quiet) as stack:
            for name, address in stack.addresses.items():
                screen.show(f"{name:<11}{address}")
            screen.show("ready; Ctrl-C stops everything")
            watch(stack)
    except StopAsked:
        screen.show("stopped")


class Screen:
    """Lines from many processes on one terminal, each with its name in front; plain when piped."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, soft_wrap=True)
        self._lock = threading.Lock()

    def show(self, line: str) -> None:
        """Print a line of this command itself."""
        self.show_of("up", line)

    def show_of(self, name: str, line: str) -> None:
        """Print a line of a process."""
        style = "bold" if name == "up" else _COLOURS.get(name, "cyan")
        with self._lock:
            self._console.print(Text.assemble((f"{name:>9} | ", style), line))


@contextmanager
def running_stack(settings: Settings, screen: Screen, *, workers: int = 1, quiet: bool = False) -> Iterator[Stack]:
    """The stack, started and seeded; stopped in order when the block is left."""

    def programs(settings: Settings) -> list[Server]:
        return our_programs(settings, workers)

    compiling = start_compiling()

    def seed(settings: Settings) -> None:
        if _seed(settings, screen):
            # Worker and API need not download it: that would import the `mlflow` package into both.
            version = Registry(settings.mlflow).champion()
            files = partial(shutil.copytree, settings.artefact, dirs_exist_ok=True)
            ChampionCache(settings.champion_cache).add(version, files)

    def before_programs(settings: Settings) -> None:
        _first_key(settings, screen)
        if compiling is not None and compiling.poll() is None:
            screen.show("compiling the scoring path, which is kept for the next start")
            compiling.wait()

    stack = Stack(settings, programs=programs, seed=seed, progress=screen.show, before_programs=before_programs)
    with LogFollower([] if quiet else stack.programs, screen.show_of), stack:
        yield stack


def prepare(settings: Settings, screen: Screen) -> None:
    """The one-shot job of a deployment: what `up` does before it starts our processes."""
    for state in create_topics(settings):
        screen.show(" ".join([f"topic {state.expected.name} {state.state}", *state.differences]))
    _seed(settings, screen)
    _first_key(settings, screen)


def watch(stack: Stack) -> NoReturn:
    """Wait for a signal; a process that keeps dying ends the wait with an error."""
    pause = threading.Event()
    while True:
        stack.check()
        pause.wait(1)


@contextmanager
def stop_signals_raise() -> Iterator[None]:
    """Within the block the first SIGINT, SIGTERM or SIGHUP raises StopAsked; later ones are ignored.

    Whoever presses Ctrl-C twice would otherwise cut the worker off from the Kafka that it drains to.
    """

    def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for name in _SIGNALS:
            signal.signal(name, signal.SIG_IGN)
        raise StopAsked

    before = {name: signal.signal(name, stop) for name in _SIGNALS}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _seed(settings: Settings, screen: Screen) -> bool:
    from training.registry.register import seed_registry

    empty = seed_registry(settings)
    if empty:
        screen.show(f"the empty registry was given the model of {settings.artefact}")
    return empty


def _first_key(settings: Settings, screen: Screen) -> None:
    if not keys_required(settings):
        return
    with redis_answers(settings.redis):
        file = make_first_key(settings)
    if file is not None:
        screen.show(f"the API needs keys, and there was none: one that may do everything is in {file}")
        screen.show("make others with `buzzwatch keys create`, then revoke this one (`buzzwatch keys list`)")
