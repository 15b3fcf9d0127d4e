"""Use, saturation and errors of what the service stands on: pools, PostgreSQL, Redis, the cache."""

from dashboards.boards.board import Dashboard, Section
from dashboards.boards.dependencies import cache, pools, postgres, redis


def board() -> Dashboard:
    return Dashboard(
        board="dependencies",
        description="What the service waits for: use, saturation and errors (USE) of pools, PostgreSQL, Redis and the cache.",
        sections=(
            Section("Connection pools", pools.panels()),
            Section("PostgreSQL as the service sees it", postgres.as_seen_by_the_service()),
            Section("Cache", cache.panels()),
            Section("Redis as the service sees it", redis.as_seen_by_the_service()),
            Section("PostgreSQL about itself", postgres.about_itself()),
            Section("Redis about itself", redis.about_itself()),
        ),
    )
