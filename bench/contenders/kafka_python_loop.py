"""A kafka-python loop over polled batches: send all, wait for Kafka, commit. At least once."""

from __future__ import annotations

from itertools import chain

from bench.contenders.kafka_python_clients import Clients


def main() -> None:
    """Drain until ended."""
    clients = Clients(enable_auto_commit=False)
    while True:
        polled = clients.consumer.poll(timeout_ms=200, max_records=4000)
        if polled:
            clients.score(chain.from_iterable(polled.values()))
            clients.producer.flush()
            clients.consumer.commit()


if __name__ == "__main__":
    main()
