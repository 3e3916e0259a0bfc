from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from alerts.metrics import REGISTRY
from alerts.notifier.loop import SLOTS, Notifier
from alerts.outbox.presence import Notifiers
from alerts.outbox.store import Outbox
from alerts.storage.connection import connect
from contracts.rules.schema import Webhook
from contracts.settings import Settings
from contracts.times import clock_ms
from tests.fakes import Receiver
from tests.integration.alerts.notifications import changes, delivering, put, rules_for
from tests.servers import RunningServer, appended, free_ports
from tests.waiting import PATIENCE_S, until


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


@pytest.fixture
def desk() -> Iterator[Receiver]:
    one = Receiver("desk")
    yield one
    one.close()


@pytest.fixture
def outbox(settings: Settings) -> Outbox:
    return Outbox(connect(settings), settings)


def now_ms() -> int:
    return clock_ms()


def delivering_to(settings: Settings, *receivers: Receiver) -> AbstractContextManager[Notifier]:
    return delivering(settings, *(Webhook(name=one.name, url=one.url, secret=one.secret) for one in receivers))


def test_it_is_known_as_long_as_it_is_at_work(settings: Settings, receiver: Receiver) -> None:
    notifiers = Notifiers(connect(settings), settings)
    assert notifiers.seen() == []
    before = now_ms()
    with delivering_to(settings, receiver):
        until(lambda: notifiers.seen() != [])
        assert notifiers.seen()[0].at_ms >= before
    assert notifiers.seen() == []


def test_a_new_entry_is_posted_and_signed(settings: Settings, receiver: Receiver, outbox: Outbox) -> None:
    with delivering_to(settings, receiver) as notifier:
        until(lambda: notifier.connected)
        put(settings, now_ms(), changes()[0])
        (post,) = receiver.wait_for(1)
        until(lambda: outbox.waiting() == [])
    assert post.body["alerts"][0]["status"] == "firing"
    assert receiver.forged == 0


def test_firing_comes_before_resolved_even_when_it_has_to_be_retried(settings: Settings, receiver: Receiver) -> None:
    receiver.answers = [500, 302]
    put(settings, now_ms(), *changes())
    with delivering_to(settings, receiver):
        posts = receiver.wait_for(4)
    assert [(post.status, post.answered) for post in posts] == [
        ("firing", 500),
        ("firing", 302),
        ("firing", 200),
        ("resolved", 200),
    ]
    assert len({post.id for post in posts[:3]}) == 1
    assert len({post.raw for post in posts[:3]}) == 1


def test_a_receiver_that_hangs_delays_no_other(settings: Settings, receiver: Receiver, desk: Receiver) -> None:
    receiver.delay_s = settings.alerts.delivery_timeout_s = 300
    with delivering_to(settings, receiver, desk):
        put(settings, now_ms(), *(changes(number)[0] for number in range(1, 4 * SLOTS)), to=("team", "desk"))
        desk.wait_for(4 * SLOTS - 1)
        assert len(receiver.posts) <= SLOTS
        receiver.release()


def test_retry_after_is_honoured(settings: Settings, receiver: Receiver) -> None:
    receiver.answers = [(429, {"Retry-After": "3"}), (503, {"Retry-After": "2"})]
    put(settings, now_ms(), changes()[0])
    with delivering_to(settings, receiver):
        first, second = receiver.wait_for(2)
    assert second.at - first.at >= 3


def test_a_storm_does_not_run_against_a_limit_that_the_receiver_has_named(
    settings: Settings, receiver: Receiver
) -> None:
    receiver.answers = [(429, {"Retry-After": "3"})]
    put(settings, now_ms(), *(changes(number)[0] for number in range(1, 21)))
    with delivering_to(settings, receiver):
        posts = receiver.wait_for(21)
    assert len({post.id for post in posts}) == 20
    assert len([post for post in posts if post.at - posts[0].at < 3]) <= SLOTS  # those that were under way


def test_410_disables_a_receiver_and_its_alerts_wait(
    settings: Settings, receiver: Receiver, desk: Receiver, outbox: Outbox
) -> None:
    receiver.answers = [410]
    put(settings, now_ms(), changes(1)[0], to=("team", "desk"))
    with delivering_to(settings, receiver, desk):
        until(lambda: "team" in outbox.disabled())
        put(settings, now_ms(), changes(2)[0], to=("team", "desk"))
        desk.wait_for(2)
        time.sleep(0.3)
        assert len(receiver.posts) == 1
        until(lambda: len(outbox.waiting("team")) == 2)
        outbox.enable("team")
        receiver.wait_for(3)


def test_an_attempt_ends_at_its_time_out(settings: Settings, receiver: Receiver, outbox: Outbox) -> None:
    settings.alerts.delivery_timeout_s = 0.5
    receiver.delay_s = 5
    put(settings, now_ms(), changes()[0])
    with delivering_to(settings, receiver):
        receiver.wait_for(1)
        until(lambda: any(entry.failures for entry in outbox.waiting()))
        receiver.delay_s = 0
        receiver.wait_for(2)
        until(lambda: outbox.waiting() == [])


def test_a_receiver_that_is_not_there_is_tried_again(settings: Settings, outbox: Outbox) -> None:
    nobody = Receiver()
    nobody.close()
    put(settings, now_ms(), changes()[0])
    with delivering_to(settings, nobody):
        until(lambda: any(entry.failures for entry in outbox.waiting()))
    (entry,) = outbox.waiting()
    assert "ConnectError" in entry.last_error


