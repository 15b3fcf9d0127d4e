"""Every row of the table, in its order: a file a row. A new row is a file and an entry here."""

from tests.benchmarks.row import Row
from tests.benchmarks.rows import bare_route, query_and_command, served

ROWS: tuple[Row, ...] = (bare_route.ROW, query_and_command.ROW, served.ROW)
