"""The kinds of rules, each with its defaults. What they mean in full is in docs/alerts/rules.md."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import pydantic
from pydantic import Field

from contracts.rules.strict import LABEL_FORM, Duration, Flag, Name, Number, Strict, Whole, lasting, mistake
from contracts.rules.templates import check_template

Severity = Literal["info", "warning", "critical"]
Unit = Literal["voices", "texts", "tweets"]
"""What a rule about the crowd counts."""
AnySeverity = Literal["info", "warning", "critical", "score"]
Share = Annotated[Number, Field(gt=0, lt=1)]
Template = Annotated[str, pydantic.AfterValidator(check_template)]
LabelName = Annotated[str, Field(pattern=LABEL_FORM)]

RESERVED_LABELS = ("alertname", "severity", "watch", "theme", "model_version")
"""Labels that the alert sets itself."""


class BaseRule(Strict):
    """What every rule has."""

    alert: LabelName
    """The `alertname` label."""
    severity: AnySeverity = "warning"
    """`score`, which `bad_buzz` alone has: what the escalation score says."""
    enabled: Flag = True
    labels: dict[LabelName, str] = Field(default_factory=dict)
    annotations: dict[LabelName, Template] = Field(default_factory=dict)
    """Text for people, may hold places to fill in: contracts/rules/templates.py."""
    receivers: tuple[Name, ...] | None = None
    """Receivers by name; all of them when not given."""
    for_: Annotated[Duration, Field(alias="for")] = 0.0
    """How long the condition must hold before the alert fires, seconds; until then it is pending and nothing is
    sent."""
    keep_firing_for: Duration = 0.0
    """How long the condition must stay untrue before the alert resolves, seconds."""

    @pydantic.model_validator(mode="after")
    def _severity_is_known(self) -> Self:
        if self.severity == "score" and not isinstance(self, BadBuzz):
            raise mistake("score is for bad_buzz rules, the others have no score", "severity")
        return self

    @pydantic.field_validator("labels")
    @classmethod
    def _not_reserved(cls, labels: dict[str, str]) -> dict[str, str]:
        for name in labels:
            if name in RESERVED_LABELS:
                raise mistake(f"{name} is set by the alert itself, choose another name", name)
        return labels


class ConsecutiveErrors(BaseRule):
    """Fires when `count` judgements in a row are `wrong`, per model version; resolves on a right one."""

    kind: Literal["consecutive_errors"]
    count: Annotated[Whole, Field(ge=1, le=1000)] = 3


class ErrorCount(BaseRule):
    """Fires when more than `count` judgements within `within` are `wrong`, per model version."""

    kind: Literal["error_count"]
    count: Annotated[Whole, Field(ge=0, le=1000)] = 10
    within: Annotated[Duration, lasting("1s")] = 900.0


class Accuracy(BaseRule):
    """Fires when the newest judgements of a model version show that it is right less often than `below`."""

    kind: Literal["accuracy"]
    below: Share = 0.7
    last: Annotated[Whole, Field(ge=1, le=1000)] = 100
    """How many judgements are looked at, the newest."""
    min_judgements: Annotated[Whole, Field(ge=1, le=1000)] = 20
    """Fewer are not enough for a figure."""
    confidence: Annotated[Number, Field(gt=0.5, lt=1)] = 0.95
    """It fires when the upper end of Wilson's interval (one-sided, at this level) is below `below`."""

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Accuracy:
        if self.min_judgements > self.last:
            raise mistake("must not exceed last", "min_judgements")
        return self


