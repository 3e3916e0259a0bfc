"""The schema of the rules file: watches, themes, rules and receivers.

Names are Alertmanager's where it has one (`labels`, `annotations`, `keep_firing_for`, receivers).
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Final

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
    ForeignVolume,
    ModelBroken,
    Quiet,
    Rule,
    Severity,
    Unit,
)
from contracts.rules.receivers import Alertmanager, AnyReceiver, Apprise, Receiver, Webhook
from contracts.rules.references import misnamed
from contracts.rules.routing import InhibitRule, Route
from contracts.rules.strict import Duration, Flag, Name, Strict, mistake

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
    "ForeignVolume",
    "ModelBroken",
    "Name",
    "Quiet",
    "Receiver",
    "Rule",
    "Rules",
    "Severity",
    "Theme",
    "Topic",
    "Unit",
    "Watch",
    "Webhook",
]


def _can_match(term: str) -> str:
    if all(unicodedata.category(letter)[0] in "ZC" for letter in term):
        raise ValueError("a term that nobody can see matches nothing" if term else "must not be empty")
    return term


LEARNT_THEMES: Final = ("baggage", "booking", "cancellation", "comfort", "crew", "delay", "service")
"""Themes that there are learnt weights for (`models.themes.learnt`)."""

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

    learnt: Flag = False
    """Negative tweets are also about it where they read like complaints about it: by weights learnt from people's
    labels, which there are for LEARNT_THEMES alone."""

    @pydantic.model_validator(mode="after")
    def _is_learnt(self) -> Theme:
        if self.learnt and self.name not in LEARNT_THEMES:
            raise mistake(f"nothing is learnt about {self.name!r}, only about {', '.join(LEARNT_THEMES)}", "learnt")
        return self


class Rules(Strict):
    """A whole rules file."""

    watches: Annotated[tuple[Watch, ...], Field(min_length=1)]
    themes: tuple[Theme, ...] = ()
    rules: tuple[Rule, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    route: Route = Route()
    """Who receives what and when; everybody everything at once when not given."""
    inhibit_rules: tuple[InhibitRule, ...] = ()

    @pydantic.model_validator(mode="after")
    def _well_named(self) -> Rules:
        """The first of what `load_rules` names all of."""
        for wrong in misnamed(self.model_dump(by_alias=True)):
            raise mistake(wrong.message, *wrong.location)
        return self
