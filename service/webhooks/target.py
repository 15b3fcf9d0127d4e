"""The URLs that events can be sent to."""

import httpx2

from service.infra.outgoing.addresses import is_public
from service.infra.outgoing.resolver import literal_addresses
from service.infra.outgoing.transport import DEFAULT_PORTS

MAX_LENGTH = 2000
# Schemes that we speak, no credentials, no fragment; names in ASCII, as the DNS has them.
PATTERN = (
    r"^https?://([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
    r"([/?][\x21\x22\x24-\x7e]*)?$"
)
_MAX_LABEL, _MAX_NAME, _MAX_PORT = 63, 253, 65535


def target_url(url: str) -> str:
    """The URL as it will be requested.

    Raises:
        ValueError: The host or the port of this URL, which has the right form, cannot be.
    """
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(str(error)) from error
    if parsed.port is not None and not 0 < parsed.port <= _MAX_PORT:
        msg = f"the port must be 1 to {_MAX_PORT}"
        raise ValueError(msg)
    if len(parsed.host) > _MAX_NAME or any(len(label) > _MAX_LABEL for label in parsed.host.split(".")):
        msg = "the name of the host is too long"
        raise ValueError(msg)
    return str(parsed)


def host_of(url: str) -> str:
    return httpx2.URL(url).host


def server_of(url: str) -> str:
    """Who answers, or does not, for this URL: one server has many."""
    parsed = httpx2.URL(url)
    return f"{parsed.host}:{parsed.port or DEFAULT_PORTS[parsed.scheme]}"


def is_private(host: str) -> bool:
    """Whether a host says itself, without being looked up, that it is not on the public internet (RFC 6761, 6.3)."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return not all(map(is_public, literal_addresses(host)))
