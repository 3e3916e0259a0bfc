"""One format for all processes, on standard error."""

from __future__ import annotations

import logging.config
from typing import Any, Final

from contracts.printable import printable
from contracts.redaction import redacted

_REPEAT_S: Final = 10.0
"""A warning that is repeated within this time is not logged again."""
_REMIND_S: Final = 600.0
"""A warning that goes on is logged again after this time."""
_CHATTY: Final = ("aiokafka", "faust", "mode", "kafka", "httpx", "alembic")


class Seldom(logging.Filter):
    """Logs a repeated warning once, and then every ten minutes: while a server is away the
    same warning is repeated many times a second.

    Of aiokafka, errors too, whatever their details.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, tuple[float, float]] = {}
        """Message → when it was last repeated, and when it was last logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is new enough."""
        if record.name.startswith("aiokafka"):
            what = str(record.msg)
        elif record.levelno == logging.WARNING:
            what = f"{record.name} {record.getMessage()}"
        else:
            return True
        now = record.created
        came, let_through = self._said.get(what, (0.0, 0.0))
        is_news = now - came >= _REPEAT_S or now - let_through >= _REMIND_S
        self._said = {said: at for said, at in self._said.items() if now - at[0] < _REPEAT_S}
        self._said[what] = (now, now if is_news else let_through)
        return is_news


class Line(logging.Formatter):
    """A line that names no password and cannot steer a terminal or look like two, whatever it quotes."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the lines of a stack trace."""
        return printable(redacted(super().format(record)))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802, as overridden
        """Without the stack trace, which has lines of its own."""
        line = super().formatMessage(record)
        return line.replace("\r", "\\r").replace("\n", "\\n") if record.name.startswith("buzzwatch") else line


def logging_config(level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: our level, and warnings only from chatty libraries."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": Line, "format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
        "filters": {"seldom": {"()": Seldom}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["seldom"]}},
        "root": {"level": level, "handlers": ["stderr"]},
        # Ours by name: `faust worker` puts the root at its own --loglevel, which is WARN by default.
        "loggers": {name: {"level": "WARNING"} for name in _CHATTY} | {"buzzwatch": {"level": level}},
    }


def configure_logging(level: str) -> None:
    """Set up this process."""
    logging.config.dictConfig(logging_config(level))
