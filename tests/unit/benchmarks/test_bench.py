from tests.benchmarks.bench import Bench


def test_contenders_take_turns_and_the_first_of_a_round_is_the_last_of_the_next() -> None:
    asked: list[str] = []
    Bench().take_turns(3, {"a": "A", "b": "B"}, asked.append)
    warm_up, rounds = asked[:2], asked[2:]
    assert warm_up == ["A", "B"]
    assert rounds == ["A", "B", "B", "A", "A", "B"]


def test_the_warm_up_does_not_count() -> None:
    answers = iter([100, 1, 2])
    assert Bench().take_turns(2, {"a": None}, lambda _: next(answers)) == {"a": (1, 2)}


def test_a_quick_run_does_everything_a_little() -> None:
    quick = Bench(is_quick=True)
    assert list(quick.rounds(15)) == [1, 2]
    assert list(quick.rounds(1)) == [1]
    assert quick.amount(1000) == 50
    assert quick.amount(3) == 1
    assert quick.seconds(6.0) == 0.3


def test_a_whole_run_does_everything() -> None:
    whole = Bench()
    assert list(whole.rounds(3)) == [1, 2, 3]
    assert whole.amount(1000) == 1000
    assert whole.seconds(6.0) == 6.0
