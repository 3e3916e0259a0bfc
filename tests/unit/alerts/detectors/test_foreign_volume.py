from __future__ import annotations

import numpy as np
import pytest

from alerts.backtest.foreign_volume import replay_foreign_volume
from alerts.backtest.series import BUCKET_S, Series
from alerts.counters.counts import Sample
from alerts.detectors.foreign_volume import Past, judge, usual
from alerts.explanation.foreign_volume import begun, ended
from contracts.rules.schema import ForeignVolume

RULE = ForeignVolume(alert="ForeignVolume", kind="foreign_volume")
START_S = 1_790_000_000 // 86_400 * 86_400
HOUR = 3600 // BUCKET_S
NOTHING = Past([], [], 0, 0)


def test_without_a_past_the_least_volume_decides() -> None:
    assert usual(RULE, NOTHING) is None
    assert not judge(RULE, 19, None, firing=False).active
    assert judge(RULE, 20, None, firing=False).active


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (Past([], [], 60, 3600), 5.0),
        (Past([], [], 60, 599), None),
        (Past([12, 12, 120], [], 0, 0), 5.5),
        (Past([12] * 19 + [1200] * 5, [], 0, 0), 1.0),
        (Past([12] * 24, [240, 1, 240], 0, 0), 20.0),
        (Past([12] * 24, [240], 0, 0), 1.0),
        (Past([0] * 24, [0] * 7, 0, 0), 0.0),
    ],
)
def test_usual_is_what_this_time_or_this_day_leads_to_expect(past: Past, expected: float | None) -> None:
    found = usual(RULE, past)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("texts", "expected", "firing", "active"),
    [
        (20, 0.0, False, True),
        (19, 0.0, False, False),
        (59, 20.0, False, False),
        (100, 20.0, False, True),
        (1200, 1000.0, False, False),
        (40, 20.0, True, True),
        (29, 20.0, True, False),
        (9, 0.0, True, False),
    ],
)
def test_a_rise_fires_and_goes_on_until_it_is_half_gone(
    texts: int, expected: float, firing: bool, active: bool
) -> None:
    assert judge(RULE, texts, expected, firing=firing).active is active


def _series(per_bucket: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Series:
    return Series(START_S, *(per_bucket for _ in range(6)))


def test_two_weeks_of_a_bilingual_watch_is_calm_and_its_crisis_fires() -> None:
    days = 14
    at = np.arange(days * 24 * HOUR) * BUCKET_S / 86_400
    rate = 8 * BUCKET_S / 60 * (1.1 - np.cos(at * 2 * np.pi))  # 1 to 17 a minute, as day and night are
    texts = np.random.default_rng(7).poisson(rate)
    crisis = slice(13 * 24 * HOUR + 10 * HOUR, 13 * 24 * HOUR + 11 * HOUR)
    texts[crisis] += np.random.default_rng(8).poisson(8 * rate[crisis])
    found = [
        alert
        for alert in replay_foreign_volume(RULE, {"watch": "acme"}, _series(texts))
        if alert.starts_at_ms > START_S * 1000 + 86_400_000
    ]
    assert len(found) == 1
    began_s = START_S + 13 * 86_400 + 10 * 3600
    assert began_s <= found[0].starts_at_ms / 1000 <= began_s + 300
    assert found[0].ends_at_ms is not None
    assert found[0].ends_at_ms / 1000 <= began_s + 3600 + 360


def _said(number: int, text: str, lang: str) -> Sample:
    return Sample("air", 1000 + number, text, (), str(number), lang)


def test_the_alert_names_languages_words_and_tweets() -> None:
    french = ["ma valise est perdue", "valise toujours pas arrivée, personne au guichet", "où est ma valise ? honteux"]
    now = [_said(number, text, "fr") for number, text in enumerate(french)] + [_said(9, "mi maleta no llega", "es-MX")]
    verdict = judge(RULE, 60, 2.0, firing=False)
    told = begun(RULE, "air-paradis", verdict, ["@airparadis"], {"now": now, "before": []})
    assert told["summary"] == ("Many tweets about air-paradis in French: 60 voices in the last 5 min, 2 are usual")
    assert (told["languages"], told["top_terms"].split(", ")[0]) == ("fr, es", "valise")
    assert "French (3), Spanish (1)" in told["description"]
    assert {told["sample_1"], told["sample_2"], told["sample_3"]} <= {sample.text for sample in now}
    over = ended(RULE, "air-paradis", judge(RULE, 3, 2.0, firing=True), told)
    assert over["sample_1"] == told["sample_1"]
    assert "as usual" in over["summary"]


def test_without_texts_and_past_it_still_says_what_is_known() -> None:
    told = begun(RULE, "air", judge(RULE, 25, None, firing=False), [], {"now": [], "before": []})
    assert told["summary"].startswith("Many tweets about air in languages that the model does not know: 25")
    assert "nothing is known of the past" in told["description"]
    assert told["languages"] == "" == told["volume_before"]
