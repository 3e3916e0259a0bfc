"""The schema of the rules file: watches, themes, rules and receivers.

Names are Alertmanager's where it has one (`labels`, `annotations`, `keep_firing_for`, receivers).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
Severity = Literal["info", "warning", "critical"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"(?:\d+(?:ms|s|m|h|d|w))+")


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdw])", value))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
        return 0.0
    raise ValueError(f"{value!r} is not a duration such as 30s, 5m or 1h30m")


Duration = Annotated[float, pydantic.BeforeValidator(_seconds)]
"""Seconds, written as Prometheus does: `90s`, `5m`, `1h30m`."""


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Topic(_Strict):
    """A name and the terms that mean it.

    A term matches whole words, whatever their case; `@name` and `#tag` match the mention and the tag,
    several words match in this order with any white space between them.
    """

    name: Name
    match: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=100)], ...], Field(min_length=1)]


class Watch(Topic):
    """Something that is watched: a brand, a product, a person."""


class Theme(Topic):
    """What a tweet is about."""


class _Rule(_Strict):
    alert: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """The `alertname` label."""
    severity: Severity = "warning"
    enabled: bool = True
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    receivers: tuple[Name, ...] | None = None
    """Receivers by name; all of them when not given."""
    for_: Annotated[Duration, Field(alias="for")] = 0.0
    """How long the condition must hold before the alert fires, seconds; until then it is pending and tells nobody."""
    keep_firing_for: Duration = 0.0
    """How long the condition must stay untrue before the alert resolves, seconds."""


class ConsecutiveErrors(_Rule):
    """Fires when `count` judgements in a row say wrong, per model version; resolves on a right one."""

    kind: Literal["consecutive_errors"]
    count: Annotated[int, Field(ge=1, le=1000)] = 3


class BadBuzz(_Rule):
    """Fires when a watch gets more negative tweets than its own recent past explains."""

    kind: Literal["bad_buzz"]
    watches: tuple[Name, ...] | None = None
    """Watches by name; all of them when not given."""
    window: Duration = 60.0
    """What is judged: the last so many seconds of event time."""
    baseline: Duration = 86_400.0
    """What it is compared with: so many seconds before the window."""
    min_volume: Annotated[int, Field(ge=1)] = 20
    """Fewest tweets in the window."""
    min_negative: Annotated[int, Field(ge=1)] = 10
    """Fewest negative tweets in the window."""
    growth: Annotated[float, Field(ge=1)] = 1.5
    """The share must be at least so many times the past's."""
    false_alarm_rate: Annotated[float, Field(gt=0, lt=0.5)] = 1e-6
    """Chance that the past's share alone gives so many negatives (one-sided binomial test)."""
    resolve_growth: Annotated[float, Field(ge=1)] = 1.25
    """Hysteresis: the share must fall below so many times the past's to resolve."""
    prior_share: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Negative share assumed for a watch without a past."""
    prior_weight: Annotated[float, Field(gt=0)] = 50.0
    """How many tweets that assumption is worth."""

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> BadBuzz:
        if self.window < 10:
            raise ValueError("window must be at least 10s")
        if self.baseline < self.window:
            raise ValueError("baseline must not be shorter than window")
        if self.resolve_growth > self.growth:
            raise ValueError("resolve_growth must not exceed growth")
        return self


Rule = Annotated[ConsecutiveErrors | BadBuzz, Field(discriminator="kind")]


class Webhook(_Strict):
    """Where alerts are posted: Alertmanager's body, signed per Standard Webhooks."""

    name: Name
    url: Annotated[str, Field(pattern=r"^https?://")]
    secret: Annotated[str, Field(pattern=r"^whsec_[A-Za-z0-9+/=]+$", repr=False)]
    """`whsec_` and the key in base64 (24 to 64 bytes)."""
    send_resolved: bool = True


class Rules(_Strict):
    """A whole rules file."""

    watches: Annotated[tuple[Watch, ...], Field(min_length=1)]
    themes: tuple[Theme, ...] = ()
    rules: tuple[Rule, ...] = ()
    receivers: tuple[Webhook, ...] = ()

    @pydantic.model_validator(mode="after")
    def _names(self) -> Rules:
        for what, names in (
            ("watch", [watch.name for watch in self.watches]),
            ("theme", [theme.name for theme in self.themes]),
            ("alert", [rule.alert for rule in self.rules]),
            ("receiver", [receiver.name for receiver in self.receivers]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"two entries for the {what} {name!r}")
        receivers = {receiver.name for receiver in self.receivers}
        watches = {watch.name for watch in self.watches}
        for rule in self.rules:
            for name in rule.receivers or ():
                if name not in receivers:
                    raise ValueError(f"rule {rule.alert} names the receiver {name!r}, which is not defined")
            if isinstance(rule, BadBuzz):
                for name in rule.watches or ():
                    if name not in watches:
                        raise ValueError(f"rule {rule.alert} names the watch {name!r}, which is not defined")
        return self
