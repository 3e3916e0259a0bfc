"""One format for all processes, on standard error."""

from __future__ import annotations

import logging.config
from typing import Any, Final

_CHATTY: Final = ("aiokafka", "faust", "mode", "kafka", "httpx", "alembic")


def logging_config(level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: our level, and warnings only from chatty libraries."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": level, "handlers": ["stderr"]},
        "loggers": {name: {"level": "WARNING"} for name in _CHATTY},
    }


def configure_logging(level: str) -> None:
    """Set up this process."""
    logging.config.dictConfig(logging_config(level))
