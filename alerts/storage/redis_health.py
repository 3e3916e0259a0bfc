"""Whether Redis takes writes, and if not, why and what to do.

A Redis that answers may still refuse writes: a replica, a full memory or disk, too few replicas, a user without the
right. Only a write shows it.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

import redis
from redis import exceptions

from alerts.storage.foreign import REMEDY, ForeignDataError
from contracts.printable import printable_line
from contracts.redaction import redacted, secrets_of_address
from contracts.settings import RedisSettings, Settings

_LASTS_MS: Final = 60_000
_SCRIPT: Final = "return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"
"""A script, as all our writes are: a user may have the right to write, but not to run scripts."""


class Trouble(NamedTuple):
    """What is wrong with a Redis."""

    answers: bool
    """Whether it answers at all."""
    what: str
    """Continues a sentence that starts with "Redis at HOST ": "takes no writes: it is full (maxmemory)"."""
    remedy: str

    @property
    def line(self) -> str:
        """What is wrong and the remedy, in one line."""
        return f"{self.what}; {self.remedy}"


_SET_URL: Final = "start it with `buzzwatch up` or set BUZZWATCH_REDIS__URL"
_BY_CODE: Final[dict[str, tuple[str, str]]] = {
    "READONLY": (
        "takes no writes: it is a read-only replica",
        "point BUZZWATCH_REDIS__URL at its primary, or end the replication (REPLICAOF NO ONE)",
    ),
    "OOM": (
        "takes no writes: it is full (maxmemory)",
        "raise maxmemory (CONFIG SET maxmemory), or give the machine more memory",
    ),
    "NOREPLICAS": (
        "takes no writes: fewer replicas follow it than min-replicas-to-write asks for",
        "bring the replicas back, or lower min-replicas-to-write",
    ),
    "MISCONF": (
        "takes no writes: it cannot save to its disk",
        "look at its log and the room on its disk (stop-writes-on-bgsave-error)",
    ),
    "LOADING": ("is still loading its data from disk", "wait until it has finished"),
    "MASTERDOWN": (
        "takes no writes: it is a replica whose primary is away",
        "bring the primary back, or point BUZZWATCH_REDIS__URL at it",
    ),
    "CLUSTERDOWN": ("takes no writes: its cluster is down", "look at CLUSTER INFO of its nodes"),
    "MOVED": ("is a node of a cluster, and buzzwatch does not support clusters", "use a Redis without cluster mode"),
    "BUSY": ("is busy with a long script", "end the script with SCRIPT KILL"),
    "NOPERM": (
        "refuses the write: the user lacks a right (ACL)",
        "allow the user all commands on the keys PREFIX:* (ACL SETUSER … +@all ~PREFIX:*)",
    ),
    "WRONGPASS": ("refuses the user or password", "check both in BUZZWATCH_REDIS__URL"),
    "NOAUTH": ("asks for a password", "put it into BUZZWATCH_REDIS__URL, behind redis:// as :PASSWORD and an @"),
}
_CODES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.MovedError, "MOVED"),
    (exceptions.AuthenticationWrongNumberOfArgsError, "WRONGPASS"),
)
"""redis-py removes the code from the message of these errors."""


def trouble_of(error: redis.RedisError, settings: RedisSettings | None = None) -> Trouble:
    """Cause and remedy of an error of redis-py; worker, API, notifier and commands use the same words."""
    if isinstance(error, ForeignDataError):
        return Trouble(True, f"has {printable_line(str(error))}", REMEDY)
    message = redacted(" ".join(str(error).split()), secrets_of_address(settings.url) if settings else ())
    message = message.rpartition(" of pipeline caused error: ")[2]  # before that redis-py quotes the command
    code = next((code for kind, code in _CODES if isinstance(error, kind)), message.partition(" ")[0].rstrip(":"))
    if isinstance(error, exceptions.AuthenticationError) and code not in _BY_CODE:
        code = "NOAUTH" if re.search("required|already authenticated", message) else "WRONGPASS"
    if message.startswith("The user executing the script can't"):  # the one refusal without a code
        code = "NOPERM"
    if code == "UNBLOCKED" and "-> replica" in message:  # what a waiting client gets when its Redis becomes one
        code = "READONLY"
    if code in _BY_CODE:
        what, remedy = _BY_CODE[code]
        return Trouble(True, what, remedy.replace("PREFIX", settings.prefix if settings else "buzzwatch"))
    if "max number of clients" in message:
        return Trouble(False, f"does not answer ({message})", "close other clients of it, or raise its maxclients")
    if isinstance(error, exceptions.ResponseError):
        return Trouble(True, f"refuses the command ({message})", "see `buzzwatch doctor`")
    return Trouble(False, f"does not answer ({message or type(error).__name__})", _SET_URL)


def in_words(error: redis.RedisError) -> str:
    """Continues a sentence that starts with "Redis ": "does not answer (…)", "takes no writes: …"."""
    trouble = trouble_of(error)
    return trouble.line if isinstance(error, ForeignDataError) else trouble.what


def shown_address(settings: RedisSettings) -> str:
    """The address without user and password."""
    return redacted(settings.url).partition("://")[2]


class WriteProbe:
    """Tests writes with a key of its own, which expires after a minute."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._client = client
        self._settings = settings.redis

    def trouble(self) -> Trouble | None:
        """Why Redis refuses writes, None when it takes them. Blocks for at most the settings' time-out."""
        try:
            self._client.eval(_SCRIPT, 1, f"{self._settings.prefix}:write-probe", "1", str(_LASTS_MS))
        except redis.RedisError as error:
            return trouble_of(error, self._settings)
        return None

    def problem(self) -> str | None:
        """The same as a line that names the address."""
        trouble = self.trouble()
        return None if trouble is None else self.line(trouble)

    def line(self, trouble: Trouble) -> str:
        """The trouble in one line with the address."""
        return f"Redis at {shown_address(self._settings)} {trouble.line}"


