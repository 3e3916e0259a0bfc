"""From a tweet's send to the arrival of the bad-buzz webhook: worker, Redis, rules, outbox, notifier, all of it real.

Each crisis is of a brand of its own, one tweet short of the rule's volume. The tweet that tips it is sent later, at a
moment that has nothing to do with any clock of ours, and its time counts until the webhook has arrived.
"""

from __future__ import annotations

import json
import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import Producer

from bench.percentiles import percentiles
from bench.stage.peers import our_python
from bench.stage.programs import START_S, running, running_worker
from bench.stage.rules import handle, write_watches
from bench.stage.site import BOTH, Site
from bench.stage.tweets import tweets
from contracts.errors import BuzzwatchError
from contracts.rules.file import load_rules
from contracts.rules.schema import BadBuzz
from contracts.settings import Settings
from contracts.times import clock_ms, to_rfc3339

_BACKGROUND: Final = 100
"""Ordinary tweets a second about nobody."""
_APART_S: Final = 0.25
_SETTLE_S: Final = 2.0
_LAST_ONES_S: Final = 60.0
_FLUSH_S: Final = 10.0
_COMPLAINTS: Final = (
    "{brand} lost my bag again in {place}, worst airline ever, I hate you",
    "{brand} three hours late to {place} and nobody cares, awful",
    "never again {brand}, horrible service in {place}",
    "{brand} your staff in {place} is rude and useless, terrible",
    "stuck in {place} because of {brand}, this is a nightmare, so angry",
)
_PLACES: Final = ("Lyon", "Lisbon", "Boston", "Denver", "Oslo", "Madrid", "Austin", "Rome", "Dublin", "Geneva", "Nice")


class Crises(NamedTuple):
    """What the webhooks took, milliseconds."""

    crises: int
    """Crises whose webhook arrived."""
    p50_ms: float
    """Of all crises, as the next one: a webhook that never arrived is infinitely late."""
    p99_ms: float
    largest_ms: float
    """Of those that arrived."""
    missing: int
    """Crises whose webhook never arrived."""


def run(site: Site, count: int, progress: Callable[[str], None]) -> Crises:
    """So many crises, one every quarter of a second.

    Raises:
        BuzzwatchError: worker or notifier did not start, no webhook arrived, or one arrived too early.
    """
    with Receiver() as receiver:
        rules = write_watches(site.settings.rules, site.folder / "crises.yaml", count + 1, receiver.url)
        volume = next(rule.min_volume for rule in load_rules(rules).rules if isinstance(rule, BadBuzz))
        settings = site.fresh(roles=BOTH, rules=rules)
        notifier = [our_python(), "-c", "from cli.main import main; main()", "notifier"]
        with running_worker(site, settings) as worker, running(site, settings, notifier) as program:
            progress(f"{count} crises, {count * _APART_S + _SETTLE_S:.0f} s")
            sent = _play(settings, receiver, count, volume)
            if not receiver.arrived:
                raise BuzzwatchError(f"no webhook arrived: {program.complaint} / {worker.program.complaint}")
        site.forget(settings)
    return timed(sent, receiver.arrived)


def timed(sent: Mapping[str, float], arrived: Mapping[str, float]) -> Crises:
    """What the webhooks took, from seconds by watch.

    Raises:
        BuzzwatchError: a webhook arrived before the tweet that was to cause it, so something else fired it.
    """
    took = [(arrived[name] - at) * 1000 for name, at in sent.items() if name in arrived]
    if early := sum(one <= 0 for one in took):
        raise BuzzwatchError(
            f"{early} of {len(took)} webhooks arrived before the tweet that was to cause them: the measurement is wrong"
        )
    missing = len(sent) - len(took)
    p50, p99 = percentiles(took, missing, (50, 99))
    return Crises(len(took), p50, p99, max(took, default=math.inf), missing)


def _play(settings: Settings, receiver: Receiver, count: int, volume: int) -> dict[str, float]:
    """When the tipping tweet of each brand was sent, monotonic seconds, by watch."""
    producer = Producer(settings.kafka.librdkafka_producer() | {"linger.ms": 0, "log_level": 0})
    topic = settings.kafka.topics.tweets
    rng = random.Random(20_261_120)
    background = tweets(int((count * _APART_S + START_S) * _BACKGROUND) + 1000, live=True)
    sent: dict[str, float] = {}
    began = time.monotonic()
    # Brand 0 is mentioned by the background, too.
    prepare = {number: began + number * _APART_S for number in range(1, count + 1)}
    tip = {number: at + _SETTLE_S + rng.random() * _APART_S for number, at in prepare.items()}
    lasts: dict[int, bytes] = {}
    ordinary = 0
    while tip and time.monotonic() - began < count * _APART_S + START_S:
        now = time.monotonic()
        for number in [number for number, at in prepare.items() if at <= now]:
            del prepare[number]
            *most, lasts[number] = _complaints(rng, number, volume)
            for tweet in most:
                producer.produce(topic, tweet, None)
        for number in [number for number, at in tip.items() if at <= now]:
            del tip[number]
            last = lasts.pop(number)
            sent[f"brand-{number:04d}"] = time.monotonic()
            producer.produce(topic, last, None)
        while ordinary < (now - began) * _BACKGROUND:
            key, value = next(background)
            producer.produce(topic, value, key)
            ordinary += 1
        producer.poll(0)
        time.sleep(0.002)
    producer.flush(_FLUSH_S)
    deadline = time.monotonic() + _LAST_ONES_S
    while sent.keys() - receiver.arrived.keys() and time.monotonic() < deadline:
        time.sleep(0.05)
    return sent


def _complaints(rng: random.Random, number: int, count: int) -> list[bytes]:
    """So many tweets about one brand, all different: copies of one text are no crowd."""
    chosen = rng.sample(list(product(_COMPLAINTS, _PLACES)), count)
    tweets_ = (
        {
            "id": f"{rng.getrandbits(60)}",
            "text": complaint.format(brand=handle(number), place=place),
            "author_id": f"{rng.getrandbits(40)}",
            "created_at": to_rfc3339(clock_ms()),
            "lang": "en",
        }
        for complaint, place in chosen
    )
    return [json.dumps(tweet).encode() for tweet in tweets_]


class Receiver:
    """Notes when the first firing webhook of each watch arrived, monotonic seconds."""

    def __init__(self) -> None:
        arrived: dict[str, float] = {}
        self.arrived = arrived

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                at = time.monotonic()
                body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
                self.send_response(204)
                self.send_header("content-length", "0")
                self.end_headers()
                for alert in body["alerts"]:
                    if alert["status"] == "firing" and alert["labels"]["alertname"] == "BadBuzz":
                        arrived.setdefault(alert["labels"]["watch"], at)

            def log_message(self, *_args: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
