"""One trace from `buzzwatch produce` to the webhook, as a collector receives it."""

from __future__ import annotations

import json
import uuid

from tests import commands
from tests.fakes import Receiver
from tests.otlp import Collector, Span
from tests.stack import RunningStack
from tests.waiting import until

HANDLE, WATCH = "@tracedair", "tracedair"  # nobody else's: its alert is not firing yet
THINGS = ("crew", "seats", "food", "gate staff", "hotline", "website", "lounge", "cabin")
PLACES = ("Oslo", "Lima", "Rome", "Nice", "Bonn", "Cork", "Graz", "Bern")


def _crisis() -> bytes:
    """64 people complain, each about something else."""
    rows = [
        {"id": f"traced-{number}", "author_id": f"t{number}",
         "text": f"worst {THINGS[number % 8]} ever in {PLACES[number // 8]}, I hate this airline {HANDLE}"}
        for number in range(64)
    ]  # fmt: skip
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _produce(stack: RunningStack, text: bytes, sample: str) -> None:
    environment = stack.environment | {"BUZZWATCH_TRACING__SAMPLE": sample}
    commands.run("produce", env=environment, text=text).check_returncode()


def test_a_tweet_an_alert_and_its_webhook_are_one_trace(
    stack: RunningStack, receiver: Receiver, collector: Collector
) -> None:
    # One tweet of a small batch is traced, and all that complain may be in one batch: somebody is first.
    _produce(stack, json.dumps({"id": "first", "author_id": "f", "text": f"boarding now {HANDLE}"}).encode(), "1")
    until(lambda: collector.named("count tweet"))
    _produce(stack, _crisis(), "1")

    def about_us() -> list[tuple[str, str]]:
        return [
            (post.traceparent, post.status)
            for post in list(receiver.posts)
            if post.body["commonLabels"].get("watch") == WATCH and post.traceparent
        ]

    until(about_us, said=stack.said)
    _, trace, post, flags = about_us()[0][0].split("-")
    assert int(flags, 16) & 1  # sampled

    def way() -> list[tuple[str, str]]:
        """From the webhook back to where its trace began, as far as it has come: each process exports in its time."""
        by_id = {span.id: span for span in _of(collector, trace)}
        steps, at = [], post
        while at in by_id:
            steps.append((by_id[at].process, by_id[at].name))
            at = by_id[at].parent
        return steps

    until(lambda: way()[-1:] == [("buzzwatch-produce", "send tweet")], said=lambda: str(way()))
    assert way() == [
        ("buzzwatch-notifier", "deliver notification"),
        ("buzzwatch-worker", "alert fires"),
        ("buzzwatch-worker", "count tweet"),
        ("buzzwatch-worker", "score tweet"),
        ("buzzwatch-produce", "send tweet"),
    ]

    def batches() -> list[Span]:
        return [span for span in collector.named("score batch") if trace in {linked for linked, _ in span.links}]

    until(batches)
    [batch] = batches()  # which has a link to each of its tweets
    assert 1 <= len(batch.links) <= 16
    [alert] = [span for span in _of(collector, trace) if span.name == "alert fires"]
    assert 1 <= len(alert.links) <= 15  # those that were counted before it fired, the latest ones where they are many
    assert (trace, alert.parent) not in alert.links
    until(lambda: set(alert.links) <= {(span.trace, span.id) for span in collector.named("count tweet")})
    assert alert.attributes["buzzwatch.watch"] == WATCH


def test_what_nobody_traces_makes_no_spans_and_spans_hold_no_text(stack: RunningStack, collector: Collector) -> None:
    stack.run("produce", text=b'{"id": "untraced-1", "text": "the quokka waits at the gate"}')
    until(lambda: any(one.tweet_id == "untraced-1" for one in stack.predictions()))
    said = repr(collector.spans)
    assert "quokka" not in said
    assert "I hate" not in said


def _of(collector: Collector, trace: str) -> list[Span]:
    return [span for span in list(collector.spans) if span.trace == trace]


def test_a_request_that_comes_with_a_trace_is_a_span_of_it_and_others_are_none(
    stack: RunningStack, collector: Collector
) -> None:
    trace = uuid.uuid4().hex
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    assert stack.client.get("/alerts").status_code == 200
    assert stack.client.post("/predict", json={"text": ""}, headers=headers).status_code == 422
    until(lambda: _of(collector, trace))
    [span] = _of(collector, trace)
    assert (span.process, span.name, span.parent) == ("buzzwatch-api", "POST /predict", "b7ad6b7169203331")
    assert span.attributes == {"http.route": "/predict", "http.response.status_code": "422"}
    assert not collector.named("GET /alerts")
