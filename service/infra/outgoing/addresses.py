"""Which addresses are on the public internet: requests to a target that somebody else chose go nowhere else."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What IANA hands out to networks; everything else of IPv6 serves a special purpose or none yet.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# https://www.rfc-editor.org/rfc/rfc6052#section-2.1: in networks with DNS64, all there is of the IPv4 internet.
_NAT64 = IPv6Network("64:ff9b::/96")
# Special purposes (https://www.iana.org/assignments/iana-ipv4-special-registry, …ipv6…) that `is_global` admits in one
# Python version or the other, and one address that only looks public.
_SPECIAL: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # services of the platform, on every machine of Azure
        "192.0.0.0/24",  # protocol assignments; metadata of Oracle's cloud
        "192.88.99.0/24",  # relays of 6to4
        "224.0.0.0/4",  # multicast
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Whether an IP address is one that everybody on the internet means by it; one of IPv4 that is wrapped in IPv6 is itself."""
    ip = _unwrapped(ip_address(address))
    if any(ip in network for network in _SPECIAL):
        return False
    return ip.is_global and (ip.version == 4 or ip in _GLOBAL_UNICAST)  # noqa: PLR2004 (its name)


def _unwrapped(ip: Address) -> Address:
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(ip.packed[-4:])
    return ip.ipv4_mapped or ip
