"""P9: what a registration feels of a slow mail server."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from time import perf_counter
from typing import Any

import httpx2
from aiosmtpd.controller import Controller

from service.infra.embedded.ports import free_port
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Line, Result, at_most
from tests.benchmarks.processes import serving
from tests.benchmarks.row import Row

_SLOW_SECONDS = 2.0
_REQUESTS = 120
_CLIENTS = 2
_ROUNDS = 5
_QUANTILE = 0.99


class _Answer:
    """A mail server that takes its time, as long as it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 (aiosmtpd's)
        await asyncio.sleep(self.seconds)
        return "250 Taken"


def measure(bench: Bench) -> Result:
    database, answer, smtp = bench.catalogue(1_000), _Answer(), free_port()
    settings = {
        "DATABASE_URL": database,
        "REDIS_URL": f"{bench.servers.redis_url}/6",
        "REGISTER_RATE_LIMIT": "1000000/minute",
        "SMTP_URL": f"smtp://127.0.0.1:{smtp}",
        "WORKER_CONCURRENCY": "50",
    }
    with ExitStack() as stack:
        stack.enter_context(_mail_server(answer, smtp))
        ports = {"PORT": free_port(), "WORKER_METRICS_PORT": free_port()}
        settings |= {name: str(port) for name, port in ports.items()}
        stack.enter_context(serving("api", path="/readyz", port=ports["PORT"], settings=settings))
        stack.enter_context(
            serving("worker", path="/metrics", port=ports["WORKER_METRICS_PORT"], settings=settings)
        )
        url = f"http://127.0.0.1:{ports['PORT']}/register"
        requests = bench.amount(_REQUESTS)

        def register(seconds: float) -> float:
            answer.seconds = seconds
            return asyncio.run(_p99(url, requests))

        times = bench.take_turns(_ROUNDS, {"at once": 0.0, "slow": _SLOW_SECONDS}, register)
    at_once, slow = (Figure(times[name]) for name in ("at once", "slow"))
    return Result(
        (
            Line(f"p99 with {_SLOW_SECONDS:g} s / p99 at once", slow.over(at_once), "", at_most(1.1)),
            Line("p99, the mail server answers at once", at_once.times(1000), "ms"),
            Line(f"p99, it takes {_SLOW_SECONDS:g} s", slow.times(1000), "ms"),
        )
    )


@contextmanager
def _mail_server(answer: _Answer, port: int) -> Iterator[None]:
    server = Controller(answer, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield
    finally:
        server.stop()


async def _p99(url: str, requests: int) -> float:
    seconds = list[float]()

    async def register(client: httpx2.AsyncClient) -> None:
        for _ in range(requests // _CLIENTS or 1):
            account = {
                "email": f"{uuid.uuid4().hex}@example.com",
                "password": uuid.uuid4().hex,
                "name": "Ada",
            }
            began = perf_counter()
            answer = await client.post(url, json=account)
            seconds.append(perf_counter() - began)
            if answer.status_code != HTTPStatus.CREATED:
                msg = f"/register answered {answer.status_code}: {answer.text}"
                raise RuntimeError(msg)

    async with httpx2.AsyncClient(timeout=30) as client:
        await asyncio.gather(*(register(client) for _ in range(_CLIENTS)))
    return sorted(seconds)[min(int(len(seconds) * _QUANTILE), len(seconds) - 1)]


ROW = Row(
    "P9",
    "A registration, whatever the mail server does",
    f"""\
`python -m service api` and `worker`, on all cores beside PostgreSQL, and a mail server that answers at once or takes {_SLOW_SECONDS:g} s for each message. {_CLIENTS} clients
register {_REQUESTS} accounts a round, with password hashing as it is; {_ROUNDS} rounds in turns after one that does not count. The time is from the request to the whole answer;
of {_REQUESTS} requests p99 is the second slowest.""",
    measure,
)
