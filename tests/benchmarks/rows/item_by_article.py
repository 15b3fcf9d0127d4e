"""P6: one item beside the article's way to read it."""

from tests.benchmarks.applications import item_by_article
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Result, at_least
from tests.benchmarks.items import METHOD, compare_items
from tests.benchmarks.row import Row


def measure(bench: Bench) -> Result:
    return compare_items(bench, "the article's form", item_by_article.make, at_least(2.0))


ROW = Row(
    "P6",
    "GET /items/{id} / the article's form: session dependency, ORM entity, BaseHTTPMiddleware timer",
    METHOD,
    measure,
)
