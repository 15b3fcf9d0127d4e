"""From the name of a host to its addresses."""

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol


class Resolver(Protocol):
    """Whoever knows the addresses of hosts."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """At least one address; raises OSError when there is none."""
        ...


class SystemResolver:
    """What this machine takes for the addresses of a host."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            raise OSError(str(error)) from error
        return _addresses(found)


class ScriptedResolver:
    """Gives the answers that it is told to, one after the other, and the last one from then on."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {host: list(turns) for host, turns in answers.items()}

    async def addresses(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002 (the port of the protocol)
        turns = self._answers.get(host)
        if not turns:
            msg = f"there is no {host}"
            raise OSError(msg)
        return turns.pop(0) if len(turns) > 1 else turns[0]


def literal_addresses(host: str) -> Sequence[str]:
    """What a host names without a resolver, in any spelling that the system takes for an address (127.1); empty for a name."""
    try:
        return _addresses(
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        )
    except (OSError, UnicodeError):
        return ()


def _addresses(found: Iterable[tuple[object, ...]]) -> list[str]:
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found if isinstance(sockaddr, tuple)))
