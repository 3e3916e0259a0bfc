"""The contenders, each with the page of its documentation that shows how it should be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from bench.stage.peers import our_python, peers_python, pyflink_python
from bench.stage.programs import WORKER


class Contender(NamedTuple):
    """A program that drains the topic."""

    name: str
    guarantee: str
    arguments: tuple[str, ...]
    """Of the interpreter; `{folder}` is an empty folder of this run."""
    source: str
    """Where its documentation recommends what it does."""
    python: Callable[[], str] = our_python
    """Its interpreter."""
    before: tuple[str, ...] = ()
    """Arguments of an interpreter that runs first."""

    def command(self, folder: Path) -> list[str]:
        """The command line.

        Raises:
            Unavailable: its environment cannot be made here.
        """
        return [self.python(), *(argument.format(folder=folder) for argument in self.arguments)]

    def preparation(self, folder: Path) -> list[str] | None:
        """The command line of what runs first."""
        return [self.python(), *(argument.format(folder=folder) for argument in self.before)] if self.before else None


_FAUST: Final = ("-m", "faust", "-A")
_BYTEWAX: Final = ("-m", "bytewax.run", "-r", "{folder}", "-s", "10", "-b", "0")
_RECOVERY: Final = ("-m", "bytewax.recovery", "{folder}", "1")

CONTENDERS: Final = {
    "buzzwatch": Contender("buzzwatch worker", "exactly once", WORKER, "docs/guarantees.md"),
    "bytewax": Contender(
        "bytewax flat_map_batch",
        "at least once",
        (*_BYTEWAX, "bench.contenders.bytewax_flow:flow"),
        "bytewax: API, operators, flat_map_batch; User guide, Recovery",
        peers_python,
        _RECOVERY,
    ),
    "bytewax-collect": Contender(
        "bytewax collect",
        "at least once",
        (*_BYTEWAX, "bench.contenders.bytewax_collect:flow"),
        "bytewax: API, operators, collect; User guide, Recovery",
        peers_python,
        _RECOVERY,
    ),
    "pyflink": Contender(
        "PyFlink pandas function",
        "exactly once",
        ("-m", "bench.contenders.pyflink.job"),
        "Flink: Python, Table API, Row-based operations, Vectorized functions; Connectors, Kafka SQL connector",
        pyflink_python,
    ),
    "quixstreams": Contender(
        "quixstreams apply",
        "at least once",
        ("-m", "bench.contenders.quixstreams_apply"),
        "Quix Streams: Processing data, apply; Configuration, processing guarantees",
        peers_python,
    ),
    "kafka-python-polled": Contender(
        "kafka-python, polled batches",
        "at least once",
        ("-m", "bench.contenders.kafka_python_loop"),
        "kafka-python: API, KafkaConsumer.poll and commit",
    ),
    "kafka-python": Contender(
        "kafka-python, one at a time",
        "at most once",
        ("-m", "bench.contenders.kafka_python_single"),
        "kafka-python: Usage, KafkaConsumer",
    ),
    "faust-take": Contender(
        "Faust noack_take(1000)",
        "at least once",
        (*_FAUST, "bench.contenders.faust_take", "worker"),
        "Faust: Streams, take and noack_take; Agents",
    ),
    "faust": Contender(
        "Faust agent, one at a time",
        # Faust flushes its producer before it commits; nobody looks at how a send ended that is awaited once.
        "at least once, but a failed send is lost",
        (*_FAUST, "bench.contenders.faust_single", "worker"),
        "Faust: Introduction; Agents",
    ),
}
"""The fastest first, so that a run that is cut off has the comparison that matters."""
