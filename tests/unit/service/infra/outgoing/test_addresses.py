import pytest

from service.infra.outgoing.addresses import is_public

PRIVATE = {
    "this network": "0.0.0.1",
    "loopback": "127.0.0.1",
    "loopback, the far end": "127.255.255.254",
    "private, 10": "10.0.0.1",
    "private, 172.16": "172.31.255.255",
    "private, 192.168": "192.168.1.1",
    "carriers, and Alibaba's metadata": "100.100.100.200",
    "link-local, and most clouds' metadata": "169.254.169.254",
    "Oracle's metadata": "192.0.0.192",
    "Azure's platform": "168.63.129.16",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "relays of 6to4": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast, the far end": "239.255.255.255",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 nowhere": "::",
    "IPv6 loopback": "::1",
    "IPv4-compatible": "::8.8.8.8",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped metadata": "::ffff:169.254.169.254",
    "IPv4-mapped platform": "::ffff:168.63.129.16",
    "IPv4-translated": "::ffff:0:8.8.8.8",
    "NAT64 of a private address": "64:ff9b::10.0.0.1",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "NAT64 of multicast": "64:ff9b::224.0.0.1",
    "NAT64 of a network's own": "64:ff9b:1::8.8.8.8",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "IPv6 benchmarks": "2001:2::1",
    "ORCHID": "2001:20::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, more": "3fff::1",
    "6to4": "2002:0808:0808::1",
    "6to4 of loopback": "2002:7f00:1::1",
    "segment routing": "5f00::1",
    "discard only": "100::1",
    "unique local": "fc00::1",
    "unique local, Amazon's metadata": "fd00:ec2::254",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with its zone": "fe80::1%1",
    "site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "not given to anybody": "4000::1",
}


@pytest.mark.parametrize("kind", PRIVATE)
def test_an_address_is_not_public_when_it_is_of_the_kind(kind: str) -> None:
    assert not is_public(PRIVATE[kind])


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "168.63.129.15",
        "172.15.255.255",
        "172.32.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450:4001:80b::200e",
        "2003::1",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)
