"""Checks of a rules file's receivers beyond their schema: they can be reached."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.rules.file import Mistake
from contracts.rules.receivers import Apprise
from contracts.rules.schema import Rules


def receivers_can_be_reached(rules: Rules) -> Iterator[Mistake]:
    """Apprise can read the addresses, and their files exist. For the process that delivers."""
    from alerts.receivers.apprise_client import unreadable  # imported here: the worker and the API need no HTTP clients

    for number, receiver in enumerate(rules.receivers):
        if isinstance(receiver, Apprise):
            problem = unreadable(receiver)
            if problem is not None:
                key = "url" if receiver.url is not None else "url_file"
                yield Mistake(problem, ("receivers", number, key))
