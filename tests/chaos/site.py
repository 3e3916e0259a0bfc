"""The real processes under test: workers and notifiers beside a Kafka and a Redis that can be killed."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import redis
from confluent_kafka.admin import AdminClient

from contracts.settings import KafkaSettings, Settings
from contracts.topics import TopicSettings
from local.die_with_parent import die_with_parent
from local.topics import create_topics
from models.registry.champion_cache import ChampionCache
from models.registry.client import RegisteredVersion
from tests import commands
from tests.chaos import checker
from tests.chaos.traffic import Traffic, Visible
from tests.fakes import Receiver
from tests.judgements import judgements
from tests.servers import RunningServer, free_ports
from tests.waiting import PATIENCE_S, until

ALL = os.environ.get("CHAOS") == "all"
"""Whether this is the long run."""
IN_A_ROW = 3
RULES = """
watches:
  - {{name: air-paradis, match: ["@airparadis"]}}
  - {{name: united, match: ["@united"]}}
themes:
  - {{name: baggage, match: [bag, luggage]}}
  - {{name: delay, match: [late, delayed]}}
rules:
  - {{alert: ConsecutiveErrors, kind: consecutive_errors, severity: warning, count: {in_a_row}}}
  - {{alert: BadBuzz, kind: bad_buzz, severity: critical, watches: [air-paradis], windows: [10s], baseline: 2m,
      false_alarms: 100}}
receivers:
  - {{name: team, url: "{url}", secret: "{secret}"}}
"""


class _Installed:
    """The installed program, with all that it imports: for the long run, which says how long a restart takes."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        command = [sys.executable, "-m", *commands.WORKER]
        if name != "worker":
            command = [str(Path(sys.executable).with_name("buzzwatch")), name]
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                die_with_parent(command), env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        self._process.send_signal(how)

    def end(self, timeout_s: float) -> subprocess.Popen[bytes]:
        self._process.wait(timeout_s)
        return self._process


