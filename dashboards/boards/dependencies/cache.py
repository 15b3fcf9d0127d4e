"""The cache: what it saves, and what it costs."""

from dashboards.boards.overview import HIT_SHARE
from dashboards.boards.panels import RED, YELLOW, Ask, Graph, Panel, Stat, Steps
from dashboards.boards.promql import largest, percentile, rate, share
from observability import conventions as c

BY_CACHE = f"{{{{{c.CACHE}}}}}"


def panels() -> tuple[Panel, ...]:
    hits = rate(c.CACHE_REQUESTS, f'{c.RESULT}=~"hit|stale"', by=(c.CACHE,))
    looks = rate(c.CACHE_REQUESTS, f'{c.RESULT}!="bypass"', by=(c.CACHE,))
    return (
        Graph(
            title="Look-ups by result",
            does="Look-ups a second. stale: answered at once and computed behind it; error: the cache server failed and the request "
            "went on without it; bypass: not for the cache.",
            unit="ops",
            asks=(Ask(rate(c.CACHE_REQUESTS, by=(c.RESULT,)), f"{{{{{c.RESULT}}}}}"),),
            is_stacked=True,
        ),
        Graph(
            title="Hits",
            does="The share of look-ups answered from each cache. A collapse sends the load to PostgreSQL: compare with "
            "invalidations and with the breaker.",
            unit="percentunit",
            asks=(Ask(share(hits, looks, by=(c.CACHE,)), BY_CACHE),),
            steps=HIT_SHARE,
            top=1,
        ),
        Graph(
            title="Filling, p95",
            does="How long a miss took to compute. It is what every client would wait for without the cache.",
            unit="s",
            asks=(Ask(percentile(95, c.CACHE_FILL_DURATION, by=(c.CACHE,)), BY_CACHE),),
            steps=Steps({0.25: YELLOW, 1: RED}),
        ),
        Graph(
            title="Computations saved",
            does="Requests a second that waited for one computation under way instead of starting their own: stampedes that did not "
            "happen.",
            unit="ops",
            asks=(Ask(rate(c.CACHE_COALESCED, by=(c.CACHE,)), BY_CACHE),),
        ),
        Graph(
            title="Invalidations",
            does="Entries or groups outdated by writes, a second. A wave without writes to match outdates too much.",
            unit="ops",
            asks=(Ask(rate(c.CACHE_INVALIDATIONS, by=(c.CACHE,)), BY_CACHE),),
        ),
        Stat(
            title="Breaker",
            does="Open: a worker goes on without its cache because the server fails; answers are right and slower. Bring Redis back; "
            "it closes by itself.",
            unit="bool_on_off",
            asks=(Ask(largest(c.CACHE_BREAKER_OPEN, by=(c.CACHE,)), BY_CACHE),),
            steps=Steps({1: RED}),
            width=8,
            height=8,
        ),
    )
