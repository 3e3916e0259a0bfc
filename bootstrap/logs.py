"""One format for all processes, on standard error: lines for people, or JSON."""

from __future__ import annotations

import json
import logging.config
from typing import Any, Final, Literal

from contracts.printable import printable
from contracts.redaction import redacted
from contracts.settings import Settings, unknown_variables
from contracts.times import to_rfc3339
from contracts.tracing.current import REQUEST_ID, TRACE_ID

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
        self._logged: dict[str, tuple[float, float]] = {}
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
        came, let_through = self._logged.get(what, (0.0, 0.0))
        is_news = now - came >= _REPEAT_S or now - let_through >= _REMIND_S
        self._logged = {key: at for key, at in self._logged.items() if now - at[0] < _REPEAT_S}
        self._logged[what] = (now, now if is_news else let_through)
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


class JsonLine(logging.Formatter):
    """One JSON object a line; what it quotes is without passwords, and escaped as JSON is."""

    def format(self, record: logging.LogRecord) -> str:
        """The object, without the fields that are empty."""
        exception = self.formatException(record.exc_info) if record.exc_info else record.exc_text or ""
        fields = {
            "time": to_rfc3339(int(record.created * 1000)),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            "request_id": REQUEST_ID.get(),
            "trace_id": TRACE_ID.get(),
            "thread": record.threadName or "",
            "exception": redacted(exception),
        }
        return json.dumps({name: value for name, value in fields.items() if value})


def logging_config(level: str, form: Literal["console", "json"] = "console") -> dict[str, Any]:
    """For `logging.config.dictConfig`: our level, and warnings only from chatty libraries."""
    lines = {"()": Line, "format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}
    # uvicorn has set up loggers of its own before we are asked; where it logs no requests, that stays so.
    requests = ["stderr"] if logging.getLogger("uvicorn.access").handlers else []
    servers = {
        "uvicorn": {"handlers": ["stderr"], "propagate": False},
        "uvicorn.access": {"handlers": requests, "propagate": False},
    }
    quiet = {name: {"level": "WARNING"} for name in _CHATTY}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": JsonLine} if form == "json" else lines},
        "filters": {"seldom": {"()": Seldom}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["seldom"]}},
        "root": {"level": level, "handlers": ["stderr"]},
        # Ours by name: `faust worker` puts the root at its own --loglevel, which is WARN by default.
        "loggers": quiet | {"buzzwatch": {"level": level}} | (servers if form == "json" else {}),
    }


def warn_of_unknown_variables(settings: Settings) -> None:
    """Log which variables look like settings and are none; to be called once logging is set up."""
    for line in unknown_variables(settings):
        logging.getLogger("buzzwatch.settings").warning("%s", line)


def configure_logging(settings: Settings) -> None:
    """Set up this process."""
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
