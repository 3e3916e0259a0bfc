"""The rules file for commands that can do without it."""

from __future__ import annotations

from cli.output.wide import say
from contracts.errors import RulesError
from contracts.rules.file import load_rules
from contracts.rules.schema import Rules
from contracts.settings import Settings


def rules_if_usable(settings: Settings, without: str) -> Rules | None:
    """None when it cannot be used here, say for a secret that only the notifier has; standard error says why.

    Args:
        without: what the command cannot do then, the beginning of that line.
    """
    try:
        return load_rules(settings.rules)
    except RulesError as error:
        say(f"{without}: {error}")
        return None
