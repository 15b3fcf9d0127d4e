"""Requests to hosts that somebody else chose: the address that was checked is the one that is connected to."""

import httpx2

from service.infra.outgoing.addresses import is_public
from service.infra.outgoing.resolver import Resolver

DEFAULT_PORTS = {"http": 80, "https": 443}


class NotPublic(httpx2.ConnectError):
    """The host leads to an address that is not on the public internet."""


class CheckedTransport(httpx2.AsyncBaseTransport):
    """Resolves the host once, checks every address, and connects to one of those.

    Whatever the name means a moment later does not matter. Connections are not kept: they are bound to an
    address, and another name with the same address would get one whose certificate was checked for this name.
    """

    def __init__(self, resolver: Resolver, *, allow_private: bool) -> None:
        self._resolver = resolver
        self._allow_private = allow_private
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
        self._inner = httpx2.AsyncHTTPTransport(limits=limits)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises what `httpx2.AsyncHTTPTransport` does, and NotPublic."""
        first, *others = await self._addresses(request.url)
        for address in others:
            try:
                return await self._inner.handle_async_request(_aimed_at(first, request))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                first = address
        return await self._inner.handle_async_request(_aimed_at(first, request))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _addresses(self, url: httpx2.URL) -> list[str]:
        host = url.raw_host.decode("ascii")
        try:
            addresses = list(await self._resolver.addresses(host, url.port or DEFAULT_PORTS[url.scheme]))
        except OSError as error:
            msg = f"{host} has no address"
            raise httpx2.ConnectError(msg) from error
        if not self._allow_private and not all(map(is_public, addresses)):
            # Not which one: the names of our own network are nobody's business.
            msg = f"{host} leads to an address that is not public"
            raise NotPublic(msg)
        return addresses


def _aimed_at(address: str, request: httpx2.Request) -> httpx2.Request:
    """The same request to this address: the `Host` header and the name in the certificate stay."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii")},
    )
