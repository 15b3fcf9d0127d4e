import re
from collections.abc import Iterator
from http import HTTPStatus

import pytest

import service.app  # noqa: F401  (defines every error of every feature)
from service import errors
from service.errors import ServiceError, TooManyRequests, Unavailable
from service.items.errors import IdempotencyKeyReused, ItemNotFound
from service.problems import STATUS_OF, status_of


def tree(kind: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    for child in kind.__subclasses__():
        yield child
        yield from tree(child)


CONCRETE = [kind for kind in tree() if kind.__module__ != errors.__name__]


def instance(kind: type[ServiceError]) -> ServiceError:
    """An error of this kind, whatever its arguments."""
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", CONCRETE, ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_a_title_and_a_name(kind: type[ServiceError]) -> None:
    assert isinstance(status_of(instance(kind)), HTTPStatus)
    assert kind.title != ServiceError.title
    assert re.fullmatch("[a-z]+(-[a-z]+)+", kind.slug())


@pytest.mark.parametrize("kind", CONCRETE, ids=lambda kind: kind.__name__)
def test_every_mistake_of_a_caller_names_its_place(kind: type[ServiceError]) -> None:
    if status_of(instance(kind)) < 500:
        source, *way = kind.location
        assert source in {"body", "query", "path", "header"}
        assert way


def test_no_two_errors_share_a_name() -> None:
    names = [kind.slug() for kind in CONCRETE]
    assert len(names) == len(set(names))


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    real = {kind.__name__ for kind in tree() if kind.__module__ == errors.__name__}
    assert drawn == {name for name in real if not name.startswith("_")}
    assert drawn == {kind.__name__ for kind in STATUS_OF}


def test_an_error_has_the_status_of_its_nearest_ancestor() -> None:
    assert status_of(ItemNotFound(7)) == 404
    assert status_of(IdempotencyKeyReused()) == 422
    assert status_of(Unavailable("", retry_after=1)) == 503


@pytest.mark.parametrize(("seconds", "told"), [(-3, "1"), (0, "1"), (7, "7")])
def test_nobody_is_told_to_come_back_at_once(seconds: int, told: str) -> None:
    assert TooManyRequests("", retry_after=seconds).headers == {"Retry-After": told}