class Process:
    """A worker or a notifier, ended by its pid; the short run forks it from a process that has imported all."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.started = time.time()
        self._process: _Installed | commands.Command
        if ALL:
            self._process = _Installed(name, environment, log)
        else:
            arguments = commands.WORKER if name == "worker" else (name,)
            self._process = commands.Command(*arguments, env=environment, imported=commands.RUNNING, log=log)
        self._status: int | None = None

    @property
    def alive(self) -> bool:
        return self.status is None

    def kill(self) -> None:
        """`kill -9`."""
        if self.alive:
            self._process.kill()
            self._status = self._process.end(PATIENCE_S).returncode

    def pause(self) -> None:
        self._process.kill(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.kill(signal.SIGCONT)

    def terminate(self, timeout_s: float) -> tuple[int, float]:
        """SIGTERM; the exit status and how long it took, seconds."""
        since = time.monotonic()
        self._process.kill(signal.SIGTERM)
        self._status = self._process.end(timeout_s).returncode
        return self._status, time.monotonic() - since

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        if self._status is None and not self._process.runs:
            self._status = self._process.end(PATIENCE_S).returncode
        return self._status


class Site:
    """Topics, prefix and group of one test; everything that it starts ends with `close`."""

    def __init__(
        self, folder: Path, kafka: RunningServer, own_redis: RunningServer, *, session_s: float = 20, copies: int = 1
    ) -> None:
        self.folder, self.kafka, self.redis = folder, kafka, own_redis
        self.receiver = Receiver()
        mark = uuid.uuid4().hex[:8]
        self.prefix = f"chaos-{mark}"
        self.topics = TopicSettings(
            tweets=f"tweets-{mark}",
            scored=f"scored-{mark}",
            feedback=f"feedback-{mark}",
            dead_letters=f"dead-{mark}",
            audit=f"audit-{mark}",
            labels=f"labels-{mark}",
            replication_factor=copies,
        )
        create_topics(Settings(kafka=KafkaSettings(bootstrap_servers=kafka.address, topics=self.topics)))
        rules = folder / "rules.yaml"
        rules.write_text(RULES.format(in_a_row=IN_A_ROW, url=self.receiver.url, secret=self.receiver.secret))
        self.web, self._metrics = free_ports(24)[::23]  # workers add their slot to the first
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BUZZWATCH_")},
            "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": kafka.address,
            **{f"BUZZWATCH_KAFKA__TOPICS__{k.upper()}": v for k, v in self.topics.model_dump(include=_NAMES).items()},
            "BUZZWATCH_REDIS__URL": own_redis.address,
            "BUZZWATCH_REDIS__PREFIX": self.prefix,
            "BUZZWATCH_MLFLOW__TRACKING_URI": "http://127.0.0.1:1",  # nobody: the cached champion serves
            "BUZZWATCH_LOCAL__DATA_DIR": str(folder / "var"),
            "BUZZWATCH_RULES": str(rules),
            "BUZZWATCH_WORKER__GROUP": f"chaos-{mark}",
            "BUZZWATCH_WORKER__WEB_PORT": str(self.web),
            "BUZZWATCH_WORKER__SESSION_TIMEOUT_S": str(session_s),
            "BUZZWATCH_WORKER__TRANSACTION_TIMEOUT_S": str(session_s - 2),
            "BUZZWATCH_ALERTS__METRICS_PORT": str(self._metrics),
            "BUZZWATCH_ALERTS__ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        _remember_champion(folder / "var" / "champion")
        self._processes: list[Process] = []
        self.ended = 0
        """Workers that have ended by themselves."""
        self.visible = Visible(kafka.address, self.topics.scored)
        self._traffic: Traffic | None = None
        self._seed = 10
        self._deleted_scored: list[checker.Seen] = []
        self._deleted_feedback: list[checker.Seen] = []

    def start_worker(self, **settings: str) -> Process:
        """A worker in the lowest free slot of this host; `settings` as in `BUZZWATCH_WORKER__NAME`, in lower case."""
        more = {f"BUZZWATCH_WORKER__{name.upper()}": value for name, value in settings.items()}
        return self._started("worker", more)

    def page(self, name: str) -> int:
        """The status of a page of the first worker, 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=60)
        try:
            connection.request("GET", f"/{name}")
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def start_notifier(self) -> Process:
        return self._started("notifier")

    def start_again(self) -> None:
        """Wait until predictions flow; start workers again that end by themselves, as whoever runs them does.

        Each must have ended with status 1, as it does when Kafka has refused its name or its transactions.
        """
        since = time.time()

        def flows() -> bool:
            for process in [process for process in self._processes if process.status == 1]:
                self._processes.remove(process)
                self.ended += 1
                self.start_worker()
            return self.visible.newest_scored_at > since

        self._until(flows, "nothing flows")

    def send(self, rate: int = 300) -> Traffic:
        """Let tweets and judgements flow."""
        self._seed += 1
        topics = self.topics
        self._traffic = Traffic(self.kafka.address, topics.tweets, topics.feedback, rate=rate, seed=self._seed)
        return self._traffic

    def create_topics_again(self) -> None:
        """Delete all topics and create them anew, and the reader with them; what was counted stays in Redis."""
        settings = Settings(kafka=KafkaSettings(bootstrap_servers=self.kafka.address, topics=self.topics))
        names = [topic.name for topic in self.topics.all()]
        scored, feedback = (
            checker.read_committed(self.kafka.address, topic) for topic in (self.topics.scored, self.topics.feedback)
        )
        admin = AdminClient(settings.kafka.librdkafka())
        for deleted in admin.delete_topics(names).values():
            deleted.result(60)
        until(lambda: not set(names) & set(admin.list_topics(timeout=60).topics), said=lambda: "topics are not deleted")
        create_topics(settings)
        self.visible.close()
        self.visible = Visible(self.kafka.address, self.topics.scored)
        self._deleted_scored, self._deleted_feedback = scored, feedback

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis.address, decode_responses=True)

    def check(self, *, trial_changes: Sequence[str] = ()) -> None:
        """Wait until everything has gone its way, then see that all of it did, once.

        `trial_changes`: version and change of each message about a trial that the receiver must have been told.
        """
        assert self._traffic is not None
        sent = self._traffic.stop()
        servers, topics = self.kafka.address, self.topics
        tweets = checker.read_committed(servers, topics.tweets)
        assert len(tweets) == sent
        readable = sum(checker.tweet_id(tweet.value) is not None for tweet in tweets)
        self._until(lambda: self.visible.visible >= readable, "not all tweets are scored")
        time.sleep(1)  # what comes twice may come late
        scored = checker.read_committed(servers, topics.scored)
        dead = checker.read_committed(servers, topics.dead_letters)
        problems = checker.once_in_all(tweets, scored, dead, topics.tweets)
        assert problems == [], f"{problems}\n{self.said()}"

        expected = checker.recounted(self._deleted_scored + scored)
        asked = checker.asked_for(self._deleted_feedback + checker.read_committed(servers, topics.feedback), IN_A_ROW)
        with self.client() as client:
            self._until(
                lambda: (
                    not checker.difference(expected, checker.counted(client, self.prefix))
                    and judgements(client, self.prefix) == asked.judged
                ),
                "the counters are not those of the topics",
                lambda: str([checker.difference(expected, checker.counted(client, self.prefix))[:5],
                             judgements(client, self.prefix), asked.judged]),
            )  # fmt: skip
            time.sleep(2)  # two looks at the marks: nothing may be counted again
            assert checker.difference(expected, checker.counted(client, self.prefix)) == []
            assert judgements(client, self.prefix) == asked.judged
        if any(process.name == "notifier" for process in self._processes):
            self._check_alerts(asked.changes, trial_changes)

    def _check_alerts(self, changes: int, trial_changes: Sequence[str]) -> None:
        def told() -> Counter[str]:
            """Messages of each alert, each message once."""
            return Counter({post.id: checker.told(post.body)[0].alert for post in self.receiver.accepted}.values())

        name = "ConsecutiveErrors"
        self._until(
            lambda: told()[name] >= changes,
            "alerts are missing",
            lambda: f"{told()[name]} of {changes} came",
        )
        assert told()[name] == changes, told()
        self._until(
            lambda: len(self._trial_changes_told()) >= len(trial_changes),
            "changes of the trial are missing",
        )
        assert self._trial_changes_told() == list(trial_changes)
        assert told().keys() <= {name, "BadBuzz", "ModelTrial"}
        assert self.receiver.forged == 0
        bodies: dict[str, set[bytes]] = {}
        for post in self.receiver.posts:
            bodies.setdefault(post.id, set()).add(post.raw)
        assert [sorted(raw) for raw in bodies.values() if len(raw) > 1] == []

    def wait_told(self, alert: str, status: str, times: int) -> float:
        """Wait until the receiver has heard so many changes; returns how long it took, seconds."""
        since = time.monotonic()
        self._until(
            lambda: sum(change.status == status for change in self._heard(alert)) >= times,
            f"{alert} was not told {status} {times} times",
            lambda: str(self._heard(alert)),
        )
        return time.monotonic() - since

    def _trial_changes_told(self) -> list[str]:
        """Version and change of each message about a trial, in order of arrival, repetitions left out."""
        messages = {post.id: post.body["alerts"] for post in self.receiver.accepted}
        return [
            f"{alert['labels']['model_version']} {alert['annotations']['change']}"
            for alerts in messages.values()
            for alert in alerts
            if alert["labels"]["alertname"] == "ModelTrial"
        ]

    def check_states(self, alert: str) -> None:
        """The receiver has heard of every state that Redis holds, of no other, and in order."""
        with self.client() as client:
            self._until(
                lambda: checker.stored(client, self.prefix, alert) == set(self._heard(alert)),
                "Redis holds other states than the receiver was told",
                lambda: f"{sorted(checker.stored(client, self.prefix, alert))} {self._heard(alert)}",
            )
        assert checker.out_of_order(self._heard(alert)) == []

    def _heard(self, alert: str) -> list[checker.Told]:
        """Changes in order of arrival, repetitions left out."""
        changes = [change for post in self.receiver.accepted for change in checker.told(post.body)]
        return list(dict.fromkeys(change for change in changes if change.alert == alert))

    def _until(self, holds: Callable[[], bool], problem: str, detail: Callable[[], str] = str) -> None:
        until(holds, said=lambda: f"{problem} {detail()}\n{self.said()}")

    def said(self) -> str:
        """The last words of every process."""
        logs = sorted({process.log for process in self._processes})
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}" for log in logs)

    def close(self) -> None:
        if self._traffic is not None:
            self._traffic.end()
        for process in self._processes:
            if process.alive:
                process.kill()
        self.visible.close()
        self.receiver.close()

    def _started(self, name: str, more: Mapping[str, str] = MappingProxyType({})) -> Process:
        number = sum(process.name == name and process.alive for process in self._processes)
        self._processes.append(Process(name, {**self.environment, **more}, self.folder / f"{name}-{number}.log"))
        return self._processes[-1]


_NAMES = {"tweets", "scored", "feedback", "dead_letters", "audit", "labels"}


def _remember_champion(cache: Path) -> None:
    """As a worker leaves it that served the shipped model as version 1 while MLflow was there."""
    version = RegisteredVersion(name="sentiment", version="1", aliases=("champion",), origin="chaos")
    champions = ChampionCache(cache)

    def download(folder: Path) -> None:
        shutil.copytree(Settings().artefact, folder, dirs_exist_ok=True)

    champions.load(version, download)
    champions.remember(version)