def test_two_notifiers_share_the_work_and_send_nothing_twice(settings: Settings, receiver: Receiver) -> None:
    with delivering_to(settings, receiver), delivering_to(settings, receiver):
        for number in range(1, 31):
            put(settings, now_ms(), *changes(number))
        receiver.wait_for(60)
        time.sleep(0.3)
    assert len(receiver.posts) == 60
    assert len({post.id for post in receiver.posts}) == 60
    for number in range(1, 31):
        mine = [post.status for post in receiver.posts if post.body["alerts"][0]["fingerprint"] == f"{number:016x}"]
        assert mine == ["firing", "resolved"]


def test_entries_for_a_receiver_that_left_the_rules_are_kept_and_named_once(
    settings: Settings, receiver: Receiver, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    put(settings, now_ms(), changes(1)[0], to=("desk",))
    with delivering_to(settings, receiver) as notifier:
        until(lambda: notifier.connected)
        put(settings, now_ms(), changes(2)[0], to=("team",))
        receiver.wait_for(1)
    assert REGISTRY.get_sample_value("buzzwatch_outbox_orphaned") == 1
    assert REGISTRY.get_sample_value("buzzwatch_outbox_waiting") == 0  # what cannot be delivered is nobody's delay
    assert [entry.receiver for entry in outbox.waiting()] == ["desk"]
    assert [record.getMessage() for record in caplog.records if "desk" in record.getMessage()] == [
        "1 notification(s) wait for the receiver desk, which the rules file does not name any more; name it again, or "
        "drop them with `buzzwatch alerts redeliver --drop`"
    ]


def test_changed_rules_are_taken_over_while_it_runs(settings: Settings, receiver: Receiver, desk: Receiver) -> None:
    put(settings, now_ms(), changes(1)[0], to=("team", "desk"))
    with delivering_to(settings, receiver) as notifier:
        receiver.wait_for(1)
        assert desk.posts == []
        rules = rules_for("team", "desk")
        urls = {"team": receiver.url, "desk": desk.url}
        receivers = tuple(one.model_copy(update={"url": urls[one.name]}) for one in rules.receivers)
        notifier.follow(rules.model_copy(update={"receivers": receivers}))
        desk.wait_for(1)


def test_deliveries_go_on_after_redis_was_killed(
    settings: Settings, receiver: Receiver, own_redis: RunningServer
) -> None:
    settings.redis.url = own_redis.address
    settings.redis.timeout_s = 5
    with delivering_to(settings, receiver) as notifier:
        put(settings, now_ms(), changes(1)[0])
        receiver.wait_for(1)
        until(lambda: Outbox(connect(settings), settings).waiting() == [] and appended(own_redis.address))
        own_redis.kill()
        until(lambda: not notifier.connected)
        own_redis.start()
        put(settings, now_ms(), changes(2)[0])
        receiver.wait_for(2)
    assert [post.status for post in receiver.posts] == ["firing", "firing"]


def start_process(settings: Settings, receiver: Receiver, folder: Path, port: int) -> subprocess.Popen[bytes]:
    rules = folder / "rules.yaml"
    rules.write_text(
        "watches: [{name: acme, match: [acme]}]\n"
        f"receivers: [{{name: team, url: '{receiver.url}', secret: '{receiver.secret}'}}]\n"
    )
    environment = os.environ | {
        "BUZZWATCH_REDIS__URL": settings.redis.url,
        "BUZZWATCH_REDIS__PREFIX": settings.redis.prefix,
        "BUZZWATCH_RULES": str(rules),
        "BUZZWATCH_ALERTS__METRICS_PORT": str(port),
        "BUZZWATCH_ALERTS__ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    command = [sys.executable, "-c", "from cli.main import main; main()", "notifier"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_a_notifier_killed_between_claim_and_answer_loses_nothing(
    settings: Settings, receiver: Receiver, outbox: Outbox, tmp_path: Path
) -> None:
    first_port, second_port = free_ports(2)
    receiver.delay_s = 30
    victim = start_process(settings, receiver, tmp_path, first_port)
    put(settings, now_ms(), *changes())
    receiver.wait_for(1)
    victim.kill()
    victim.communicate()
    receiver.delay_s = 0
    heir = start_process(settings, receiver, tmp_path, second_port)
    posts = receiver.wait_for(3)
    assert [post.status for post in posts] == ["firing", "firing", "resolved"]
    assert posts[0].id == posts[1].id
    assert posts[0].raw == posts[1].raw
    until(lambda: outbox.waiting() == [])

    def page(name: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{second_port}/{name}", trust_env=False, timeout=60)

    assert page("livez").status_code == 200
    until(lambda: page("readyz").status_code == 200)
    until(lambda: 'buzzwatch_deliveries_total{outcome="delivered",receiver="team"} 2.0' in page("metrics").text)
    heir.send_signal(signal.SIGTERM)
    heir.communicate(timeout=PATIENCE_S)
    assert heir.returncode == 0


def test_a_port_that_is_taken_is_one_clear_line(settings: Settings, receiver: Receiver, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start_process(settings, receiver, tmp_path, taken.getsockname()[1])
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert said.decode().count("\n") == 1
    assert "BUZZWATCH_ALERTS__METRICS_PORT" in said.decode()
