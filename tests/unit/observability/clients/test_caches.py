"""A cache of the application's own."""

from time import perf_counter

from observability.clients.caches import CacheRecorder
from observability.context import RequestRecord
from observability.metrics.cache import CacheFamilies
from observability.metrics.registry import Registry
from observability.testing import recorded


def test_each_thing_is_counted_and_shown_at_once(registry: Registry, record: RequestRecord) -> None:
    record.is_traced = True
    cache = CacheRecorder("menu", CacheFamilies(registry).cache("menu"))
    now = perf_counter()
    cache.looked_up("miss", (now - 1, now))
    cache.looked_up("bypass")
    cache.filled(0.5)
    cache.coalesced(0.25)
    found = [describe(*details) for _, _, _, _, describe, details, _ in record.spans.spans()]
    assert [(facts.name, facts.attributes) for facts in found] == [
        ("cache get menu", {"cache.name": "menu", "cache.result": "miss"}),
        ("cache fill menu", {"cache.name": "menu"}),
        ("cache wait menu", {"cache.name": "menu"}),
    ]
    assert recorded(registry, "cache_requests_total", cache="menu", result="miss") == 1
    assert recorded(registry, "cache_requests_total", cache="menu", result="bypass") == 1
    assert recorded(registry, "cache_fill_duration_seconds_sum", cache="menu") == 0.5
    assert recorded(registry, "cache_coalesced_total", cache="menu") == 1


def test_outside_of_a_request_it_is_only_counted(registry: Registry) -> None:
    CacheRecorder("menu", CacheFamilies(registry).cache("menu")).filled(0.5)
    assert recorded(registry, "cache_fill_duration_seconds_count", cache="menu") == 1
