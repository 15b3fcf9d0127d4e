"""Redis, as the service sees it and as its exporter does."""

from dashboards.boards import foreign as f
from dashboards.boards.dependencies.servers import BY_OPERATION, SHARED, WINDOW, rate_of_errors
from dashboards.boards.panels import GREEN, RED, YELLOW, Ask, Graph, Panel, Stat, Steps
from dashboards.boards.percentiles import percentiles
from dashboards.boards.promql import count_rate, select_everywhere
from observability import conventions as c

REDIS = f'{c.DB_SYSTEM}="redis"'


def as_seen_by_the_service() -> tuple[Panel, ...]:
    return (
        Graph(
            title="Commands",
            does="Redis commands a second, by name.",
            unit="ops",
            asks=(Ask(count_rate(c.DB_OPERATION_DURATION, REDIS, by=(c.DB_OPERATION,)), BY_OPERATION),),
            is_stacked=True,
        ),
        Graph(
            title="Duration of commands",
            does="How long half, 95 % and 99 % of the commands took at most. The service gives up after 0.1 s and goes on without.",
            unit="s",
            asks=percentiles(c.DB_OPERATION_DURATION, REDIS),
            steps=Steps({0.01: YELLOW, 0.1: RED}),
        ),
        Graph(
            title="Failed commands",
            does="Commands a second that failed, by class of error. Clients see slower answers, not errors; rate limits let "
            "everybody pass.",
            unit="ops",
            asks=(Ask(rate_of_errors(REDIS), f"{{{{{c.ERROR_TYPE}}}}}"),),
            steps=Steps({0.1: RED}),
        ),
    )


def about_itself() -> tuple[Panel, ...]:
    return (
        Stat(
            title="Redis",
            does="Whether its exporter reaches it. Down: answers are right and slower; the breaker is open.",
            unit="bool_yes_no",
            asks=(Ask(f"min ({select_everywhere(f.REDIS_UP)})", "up"),),
            steps=Steps({1: GREEN}, start=RED),
            everywhere=SHARED,
            height=8,
        ),
        Graph(
            title="Memory",
            does="What Redis uses, and may use. At the maximum it evicts what was used least.",
            unit="bytes",
            asks=(
                Ask(f"max ({select_everywhere(f.REDIS_MEMORY)})", "used"),
                Ask(f"max ({select_everywhere(f.REDIS_MAX_MEMORY)})", "max"),
            ),
            everywhere=SHARED,
            width=5,
        ),
        Graph(
            title="Evictions",
            does="Entries a second that were thrown out for lack of memory. More than a few: hits fall; give Redis more memory.",
            unit="ops",
            asks=(Ask(f"sum (rate({select_everywhere(f.REDIS_EVICTED)}{WINDOW}))", "evicted"),),
            steps=Steps({1: YELLOW}),
            everywhere=SHARED,
            width=5,
        ),
        Graph(
            title="Clients",
            does="Connections to Redis. A steady rise is a client that never closes.",
            unit="short",
            asks=(Ask(f"max ({select_everywhere(f.REDIS_CLIENTS)})", "clients"),),
            everywhere=SHARED,
            width=5,
        ),
        Graph(
            title="Commands of all clients",
            does="Commands a second that Redis worked on.",
            unit="ops",
            asks=(Ask(f"sum (rate({select_everywhere(f.REDIS_COMMANDS)}{WINDOW}))", "commands"),),
            everywhere=SHARED,
            width=5,
        ),
    )
