from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contracts.events import Sentiment
from learning.labels.resolution import Label
from learning.report.mistakes import as_json, by_version, markdown, mistakes
from tests.unit.learning.labels.saying import DAY
from training.data.topics import topics

BAG = ["bag", "suitcase", "carousel", "luggage"]
GATE = ["gate", "boarding", "queue", "delayed"]
FILL = ["yesterday", "really", "morning", "again", "hours", "people", "still", "today"]


def texts(words: list[str], count: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [f"@user {' '.join([*rng.choice(words, 3), *rng.choice(FILL, 2)])} <url>" for _ in range(count)]


def label(
    text: str,
    truth: Sentiment,
    said: int,
    version: str | None = "1",
    sources: Sequence[str] = ("review",),
    watches: Sequence[str] = (),
) -> Label:
    scores = [0.1, 0.1, 0.1]
    scores[said] = 0.8
    return Label(
        text=text, label=truth, probability=0.8, judges=1, sources=tuple(sources), created_at=DAY, tweet_id=None,
        prediction_id=None, model_version=version, scores=(scores[0], scores[1], scores[2]), watches=tuple(watches),
    )  # fmt: skip


def themes_of(found: Sequence[str]) -> list[list[str]]:
    return [["baggage"] if set(BAG) & set(text.split()) else [] for text in found]


def test_before_and_after_a_retraining_stand_beside_each_other() -> None:
    labels = [
        *(label(text, "negative", 1, watches=["delta"]) for text in texts(BAG, 40, 0)),  # all wrong before
        *(label(text, "negative", 2, sources=("feedback",)) for text in texts(GATE, 20, 1)),
        *(label(text, "negative", 0, "2") for text in texts(BAG, 30, 2)),  # right now
        *(label(text, "negative", 1, "2") for text in texts(GATE, 20, 3)),
        label("nobody knows what was said", "neutral", 0, None),
    ]
    found = mistakes(labels, themes_of)
    assert found.versions == ["1", "2"]
    assert (found.themes["baggage"]["1"].wrong, found.themes["baggage"]["2"].wrong) == (40, 0)
    assert found.themes["baggage"]["2"].judged == 30
    assert (found.themes[""]["1"].by_choice, found.themes[""]["2"].by_choice) == (20, 0)
    assert found.confusions["1"].most_common(1) == [(("negative", "neutral"), 40)]
    assert found.without_answer == 1
    about_bags = [one for one in found.topics if one.themes["baggage"] > len(one.texts) / 2]
    assert sum(by_version(one, found)["1"] for one in about_bags) >= 38
    assert sum(by_version(one, found)["2"] for one in about_bags) <= 2
    assert set(about_bags[0].words) & set(BAG)
    said = markdown(found)
    assert "| – delta | " in said
    of_delta = [one["watches"]["delta"] for one in as_json(found)["topics"] if "delta" in one["watches"]]
    assert sum(one["1"] for one in of_delta) >= 38
    assert sum(one["2"] for one in of_delta) == 0
    assert "| baggage | 40 of 40 | 0 of 30 |" in said
    assert "| no theme | 20 of 20, 20 reported | 20 of 20 |" in said
    assert "| delta | 40 of 40 | – |" in said
    assert "| no watch known | 20 of 20, 20 reported | 20 of 50 |" in said
    assert "Version 1: negative called neutral (40), negative called positive (20)." in said
    assert as_json(found)["wrong"] == 80


def test_few_mistakes_are_no_topics_and_none_is_said_so() -> None:
    assert "Too few mistakes for topics: 3." in markdown(
        mistakes([label(f"a{n}", "neutral", 0) for n in range(3)], themes_of)
    )
    assert "No judged tweet says what the model had answered." in markdown(mistakes([], themes_of))


def test_texts_without_a_word_in_common_have_no_topics_and_others_text_is_no_markup() -> None:
    assert topics([f"word{chr(97 + n)}xyz" for n in range(26)], [()] * 26) == []
    odd = [label(f"| # [{'x' * n}](y) *bag* carousel", "neutral", 0) for n in range(30)]
    lines = [line for line in markdown(mistakes(odd, themes_of)).splitlines() if "carousel" in line]
    assert not any("| #" in line or "](y)" in line for line in lines)


def test_the_same_texts_give_the_same_topics() -> None:
    some = [*texts(BAG, 30, 0), *texts(GATE, 30, 1)]
    assert topics(some, [()] * 60) == topics(some, [()] * 60)
