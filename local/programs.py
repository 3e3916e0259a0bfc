"""Our own processes of the stack: workers, notifier, API."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from contracts.settings import Settings
from local.servers.server import Server, make_folder, reachable_host, says_ok

# The first worker of a checkout compiles the scorer: 20 s of a processor, two minutes where ten share it.
_START_TIMEOUT_S = 300.0


def our_programs(settings: Settings, workers: int = 1) -> list[Server]:
    """The notifier, `workers` workers and the API, in the order in which they are started.

    Raises:
        Unavailable: the folder of the logs cannot be written.
    """
    logs = make_folder(settings.local.data_dir.absolute() / "logs")
    web = settings.worker
    return [
        Server(
            name="notifier",
            command=(str(Path(sys.executable).with_name("buzzwatch")), "notifier"),
            log=logs / "notifier.log",
            host=web.web_host,
            ports={"BUZZWATCH_ALERTS__METRICS_PORT": settings.alerts.metrics_port},
            ready=_says_yes(web.web_host, settings.alerts.metrics_port, "/livez"),
            start_timeout_s=_START_TIMEOUT_S,
            stop_timeout_s=settings.alerts.delivery_timeout_s + 5,
        ),
        *(
            Server(
                name="worker" if workers == 1 else f"worker-{slot}",
                command=(sys.executable, "-m", "faust", "-A", "stream.app", "worker"),
                log=logs / ("worker.log" if workers == 1 else f"worker-{slot}.log"),
                host=web.web_host,
                ports={"BUZZWATCH_WORKER__WEB_PORT": web.web_port + slot},
                ready=_says_yes(web.web_host, web.web_port + slot, "/readyz"),
                start_timeout_s=_START_TIMEOUT_S,
                stop_timeout_s=web.drain_timeout_s + 10,
            )
            for slot in range(workers)
        ),
        Server(
            name="api",
            command=(
                *(str(Path(sys.executable).with_name("buzzwatch")), "api"),
                *("--host", settings.api.host, "--port", str(settings.api.port)),
            ),
            host=settings.api.host,
            log=logs / "api.log",
            ports={"BUZZWATCH_API__PORT": settings.api.port},
            ready=_says_yes(settings.api.host, settings.api.port, "/readyz"),
            start_timeout_s=_START_TIMEOUT_S,
            stop_timeout_s=15,
        ),
    ]


def _says_yes(host: str, port: int, path: str) -> Callable[[], bool]:
    return partial(says_ok, f"http://{reachable_host(host)}:{port}{path}")
