import pytest

from tests.benchmarks.rows import ROWS
from tests.benchmarks.run import chosen


def test_all_rows_run_when_none_is_named() -> None:
    assert tuple(chosen([]).rows) == ROWS


def test_rows_are_named_in_any_case_and_run_in_the_order_given() -> None:
    assert [row.name for row in chosen(["p3", "P1"]).rows] == ["P3", "P1"]


def test_an_unknown_row_is_refused_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        chosen(["p99"])
    assert "there is no row p99; rows are p1, p2" in capsys.readouterr().err


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.name.lower() for row in ROWS}) == len(ROWS)
