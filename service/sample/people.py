from datetime import datetime
from typing import NamedTuple

from service.infra.tokens import Scope
from service.sample.dates import START


class User(NamedTuple):
    """A row of `users` without its password; the fields are its columns."""

    email: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime


USERS = (
    User("reader@example.com", "Robin Reader", (), START),
    User("editor@example.com", "Edith Editor", (Scope.CATALOGUE_WRITE,), START),
    User(
        "operator@example.com",
        "Olin Operator",
        (Scope.CATALOGUE_WRITE, Scope.STOCK_WRITE, Scope.WEBHOOKS_MANAGE),
        START,
    ),
)
