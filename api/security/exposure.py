"""Who can reach the API: this machine alone, or others too. Without keys only this machine may.

Three things are looked at: the addresses that the settings and uvicorn's options name, before anything starts; the
address at which a request arrived, for servers that were started in another way; and whether a proxy or the page of
another site brought it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from contracts.errors import SettingsError
from contracts.settings import Settings

_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")
_REMEDY: Final = "set BUZZWATCH_API__REQUIRE_KEYS=true and make a key with `buzzwatch keys create`"


@lru_cache(256)  # asked of every request
def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own, which nobody else reaches."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def uvicorn_host(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> str | None:
    """The address that uvicorn's command line names, which counts before the setting; None when it names none."""
    for place, argument in enumerate(arguments):
        if argument == "--host" and place + 1 < len(arguments):
            return arguments[place + 1]
        if argument.startswith("--host="):
            return argument.partition("=")[2]
    return environment.get("UVICORN_HOST")


def keys_required(settings: Settings, host: str | None = None) -> bool:
    """Whether requests need a key.

    Args:
        settings: name the addresses.
        host: what the API really listens on, when that is not its setting.

    Raises:
        SettingsError: keys were switched off, and others can reach the API.
    """
    required = settings.api.require_keys
    if required:
        return True
    hosts = {
        "BUZZWATCH_API__HOST": host or settings.api.host,
        "BUZZWATCH_WORKER__WEB_HOST": settings.worker.web_host,
    }
    beyond = [f"{name} is {value}" for name, value in hosts.items() if not is_loopback(value)]
    if beyond and required is False:
        raise SettingsError(
            f"BUZZWATCH_API__REQUIRE_KEYS: cannot be false where others can reach us: {beyond[0]}; listen on "
            "127.0.0.1, or leave it out and make a key with `buzzwatch keys create`"
        )
    return bool(beyond)


def why_no_stranger(request: Request, external_url: str | None) -> str | None:
    """Why a request without a key is refused although none is needed here; None when it came from this machine.

    Args:
        request: the request.
        external_url: where people reach the API, whose host is taken for ours.
    """
    server = request.scope.get("server")
    if server is not None and server[1] is not None and not is_loopback(server[0]):
        return f"it arrived at {server[0]}, which others can reach, and no keys are in force: {_REMEDY}"
    for name in _FORWARDED:
        if name in request.headers:
            return f"a proxy brought it ({name}), so that others can reach us, and no keys are in force: {_REMEDY}"
    host = _name_in(request.headers.get("host", ""))
    ours = urlsplit(external_url).hostname if external_url else None
    if host and not is_loopback(host) and host != ours:
        return (
            f"it was sent to the name {host}, which may be another site's; use 127.0.0.1 or localhost, or name ours "
            f"in BUZZWATCH_ALERTS__EXTERNAL_URL"
        )
    return None


@lru_cache(256)
def _name_in(host: str) -> str:
    """The name or address in a header `Host`."""
    return urlsplit(f"//{host}").hostname or ""
