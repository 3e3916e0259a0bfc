"""Redis of the local stack: every write in the append-only file within a second, nothing evicted."""

from __future__ import annotations

import shutil

import redis

from contracts.errors import Unavailable
from contracts.settings import LocalSettings
from local.servers.server import Server, is_listening, make_folder


def redis_server(local: LocalSettings) -> Server:
    """The server on `local.redis_port`, its data under `local.data_dir`.

    Raises:
        Unavailable: no `redis-server` here, or the folder cannot be written.
    """
    binary = shutil.which("redis-server")
    if binary is None:
        raise Unavailable(
            "redis-server is missing: install it (apt-get install redis-server) or set BUZZWATCH_REDIS__URL"
        )
    data_dir = local.data_dir.absolute()
    folder = make_folder(data_dir / "redis")
    logs = make_folder(data_dir / "logs")
    options = {
        "port": str(local.redis_port),
        "bind": "127.0.0.1",
        "dir": str(folder),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",  # the append-only file is the one copy; a snapshot besides it only costs a fork
        "maxmemory-policy": "noeviction",
    }
    return Server(
        name="redis",
        command=(binary, *(part for name, value in options.items() for part in (f"--{name}", value))),
        log=logs / "redis.log",
        ports={"BUZZWATCH_LOCAL__REDIS_PORT": local.redis_port},
        ready=lambda: _answers(local.redis_port),
    )


def _answers(port: int) -> bool:
    if not is_listening(port):
        return False
    client = redis.Redis(port=port, socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())  # an error while the append-only file is still being loaded
    except redis.RedisError:
        return False
    finally:
        client.close()
