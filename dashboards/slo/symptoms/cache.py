"""Pitfalls of caches: one that does not answer, and one that is not asked."""

from dashboards.slo.query import Query, value_of
from dashboards.slo.symptoms.symptom import Symptom
from observability import conventions


def cache(ours: Query) -> tuple[Symptom, ...]:
    """What the cache does not answer, the database has to."""
    by, asked = (conventions.CACHE,), conventions.CACHE_REQUESTS.name
    hits, looks = (
        f'{conventions.RESULT}=~"hit|stale"',
        f'{conventions.RESULT}=~"hit|stale|miss"',
    )

    def hit_share(window: str, least: int) -> str:
        part, whole = ours.rate(asked, window, hits, by=by), ours.rate(asked, window, looks, by=by)
        return f"(\n  {part}\n  /\n  ({whole} > {least})\n)"

    return (
        Symptom(
            name="CacheHitRatioCollapsed",
            # A cache of profiles hits less often than one of the catalogue: each is compared with itself.
            expr=f"{hit_share('15m', 1)}\n< 0.5 *\n{hit_share('1d', 0)}",
            hold="10m",
            board="dependencies",
            summary=f"Cache {value_of(conventions.CACHE)} answers {{{{ $value | humanizePercentage }}}}: "
            "less than half of what it did over the day",
            description="What the cache does not answer, the database has to.",
        ),
        Symptom(
            name="CacheBreakerOpen",
            expr=f"{ours.series(conventions.CACHE_BREAKER_OPEN.name)} == 1",
            hold="2m",
            board="dependencies",
            summary=f"Cache {value_of(conventions.CACHE)} of {{{{ $labels.instance }}}} is bypassed",
            description="Its server fails or is too slow: answers come from the database and from the memory of each process.",
        ),
    )
