"""Which addresses may be connected to: public ones, and what the settings allow.

A rules file names hosts, and their owners decide which addresses they resolve to. Without this check a line in it could
make the notifier call the cloud's metadata service, Redis, or the router. The address that is connected to is checked,
so a name that resolves differently a moment later makes no difference.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_PUBLIC_AND_YET_METADATA: Final = (IPv4Address("168.63.129.16"),)
"""Azure's. Those of the others (169.254.169.254, fd00:ec2::254, 100.100.100.200) are in no public network."""
_REFUSED: Final = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # for protocols (RFC 6890); 192.0.0.192 has been metadata of Oracle's
            "192.88.99.0/24",  # the nearest 6to4 relay, of an unknown operator (RFC 7526)
            "::/96",  # IPv4-compatible (RFC 4291, 2.5.5.1)
            "::ffff:0:0:0/96",  # IPv4-translated (RFC 7915)
            "64:ff9b:1::/48",  # NAT64 of a network's own (RFC 8215); where the IPv4 address stands is its business
            "fec0::/10",  # site-local (RFC 3879)
            "3fff::/20",  # for documentation (RFC 9637)
            "5f00::/16",  # segments of a network's own (RFC 9602)
        ),
    )
)
"""Networks that `is_global` counts as public in some versions of Python."""
_NAT64: Final = IPv6Network("64:ff9b::/96")


class RefusedAddressError(OSError):
    """An address that receivers must not have."""

    def __init__(self, host: str, address: Address) -> None:
        at = "" if host == str(address) else f" at {address}"
        super().__init__(
            f"{host}{at} is no public address; allow it with BUZZWATCH_ALERTS__ALLOWED_NETWORKS if it is meant"
        )


def permitted(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether a receiver may have this address."""
    target = _embedded(address)
    if any(target in network or address in network for network in allowed):
        return True
    if target in _PUBLIC_AND_YET_METADATA or any(target in network for network in _REFUSED):
        return False
    return target.is_global and not target.is_multicast


def require_permitted(host: str, address: str, allowed: Sequence[Network]) -> None:
    """Raise unless `address`, which `host` has resolved to, is permitted.

    Raises:
        RefusedAddressError: it is not.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if not permitted(parsed, allowed):
        raise RefusedAddressError(host, parsed)


def _embedded(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that stands for it, else the address."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address
