from __future__ import annotations

import numpy as np
import pytest

from alerts.detectors.drift import Reference
from contracts.events import SENTIMENTS, ModelRef, Prediction, Scores
from contracts.settings import Settings
from learning.estimate.cbpe import Calibration
from learning.estimate.evidence import unseen_words_of
from learning.estimate.findings import JudgedAccuracy, as_json, findings
from learning.estimate.stream_figures import EVERYTHING, Answers, by_version, together
from models.base.artefact import read_metadata
from models.text.word_profile import WordProfile
from training.evaluation.held_out import HeldOut

REFERENCE = Reference((0.4, 0.3, 0.3), (0.05,) * 20)
PEOPLE = ("airline", "kaggle", "semeval")
_SHIPPED = HeldOut.load(Settings().artefact)
assert _SHIPPED is not None
KNOWN = sum((_SHIPPED.words[name] for name in PEOPLE), WordProfile())


@pytest.fixture(scope="module")
def held_out() -> HeldOut:
    found = HeldOut.load(Settings().artefact)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def calibration(held_out: HeldOut) -> Calibration:
    return Calibration.of(held_out)


def answers(confidence: np.ndarray, shares: tuple[float, float, float] = (0.4, 0.3, 0.3), unknown: int = 0) -> Answers:
    found = Answers(confidence.tolist(), unknown=unknown, profile=KNOWN)
    for label, share in zip(SENTIMENTS, shares, strict=True):
        found.classes[label] = round(share * (len(confidence) + unknown))
    return found


def usual(held_out: HeldOut) -> np.ndarray:
    return np.asarray(held_out.scores[np.isin(held_out.source, PEOPLE)].max(axis=1))


def test_a_crisis_changes_the_world_and_not_the_model(held_out: HeldOut, calibration: Calibration) -> None:
    found = findings(answers(usual(held_out), (0.85, 0.1, 0.05)), calibration, REFERENCE)
    assert "negative tweets are 85% instead of 40%" in found.world[0]
    assert found.model == ()


def test_an_ordinary_day_is_no_finding(held_out: HeldOut, calibration: Calibration) -> None:
    found = findings(answers(usual(held_out)), calibration, REFERENCE)
    assert (found.world, found.model, found.estimate.doubts) == ((), (), ())


def test_judged_tweets_show_a_model_that_is_worse_and_an_estimate_that_is_wrong(
    held_out: HeldOut, calibration: Calibration
) -> None:
    judged = JudgedAccuracy(400, 0.55, 0.50, 0.60)
    found = findings(answers(usual(held_out)), calibration, REFERENCE, judged)
    assert "judged accuracy 0.550" in found.model[0]
    assert "400 tweets that were drawn at random" in found.estimate.doubts[0]
    assert found.world == ()


def test_a_model_that_is_less_sure_is_estimated_to_be_worse(held_out: HeldOut, calibration: Calibration) -> None:
    hard = usual(held_out)
    hard = np.sort(hard)[: len(hard) // 2]
    found = findings(answers(hard), calibration, REFERENCE)
    assert found.estimate.accuracy is not None
    assert found.estimate.accuracy < calibration.accuracy - 0.08
    assert found.estimate.trusted
    assert "estimated accuracy" in found.model[0]


def test_unknown_languages_are_a_change_of_the_world(held_out: HeldOut, calibration: Calibration) -> None:
    found = findings(answers(usual(held_out), unknown=4_000), calibration, REFERENCE)
    assert "languages that the model does not know" in found.world[-1]
    assert as_json(found)["trusted"] is False


def prediction(version: str, watches: list[str], *, reliable: bool = True) -> Prediction:
    return Prediction(
        "1", "p", "negative", 0.9, Scores(0.9, 0.05, 0.05), watches, ["baggage"], ModelRef("sentiment", version),
        "my bag is gone", "en", "2026-11-20T10:00:00.000Z", "2026-11-20T10:00:01.000Z", reliable,
    )  # fmt: skip


def whole_share(cells: dict[tuple[str, str], Answers]) -> float | None:
    return together(one for (_, watch), one in cells.items() if watch == EVERYTHING).unseen_words


def test_predictions_are_counted_by_version_day_and_watch() -> None:
    day_ms = 1_795_000_000_000
    both = [prediction("7", ["air"]), prediction("7", [], reliable=False), prediction("8", [])]
    found = by_version([(one, day_ms) for one in both])
    numbers = {
        version: sum(one.n for (_, watch), one in cells.items() if watch == EVERYTHING)
        for version, cells in found.items()
    }
    assert numbers == {"7": 2, "8": 1}
    [air] = [one for (_, watch), one in found["7"].items() if watch == "air"]
    assert (air.n, air.confidence, air.mean_words, air.themes["baggage"]) == (1, [0.9], 4, 1)
    assert whole_share(found["7"]) is None

    def words(text: str) -> tuple[int, int]:
        return len(text.split()), 1

    counted = by_version([(one, day_ms) for one in both], "7", words)
    assert whole_share(counted["7"]) == 0.25  # of the one text in a language that the model knows
    whole = together(one for (_, watch), one in found["7"].items() if watch == EVERYTHING)
    assert (whole.n, whole.unknown, len(whole.confidence)) == (2, 1, 1)


def test_what_a_version_notes_of_unseen_words_is_read_and_rubbish_is_none() -> None:
    assert unseen_words_of({"unseen_words": {"airline": 0.063, "odd": "x"}}) == {"airline": 0.063}
    assert unseen_words_of({}) == unseen_words_of({"unseen_words": [1]}) == {}


def test_the_shipped_version_notes_the_sets_that_people_labelled_and_french_is_the_strangest() -> None:
    noted = unseen_words_of(read_metadata(Settings().artefact))
    assert set(noted) == {"airline", "semeval", "kaggle", "french"}
    assert max(noted, key=lambda name: noted[name]) == "french"
    assert all(0.01 < share < 0.2 for share in noted.values())
