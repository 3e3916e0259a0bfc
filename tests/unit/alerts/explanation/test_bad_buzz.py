from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from alerts.counters.counts import Counts, Sample, Volume
from alerts.detectors.bad_buzz import Verdict
from alerts.detectors.baseline import Baseline
from alerts.explanation.bad_buzz import Evidence, begun, ended, grown_themes, span, typical_samples
from alerts.explanation.escalation import escalation
from alerts.state.alert import Alert, Transition
from alerts.state.lifecycle import report
from contracts.rules.schema import BadBuzz
from tests.unit.alerts.one_subject import assess

RULE = BadBuzz(alert="BadBuzz", kind="bad_buzz")
NOW_MS = 1_790_000_000_000
BASELINE = Baseline(*(np.array([value]) for value in (0.3, 0.01, 0.0, 10_000.0)))


def sample(text: str, number: int = 0) -> Sample:
    return Sample("air-paradis", NOW_MS + number, text, ("baggage",), str(number))


CRISIS = [
    sample("@user my suitcase never came out of the carousel, thanks Air Paradis", 1),
    sample("@user my suitcase never came out of the carousel, thanks air paradis!!", 2),
    sample("third hour at the carousel and no suitcase <url>", 3),
    sample("who do I call about a broken suitcase? nobody answers", 4),
    sample("worst day", 5),
]


def volume(tweets: Counts, texts: Counts | None = None, voices: Counts | None = None) -> Volume:
    texts = texts or tweets
    return Volume(tweets, texts, voices or texts)


def verdict_on(
    counts: Counts, texts: Counts | None = None, voices: Counts | None = None, *, firing: bool = False
) -> Verdict:
    return assess(RULE, [volume(counts, texts, voices)] * len(RULE.windows), BASELINE, firing=firing)


def evidence(verdict: Verdict, **changes: object) -> Evidence:
    share = verdict.counted.share
    usual = {
        "about": "air-paradis",
        "own_terms": ["air paradis"],
        "verdict": verdict,
        "escalation": escalation(share_now=share, share_before=0.3, negative=verdict.counted.negative),
        "volume_before": 6.9,
        "past_tweets": 10_000.0,
        "themes_now": {"baggage": 40, "crew": 5, "food": 0, "delay": 6},
        "themes_before": {"baggage": 0.3, "crew": 0.1, "delay": 9.0},
        "samples": CRISIS,
        "samples_before": [],
        "since_ms": NOW_MS,
        "model_version": "7",
    }
    return Evidence(**(usual | changes))  # type: ignore[arg-type]


def test_no_two_of_the_three_tweets_are_near_duplicates() -> None:
    chosen = typical_samples(CRISIS, ["suitcase", "carousel"])
    assert len(chosen) == 3
    assert sum("never came out" in text for text in chosen) == 1
    storm = [sample(f"@user lost my bag again AirParadis {number}", number) for number in range(50)]
    assert len(typical_samples(storm, ["bag"])) == 1


@pytest.mark.parametrize(
    ("template", "fillings"),
    [
        ("terrible flight wurd{0} plane BX{0}", range(30)),
        ("worst airline ever, flight UA{0} cancelled", range(1000, 1030)),
        ("@user{0} {0} you lost my bag again, this is the worst and nobody answers {0}", ["abc", "defg", "hij"]),
        ("H&amp;M said “no”, {0}", ["then this", "then that"]),
        ("vol annulé, aucune nouvelle de {0}, honte à vous", ["Paul", "Anne", "Zoé"]),
        ("飛行機が遅れています{0}", [1, 2, 3]),
        ("😡😡 {0}", [1, 2, 3]),
    ],
)
def test_a_template_filled_in_many_times_is_shown_once(template: str, fillings: Iterable[object]) -> None:
    crowd = [sample(template.format(filling), number) for number, filling in enumerate(fillings)]
    other = sample("two hours on the tarmac and no water", 99)
    assert len(typical_samples(crowd, ["flight"])) == 1
    assert len(typical_samples([*crowd, other], ["flight"])) == 2


def test_people_who_say_different_things_are_all_shown() -> None:
    texts = ["you lost my bag at JFK", "three hours late and nobody at the gate", "refund my cancelled flight now"]
    assert len(typical_samples([sample(text, number) for number, text in enumerate(texts)], [])) == 3


def test_themes_come_in_the_order_of_their_growth() -> None:
    now = {"delay": 30, "baggage": 12, "food": 0}
    assert grown_themes(now, {"delay": 28.0, "baggage": 0.2}) == [("baggage", 12), ("delay", 30)]


