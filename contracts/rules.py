"""The schema of the rules file: watches, themes, rules and receivers.

Names are Alertmanager's where it has one (`labels`, `annotations`, `keep_firing_for`, receivers).
"""

from __future__ import annotations

from typing import Annotated

import pydantic
from pydantic import Field

from contracts.receivers import Alertmanager, AnyReceiver, Apprise, Receiver, Webhook
from contracts.routing import InhibitRule, Route
from contracts.rule_kinds import (
    Accuracy,
    AnyRule,
    BadBuzz,
    BaseRule,
    ConsecutiveErrors,
    Drift,
    ErrorCount,
    ModelBroken,
    Quiet,
    Rule,
    Severity,
)
from contracts.strict import Duration, Name, Strict

__all__ = [
    "Accuracy",
    "Alertmanager",
    "AnyReceiver",
    "AnyRule",
    "Apprise",
    "BadBuzz",
    "BaseRule",
    "ConsecutiveErrors",
    "Drift",
    "Duration",
    "ErrorCount",
    "ModelBroken",
    "Name",
    "Quiet",
    "Receiver",
    "Rule",
    "Rules",
    "Severity",
    "Theme",
    "Topic",
    "Watch",
    "Webhook",
]


class Topic(Strict):
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


class Rules(Strict):
    """A whole rules file."""

    watches: Annotated[tuple[Watch, ...], Field(min_length=1)]
    themes: tuple[Theme, ...] = ()
    rules: tuple[Rule, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    route: Route = Route()
    """Who is told what and when; everybody everything at once when not given."""
    inhibit_rules: tuple[InhibitRule, ...] = ()

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
        return self

    @pydantic.model_validator(mode="after")
    def _references(self) -> Rules:
        defined = {
            "receiver": {receiver.name for receiver in self.receivers},
            "watch": {watch.name for watch in self.watches},
            "theme": {theme.name for theme in self.themes},
        }
        for rule in self.rules:
            named = {
                "receiver": rule.receivers,
                "watch": rule.watches if isinstance(rule, (BadBuzz, Quiet)) else None,
                "theme": rule.themes if isinstance(rule, BadBuzz) else None,
            }
            for what, names in named.items():
                for name in names or ():
                    if name not in defined[what]:
                        raise ValueError(f"rule {rule.alert} names the {what} {name!r}, which is not defined")
        return self

    @pydantic.model_validator(mode="after")
    def _routes(self) -> Rules:
        if self.route.matchers or self.route.continue_:
            raise ValueError("route: the root takes every alert, it has neither matchers nor continue")
        defined = {receiver.name for receiver in self.receivers}
        for branch in self.route.walk():
            for name in branch.named or ():
                if name not in defined:
                    raise ValueError(f"route names the receiver {name!r}, which is not defined")
        return self
