"""One format for all processes, on standard error."""

from __future__ import annotations

import logging.config
from typing import Any, Final

_REPEAT_S: Final = 10.0
_CHATTY: Final = ("aiokafka", "faust", "mode", "kafka", "httpx", "alembic")


class Seldom(logging.Filter):
    """Lets a warning be repeated once in ten seconds: while a server is away the same comes many times a second.

    Of aiokafka, errors too, whatever their details.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is new enough."""
        if record.name.startswith("aiokafka"):
            what = str(record.msg)
        elif record.levelno == logging.WARNING:
            what = f"{record.name} {record.getMessage()}"
        else:
            return True
        if record.created - self._said.get(what, 0.0) < _REPEAT_S:
            return False
        self._said = {said: at for said, at in self._said.items() if record.created - at < _REPEAT_S}
        self._said[what] = record.created
        return True


def logging_config(level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: our level, and warnings only from chatty libraries."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
        "filters": {"seldom": {"()": Seldom}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["seldom"]}},
        "root": {"level": level, "handlers": ["stderr"]},
        # Ours by name: `faust worker` puts the root at its own --loglevel, which is WARN by default.
        "loggers": {name: {"level": "WARNING"} for name in _CHATTY} | {"buzzwatch": {"level": level}},
    }


def configure_logging(level: str) -> None:
    """Set up this process."""
    logging.config.dictConfig(logging_config(level))
