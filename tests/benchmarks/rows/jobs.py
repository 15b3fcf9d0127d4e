"""P14: how soon a job starts, and how many two workers run."""

import asyncio
from contextlib import ExitStack
from statistics import median

import asyncpg

from service.infra.embedded.ports import free_port
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Line, Result, at_most
from tests.benchmarks.processes import serving
from tests.benchmarks.row import Row

_WORKERS = 2
_ROUNDS = 5
_BURST = 2_000
_SINGLE = 100
_PAUSE_SECONDS = 0.02

# The welcome of an account that is gone: one read, and nothing to do.
_ADD = """
WITH added AS (
    INSERT INTO pgqueuer (priority, status, entrypoint, payload, created)
    SELECT 0, 'queued', 'send_welcome_email', '{"user_id": 9007199254740991}', clock_timestamp()
    FROM generate_series(1, $1) RETURNING id, entrypoint, priority
)
INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority, created)
SELECT id, 'queued', entrypoint, priority, clock_timestamp() FROM added
"""
_DELAYS = """
SELECT extract(epoch FROM taken.created - queued.created)::float8 AS seconds
FROM pgqueuer_log AS queued JOIN pgqueuer_log AS taken USING (job_id)
WHERE queued.status = 'queued' AND taken.status = 'picked'
"""
_TOOK = """
SELECT extract(epoch FROM max(created) FILTER (WHERE status = 'successful') - min(created))::float8 FROM pgqueuer_log
"""


def measure(bench: Bench) -> Result:
    database = bench.catalogue(1_000)
    with ExitStack() as stack:
        for _ in range(_WORKERS):
            port = free_port()
            settings = {
                "DATABASE_URL": database,
                "REDIS_URL": f"{bench.servers.redis_url}/5",
                "SMTP_URL": "smtp://127.0.0.1:1",
                "WORKER_METRICS_PORT": str(port),
            }
            stack.enter_context(serving("worker", path="/metrics", port=port, settings=settings))
        return asyncio.run(_measure(bench, database))


async def _measure(bench: Bench, database: str) -> Result:
    connection = await asyncpg.connect(database)
    delays, rates = list[float](), list[float]()
    try:
        await _burst(connection, bench.amount(_BURST))
        for _ in bench.rounds(_ROUNDS):
            delays.append(await _delay(connection, bench.amount(_SINGLE)))
            rates.append(await _burst(connection, bench.amount(_BURST)))
    finally:
        await connection.close()
    return Result(
        (
            Line("from the commit to the start, p50", Figure(tuple(delays)), "ms", at_most(50)),
            Line(f"{_WORKERS} workers, {_BURST:,} jobs at once", Figure(tuple(rates)), "jobs/s"),
        )
    )


async def _delay(connection: asyncpg.Connection, jobs: int) -> float:
    await connection.execute("TRUNCATE pgqueuer_log")
    for _ in range(jobs):
        await connection.execute(_ADD, 1)
        await asyncio.sleep(_PAUSE_SECONDS)
    await _until_done(connection)
    return 1000 * float(median(row["seconds"] for row in await connection.fetch(_DELAYS)))


async def _burst(connection: asyncpg.Connection, jobs: int) -> float:
    await connection.execute("TRUNCATE pgqueuer_log")
    await connection.execute(_ADD, jobs)
    await _until_done(connection)
    return jobs / float(await connection.fetchval(_TOOK))


async def _until_done(connection: asyncpg.Connection) -> None:
    while await connection.fetchval("SELECT EXISTS (SELECT FROM pgqueuer)"):  # noqa: ASYNC110 (of a database)
        await asyncio.sleep(_PAUSE_SECONDS)


ROW = Row(
    "P14",
    f"Jobs on {_WORKERS} workers",
    f"""\
`python -m service worker` twice, 10 jobs at once each, on all cores beside PostgreSQL. The job is the welcome of an account that is gone: one read. {_SINGLE} jobs
one by one with a pause of {_PAUSE_SECONDS} s, then {_BURST:,} in one transaction; {_ROUNDS} rounds after one that does not count. Both times are PostgreSQL's own, from the history of the queue: between a job
was added and was taken; between the first was added and the last was done.""",
    measure,
)
