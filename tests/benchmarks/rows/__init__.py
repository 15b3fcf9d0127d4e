"""Every row of the table, in its order: a file a row. A new row is a file and an entry here."""

from tests.benchmarks.row import Row
from tests.benchmarks.rows import (
    bare_route,
    blocking_driver,
    cached_page,
    collector,
    exposition,
    item_by_article,
    item_by_asyncpg,
    jobs,
    many_connections,
    overload,
    products,
    query_and_command,
    registration,
    routes,
    served,
    single_flight,
    start_up,
)

ROWS: tuple[Row, ...] = (
    bare_route.ROW,
    query_and_command.ROW,
    served.ROW,
    cached_page.ROW,
    item_by_article.ROW,
    item_by_asyncpg.ROW,
    single_flight.ROW,
    registration.ROW,
    blocking_driver.ROW,
    exposition.ROW,
    many_connections.ROW,
    overload.ROW,
    start_up.ROW,
    jobs.ROW,
    collector.ROW,
    routes.ROW,
    products.ROW,
)
