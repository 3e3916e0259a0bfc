"""What commands need, and the one line when it is not there: Redis, the rules file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from alerts.storage.redis_health import shown_address, trouble_of
from cli.output.console import print_error
from contracts.errors import RulesError, Unavailable
from contracts.rules.file import load_rules
from contracts.rules.schema import Rules
from contracts.settings import RedisSettings, Settings


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
