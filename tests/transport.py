"""HTTP from processes that may be killed while they are spoken to."""

import httpx2

NOT_KEPT = httpx2.Limits(max_keepalive_connections=0)


class FragileTransport(httpx2.AsyncHTTPTransport):
    """The stock transport. A connection that ends as soon as it has begun is one more that did not answer."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await super().handle_async_request(request)
        except AttributeError as error:
            # anyio 4 asks a socket for its peer that is not there any more.
            raise httpx2.ConnectError(str(error), request=request) from error
