"""Runs rows, shows their table, and keeps it when the run was whole."""

import argparse
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

from tests.benchmarks import cores
from tests.benchmarks.bench import Bench
from tests.benchmarks.environment import environment
from tests.benchmarks.figures import Result
from tests.benchmarks.report import document, table
from tests.benchmarks.row import Row
from tests.benchmarks.rows import ROWS

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    arguments = chosen(sys.argv[1:])
    cores.stay_on(cores.OTHERS)
    facts, began = list(environment()), perf_counter()
    bench = Bench(is_quick=arguments.quick)
    try:
        results = _run(bench, arguments.rows)
    except KeyboardInterrupt:
        sys.exit("Interrupted")
    finally:
        bench.close()
    print(table(results))  # noqa: T201
    print(f"\n{perf_counter() - began:.0f} seconds. {_kept(results, facts, arguments)}")  # noqa: T201
    sys.exit(len(results) < len(arguments.rows))


def chosen(given: Sequence[str]) -> argparse.Namespace:
    """The options and rows of a command line."""
    known = {row.name.lower(): row for row in ROWS}

    def row(name: str) -> Row:
        if name.lower() not in known:
            msg = f"there is no row {name}; rows are {', '.join(known)}"
            raise argparse.ArgumentTypeError(msg)
        return known[name.lower()]

    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Measure ourselves beside others."
    )
    parser.add_argument(
        "rows", nargs="*", type=row, default=ROWS, help=f"of {', '.join(known)}; all by default"
    )
    parser.add_argument(
        "--quick", action="store_true", help="see that it works: its figures are worth nothing"
    )
    return parser.parse_args(given)


def _run(bench: Bench, rows: Sequence[Row]) -> dict[Row, Result]:
    results = {}
    for row in rows:
        bench.begin(row.name, row.title)
        try:
            results[row] = row.measure(bench)
        except Exception:  # noqa: BLE001 (the other rows still have something to say)
            bench.say("failed\n")
            traceback.print_exc()
    return results


def _kept(
    results: Mapping[Row, Result], facts: Sequence[tuple[str, str]], arguments: argparse.Namespace
) -> str:
    """Keep the results of a whole run: a file put together from several would compare what never ran side by side."""
    if arguments.quick or len(results) < len(ROWS):
        return f"{RESULTS.name} is left as it was: only a whole run writes it."
    RESULTS.write_text(document(results, facts))
    return f"Written to {RESULTS}."
