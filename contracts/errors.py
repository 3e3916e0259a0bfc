"""Errors of one line: what is wrong, which value, and what to do."""

from __future__ import annotations


class BuzzwatchError(Exception):
    """Base of every error that buzzwatch raises on purpose. `str(error)` is one line for a person."""


class SettingsError(BuzzwatchError):
    """A setting is missing or has a value that cannot be used. Names the environment variable."""


class RulesError(BuzzwatchError):
    """The rules file cannot be used. Names file, line and key."""


class ArtefactError(BuzzwatchError):
    """A model artefact is missing, damaged or of another version."""


class Unavailable(BuzzwatchError):
    """A component (Kafka, Redis, MLflow, a port) cannot be reached or used. The message includes a remedy."""


class InvalidRecord(BuzzwatchError):
    """A Kafka record that cannot become an event; it goes to the dead letters.

    The class name is the `error-class` header of the dead letter.
    """


class UnreadableRecord(InvalidRecord):
    """The bytes are no JSON object: null, not UTF-8, not JSON, another JSON shape."""


class InvalidTweet(InvalidRecord):
    """JSON, but no tweet: a field is missing, of another type, empty or too long."""


class InvalidFeedback(InvalidRecord):
    """JSON, but no judgement: an unknown label, a malformed id, a contradiction."""


class ImplausibleFeedback(InvalidRecord):
    """A judgement that cannot be true: of a version that never served, of what was not predicted, one too many."""


class ModelFailure(InvalidRecord):
    """The model raised on this tweet alone, found by splitting its batch."""
