from service.webhooks.delivery import SCHEDULE


def test_attempts_go_on_for_most_of_a_day_and_no_longer() -> None:
    for _ in range(100):
        waits = [SCHEDULE.delay_after(attempt) for attempt in range(1, SCHEDULE.attempts)]
        assert 10 * 3600 < sum(wait.total_seconds() for wait in waits) < 24 * 3600
        assert waits[0].total_seconds() <= 10
