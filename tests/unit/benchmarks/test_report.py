import pytest

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure, Line, Result, at_least, at_most
from tests.benchmarks.report import document, number, table
from tests.benchmarks.row import Row


def _nothing(_bench: Bench) -> Result:
    return Result(())


ROW = Row("P0", "A question", "How it is answered.", _nothing)
RESULT = Result(
    (
        Line("ours / theirs", Figure((0.2, 0.24, 0.3)), "", at_most(0.25)),
        Line("ours", Figure((1234.5,)), "requests/s", at_least(2000)),
        Line("theirs", Figure((12.345,)), "µs"),
    ),
    ("One thing to know.",),
)


def test_the_table_is_aligned_and_says_what_was_met() -> None:
    assert table({ROW: RESULT}).splitlines() == [
        "| Row | What          |           Median |         Spread |             Target |    Met |",
        "| --- | ------------- | ---------------: | -------------: | -----------------: | -----: |",
        "| P0  | ours / theirs |             0.24 |   0.20 to 0.30 |            <= 0.25 |    yes |",
        "| P0  | ours          | 1,234 requests/s | 1,234 to 1,234 | >= 2000 requests/s | **no** |",
        "| P0  | theirs        |          12.3 µs |   12.3 to 12.3 |                    |        |",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0.00"), (0.0749, "0.07"), (9.994, "9.99"), (9.996, "10.0"), (99.94, "99.9"), (99.96, "100")],
)
def test_a_number_has_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_thousands_are_told_apart_also_below_zero() -> None:
    assert number(12345.6) == "12,346"
    assert number(-12345.6) == "-12,346"


def test_the_document_holds_the_facts_the_table_the_methods_and_the_remarks() -> None:
    text = document({ROW: RESULT}, [("Machine", "a small one")])
    assert "- Machine: a small one\n" in text
    assert table({ROW: RESULT}) in text
    assert "## P0: A question\n\nHow it is answered.\n\nOne thing to know.\n" in text
