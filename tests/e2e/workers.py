"""Two running workers and a steady stream through them, to change models under."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from contracts.events import Prediction, decode_prediction
from contracts.settings import Settings
from contracts.topics import TopicSettings
from local.die_with_parent import die_with_parent
from tests import commands
from tests.chaos.traffic import partitions_of
from tests.servers import free_ports
from tests.waiting import PATIENCE_S, until

RATE = 40
"""Tweets a second, over all partitions."""


class Workers:
    """Two of them, each with a data folder of its own, as on two hosts."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._ports = free_ports(2)
        self._folder = folder
        topics = settings.kafka.topics.model_dump(
            include={"tweets", "scored", "feedback", "dead_letters", "audit", "labels"}
        )
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BUZZWATCH_")},
            "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
            **{f"BUZZWATCH_KAFKA__TOPICS__{name.upper()}": topic for name, topic in topics.items()},
            "BUZZWATCH_REDIS__URL": settings.redis.url,
            "BUZZWATCH_REDIS__PREFIX": settings.redis.prefix,
            "BUZZWATCH_MLFLOW__TRACKING_URI": settings.mlflow.tracking_uri,
            "BUZZWATCH_MLFLOW__MODEL_NAME": settings.mlflow.model_name,
            "BUZZWATCH_WORKER__WEB_PORT": str(self._ports[0]),  # and the next one for the second
            "BUZZWATCH_WORKER__GROUP": settings.kafka.topics.tweets,
        }
        self._processes = [self._started(name) for name in ("one", "two")]

    def _started(self, name: str) -> subprocess.Popen[bytes]:
        environment = {**self.environment, "BUZZWATCH_LOCAL__DATA_DIR": str(self._folder / name)}
        command = die_with_parent([sys.executable, "-m", "faust", "-A", "stream.app", "worker"])
        with (self._folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def metric(self, name: str) -> list[float]:
        """A line of `/metrics` by its beginning, of each; -1 where there is none."""
        found = []
        for port in self._ports:
            lines = [line for line in self._get(port, "metrics")[1].splitlines() if line.startswith(name)]
            found.append(float(lines[0].split()[-1]) if lines else -1.0)
        return found

    def partitions(self) -> list[float]:
        """How many partitions of the tweets each one has."""
        return self.metric('buzzwatch_partitions_assigned{role="score"')

    def ready(self) -> list[int]:
        """The status of each one's `/readyz`, 0 where nobody answers."""
        return [self._get(port, "readyz")[0] for port in self._ports]

    @property
    def alive(self) -> bool:
        """Whether both still run."""
        return all(process.poll() is None for process in self._processes)

    @staticmethod
    def _get(port: int, page: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        try:
            connection.request("GET", f"/{page}")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def command(self, *arguments: str) -> None:
        """A `buzzwatch` command beside them."""
        done = commands.said(*arguments, env=self.environment)
        assert done.returncode == 0, done.stderr

    def said(self) -> str:
        return "\n".join((self._folder / f"{name}.log").read_text()[-3000:] for name in ("one", "two"))

    def stop(self) -> list[int]:
        """SIGTERM; the exit statuses."""
        for process in self._processes:
            process.terminate()
        return [process.wait(PATIENCE_S) for process in self._processes]

    def kill(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()


class Stream:
    """Tweets at a steady rate, and the versions that answered them, by partition."""

    def __init__(self, servers: str, topics: TopicSettings) -> None:
        self._topics = topics
        self._producer = Producer(
            {"bootstrap.servers": servers, "partitioner": "murmur2_random", "linger.ms": 0, "log_level": 0}
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": "reads-versions",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 0,
            }
        )
        self._partitions = partitions_of(self._consumer, topics.scored)
        self._consumer.assign([TopicPartition(topics.scored, number, OFFSET_BEGINNING) for number in self._partitions])
        self.latest: dict[int, str] = {}
        """Partition → version of the newest prediction."""
        self.seen: list[Prediction] = []
        """In order of arrival."""
        self.sent = 0
        self._stopping, self._quiet = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._send, self._read)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        while not self._quiet.wait(1 / RATE):
            tweet = {"id": f"t{self.sent}", "text": f"@AirParadis gate {self.sent} is closed again"}
            self._producer.produce(self._topics.tweets, json.dumps(tweet).encode(), str(self.sent))
            self.sent += 1
            self._producer.poll(0)

    def _read(self) -> None:
        while not self._stopping.is_set():
            for message in self._consumer.consume(500, 0.05):
                partition = message.partition()
                if message.error() is None and partition is not None:
                    prediction = decode_prediction(message.value())
                    self.latest[partition] = prediction.model.version
                    self.seen.append(prediction)

    def answered_by(self, version: str) -> bool:
        """Whether the newest prediction of every partition is of that version."""
        return all(self.latest.get(number) == version for number in self._partitions)

    def finish(self) -> None:
        """Send no more, and wait for the answers."""
        self._quiet.set()
        self._threads[0].join()
        assert self._producer.flush(PATIENCE_S) == 0
        until(lambda: len(self.seen) >= self.sent, said=lambda: f"{len(self.seen)} of {self.sent} came")
        time.sleep(0.5)  # nothing may come twice

    def close(self) -> None:
        self._quiet.set()
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._consumer.close()
