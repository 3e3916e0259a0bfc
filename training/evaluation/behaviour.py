"""Behavioural tests of any model, a pass rate per family, after CheckList (Ribeiro et al. 2020, arXiv:2005.04118).

Minimum functionality (plain praise, negation …: the label is given), invariance (names, typos, look-alikes: the label
stays) and direction (emphasis, emoji, an added complaint: the balance moves the right way). All texts are made up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.base.sentiment import Scores

GOOD: Final = ("great", "excellent", "amazing", "wonderful", "fantastic", "lovely", "awesome", "brilliant")
BAD: Final = ("terrible", "awful", "horrible", "disgusting", "pathetic", "dreadful", "rude", "useless")
THINGS: Final = ("crew", "flight", "service", "food", "seat", "staff")
QUESTIONS: Final = (
    "@AirParadis do you fly from Lyon to Oslo on Sundays?",
    "@AirParadis what time does check-in open for flight 212?",
    "@AirParadis which terminal do you use at Heathrow?",
    "Air Paradis announces a new route from Paris to Lisbon",
    "@AirParadis is there a flight to Rome tomorrow?",
    "@AirParadis how many bags can I take on board?",
    "Boarding at gate 12 for Madrid with Air Paradis",
    "@AirParadis can I change the name on my booking?",
)
COMPLAINTS: Final = (
    "@AirParadis you lost my bag again and nobody answers the phone",
    "@AirParadis flight cancelled, no explanation, stuck in Lyon overnight",
    "three hours on the tarmac, never flying Air Paradis again",
    "@AirParadis worst customer service ever",
    "@AirParadis still waiting for my refund after six weeks",
    "@AirParadis your website keeps crashing and I can't check in",
    "our bags never arrived and @AirParadis doesn't care",
    "@AirParadis delayed again, missed my connection, thanks for nothing",
)
PRAISE: Final = (
    "@AirParadis thank you so much, the crew was wonderful",
    "best flight I have had in years, thanks @AirParadis",
    "@AirParadis great service today, you made my trip",
    "love the new seats on @AirParadis",
    "huge thanks to the @AirParadis team in Nice for finding my bag so fast",
    "@AirParadis smooth flight, friendly staff, arrived early. Awesome!",
)
SARCASM: Final = (
    "great, another three hour delay, just what I needed @AirParadis",
    "oh wonderful, my bag is in Oslo and I am in Rome",
    "thanks @AirParadis for losing my bag on my honeymoon, brilliant job",
    "so happy to sleep on the airport floor tonight, thanks @AirParadis",
    "love it when my flight is cancelled without a word",
    "what a lovely surprise, no seat for the passenger who paid for one",
    "nice work @AirParadis, you managed to lose it twice",
    "I just love waiting two hours on hold, amazing service",
)
_SIGNS: Final = (("😍", "😡"), ("😊", "😭"), ("👍", "👎"), (":)", ":("), ("❤️", "💔"), ("🎉", "🤬"))
_PEOPLE: Final = ("Emma", "Mohamed", "Wei", "Olga", "Jamal", "Fatou")
_TOWNS: Final = ("Lyon", "Lagos", "Oslo", "Delhi", "Boston", "Lima")
_NEGATIONS: Final = ("was not {}", "wasn't {}", "was never {}", "was far from {}")
# Cyrillic and full-width letters that look like Latin ones.
_LOOK_ALIKES: Final = str.maketrans({"a": "а", "e": "е", "o": "о"})


def pass_rates(model: Scores) -> dict[str, float]:
    """Family of tests → share of its cases that pass."""
    return {name: round(float(np.mean(cases(model))), 4) for name, cases in FAMILIES.items()}


def _labels(model: Scores, texts: Sequence[str]) -> NDArray[np.intp]:
    labels: NDArray[np.intp] = model.predict_proba(list(texts)).argmax(axis=1)
    return labels


def _balance(model: Scores, texts: Sequence[str]) -> NDArray[Any]:
    table = model.predict_proba(list(texts))
    balance: NDArray[Any] = table[:, 2] - table[:, 0]
    return balance


def _plain(model: Scores) -> Any:
    up = _labels(model, [f"the {thing} was {word}" for thing, word in product(THINGS, GOOD)]) == 2
    down = _labels(model, [f"the {thing} was {word}" for thing, word in product(THINGS, BAD)]) == 0
    return np.concatenate([up, down, _labels(model, PRAISE) == 2, _labels(model, COMPLAINTS) == 0])


def _neutral(model: Scores) -> Any:
    return _labels(model, QUESTIONS) == 1


def _negation(model: Scores) -> Any:
    """Praise that is denied is not positive."""
    texts = [f"the {thing} {phrase.format(word)}" for thing, phrase, word in product(THINGS, _NEGATIONS, GOOD)]
    return _labels(model, texts) != 2


def _emphasis(model: Scores) -> Any:
    """Shouted or stretched, the label stays."""
    texts = [*PRAISE, *COMPLAINTS]
    louder = [text.upper().replace("@AIRPARADIS", "@AirParadis") + "!!!" for text in texts]
    longer = [text.replace("so ", "sooooo ").replace("never", "neverrrr").replace("love", "loooove") for text in texts]
    return _labels(model, [*louder, *longer]) == np.tile(_labels(model, texts), 2)


def _emoji(model: Scores) -> Any:
    """A happy sign gives a better balance than a sad one in the same place."""
    frames = (
        "Air Paradis {}",
        "on board now {}",
        "my flight today {}",
        "{} landed in Oslo",
        "just saw the new seats {}",
    )
    up = _balance(model, [frame.format(happy) for frame, (happy, _) in product(frames, _SIGNS)])
    return up > _balance(model, [frame.format(sad) for frame, (_, sad) in product(frames, _SIGNS)])


def _sarcasm(model: Scores) -> Any:
    """Blame in the words of praise is negative. Known to fail in models of words."""
    return _labels(model, SARCASM) == 0


def _names(model: Scores) -> Any:
    """Other people and towns, the same label."""
    found = []
    for frame in ("{} at the desk in {} was so helpful, thank you", "{} at the desk in {} was incredibly rude to us"):
        labels = _labels(model, [frame.format(*pair) for pair in product(_PEOPLE, _TOWNS)])
        found.append(labels == np.bincount(labels).argmax())
    return np.concatenate(found)


def _typos(model: Scores) -> Any:
    """Two letters swapped in the longest word, the label stays."""
    texts = [*PRAISE, *COMPLAINTS]
    return _labels(model, [_swapped(text) for text in texts]) == _labels(model, texts)


def _look_alikes(model: Scores) -> Any:
    """Cyrillic letters in place of Latin ones, the label stays."""
    texts = [*PRAISE, *COMPLAINTS]
    return _labels(model, [_longest_replaced(text, str.translate) for text in texts]) == _labels(model, texts)


def _added(model: Scores) -> Any:
    """A complaint at the end never makes it better, thanks never worse."""
    texts = [*PRAISE, *COMPLAINTS, *QUESTIONS]
    before = _balance(model, texts)
    down = [
        _balance(model, [text + end for text in texts]) <= before + 0.05
        for end in (" This is terrible.", " I hate this.")
    ]
    return np.concatenate(
        [*down, _balance(model, [text + " I love it, great job!" for text in texts]) >= before - 0.05]
    )


def _swapped(text: str) -> str:
    word = max(text.replace("@AirParadis", "").split(), key=len)
    return text.replace(word, word[:2] + word[3] + word[2] + word[4:])


def _longest_replaced(text: str, translate: Callable[[str, Any], str]) -> str:
    word = max(text.replace("@AirParadis", "").split(), key=len)
    return text.replace(word, translate(word, _LOOK_ALIKES))


FAMILIES: Final[dict[str, Callable[[Scores], Any]]] = {
    "plain praise and blame": _plain,
    "questions and news are neutral": _neutral,
    "negation": _negation,
    "emphasis": _emphasis,
    "emoji": _emoji,
    "sarcasm": _sarcasm,
    "names and places": _names,
    "typos": _typos,
    "look-alike letters": _look_alikes,
    "an addition": _added,
}
