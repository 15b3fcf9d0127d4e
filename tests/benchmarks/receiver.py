"""A collector in a process of its own, which can be killed."""

from multiprocessing.connection import Connection

from tests.benchmarks.workers import next_question
from tests.otlp import running_collector


def receive(pipe: Connection) -> None:
    """Say the address, and take spans until the pipe is closed."""
    with running_collector() as collector:
        pipe.send(collector.url)
        next_question(pipe)
