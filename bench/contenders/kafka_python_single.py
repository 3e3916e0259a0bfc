"""The loop of kafka-python's own introduction: one message at a time, offsets committed behind its back."""

from __future__ import annotations

from bench.contenders.kafka_python_clients import Clients


def main() -> None:
    """Drain until ended."""
    clients = Clients()
    for record in clients.consumer:
        clients.score([record])


if __name__ == "__main__":
    main()
