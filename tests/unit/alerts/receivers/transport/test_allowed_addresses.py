from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from alerts.receivers.transport.allowed_addresses import RefusedAddressError, permitted, require_permitted


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # metadata of most clouds
        "100.100.100.200",  # of Alibaba's
        "168.63.129.16",  # of Azure's
        "fd00:ec2::254",  # of Amazon's, IPv6
        "0.0.0.0",  # this machine, on Linux
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe",  # 169.254.169.254 behind NAT64
        "2002:7f00:1::",  # 127.0.0.1 by 6to4
        "ff02::1",
        "192.0.0.8",
        "192.0.0.9",
        "192.0.0.192",  # metadata of Oracle's classic cloud
        "192.88.99.1",  # the nearest 6to4 relay
        "2002:c000:c0::1",  # 192.0.0.192 by 6to4
        "::10.0.0.1",  # IPv4-compatible
        "::127.0.0.1",
        "::ffff:0:10.0.0.1",  # IPv4-translated
        "64:ff9b:1::a00:1",  # NAT64 of a network's own
        "fec0::1",
        "3fff::1",
        "5f00::1",
    ],
)
def test_what_is_not_public_is_refused_unless_allowed(address: str) -> None:
    parsed = ip_address(address)
    assert not permitted(parsed, ())
    assert permitted(parsed, [ip_network(address)])


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_what_is_public_is_permitted(address: str) -> None:
    assert permitted(ip_address(address), ())


def test_allowing_one_network_allows_no_other() -> None:
    allowed = [ip_network("10.0.0.0/8")]
    assert permitted(ip_address("::ffff:10.2.3.4"), allowed)
    with pytest.raises(RefusedAddressError, match=r"metadata at 169\.254\.169\.254 .*ALLOWED_NETWORKS"):
        require_permitted("metadata", "169.254.169.254", allowed)
