"""A row of the table: a question, and how it is answered."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Result


@dataclass(frozen=True, slots=True)
class Row:
    """`method` tells a sceptical reader what is done, and how to repeat it."""

    name: str
    title: str
    method: str
    measure: Callable[[Bench], Result]