def test_annotations_give_the_reason_as_strings() -> None:
    annotations = begun(evidence(verdict_on(Counts(50, 5, 5))))
    assert all(isinstance(text, str) for text in annotations.values())
    assert annotations["summary"] == "Bad buzz about air-paradis: 83% of 60 voices are negative, 30% before"
    assert annotations["top_themes"] == "baggage (40), crew (5), delay (6)"
    assert annotations["top_terms"].startswith("suitcase, carousel")
    assert (annotations["share_now"], annotations["share_before"]) == ("0.833", "0.300")
    assert (annotations["volume_now"], annotations["volume_before"]) == ("60", "6.9")
    assert {"sample_1", "sample_2", "sample_3", "p_value", "growth"} <= annotations.keys()
    assert annotations["model_version"] == "7"
    assert annotations["since"] == "2026-09-21T14:13:20.000Z"
    assert 0 < float(annotations["score"]) <= 100

    over = verdict_on(Counts(1, 2, 3), firing=True)
    last = ended("air-paradis", over, 6.9, annotations)
    assert last["summary"] == "Bad buzz about air-paradis is over: 17% of 6 voices are negative"
    assert last["top_themes"] == annotations["top_themes"]
    assert last["volume_now"] == "6"

    silent = ended("air-paradis", verdict_on(Counts(0, 0, 0), firing=True), 6.9, annotations)
    assert silent["summary"] == "Bad buzz about air-paradis is over: no voices any more"
    assert silent["description"].startswith("no voices in the last ")
    assert "of 0" not in silent["summary"] + silent["description"]


def test_repeated_texts_are_told_apart_from_voices() -> None:
    annotations = begun(evidence(verdict_on(Counts(500, 5, 5), Counts(50, 5, 5))))
    assert "50 of 60 voices (500 of 510 tweets) in" in annotations["description"]
    assert (annotations["volume_now"], annotations["texts_now"], annotations["voices_now"]) == ("510", "60", "60")
    assert "viral" not in annotations


def test_a_complaint_that_many_pass_on_is_named_viral() -> None:
    passed_on = [sample(f"RT @user: they lost all bags of flight {number}", number) for number in range(8)]
    verdict = verdict_on(Counts(50, 5, 5), Counts(3, 5, 5), Counts(45, 5, 5))
    annotations = begun(evidence(verdict, samples=[*CRISIS[:2], *passed_on]))
    assert annotations["summary"].startswith("Viral bad buzz about air-paradis: 82% of 55 voices are negative")
    assert "45 of 55 voices (3 of 13 different texts, 50 of 60 tweets)" in annotations["description"]
    assert annotations["viral"].startswith("RT @user: they lost all bags of flight")
    few = verdict_on(Counts(50, 5, 5), Counts(40, 5, 5), Counts(45, 5, 5))
    assert "viral" not in begun(evidence(few, samples=passed_on))


def test_the_log_says_why_it_fires_and_quotes_nobody(caplog: pytest.LogCaptureFixture) -> None:
    passed_on = [sample(f"they lost all zqbags of flight {number}", number) for number in range(8)]
    verdict = verdict_on(Counts(50, 5, 5), Counts(3, 5, 5), Counts(45, 5, 5))
    annotations = begun(evidence(verdict, samples=[*CRISIS[:2], *passed_on]))
    assert "zqbags" in annotations["viral"]
    assert "zqbags" in annotations["top_terms"]
    own = {"summary": f"they say: {annotations['sample_1']}"}
    with caplog.at_level(logging.INFO, "buzzwatch.alerts"):
        report(
            Transition("firing", Alert("bad_buzz", "f", {"alertname": "BadBuzz"}, notes, 0, 0.9))
            for notes in (annotations, annotations | own)
        )
    assert caplog.text.count("alert firing BadBuzz") == 2
    assert "45 of 55 voices (3 of 13 different texts, 50 of 60 tweets)" in caplog.text
    assert not any(word in caplog.text for word in ("zqbags", "suitcase"))


def test_nothing_to_show_breaks_nothing() -> None:
    nothing = evidence(
        verdict_on(Counts(50, 5, 5)), samples=[sample("\x00"), sample("   ")], themes_now={}, past_tweets=0.0
    )
    annotations = begun(nothing)
    assert annotations["top_terms"] == annotations["top_themes"] == ""
    assert "baseline: none" in annotations["description"]


def test_spans_are_written_as_people_say_them() -> None:
    assert [span(seconds) for seconds in (10, 60, 90, 300, 3600, 5400)] == [
        "10 s", "60 s", "90 s", "5 min", "1 h", "90 min",
    ]  # fmt: skip


def test_texts_that_cannot_be_dealt_with_cost_an_alert_its_words_alone(caplog: pytest.LogCaptureFixture) -> None:
    broken: Any = None
    found = begun(evidence(verdict_on(Counts(48, 60)), samples=[*CRISIS, sample(broken)]))
    assert found["summary"].startswith("Bad buzz about air-paradis: 44% of 108 voices")
    assert (found["top_terms"], found["top_themes"].startswith("baggage (40)"), "sample_1" in found) == (
        "",
        True,
        False,
    )
    assert "an alert cannot be explained by its tweets" in caplog.text
