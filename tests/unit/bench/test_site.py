"""Topics on a broker that is somebody else's are deleted, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.parts import latency
from bench.parts.latency import Latency
from bench.stage import site as site_module
from bench.stage.site import Site, open_site
from contracts.errors import BuzzwatchError
from contracts.settings import KafkaSettings, Settings, load_settings


class Broker:
    """The topics that are there."""

    def __init__(self, topics: set[str]) -> None:
        self.topics = topics

    def create(self, settings: Settings) -> None:
        self.topics |= {topic.name for topic in settings.kafka.topics.all()}

    def admin(self, _kafka: KafkaSettings) -> Broker:
        return self

    def delete_topics(self, names: list[str]) -> dict[str, Future[None]]:
        done = {name: Future[None]() for name in names}
        for name, future in done.items():
            self.topics.remove(name)
            future.set_result(None)
        return done


class Redis:
    """A process that ends when it is told to."""

    def terminate(self) -> None: ...

    def wait(self, _timeout: float) -> None: ...


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    made = Broker({"tweets", "feedback"})
    monkeypatch.setattr(site_module, "create_topics", made.create)
    monkeypatch.setattr(site_module, "admin", made.admin)
    monkeypatch.setattr(site_module, "start_server", lambda _server: Redis())
    monkeypatch.setattr(site_module, "install_champion", lambda *_: None)
    return made


def test_a_run_is_forgotten_with_all_its_topics_but_the_input_that_others_read(broker: Broker, tmp_path: Path) -> None:
    site = Site(load_settings(), tmp_path)
    source = site.fresh()
    run = site.fresh(tweets=source.kafka.topics.tweets)
    site.forget(run)
    assert broker.topics == {"tweets", "feedback", *(topic.name for topic in source.kafka.topics.all())}
    assert site.left == [source]
    site.forget(source)
    assert broker.topics == {"tweets", "feedback"}


@pytest.mark.parametrize("error", [None, BuzzwatchError("it broke"), KeyboardInterrupt()])
def test_nothing_is_left_on_a_named_broker(broker: Broker, error: BaseException | None) -> None:
    def measure() -> None:
        with open_site("127.0.0.1:9", lambda _line: None) as site:
            source = site.fresh()
            site.fresh(tweets=source.kafka.topics.tweets)
            site.forget(site.fresh())
            assert len(broker.topics) == 2 + 6 + 5
            if error is not None:
                raise error

    if error is None:
        measure()
    else:
        with pytest.raises(type(error)):
            measure()
    assert broker.topics == {"tweets", "feedback"}


def test_topics_are_deleted_when_their_creation_was_cut_off(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(settings: Settings) -> None:
        broker.create(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(site_module, "create_topics", cut_off)
    with pytest.raises(KeyboardInterrupt), open_site("127.0.0.1:9", lambda _line: None) as site:
        site.fresh()
    assert broker.topics == {"tweets", "feedback"}


def test_latency_leaves_no_topic_to_the_parts_after_it(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        """Producer and reader."""

        def __init__(self, _settings: object) -> None: ...

        def produce(self, *_: object) -> None: ...

        def has(self, *_: object) -> bool:
            return True

        def close(self) -> None: ...

    @contextmanager
    def worker(*_: object) -> Iterator[None]:
        yield

    measured = Latency(10, 100, 1, 2, 3, 0)
    monkeypatch.setattr(latency, "Producer", Client)
    monkeypatch.setattr(latency, "Reader", Client)
    monkeypatch.setattr(latency, "running_worker", worker)
    monkeypatch.setattr(latency, "measure", lambda *_: measured)
    assert latency.run(Site(load_settings(), tmp_path), [10], 1, 1, lambda _line: None) == [measured]
    assert broker.topics == {"tweets", "feedback"}
