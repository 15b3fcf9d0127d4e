"""What is promised, one by one: each says in words where it was broken."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.faults.history import AFTERMATH, Exchange, History, Read, Window, named
from tests.faults.schedule import APIS, POSTGRES, VALKEY
from tests.faults.truth import Truth

# Seconds. What is promised while Redis comes and goes, and what a busy machine may add to it.
STALE, PATIENCE = 2.0, 4.0
RECOVERY = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is known about a seed in the end."""

    history: History
    truth: Truth
    # Seconds from the end of the last fault, when all run who were killed, until every API answered well again; and what
    # is amiss with the processes.
    recovered_in: float = 0.0
    dead: list[str] = field(default_factory=list)


Promise = Callable[[Outcome], Iterable[str]]


def acknowledged_writes_are_there(outcome: Outcome) -> Iterator[str]:
    history, truth = outcome.history, outcome.truth
    for email, user_id in history.accounts.items():
        if user_id not in truth.users.get(email, []):
            yield f"the account {email} ({user_id})"
    for product_id, name in history.products.items():
        if truth.products.get(product_id, ("", 0))[0] != name:
            yield f"the product {name} ({product_id})"
    for item_id in history.items.keys() - truth.items.keys():
        yield f"the item {item_id}"
    for key in history.told.keys() - truth.keys:
        yield f"the change of stock under {key}"
    yield from _lost_prices(history, truth)


def _lost_prices(history: History, truth: Truth) -> Iterator[str]:
    for product_id, (acknowledged, _) in history.prices.items():
        if truth.products.get(product_id, ("", 0))[1] < acknowledged:
            yield f"the price {acknowledged} of product {product_id}"


def nothing_happened_twice(outcome: Outcome) -> Iterator[str]:
    history, truth = outcome.history, outcome.truth
    for item_id, initial in history.items.items():
        keys = sum(item_id == history.keys.get(key) for key in truth.keys)
        effects = truth.items.get(item_id, initial) - initial
        if effects != keys:
            yield f"item {item_id} was changed {effects} times under {keys} keys"
    for key, quantities in history.told.items():
        if len(quantities) > 1:
            yield f"{key} was answered with {sorted(quantities)}"
    for email, ids in truth.users.items():
        if len(ids) > 1:
            yield f"{email} has the accounts {ids}"
    names = [name for name, _ in truth.products.values()]
    for name in {name for name in names if names.count(name) > 1}:
        yield f"the product {name} exists {names.count(name)} times"


def nothing_happened_that_nobody_asked_for(outcome: Outcome) -> Iterator[str]:
    for key in outcome.truth.keys - outcome.history.keys.keys():
        yield f"stock was changed under {key}"
    for product_id, (_, tried) in outcome.history.prices.items():
        if outcome.truth.products.get(product_id, ("", 0))[1] > tried:
            yield f"the price of product {product_id} is over {tried}"
    yield from outcome.history.surprises


def each_account_is_welcomed_by_one_id(outcome: Outcome) -> Iterator[str]:
    truth = outcome.truth
    for email, ids in truth.users.items():
        if set(truth.mails.get(email, [])) != {f"<welcome.{user_id}@example.com>" for user_id in ids}:
            yield f"{email} ({ids}) got {truth.mails.get(email, [])}"
    for email in truth.mails.keys() - truth.users.keys():
        yield f"{email} was welcomed and has no account"


def each_product_is_told_by_one_id(outcome: Outcome) -> Iterator[str]:
    truth = outcome.truth
    for product_id in truth.products:
        if len(set(truth.webhooks.get(product_id, []))) != 1:
            yield f"product {product_id} was told by {truth.webhooks.get(product_id, [])}"
    for product_id in truth.webhooks.keys() - truth.products.keys():
        yield f"product {product_id} was told and does not exist"


def every_job_ends(outcome: Outcome) -> Iterator[str]:
    yield from (f"{job} still waits" for job in outcome.truth.waiting)


def no_job_fails_for_good(outcome: Outcome) -> Iterator[str]:
    yield from (f"{job} was given up" for job in outcome.truth.held)


def no_read_is_too_old(outcome: Outcome) -> Iterator[str]:
    """Stock is never old. Products may be for a while, and longer only when both servers are away: then nothing is promised."""
    growth, both = outcome.history.growth, list(_overlaps(outcome.history.windows))
    for read in growth.too_old(0):
        if read.what.startswith("item"):
            yield f"{read}"
    for read in growth.too_old(STALE + PATIENCE):
        if read.what.startswith("product") and not _is_excused(read, both):
            yield f"{read}"


def _overlaps(windows: Iterable[Window]) -> Iterator[tuple[float, float]]:
    postgres = [window for window in windows if window.target == POSTGRES]
    valkey = [window for window in windows if window.target == VALKEY]
    for one in postgres:
        for other in valkey:
            began_at = max(one.began_at, other.began_at) - AFTERMATH
            ended_at = min(one.ended_at, other.ended_at) + AFTERMATH
            if began_at < ended_at:
                yield began_at, ended_at


def _is_excused(read: Read, excuses: Iterable[tuple[float, float]]) -> bool:
    return any(began_at <= read.began_at <= ended_at for began_at, ended_at in excuses)


def failures_have_a_cause(outcome: Outcome) -> Iterator[str]:
    """A 5xx is a 503, and only while or after PostgreSQL or an API was hurt: never because of Redis or the worker."""
    history = outcome.history
    for failure in history.failures():
        blamed = history.blame(failure)
        if failure.status != 503:
            yield f"{_told(failure)} while {named(blamed)} was hurt"
        elif not blamed & {POSTGRES, *APIS}:
            yield f"{_told(failure)} although only {named(blamed)} was hurt"


def every_request_is_answered_by_a_living_api(outcome: Outcome) -> Iterator[str]:
    history = outcome.history
    for exchange in history.exchanges:
        blamed = history.blame(exchange)
        if exchange.status == 0 and not blamed & {*APIS}:
            yield f"{_told(exchange)} while {named(blamed)} was hurt"


def all_is_well_again_without_a_restart(outcome: Outcome) -> Iterator[str]:
    yield from (f"{name} has ended by itself" for name in outcome.dead)
    if outcome.recovered_in > RECOVERY:
        yield f"it took {outcome.recovered_in:.1f} s"


def _told(exchange: Exchange) -> str:
    seconds = exchange.ended_at - exchange.began_at
    return f"{exchange.operation}: {exchange.status or 'no answer'} {exchange.reason} after {seconds:.2f} s"


PROMISES: Mapping[str, Promise] = {
    "Every acknowledged write is there": acknowledged_writes_are_there,
    "Nothing happened twice": nothing_happened_twice,
    "Nothing happened that nobody asked for": nothing_happened_that_nobody_asked_for,
    "Each account is welcomed by e-mails with one id": each_account_is_welcomed_by_one_id,
    "Each product is told to subscribers by one id": each_product_is_told_by_one_id,
    "Every committed job ends": every_job_ends,
    "No job fails for good because of a fault that passes": no_job_fails_for_good,
    "No read is older than its bound": no_read_is_too_old,
    "A 5xx is a 503, and never because of Redis": failures_have_a_cause,
    "Every request is answered by an API that lives": every_request_is_answered_by_a_living_api,
    "All is well again in time, without a restart": all_is_well_again_without_a_restart,
}


def broken(outcome: Outcome) -> dict[str, list[str]]:
    """What was promised and is not so."""
    found = {title: list(promise(outcome)) for title, promise in PROMISES.items()}
    return {title: words for title, words in found.items() if words}
