"""The annotations that a rule adds to its alerts, filled in."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.rules.schema import BaseRule
from contracts.rules.templates import fill_in


def with_own(rule: BaseRule, labels: Mapping[str, str], annotations: Mapping[str, str], value: float) -> dict[str, str]:
    """The alert's annotations and the rule's own, which come first where both have one."""
    own = {
        name: fill_in(text, labels=labels, annotations=annotations, value=value)
        for name, text in rule.annotations.items()
    }
    return {**annotations, **own}
