"""What commands need, and the one line when it is not there: Redis, the rules file, a name in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis

from alerts.storage.connection import connect
from alerts.storage.redis_health import shown_address, trouble_of
from cli.output.console import print_error
from contracts.errors import BuzzwatchError, RulesError, Unavailable
from contracts.printable import did_you_mean, printable_line
from contracts.rules.file import load_rules
from contracts.rules.receivers import AnyReceiver
from contracts.rules.schema import Rules
from contracts.settings import RedisSettings, Settings

_NAMED: Final = 20


@contextmanager
def redis_answers(settings: RedisSettings) -> Iterator[None]:
    """Within the block an error of Redis is one line.

    Raises:
        Unavailable: with the address without its password, and a remedy.
    """
    try:
        yield
    except redis.RedisError as error:
        raise Unavailable(f"Redis at {shown_address(settings)} {trouble_of(error, settings).line}") from None


@contextmanager
def redis_client(settings: Settings) -> Iterator[redis.Redis]:
    """A connection to Redis, whose errors within the block are one line, as with `redis_answers`."""
    with redis_answers(settings.redis), connect(settings) as client:
        yield client


def rules_if_usable(settings: Settings, without: str) -> Rules | None:
    """None when it cannot be used here (for a secret that only the notifier has, say); the reason is on standard error.

    Args:
        without: what the command cannot do then, the beginning of that line.
    """
    try:
        return load_rules(settings.rules)
    except RulesError as error:
        print_error(f"{without}: {error}")
        return None


def receiver_of(rules: Rules, name: str, where: Path) -> AnyReceiver:
    """The receiver of a rules file that has this name.

    Raises:
        BuzzwatchError: none has.
    """
    for one in rules.receivers:
        if one.name == name:
            return one
    raise BuzzwatchError(no_such("receiver", name, [one.name for one in rules.receivers], str(where)))


def require_known(what: str, name: str, known: Collection[str], where: str) -> None:
    """Refuse a name that nobody has: without it the answer would be empty, as if nothing had happened.

    Args:
        what: what it would be the name of: "watch".
        known: the names that there are.
        where: who has them: the rules file.

    Raises:
        BuzzwatchError: names the nearest, and all where they are few.
    """
    if name not in known:
        raise BuzzwatchError(no_such(what, name, known, where))


def no_such(what: str, name: str, known: Collection[str], where: str) -> str:
    """That a name is nobody's, with the nearest one."""
    names = ", ".join(sorted(known)[:_NAMED]) + (", …" if len(known) > _NAMED else "")
    return f"{where} has no {what} {printable_line(name)!r}; {did_you_mean(name, known)}it has {names or 'none'}"
