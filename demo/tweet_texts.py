"""The script: ordinary days of several airlines, a baggage breakdown at Air Paradis while Delta is on strike, recovery.

All tweets are made up here from templates. A fixed seed plays the same crisis every time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final, NamedTuple

WATCHED: Final = "@AirParadis"
ON_STRIKE: Final = "@Delta"
_OTHERS: Final = ("@united", "@JetBlue", "@SouthwestAir", "@Delta")

_PLACES: Final = ("Lyon", "Lisbon", "Boston", "Denver", "Oslo", "Madrid", "Austin", "Rome", "Dublin", "Geneva", "Nice")
_TIMES: Final = ("this morning", "tonight", "today", "at noon", "just now", "on Monday", "this evening", "an hour ago")

_HAPPY: Final = (
    "{airline} thank you for the smooth flight to {place} {time}!",
    "Great crew on the {airline} flight to {place} {time}, loved it",
    "{airline} you made my day, free upgrade to {place} 😍",
    "Landed in {place} early {time}. Well done {airline}!",
    "Best coffee I ever had on a plane, thanks {airline} 👍 ({place}, {time})",
    "{airline} your agent in {place} was so kind and helpful {time}, thank you",
)
_PLAIN: Final = (
    "{airline} which terminal do you use in {place}?",
    "Flying {airline} to {place} {time}.",
    "{airline} do you serve {place} in winter?",
    "At the gate for {place} {time} with {airline}",
    "{airline} is there wifi on the flight to {place}?",
    "Anyone else on the {airline} flight to {place} {time}?",
)
_GRUMBLING: Final = (
    "{airline} an hour late to {place} {time}, not happy",
    "{airline} the seats to {place} are so uncomfortable",
    "Been on hold with {airline} for 40 minutes about {place}. Terrible service",
    "{airline} cancelled my flight to {place} {time} and nobody answers",
)
_CRISIS: Final = (
    "{airline} lost my bag again in {place}. Worst airline ever",
    "No luggage in {place}, no answer, no help. I am furious {airline}",
    "{airline} 300 suitcases piled up in {place} and nobody cares. Disgusting",
    "Three hours at the baggage belt in {place} {time}, still nothing. Never again {airline}",
    "{airline} where is my suitcase?! It was supposed to be in {place} {time}. This is a nightmare",
    "My kids have no clothes because {airline} lost our luggage in {place}. Awful",
    "{airline} your baggage system in {place} is broken and your staff is rude. Horrible",
    "Still waiting for my bag in {place}, day ruined. Thanks for nothing {airline} 😡",
    "{airline} how can you lose every single bag of a flight to {place}? Pathetic",
)
# A crisis of somebody else, for which nobody here wants to be woken.
_STRIKE: Final = (
    "{airline} strike again, stuck in {place} with two kids. Terrible",
    "{airline} cancelled everything to {place} {time} because of the strike. Worst airline ever",
    "Stranded in {place} {time}, {airline} does not even answer. Awful",
    "{airline} your strike ruined our wedding in {place}. I am so angry",
    "Slept on the floor in {place} thanks to the {airline} strike. Disgusting",
    "{airline} no hotel, no refund, no information in {place} {time}. Horrible",
    "The {airline} strike cost me my job interview in {place}. Hate this airline",
)
# Praise on the surface: the model is expected to fall for some of these, and people say so.
SARCASM: Final = (
    "Wow {airline}, my bag gets to see {place} without me, how lovely of you! Thank you so much!",
    "Love it {airline}! Such a great surprise, a holiday in {place} without luggage 😍",
    "Thanks {airline}, best trip ever, my suitcase is having so much fun in {place}!",
    "Amazing {airline}, what a wonderful way to travel light to {place}! Love you guys",
    "So happy {airline} found a good home for my bag in {place}, awesome work, thank you!",
)


class Line(NamedTuple):
    """One tweet of the script."""

    text: str
    label: str
    """A person's label: negative, neutral or positive."""


def ordinary(rng: random.Random) -> Line:
    """A tweet of an ordinary day: a quarter of them negative."""
    draw = rng.random()
    templates, label = (
        (_GRUMBLING, "negative") if draw < 0.25 else (_PLAIN, "neutral") if draw < 0.6 else (_HAPPY, "positive")
    )
    return Line(_fill(rng, rng.choice(templates), rng.choice((WATCHED, *_OTHERS))), label)


def angry(rng: random.Random) -> Line:
    """A tweet of the crisis."""
    return Line(_fill(rng, rng.choice(_CRISIS), WATCHED), "negative")


def stranded(rng: random.Random) -> Line:
    """A tweet of the other airline's strike."""
    return Line(_fill(rng, rng.choice(_STRIKE), ON_STRIKE), "negative")


def sarcastic(rng: random.Random) -> Iterator[Line]:
    """Complaints that read like praise."""
    for template in SARCASM:
        yield Line(_fill(rng, template, WATCHED), "negative")


def _fill(rng: random.Random, template: str, airline: str) -> str:
    return template.format(airline=airline, place=rng.choice(_PLACES), time=rng.choice(_TIMES))
