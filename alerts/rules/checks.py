"""Checks of a rules file beyond its schema: Redis keeps the counters for as long as the rules look back."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.rules.file import Check, Mistake
from contracts.rules.schema import BadBuzz, Drift, ErrorCount, ForeignVolume, Quiet, Rules
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
                    mistake = f"looks back {needed_s:,.0f} s, and Redis keeps {kept_s:,.0f} s ({name})"
                    yield Mistake(mistake, ("rules", number, key))

    return check


def _needs(rule: object) -> Iterator[tuple[str, float, str]]:
    """Key, how far back it looks in seconds, and the setting with the longest possible time."""
    match rule:
        case BadBuzz():
            yield "windows", rule.windows[-1], "bucket_retention_s"
            yield "baseline", rule.baseline + rule.windows[-1], "minute_retention_s"
        case ErrorCount() | Drift():
            yield "within", rule.within, "minute_retention_s"
        case ForeignVolume():
            yield "window", rule.window, "bucket_retention_s"
            yield "baseline", rule.baseline + rule.window, "minute_retention_s"
        case Quiet():
            yield "window", rule.window, "minute_retention_s"
            yield "min_days", rule.min_days * _DAY_S, "hour_retention_s"
