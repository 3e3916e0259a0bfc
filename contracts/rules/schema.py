"""The schema of the rules file: watches, themes, rules and receivers.

Names are Alertmanager's where it has one (`labels`, `annotations`, `keep_firing_for`, receivers).
"""

from __future__ import annotations

from typing import Annotated

import pydantic
from pydantic import Field

from contracts.rules.kinds import (
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
from contracts.rules.receivers import Alertmanager, AnyReceiver, Apprise, Receiver, Webhook
from contracts.rules.routing import InhibitRule, Route
from contracts.rules.strict import Duration, Name, Strict, mistake

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


_SINGULAR = {"receivers": "receiver", "watches": "watch", "themes": "theme"}


def _can_match(term: str) -> str:
    if not term.strip():
        raise ValueError("a term of white space alone matches nothing" if term else "must not be empty")
    return term


Term = Annotated[str, Field(max_length=100), pydantic.AfterValidator(_can_match)]


class Topic(Strict):
    """A name and the terms that mean it.

    A term matches whole words, whatever their case; `@name` and `#tag` match the mention and the tag,
    several words match in this order with any white space between them. Ways to write the same (entities, apostrophes,
    full-width characters) match each other.
    """

    name: Name
    match: Annotated[tuple[Term, ...], Field(min_length=1)]


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
        for what, place, key, names in (
            ("watch", "watches", "name", [watch.name for watch in self.watches]),
            ("theme", "themes", "name", [theme.name for theme in self.themes]),
            ("alert", "rules", "alert", [rule.alert for rule in self.rules]),
            ("receiver", "receivers", "name", [receiver.name for receiver in self.receivers]),
        ):
            for number, name in enumerate(names):
                if name in names[:number]:
                    raise mistake(f"two entries for the {what} {name!r}", place, number, key)
        return self

    @pydantic.model_validator(mode="after")
    def _references(self) -> Rules:
        defined = {
            "receivers": {receiver.name for receiver in self.receivers},
            "watches": {watch.name for watch in self.watches},
            "themes": {theme.name for theme in self.themes},
        }
        for number, rule in enumerate(self.rules):
            named: dict[str, tuple[str, ...] | None] = {
                "receivers": rule.receivers,
                "watches": rule.watches if isinstance(rule, (BadBuzz, Quiet)) else None,
                "themes": rule.themes if isinstance(rule, BadBuzz) else None,
            }
            for key, names in named.items():
                for index, name in enumerate(names or ()):
                    if name not in defined[key]:
                        what = f"the {_SINGULAR[key]} {name!r}"
                        said = f"rule {rule.alert} names {what}, which is not defined"
                        raise mistake(said, "rules", number, key, index)
        return self

    @pydantic.model_validator(mode="after")
    def _routes(self) -> Rules:
        for key, given in (("matchers", self.route.matchers), ("continue", self.route.continue_)):
            if given:
                raise mistake("the root takes every alert, it has neither matchers nor continue", "route", key)
        defined = {receiver.name for receiver in self.receivers}
        for place, branch in self.route.walk("route"):
            for index, name in enumerate(branch.named or ()):
                if name not in defined:
                    named = ("receivers", index) if branch.receiver is None else ("receiver",)
                    raise mistake(f"route names the receiver {name!r}, which is not defined", *place, *named)
        return self
