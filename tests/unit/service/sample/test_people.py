from service.infra.tokens import Scope
from service.sample.people import USERS


def test_each_user_may_do_more_than_the_one_before() -> None:
    scopes = [set(user.scopes) for user in USERS]
    assert scopes == [set(), {Scope.CATALOGUE_WRITE}, set(Scope)]


def test_addresses_are_those_of_nobody() -> None:
    assert [user.email for user in USERS] == [
        "reader@example.com",
        "editor@example.com",
        "operator@example.com",
    ]