class TroubleLog:
    """Logs a failure of Redis once, and once that it is over. Any thread.

    Args:
        log: where to.
        settings: which Redis.
        waits: what waits meanwhile, for the log: "deliveries wait".
    """

    def __init__(self, log: logging.Logger, settings: RedisSettings, waits: str) -> None:
        self._log = log
        self._settings = settings
        self._waits = waits
        self._reported: str | None = None
        self._reads_fail = False
        self.problem: str | None = None
        """The last failure in one line with the address; None when Redis has taken a write since."""
        self._lock = threading.Lock()

    def failed(self, trouble: Trouble) -> None:
        """Redis failed. Logged unless it was the same failure the last time."""
        kind = trouble.what if trouble.answers else ""
        self.problem = f"Redis at {shown_address(self._settings)} {trouble.line}"
        with self._lock:
            is_news, self._reported = kind != self._reported, kind
            self._reads_fail = trouble.remedy == REMEDY
        if is_news:
            self._log.warning("Redis at %s %s; %s", shown_address(self._settings), trouble.line, self._waits)

    def takes_writes(self) -> None:
        """A probe has written. That says nothing about what others have put under our keys."""
        if not self._reads_fail:
            self.recovered()

    def can_be_read(self) -> None:
        """All that is needed was read."""
        if self._reads_fail:
            self.recovered()

    def recovered(self) -> None:
        """What was asked of Redis was done."""
        self.problem = None
        with self._lock:
            was_wrong, self._reported = self._reported is not None, None
            what, self._reads_fail = "can be read" if self._reads_fail else "takes writes", False
        if was_wrong:
            self._log.info("Redis at %s %s again", shown_address(self._settings), what)


class WriteMonitor:
    """Tests writes periodically in a thread of its own, so that a health check can answer at once.

    Args:
        probe: makes the test.
        log: gets each result.
        every_s: seconds between two tests.
    """

    def __init__(self, probe: WriteProbe, log: TroubleLog, *, every_s: float = 2.0) -> None:
        self._probe = probe
        self._log = log
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis-writes", daemon=True)
        self.problem: str | None = None
        """Why Redis refuses writes, in one line; None when it takes them, or was not tested yet."""

    def start(self) -> Callable[[], None]:
        """Start; the returned function stops it."""
        self._thread.start()
        return self.stop

    def stop(self) -> None:
        """Stop. A test that is running may go on for the settings' time-out."""
        self._stopping.set()
        self._thread.join(timeout=1)

    def _run(self) -> None:
        while not self._stopping.is_set():
            trouble = self._probe.trouble()
            self.problem = None if trouble is None else self._probe.line(trouble)
            if trouble is None:
                self._log.takes_writes()
            else:
                self._log.failed(trouble)
            self._stopping.wait(self._every_s)
