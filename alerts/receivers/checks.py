"""What must hold of a rules file beyond its schema: that Redis keeps what it asks for, that receivers can be spoken to.

For `contracts.rules.file.load_rules`, which names file, line and key.
"""

from __future__ import annotations

from collections.abc import Iterator

from contracts.rules.file import Check, Mistake
from contracts.rules.receivers import Apprise
from contracts.rules.schema import BadBuzz, Drift, ErrorCount, Quiet, Rules
from contracts.settings import AlertSettings

_DAY_S = 86_400


def kept_long_enough(settings: AlertSettings) -> Check:
    """No rule looks further back than the counters go."""

    def check(rules: Rules) -> Iterator[Mistake]:
        for number, rule in enumerate(rules.rules):
            for key, needed_s, setting in _needs(rule):
                kept_s: float = getattr(settings, setting)
                if needed_s > kept_s:
                    name = f"BUZZWATCH_ALERTS__{setting.upper()}"
                    said = f"looks back {needed_s:,.0f} s, and Redis keeps {kept_s:,.0f} s ({name})"
                    yield Mistake(said, ("rules", number, key))

    return check


def _needs(rule: object) -> Iterator[tuple[str, float, str]]:
    """Key, how far back it looks in seconds, and the setting that says how far back one can."""
    match rule:
        case BadBuzz():
            yield "windows", rule.windows[-1], "bucket_retention_s"
            yield "baseline", rule.baseline + rule.windows[-1], "minute_retention_s"
        case ErrorCount() | Drift():
            yield "within", rule.within, "minute_retention_s"
        case Quiet():
            yield "window", rule.window, "minute_retention_s"
            yield "min_days", rule.min_days * _DAY_S, "hour_retention_s"


def receivers_can_be_reached(rules: Rules) -> Iterator[Mistake]:
    """Apprise can read the addresses, and files that hold them are there. For the process that delivers."""
    from alerts.receivers.apprise_client import unreadable  # the worker and the API do without HTTP clients

    for number, receiver in enumerate(rules.receivers):
        if isinstance(receiver, Apprise):
            problem = unreadable(receiver)
            if problem is not None:
                key = "url" if receiver.url is not None else "url_file"
                yield Mistake(problem, ("receivers", number, key))
