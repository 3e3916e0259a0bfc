"""What stands under our keys in Redis and is not ours: another program's, or damaged.

It is left where it is. Where others like it can be read (the alerts of a hash, say) it is passed over, else who reads
waits; either way one line names the key and what to do.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec
import redis

_log = logging.getLogger("buzzwatch.redis")

_T = TypeVar("_T")
_AGAIN_S: Final = 600.0
_SHOWN: Final = 200
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
_OF_PIPELINE: Final = re.compile(r"Command # (\d+) \(")
_SCRIPTS: Final = ("EVAL", "EVALSHA")
_OF_VALUE: Final = re.compile(r"attempt to |not an integer|not a valid float|bad argument|Expected .* but found")
"""What Lua, its JSON and Redis say of a value that is none."""
_KINDS: Final = {
    "string": r"revision|silences:revision|outbox:(?:group|resent):.*|mark:.*|heard|session:.*",
    "hash": r"active|episodes|silences|opinions|opinions:counts|feedback:(?:marks|streaks|judged:.*)|serving"
    r"|serving:since|outbox:(?:entries|disabled|claims)|(?:bucket|minute|hour|answers):.*|keys|keys:used|audit-waiting",
    "list": r"history|(?:traces|attempts):.*|feedback:verdicts:.*|outbox:(?:wake|(?:notices|lane):.*)",
    "zset": r"feedback:(?:seen|versions|(?:wrong|by):.*)"
    r"|outbox:(?:announced|exhausted|not-before|notifiers|flushes|due:.*)|buckets|minutes|hours|(?:samples|past):.*|claimed|replayed",
    "set": r"outbox:(?:receivers|held)|topics|counts\d*:topics",
}
"""Redis's type of each key, by what stands behind the prefix and the part in braces (`alerts.storage.keys`)."""


class ForeignDataError(redis.ResponseError):
    """A key of ours holds something else.

    An error of Redis, as who asks it waits in the same way until somebody has put it right.
    """

    def __init__(self, key: str, what: str) -> None:
        place = f"one of the keys {key}" if ", " in key else f"the key {key}"
        super().__init__(f"under {place} something else than buzzwatch keeps there ({what[:_SHOWN]})")
        self.key = key


REMEDY: Final = (
    "look at it (redis-cli TYPE) and move it away (redis-cli RENAME), or name another BUZZWATCH_REDIS__PREFIX; "
    "it was left as it is"
)


def type_of(key: str) -> str | None:
    """The type that a key of ours has in Redis; None where this table does not say."""
    name = key.rpartition("}:")[2] if "}:" in key else key.partition(":")[2]
    return next((kind for kind, form in _KINDS.items() if re.fullmatch(form, name)), None)


def found_in(client: redis.Redis, command: Sequence[Any], error: redis.ResponseError) -> ForeignDataError | None:
    """What Redis refused a command for, if that is what stands under its keys; None for any other reason."""
    message = error.args[0] if error.args else ""
    name = str(command[0]).upper()
    script = name in _SCRIPTS
    # Redis-py has classes of their own for what Redis refuses for other reasons.
    of_script = script and type(error) is redis.ResponseError and _OF_VALUE.search(message)
    if "WRONGTYPE" not in message and not of_script:
        return None
    keys = [str(key) for key in (command[3 : 3 + int(command[2])] if script else command[1:2])]
    kinds: dict[str, Any] = {key: client.type(key) for key in keys}
    wrong = [key for key in keys if kinds[key] != "none" and kinds[key] != (type_of(key) or kinds[key])]
    shown = ", ".join(wrong or keys[:5])
    if wrong:
        return ForeignDataError(shown, f"a {kinds[wrong[0]]}, a {type_of(wrong[0])} is due")
    if not script:
        return ForeignDataError(shown, f"a {kinds[shown]}" if shown in kinds else "another type")
    return ForeignDataError(shown, message.partition(" script: ")[0])


def named_in(error: redis.ResponseError) -> int | None:
    """Place of the command that failed in a pipeline, where redis-py says it."""
    found = _OF_PIPELINE.match(str(error))
    return int(found[1]) - 1 if found else None


@contextmanager
def reading(key: str) -> Iterator[None]:
    """Within the block, a value of this key that cannot be understood is one line.

    Raises:
        ForeignDataError: names the key.
    """
    try:
        yield
    except redis.RedisError:
        raise
    except _UNREADABLE as error:
        raise ForeignDataError(key, _why(error)) from None


def readable(key: str, stored: Iterable[tuple[str, Any]], read: Callable[[Any], _T]) -> Iterator[tuple[str, _T]]:
    """Fields and values of a hash, each read by `read`; those that cannot be understood are passed over and logged."""
    for field, value in stored:
        try:
            found = read(value)
        except _UNREADABLE as error:
            _reports.passed_over(key, field, _why(error))
        else:
            yield field, found


def readable_values(key: str, stored: Iterable[Any], read: Callable[[Any], _T]) -> list[_T]:
    """The same of values without fields."""
    return [value for _, value in readable(key, (("", value) for value in stored), read)]


def pass_over(error: ForeignDataError) -> None:
    """Log what one of many has under its key; the others go on."""
    _reports.passed_over(error.key, "", str(error))


class _Reports:
    """One line for a key, and again after ten minutes: readers look many times a second. Any thread."""

    def __init__(self) -> None:
        self._reported: dict[str, float] = {}
        self._lock = threading.Lock()

    def passed_over(self, key: str, field: str, why: str) -> None:
        now = time.monotonic()
        with self._lock:
            self._reported = {name: at for name, at in self._reported.items() if now - at < _AGAIN_S}
            if key in self._reported:
                return
            self._reported[key] = now
        place = f"{key}, field {field[:_SHOWN]}" if field else key
        _log.warning(
            "Redis has under %s what buzzwatch cannot read (%s); it is passed over and left there: remove it (%s), "
            "or name another BUZZWATCH_REDIS__PREFIX",
            place, why, "redis-cli HDEL" if field else "redis-cli, after a look at it",
        )  # fmt: skip


_reports = _Reports()


def _why(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:_SHOWN]
