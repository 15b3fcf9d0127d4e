from tests.benchmarks.figures import Figure, at_least, at_most


def test_the_spread_of_many_rounds_is_the_quartiles() -> None:
    assert Figure((9.0, 1.0, 2.0, 3.0, 4.0)).spread == (2.0, 4.0)


def test_the_spread_of_few_rounds_is_all_of_them() -> None:
    assert Figure((9.0, 1.0, 2.0)).spread == (1.0, 9.0)
    assert Figure((9.0,)).spread == (9.0, 9.0)


def test_what_slows_a_whole_round_cancels_out_of_a_ratio() -> None:
    assert Figure((2.0, 20.0, 4.0)).over(Figure((1.0, 10.0, 2.0))) == Figure((2.0, 2.0, 2.0))


def test_differences_are_taken_round_by_round() -> None:
    assert Figure((5.0, 50.0)).minus(Figure((1.0, 20.0))) == Figure((4.0, 30.0))


def test_a_unit_is_changed_in_every_round() -> None:
    assert Figure((0.5, 2.0)).times(1000) == Figure((500.0, 2000.0))


def test_a_target_is_about_the_median_and_includes_its_bound() -> None:
    figure = Figure((0.1, 0.25, 9.0))
    assert at_most(0.25).is_met(figure)
    assert not at_most(0.24).is_met(figure)
    assert at_least(0.25).is_met(figure)
    assert not at_least(0.26).is_met(figure)
