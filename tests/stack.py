"""`buzzwatch up` with its own Kafka, Redis, MLflow, worker, notifier and API, as a user starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import httpx
from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from ruamel.yaml import YAML

from contracts.events import Prediction, decode_prediction
from contracts.settings import KafkaSettings, MlflowSettings, RedisSettings, Settings
from demo.rules import write_rules
from stream.kafka.consumers import reader
from stream.kafka.polling import Poller, end_of_undecodable
from stream.kafka.records import Record
from tests import commands
from tests.fakes import Receiver
from tests.servers import free_ports
from tests.waiting import PATIENCE_S, until


class RunningStack:
    """`buzzwatch up` as a user starts it, with these environment variables besides its ports."""

    def __init__(self, folder: Path, rules: Path, **settings: str) -> None:
        names = ("KAFKA", "KAFKA_CONTROLLER", "REDIS", "MLFLOW")
        *local, self.api, web, metrics = free_ports(7)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BUZZWATCH_")},
            **{f"BUZZWATCH_LOCAL__{name}_PORT": str(port) for name, port in zip(names, local, strict=True)},
            "BUZZWATCH_LOCAL__DATA_DIR": str(folder / "var"),
            "BUZZWATCH_API__PORT": str(self.api),
            "BUZZWATCH_WORKER__WEB_PORT": str(web),
            "BUZZWATCH_ALERTS__METRICS_PORT": str(metrics),
            "BUZZWATCH_ALERTS__ALLOWED_NETWORKS": "127.0.0.0/8",
            "BUZZWATCH_RULES": str(rules),
            **settings,
        }
        self.settings = Settings(
            kafka=KafkaSettings(bootstrap_servers=f"127.0.0.1:{local[0]}"),
            redis=RedisSettings(url=f"redis://127.0.0.1:{local[2]}/0"),
            mlflow=MlflowSettings(tracking_uri=f"http://127.0.0.1:{local[3]}"),
        )
        self.folder = folder
        self._records: dict[str, list[Record]] = {}
        self._next: dict[str, dict[int, int]] = {}
        """By topic and partition, the offset behind what `_records` holds."""
        self._predictions: list[Prediction] = []
        self._log = folder / "up.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [self._command, "up"], env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.api}",
            timeout=60,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        """Asks the API. One for all: a client reads the certificates of all authorities, 27 ms of processor time."""
        try:
            until(lambda: "ready; Ctrl-C" in self.said(), 600, self.said)
        except BaseException:
            self.kill()
            raise

    @property
    def _command(self) -> str:
        return str(Path(sys.executable).with_name("buzzwatch"))

    @property
    def log(self) -> str:
        return self._log.read_text()

    def said(self) -> str:
        assert self.process.poll() is None, self.log
        return self.log

    def run(self, *arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """A `buzzwatch` command beside the stack, which must end well."""
        done = commands.run(*arguments, env=self.environment, text=text)
        done.check_returncode()
        return done

    def predictions(self) -> list[Prediction]:
        new = self._all(self.settings.kafka.topics.scored)[len(self._predictions) :]
        self._predictions += [decode_prediction(record.value()) for record in new]
        return self._predictions.copy()

    def dead(self) -> list[bytes | None]:
        return [record.value() for record in self._all(self.settings.kafka.topics.dead_letters)]

    def _all(self, topic: str) -> list[Record]:
        """All committed records. Each is read once: trials look again and again, and there are thousands."""
        records, following = self._records.setdefault(topic, []), self._next.setdefault(topic, {})
        consumer, deadline = reader(self.settings), time.monotonic() + PATIENCE_S
        try:
            poller = Poller(consumer, partial(end_of_undecodable, self.settings), raise_errors=True)
            numbers = list(consumer.list_topics(topic, timeout=60).topics[topic].partitions)
            poller.assign([TopicPartition(topic, one, following.get(one, OFFSET_BEGINNING)) for one in numbers])
            while len(poller.ends) < len(numbers):
                assert time.monotonic() < deadline, f"{topic} was not read to its end"
                for record in poller.poll(500, 0.2):
                    records.append(record)
                    following[record.partition()] = record.offset() + 1
            for number, end in poller.ends.items():
                following[number] = max(end, following.get(number, 0))
        finally:
            consumer.close()
        return records

    def stop(self) -> int:
        """Ctrl-C; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(240)

    def left_behind(self) -> list[str]:
        """Processes that still have the data folder in their environment."""
        mark = f"BUZZWATCH_LOCAL__DATA_DIR={self.folder / 'var'}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def kill(self) -> None:
        """End it as it is, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def quick_rules(path: Path, receiver: Receiver) -> None:
    """The default rules with a short window, so that an alert fires and resolves while a test waits."""
    write_rules(Settings().rules, path, receiver.url, receiver.secret)
    yaml = YAML()
    document = yaml.load(path.read_text())
    for rule in document["rules"]:
        if rule["kind"] == "bad_buzz":
            rule.update(windows=["20s"], keep_firing_for="1s", severity_settle="5s")
    with path.open("w") as file:
        yaml.dump(document, file)
