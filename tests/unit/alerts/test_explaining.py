from __future__ import annotations

from alerts.counts import Counts, Sample
from alerts.detectors.bad_buzz import judge
from alerts.explaining import begun, ended, top_terms, typical_samples, words_of
from contracts.rules import BadBuzz

RULE = BadBuzz(alert="BadBuzz", kind="bad_buzz", annotations={"runbook": "call the desk"})


def sample(text: str, number: int = 0) -> Sample:
    return Sample("air-paradis", 1_790_000_000_000 + number, text, ("baggage",), str(number))


CRISIS = [
    sample("@user my suitcase never came out of the carousel, thanks Air Paradis", 1),
    sample("@user my suitcase never came out of the carousel, thanks air paradis!!", 2),
    sample("third hour at the carousel and no suitcase <url>", 3),
    sample("who do I call about a broken suitcase? nobody answers", 4),
    sample("worst day", 5),
]


def test_top_terms_leave_out_stop_words_placeholders_and_the_watch_itself() -> None:
    terms = top_terms(CRISIS, ["@airparadis", "air paradis"])
    assert terms[:2] == ["suitcase", "carousel"]
    assert not set(terms) & {"user", "url", "air", "paradis", "the", "and"}
    assert words_of("@user <url> the RT it’s 12345") == set()


def test_no_two_of_the_three_tweets_are_near_duplicates() -> None:
    chosen = typical_samples(CRISIS, ["suitcase", "carousel"])
    assert len(chosen) == 3
    assert sum("never came out" in text for text in chosen) == 1
    storm = [sample(f"@user lost my bag again AirParadis {number}", number) for number in range(50)]
    assert len(typical_samples(storm, ["bag"])) == 1


def test_annotations_give_the_reason_as_strings() -> None:
    window = {
        ("air-paradis", ""): Counts(50, 5, 5),
        ("air-paradis", "baggage"): Counts(40, 0, 1),
        ("air-paradis", "crew"): Counts(2, 0, 0),
        ("air-paradis", "food"): Counts(0, 3, 0),
        ("united", "delay"): Counts(99, 0, 0),
    }
    verdict = judge(RULE, window["air-paradis", ""], Counts(3000, 3000, 4000), firing=False)
    annotations = begun(RULE, "air-paradis", ["air paradis"], verdict, window, CRISIS, "7")
    assert all(isinstance(text, str) for text in annotations.values())
    assert annotations["summary"] == "Bad buzz about air-paradis: 83% of 60 tweets are negative, 30% before"
    assert annotations["top_themes"] == "baggage (40), crew (2)"
    assert annotations["top_terms"].startswith("suitcase, carousel")
    assert (annotations["share_now"], annotations["share_before"]) == ("0.833", "0.300")
    assert (annotations["volume_now"], annotations["volume_before"]) == ("60", "6.9")
    assert {"sample_1", "sample_2", "sample_3", "p_value", "runbook"} <= annotations.keys()
    assert annotations["model_version"] == "7"

    over = judge(RULE, Counts(1, 2, 3), Counts(3000, 3000, 4000), firing=True)
    last = ended(RULE, "air-paradis", over, annotations)
    assert last["summary"] == "Bad buzz about air-paradis is over: 17% of 6 tweets are negative"
    assert last["top_themes"] == annotations["top_themes"]
    assert last["volume_now"] == "6"


def test_nothing_to_show_breaks_nothing() -> None:
    verdict = judge(RULE, Counts(50, 5, 5), Counts(), firing=False)
    annotations = begun(RULE, "air-paradis", [], verdict, {}, [sample("\x00"), sample("   ")], "7")
    assert annotations["top_terms"] == annotations["top_themes"] == ""
    assert "baseline: none" in annotations["description"]
