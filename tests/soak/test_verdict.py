import random
from collections.abc import Callable, Sequence

import pytest

from tests.soak.figures import FILES, MEMORY, REPLACED_WORKER, STAYING_API, SUBJECTS, Sample, Subject
from tests.soak.verdict import complaints, trends

SECONDS = 1800.0
LOOKS = [5.0 * number for number in range(1, 361)]
STAYS: Subject = (MEMORY, STAYING_API)


def seen(subject: Subject, value: Callable[[float], float | None]) -> list[Sample]:
    """A run in which one figure is this at each moment, and all others are always the same."""
    samples = []
    for moment in LOOKS:
        figure = value(moment)
        values = dict.fromkeys(SUBJECTS, 1.0)
        if figure is None:
            del values[subject]
        else:
            values[subject] = figure
        samples.append(Sample(moment, values))
    return samples


def said(samples: Sequence[Sample]) -> list[str]:
    return list(complaints(trends(samples, SECONDS)))


def test_what_stays_the_same_but_for_noise_is_flat() -> None:
    draw = random.Random("noise")
    assert said(seen(STAYS, lambda _: draw.gauss(120, 5))) == []


@pytest.mark.parametrize("leak", [10, 100])
def test_a_leak_of_some_kibibytes_a_second_is_found(leak: float) -> None:
    draw = random.Random("noise")
    (complaint,) = said(seen(STAYS, lambda moment: 120 + moment * leak / 1024 + draw.gauss(0, 2)))
    assert complaint.startswith("Resident memory, MiB of API process that stays grew from ")


def test_what_rises_and_is_given_back_again_and_again_is_flat() -> None:
    assert said(seen(STAYS, lambda moment: 120 + moment % 60)) == []


def test_a_rise_that_ends_with_the_first_quarter_is_what_fills_once() -> None:
    assert said(seen(STAYS, lambda moment: min(moment, SECONDS / 4))) == []
    assert said(seen(STAYS, lambda moment: min(moment, SECONDS * 0.7)))


def test_a_peak_is_not_growth() -> None:
    assert said(seen(STAYS, lambda moment: 400 if 1700 < moment < 1760 else 120)) == []


def test_less_than_before_is_no_growth() -> None:
    assert said(seen(STAYS, lambda moment: 200 - moment / 100)) == []


def test_a_file_that_is_not_closed_every_minute_is_found() -> None:
    files = (FILES, STAYING_API)
    assert said(seen(files, lambda moment: 40 + moment % 3)) == []
    assert said(seen(files, lambda moment: 40 + moment // 60))


def test_what_is_missing_for_a_while_is_judged_by_the_rest() -> None:
    worker = (MEMORY, REPLACED_WORKER)
    assert said(seen(worker, lambda moment: None if moment % 60 < 30 else 90)) == []


def test_what_was_not_seen_is_not_called_flat() -> None:
    (complaint,) = said(seen(STAYS, lambda moment: None if moment > 1200 else 120))
    assert "not seen" in complaint
