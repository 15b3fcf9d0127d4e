"""The checker believes nobody: whatever is done to what is true, it says which promise is broken."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.faults.figures import complaint, figures, total
from tests.faults.history import Exchange, History, Read, Window
from tests.faults.promises import PATIENCE, PROMISES, RECOVERY, STALE, Outcome, broken
from tests.faults.schedule import APIS, POSTGRES, VALKEY, Violence, schedule
from tests.faults.truth import Truth

ADA, HER_WELCOME = "registrar-1-0-1@example.com", "<welcome.7@example.com>"


def good() -> Outcome:
    """An account, a product at the price of 2, and an item to which one piece was added."""
    history = History(
        accounts={ADA: 7},
        products={3: "board"},
        items={5: 10},
        keys={"key": 5},
        prices={3: (2, 2)},
        exchanges=[Exchange("POST /items", 0.0, 0.1, 201)],
    )
    history.told["key"].add(11)
    history.growth.acknowledged["product 3"] = [(100.0, 1), (200.0, 2)]
    history.growth.acknowledged["item 5"] = [(100.0, 11)]
    truth = Truth(
        users={ADA: [7]},
        products={3: ("board", 2)},
        items={5: 11},
        keys=frozenset({"key"}),
        mails={ADA: [HER_WELCOME, HER_WELCOME]},
        webhooks={3: ["msg_1", "msg_1"]},
    )
    return Outcome(history, truth)


def so(**truth: Any) -> Outcome:
    outcome = good()
    return replace(outcome, truth=replace(outcome.truth, **truth))


def remembered(change: Callable[[History], object]) -> Outcome:
    outcome = good()
    change(outcome.history)
    return outcome


def exchanged(status: int, *windows: Window) -> Outcome:
    def change(history: History) -> None:
        history.exchanges.append(Exchange("GET /products", 50.0, 51.0, status))
        history.windows += windows

    return remembered(change)


def read(what: str, at: float, revision: int, *windows: Window) -> Outcome:
    def change(history: History) -> None:
        history.growth.reads.append(Read(what, at, revision))
        history.windows += windows

    return remembered(change)


LOST, TWICE, UNASKED, WELCOMED, TELLING, ENDS, GIVEN_UP, OLD, CAUSE, ANSWERED, WELL = PROMISES
OUTDATED = 200.0 + STALE + PATIENCE + 1
BOTH = (Window(POSTGRES, OUTDATED - 1, OUTDATED), Window(VALKEY, OUTDATED - 1, OUTDATED))


@pytest.mark.parametrize(
    ("outcome", "promises"),
    [
        (good(), set()),
        (so(users={}, mails={}), {LOST}),
        (so(users={ADA: [8]}, mails={ADA: ["<welcome.8@example.com>"]}), {LOST}),
        (so(products={3: ("board", 1)}), {LOST}),
        (so(products={}, webhooks={}), {LOST}),
        (so(items={}), {LOST, TWICE}),
        (so(keys=frozenset(), items={5: 10}), {LOST}),
        (so(items={5: 12}), {TWICE}),
        (so(users={ADA: [7, 8]}), {TWICE, WELCOMED}),
        (remembered(lambda history: history.told["key"].add(12)), {TWICE}),
        (so(keys=frozenset({"key", "unknown"})), {UNASKED}),
        (so(products={3: ("board", 3)}), {UNASKED}),
        (remembered(lambda history: history.surprises.append("418")), {UNASKED}),
        (so(mails={}), {WELCOMED}),
        (so(mails={ADA: [HER_WELCOME, "<welcome.8@example.com>"]}), {WELCOMED}),
        (so(mails={ADA: [HER_WELCOME], "nobody@example.com": [HER_WELCOME]}), {WELCOMED}),
        (so(webhooks={}), {TELLING}),
        (so(webhooks={3: ["msg_1", "msg_2"]}), {TELLING}),
        (so(webhooks={3: ["msg_1"], 4: ["msg_2"]}), {TELLING}),
        (so(waiting=("send_welcome_email",)), {ENDS}),
        (so(held=("send_welcome_email",)), {GIVEN_UP}),
        (read("item 5", 100.1, 10), {OLD}),
        (read("item 5", 99.9, 10), set()),
        (read("product 3", 201.0, 1), set()),
        (read("product 3", OUTDATED, 1), {OLD}),
        (read("product 3", OUTDATED, 1, *BOTH), set()),
        (exchanged(500, Window(POSTGRES, 49.0, 52.0)), {CAUSE}),
        (exchanged(503, Window(POSTGRES, 49.0, 52.0)), set()),
        (exchanged(503, Window(VALKEY, 49.0, 52.0)), {CAUSE}),
        (exchanged(503, Window(POSTGRES, 1.0, 2.0)), {CAUSE}),
        (exchanged(0, Window(APIS[0], 49.0, 52.0)), set()),
        (exchanged(0, Window(POSTGRES, 49.0, 52.0)), {ANSWERED}),
        (replace(good(), recovered_in=RECOVERY + 1), {WELL}),
        (replace(good(), dead=["worker"]), {WELL}),
    ],
)
def test_each_breach_is_found_and_nothing_else(outcome: Outcome, promises: set[str]) -> None:
    assert broken(outcome).keys() == promises


def test_a_complaint_says_what_is_broken_and_how_to_see_it_again() -> None:
    words = complaint(7, so(users={}, mails={}))
    assert 'make faults ARGS="--seed 7"' in words
    assert f"Not so: {LOST} (1 times)" in words
    assert str(schedule(7)[0]) in words
    assert complaint(7, good()) == ""


def test_figures_add_up() -> None:
    one = figures(1, so(users={}, mails={}, items={5: 12}))
    assert (one.requests, one.acknowledged, one.lost, one.duplicated) == (1, 6, 1, 1)
    other = figures(2, exchanged(503, Window(POSTGRES, 49.0, 52.0)))
    both = total([one, other])
    assert (both.requests, both.faults, both.lost, both.failures.total()) == (3, 1, 1, 1)


def test_a_seed_is_the_same_faults_every_time_and_another_one_is_others() -> None:
    assert schedule(2) == schedule(2) != schedule(6)
    assert schedule(2) == sorted(schedule(2), key=lambda fault: fault.at)


def test_nobody_is_hurt_twice_at_once() -> None:
    for seed in range(1, 50):
        faults = schedule(seed)
        for target in {fault.target for fault in faults}:
            ours = [fault for fault in faults if fault.target == target]
            assert all(one.until < other.at for one, other in pairwise(ours))


def test_twenty_four_seeds_do_everything_to_everybody() -> None:
    faults = [fault for seed in range(1, 25) for fault in schedule(seed)]
    assert {(fault.target, fault.how) for fault in faults} >= {
        (target, how) for target in (*APIS, "worker", POSTGRES, VALKEY) for how in Violence
    }
    networks = {(fault.target, fault.how) for fault in faults if fault.target in (POSTGRES, VALKEY)}
    assert len(networks) == 2 * 8
