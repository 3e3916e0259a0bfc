"""The process that sends through Apprise: `python -m alerts.receivers.apprise_child`.

Apprise's hundred plugins open their connections in their own ways (requests, smtplib, plain sockets). Python calls an
audit hook before each connection with the resolved address: the hook here refuses addresses that are not permitted,
redirects included. A hook cannot be removed, so a process lives for one notification, and its parent stops it when it
takes too long.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any, Final

from alerts.receivers.apprise_services import fit, name_incident
from alerts.receivers.message import Message
from alerts.receivers.transport.allowed_addresses import Network, RefusedAddressError, require_permitted

_LAST_PORT: Final = 65_535
_CONNECTING: Final = ("socket.connect", "socket.sendto", "socket.sendmsg")


def main() -> None:
    """Read a task from standard input, send, write one `[sent, addresses refused, lines of its log]` for each URL.

    A task without a message only checks whether Apprise can read the URLs: no connection is made.
    """
    task = json.load(sys.stdin)
    refused: list[str] = []
    _guard([ip_network(network) for network in task["allowed"]], refused)
    log = _LogLines()
    logging.getLogger("apprise").addHandler(log)
    outcomes = []
    for url in task["urls"]:
        log.lines.clear()
        refused.clear()
        sender = sender_of(url)
        message = task["message"]
        sent = sender is not None and (message is None or send(sender, url, Message(**message), task["within_s"]))
        outcomes.append([sent, list(dict.fromkeys(refused)), list(dict.fromkeys(log.lines))])
    json.dump(outcomes, sys.stdout)


def _guard(allowed: Sequence[Network], refused: list[str]) -> None:
    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _CONNECTING:
            return
        address = arguments[1]
        if address is None and event == "socket.sendmsg":
            return  # the socket is connected already; its address was checked at connect
        try:
            if not isinstance(address, tuple):
                raise PermissionError("receivers cannot be Unix sockets")
            require_permitted(str(address[0]), str(address[0]), allowed)
        except RefusedAddressError as error:
            refused.append(str(error))
            raise
        except ValueError:
            raise PermissionError(f"a connection to {address[0]}, which is no resolved address, was refused") from None

    sys.addaudithook(check)


def sender_of(url: str) -> Any:
    """Apprise's object for the address; None (and a log line) when Apprise cannot read it."""
    import apprise  # imports for a second: only this process needs it

    asset = apprise.AppriseAsset(
        app_id="buzzwatch", app_desc="buzzwatch", app_url="", async_mode=False, secure_logging=True
    )
    sender = apprise.Apprise(asset=asset)
    if not sender.add(url):
        logging.getLogger("apprise").error("Apprise cannot read the address of this receiver")
        return None
    if any((one.port or 1) > _LAST_PORT for one in sender):
        logging.getLogger("apprise").error(f"the port must be a number from 1 to {_LAST_PORT}")
        return None
    return sender


def send(sender: Any, url: str, message: Message, within_s: float) -> bool:
    """Whether all services of the address took the message within `within_s` seconds."""
    import apprise

    for service in sender:
        one_piece = name_incident(service, url, message.incident)
        fit(service, url, len(message.title) + len(message.text) + 2, within_s, one_piece=one_piece)
    kind = apprise.NotifyType(message.kind)
    return bool(sender.notify(title=message.title, body=message.text, notify_type=kind, body_format="text"))


class _LogLines(logging.Handler):
    """Collects what Apprise's plugins log about failures."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split()))


if __name__ == "__main__":
    main()