class BadBuzz(BaseRule):
    """Fires when a watch gets more negative tweets than its own recent past explains."""

    kind: Literal["bad_buzz"]
    severity: AnySeverity = "score"
    warning_from: Annotated[Number, Field(ge=0, le=101)] = 30
    """Escalation score from which the severity is `warning`; below it is `info`."""
    critical_from: Annotated[Number, Field(ge=0, le=101)] = 50
    """Escalation score from which the severity is `critical`."""
    severity_settle: Duration = 15.0
    """With `severity: score`: how long the first notification of an alert that is not critical yet waits, so that a
    severity that rises at once comes with it. It fires then in any case. A critical one waits for `for` alone."""
    watches: tuple[Name, ...] | None = None
    """Watches by name; all of them when not given."""
    per_theme: Flag = False
    """Look at every theme of a watch, each with the labels `watch` and `theme`, instead of the watch as a whole."""
    themes: tuple[Name, ...] | None = None
    """With `per_theme`: themes by name; all of them when not given."""
    count: Unit = "voices"
    """What counts. `voices`: each author once, and each text once where the author is unknown or the model not sure.
    `texts`: each text once, whoever sends it. `tweets`: all of them."""
    include_unreliable: Flag = False
    """Count predictions for languages that the model does not know, too."""
    windows: Annotated[tuple[Duration, ...], Field(min_length=1, max_length=8)] = (60.0, 300.0, 900.0, 3600.0)
    """What is judged: the last so many seconds, several at once. Short ones find a storm within seconds, long ones
    a crisis of a few tweets an hour."""
    baseline: Duration = 86_400.0
    """What it is compared with, with the same hours of the days before: so many seconds before the longest window."""
    false_alarms: Annotated[Number, Field(gt=0, le=100)] = 0.3
    """How often a watch may fire in 30 days when nothing changes; shared by the windows."""
    dispersion: Annotated[Number, Field(ge=0, lt=0.5)] = 0.004
    """How much the share wanders on its own: the correlation between two tweets of one window (beta-binomial)."""
    min_volume: Annotated[Whole, Field(ge=1)] = 20
    """Fewest tweets in the window."""
    min_negative: Annotated[Whole, Field(ge=1)] = 10
    """Fewest negative tweets in the window."""
    growth: Annotated[Number, Field(ge=1)] = 1.25
    """The share must be at least so many times the past's. The model's errors dilute growth: where a fifth of what is
    not negative is called so, twice the negative tweets are 1.4 times the predicted share."""
    resolve_growth: Annotated[Number, Field(ge=1)] = 1.15
    """Hysteresis: the share must fall below so many times the past's to resolve."""
    prior_share: Share = 0.3
    """Negative share assumed for a watch without a past."""
    prior_weight: Annotated[Number, Field(gt=0)] = 50.0
    """How many tweets that assumption is worth."""

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> BadBuzz:
        if min(self.windows) < 10 or max(self.windows) > 3600:
            raise mistake("each must be between 10s and 1h", "windows")
        if list(self.windows) != sorted(set(self.windows)):
            raise mistake("must go from the shortest to the longest, each once", "windows")
        if self.baseline < max(self.windows):
            raise mistake("must not be shorter than the longest window", "baseline")
        if self.resolve_growth > self.growth:
            raise mistake("must not exceed growth", "resolve_growth")
        if self.themes is not None and not self.per_theme:
            raise mistake("needs per_theme: true", "themes")
        if self.warning_from > self.critical_from:
            raise mistake("must not exceed critical_from", "warning_from")
        return self


class Drift(BaseRule):
    """Fires when the model's predictions differ from its predictions on held-out tweets of its training."""

    kind: Literal["drift"]
    within: Annotated[Duration, lasting("10m")] = 86_400.0
    """The predictions of the last so many seconds."""
    min_tweets: Annotated[Whole, Field(ge=1)] = 2000
    """Fewer are not enough for a figure."""
    jensen_shannon: Annotated[Number, Field(gt=0, le=1)] = 0.1
    """Jensen-Shannon divergence of the class shares, in bits (0 the same, 1 nothing in common), above this."""
    kolmogorov_smirnov: Annotated[Number, Field(gt=0, le=1)] = 0.3
    """Largest distance of the cumulated confidences, above this."""
    class_share: Annotated[Number, Field(gt=0, le=1)] = 0.3
    """A class's share has moved by more than this, as a part of all tweets (0.3: 30 points)."""


class Quiet(BaseRule):
    """Fires when far fewer tweets come than at the same time of the days before."""

    kind: Literal["quiet"]
    watches: tuple[Name, ...] | None = None
    """Watches by name; the whole stream when not given."""
    window: Annotated[Duration, lasting("1m", "12h")] = 900.0
    """What is judged: the last so many seconds."""
    below: Share = 0.1
    """Fewer than so many times the expected tweets."""
    min_expected: Annotated[Number, Field(gt=0)] = 20.0
    """A watch of which fewer tweets are expected in the window is never called quiet."""
    min_days: Annotated[Whole, Field(ge=1, le=7)] = 2
    """How many days of past a usual value needs."""


class ForeignVolume(BaseRule):
    """Fires when a watch gets far more tweets than usual in languages that the model does not know.

    The model cannot judge their sentiment; their number and language can be reported.
    """

    kind: Literal["foreign_volume"]
    watches: tuple[Name, ...] | None = None
    """Watches by name; all of them when not given."""
    count: Unit = "voices"
    """What counts, as in `bad_buzz`."""
    window: Annotated[Duration, lasting("10s", "1h")] = 300.0
    """What is judged: the last so many seconds."""
    baseline: Annotated[Duration, lasting("1h")] = 86_400.0
    """What it is compared with, with the same hours of the days before: so many seconds before the window."""
    growth: Annotated[Number, Field(ge=1)] = 3.0
    """At least so many times the usual volume."""
    false_alarms: Annotated[Number, Field(gt=0, le=100)] = 0.3
    """How often a watch may fire in 30 days when nothing changes."""
    min_volume: Annotated[Whole, Field(ge=1)] = 20
    """Fewest of them in the window; alone decides while nothing is known of the past."""


class ModelBroken(BaseRule):
    """Fires while the version that has the champion's alias cannot be loaded; the last good one serves."""

    kind: Literal["model_broken"]


Rule = Annotated[
    ConsecutiveErrors | ErrorCount | Accuracy | BadBuzz | Drift | Quiet | ForeignVolume | ModelBroken,
    Field(discriminator="kind"),
]
AnyRule = ConsecutiveErrors | ErrorCount | Accuracy | BadBuzz | Drift | Quiet | ForeignVolume | ModelBroken
