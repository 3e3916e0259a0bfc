from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from contracts.events import Scores
from contracts.learning.labels import UNSIGNED, LabelEvent, judge_hash
from contracts.learning.settings import LearningSettings
from learning.labels.resolution import Resolution, resolve
from learning.labels.stats import label_stats
from tests.unit.learning.labels.saying import erases, retracts, says


def resolved(*events: LabelEvent, **settings: Any) -> Resolution:
    return resolve(events, LearningSettings(**settings))


def held(*events: LabelEvent, **settings: Any) -> dict[str, str]:
    return {label.text: label.label for label in resolved(*events, **settings).labels}


def test_a_judgement_is_a_label() -> None:
    assert held(says("ann", "negative")) == {"my bag is lost": "negative"}


def test_two_events_with_one_id_count_once() -> None:
    first = says("ann", "negative")
    again = says("ann", "positive", label_id=first.label_id)
    found = resolved(first, again)
    assert [label.label for label in found.labels] == ["negative"]
    assert found.duplicates == 1


def test_people_correct_themselves() -> None:
    found = resolved(says("ann", "negative"), says("ann", "positive", "My  bag is LOST"))
    assert [label.label for label in found.labels] == ["positive"]
    assert found.replaced == 1


def test_two_who_differ_make_a_conflict_and_a_third_settles_it() -> None:
    two = [says("ann", "negative"), says("bob", "positive")]
    assert resolved(*two).conflicts == 1
    assert held(*two) == {}
    assert held(*two, says("cid", "negative")) == {"my bag is lost": "negative"}


def test_a_judge_who_is_usually_wrong_has_less_to_say() -> None:
    events = []
    for number in range(12):
        text = f"text number {number}"
        events += [says("ann", "negative", text), says("bob", "negative", text), says("cid", "positive", text)]
    found = resolved(*events, says("ann", "negative", "the last one"), says("cid", "positive", "the last one"))
    assert {label.text: label.label for label in found.labels}["the last one"] == "negative"
    assert found.reliability[judge_hash("cid", "")] < 0.6 < 0.7 < found.reliability[judge_hash("ann", "")]


def test_a_retraction_takes_back_what_stands_before_it_and_nothing_later() -> None:
    first, second = says("ann", "negative", "one"), says("ann", "negative", "two")
    events = [first, second, says("bob", "neutral", "three")]
    assert held(*events, retracts("ann")) == {"three": "neutral"}
    assert held(*events, retracts("ann", second.created_at)) == {"one": "negative", "three": "neutral"}
    assert held(*events, retracts("ann"), says("ann", "positive", "one")) == {"one": "positive", "three": "neutral"}
    undo = says(None, None, kind="retraction", source=None, retracts=first.label_id)
    assert held(*events, undo) == {"two": "negative", "three": "neutral"}


def test_what_nobody_signed_can_be_taken_back_alone() -> None:
    events = [says(None, "negative", "one", source="feedback"), says("ann", "negative", "two")]
    taken_back = msgspec.structs.replace(retracts("ann"), judge=UNSIGNED)
    assert held(*events, taken_back) == {"two": "negative"}
    assert held(*events, retracts("ann")) == {"one": "negative"}


def test_without_a_retracted_judge_all_is_as_if_they_had_never_judged() -> None:
    rng = random.Random(0)
    names = ["ann", "bob", "cid", "dan"]
    events = [
        says(rng.choice(names), rng.choice(["negative", "positive"]), f"text {rng.randrange(80)}") for _ in range(400)
    ]
    dan = judge_hash("dan", "")
    without = resolved(*(event for event in events if event.judge != dan))
    assert resolved(*events, retracts("dan")).labels == without.labels != resolved(*events).labels


def test_an_erasure_holds_for_what_was_said_before_and_what_is_said_after() -> None:
    prediction = uuid.uuid4()
    events: Sequence[LabelEvent] = [
        says("ann", "negative", "one", tweet_id="1", prediction_id=prediction),
        erases(prediction_id=prediction),
        says("bob", "negative", "one", tweet_id="1"),
        says("bob", "negative", "two", tweet_id="2"),
    ]
    found = resolved(*events)
    assert [label.text for label in found.labels] == ["two"]
    assert found.erased == 2


def test_a_judgement_without_text_has_that_of_another_about_the_same_tweet() -> None:
    lone = says("ann", "negative", None, tweet_id="9")
    assert resolved(lone).without_text == 1
    found = resolved(lone, says("bob", "negative", "my bag", tweet_id="9"))
    assert [(label.text, label.judges) for label in found.labels] == [("my bag", 2)]


def test_what_only_says_what_it_is_not_is_kept_and_counted() -> None:
    found = resolved(says("ann", None, rejected="negative"))
    assert (found.labels, found.without_label, len(found.judgements)) == ([], 1, 1)


def test_a_judge_counts_so_often_a_day_and_an_import_without_limit() -> None:
    events = [says("ann", "negative", f"text {number}") for number in range(5)]
    found = resolved(*events, judge_daily_cap=3)
    assert (len(found.labels), found.capped) == (3, 2)
    imported = [says("ann", "negative", f"text {number}", source="import") for number in range(5)]
    assert resolved(*imported, judge_daily_cap=3).capped == 0


def test_agreement_is_kappa_for_two_and_alpha_for_more() -> None:
    pairs = [
        says(who, label, f"text {n}") for n, label in enumerate(["negative", "positive"] * 5) for who in ("a", "b")
    ]
    assert resolved(*pairs).kappa == 1
    more = resolved(*pairs, says("c", "negative", "text 0"))
    assert (more.kappa, more.alpha) == (None, 1)


def test_the_order_of_the_labels_does_not_follow_that_of_the_events() -> None:
    events = [says("ann", "negative", f"text {number}") for number in range(20)]
    assert resolved(*events).labels == resolved(*reversed(events)).labels


def test_stats_count_what_holds_and_what_does_not() -> None:
    scores: dict[str, Any] = {"scores": Scores(0.8, 0.1, 0.1)}
    found = label_stats(
        resolved(
            says("ann", "negative", "one", blind=True, source="random", **scores),
            says("ann", "positive", "two", **scores),
            says(None, None, "three", rejected="neutral", source="feedback"),
            says("bob", "neutral", None, source="feedback"),
        ),
        unreadable=2,
    ).as_dict()
    assert (found["judgements"], found["texts_with_a_label"], found["without_text"], found["unreadable"]) == (
        4,
        2,
        1,
        2,
    )
    assert found["sources"] == {"feedback": 2, "random": 1, "review": 1}
    assert found["agreement_with_the_model"] == {"blind": {"same": 1, "judged": 1}, "shown": {"same": 0, "judged": 1}}


def test_what_is_seldom_said_is_a_label_too() -> None:
    names = ["negative"] * 64 + ["neutral"] * 21 + ["positive"] * 15
    events = [says(f"judge {n % 5}", name, f"text {n}") for n, name in enumerate(names)]
    found = resolve(events, LearningSettings())
    assert Counter(one.label for one in found.labels) == Counter(names)
    assert found.conflicts == 0
