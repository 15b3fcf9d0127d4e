"""Accounts, tokens, scopes and their ends against a model: who may do what, and what becomes of whom is deleted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import jwt
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

from service.infra.tokens import AUDIENCE, Scope
from tests.integration.conftest import SECRET
from tests.integration.machines.conftest import World
from tests.integration.problems import problem

PROCESS = st.sampled_from((0, 1))
SCOPES = st.sampled_from((frozenset(Scope), frozenset(), *(frozenset({scope}) for scope in Scope)))
LONG_AGO = datetime.now(UTC) - timedelta(minutes=1)
PRODUCT = {"name": "Oak board", "description": "A board.", "category": "kitchen", "price": "24.90"}
HOOK = {"url": "https://example.com/hook", "events": ["product.created"]}
KEY = "Idempotency-Key"


@dataclass
class Account:
    id: int
    email: str
    password: str
    scopes: frozenset[Scope] = frozenset()
    is_gone: bool = False
    # Somebody has asked for the profile: it is kept for a minute.
    is_cached: bool = False


@dataclass(frozen=True)
class Granted:
    token: str
    account: Account
    scopes: frozenset[Scope]
    is_good: bool = True


class Authorisation(RuleBasedStateMachine):
    """People come, get tokens, gain and lose scopes, and go."""

    accounts = Bundle("accounts")
    tokens = Bundle("tokens")

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.history = world.begin()
        self.count = 0
        api = world.apis[0]
        self.item = world.run(api.create_item(world.run(api.create_product())["id"], quantity=1_000_000))[
            "id"
        ]

    @initialize(target=tokens)
    def meet_somebody_who_may_do_all(self) -> Any:
        return self.sign_in(0, self.register(0, frozenset(Scope)), frozenset())

    @rule(target=accounts, process=PROCESS, scopes=SCOPES)
    def register(self, process: int, scopes: frozenset[Scope]) -> Account:
        self.count += 1
        email, password = f"h{self.history}-{self.count}@example.com", f"long passphrase {self.count}"
        account = {"email": email, "password": password, "name": "Ada"}
        created = self.world.ask(process, "POST", "/register", json=account)
        assert (created.status_code, created.json()["scopes"]) == (201, [])
        again = self.world.ask(1 - process, "POST", "/register", json={**account, "email": email.upper()})
        problem(again, 409, "body.email")
        registered = Account(created.json()["id"], email, password)
        self.change_scopes(registered, scopes)
        return registered

    @rule(target=tokens, process=PROCESS, account=accounts, asked=SCOPES)
    def sign_in(self, process: int, account: Account, asked: frozenset[Scope]) -> Granted:
        answer = self.token(process, account.email, account.password, asked)
        if account.is_gone:
            problem(answer, 401, "body.password")
            return Granted("nobody's", account, frozenset(), is_good=False)
        granted = account.scopes & asked if asked else account.scopes
        assert answer.status_code == 200
        assert frozenset(answer.json()["scope"].split()) == granted
        return Granted(answer.json()["access_token"], account, granted)

    @rule(process=PROCESS, account=accounts)
    def mistake_the_password(self, process: int, account: Account) -> None:
        answer = self.token(process, account.email, account.password + "!", ())
        problem(answer, 401, "body.password")

    @rule(account=accounts, scopes=SCOPES)
    def change_the_scopes(self, account: Account, scopes: frozenset[Scope]) -> None:
        self.change_scopes(account, scopes)

    @rule(account=accounts)
    def delete(self, account: Account) -> None:
        self.world.execute("DELETE FROM users WHERE id = $1", account.id)
        account.is_gone = True

    @rule(target=tokens, granted=tokens, secret=st.sampled_from((SECRET, SECRET[::-1])))
    def outlive(self, granted: Granted, secret: str) -> Granted:
        """The same token when it has ended; or as if it went on, signed by another."""
        if not granted.is_good:
            return granted
        claims = jwt.decode(granted.token, SECRET, algorithms=["HS256"], audience=AUDIENCE)
        claims["exp"] = LONG_AGO if secret == SECRET else claims["exp"]
        return Granted(jwt.encode(claims, secret), granted.account, granted.scopes, is_good=False)

    @rule(process=PROCESS, granted=tokens)
    def read_the_profile(self, process: int, granted: Granted) -> None:
        answer = self.ask(process, granted, "GET", "/me")
        if not granted.is_good or (granted.account.is_gone and not granted.account.is_cached):
            self.is_refused(answer)
        elif granted.account.is_gone:
            assert answer.status_code in {200, 401}
        else:
            assert (answer.status_code, answer.json()["id"]) == (200, granted.account.id)
            granted.account.is_cached = True

    @rule(process=PROCESS, granted=tokens)
    def create_a_product(self, process: int, granted: Granted) -> None:
        answer = self.ask(process, granted, "POST", "/products", json=PRODUCT)
        self.is_granted(answer, granted, Scope.CATALOGUE_WRITE, 201)

    @rule(process=PROCESS, granted=tokens)
    def adjust_the_stock(self, process: int, granted: Granted) -> None:
        answer = self.ask(process, granted, "POST", f"/items/{self.item}/adjust", json={"delta": -1})
        self.is_granted(answer, granted, Scope.STOCK_WRITE, 200)

    @rule(process=PROCESS, granted=tokens)
    def adjust_the_stock_once(self, process: int, granted: Granted) -> None:
        headers = {KEY: f"{self.history}-{self.world.statuses.total()}"}
        path = f"/items/{self.item}/adjust"
        answer = self.ask(process, granted, "POST", path, json={"delta": -1}, headers=headers)
        self.is_granted(answer, granted, Scope.STOCK_WRITE, 200, needs_account=True)

    @rule(process=PROCESS, granted=tokens)
    def subscribe(self, process: int, granted: Granted) -> None:
        answer = self.ask(process, granted, "POST", "/webhooks", json=HOOK)
        if self.is_granted(answer, granted, Scope.WEBHOOKS_MANAGE, 201, needs_account=True):
            path = f"/webhooks/{answer.json()['id']}"
            assert self.ask(1 - process, granted, "DELETE", path).status_code == 204
            problem(self.ask(process, granted, "DELETE", path), 404, "path.webhook_id")

    def change_scopes(self, account: Account, scopes: frozenset[Scope]) -> None:
        statement = "UPDATE users SET scopes = $2 WHERE id = $1"
        self.world.execute(statement, account.id, [scope for scope in Scope if scope in scopes])
        account.scopes = scopes

    def is_granted(
        self,
        answer: httpx2.Response,
        granted: Granted,
        scope: Scope,
        status: int,
        *,
        needs_account: bool = False,
    ) -> bool:
        """Whether it was done, as it was if this token allows it; some things nobody can do who is gone."""
        if not granted.is_good:
            self.is_refused(answer)
            return False
        if scope not in granted.scopes:
            problem(answer, 403, "header.Authorization")
            return False
        if granted.account.is_gone and needs_account:
            self.is_refused(answer)
            return False
        assert answer.status_code == status, answer.text
        return True

    def is_refused(self, answer: httpx2.Response) -> None:
        problem(answer, 401, "header.Authorization")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'

    def token(self, process: int, email: str, password: str, scopes: Iterable[Scope]) -> httpx2.Response:
        form = {"grant_type": "password", "username": email, "password": password, "scope": " ".join(scopes)}
        return self.world.ask(process, "POST", "/token", data=form)

    def ask(
        self,
        process: int,
        granted: Granted,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> httpx2.Response:
        headers = {**(headers or {}), "Authorization": f"Bearer {granted.token}"}
        return self.world.ask(process, method, path, headers=headers, **request)


def test_who_may_do_what_is_as_a_model_says(world: World) -> None:
    world.explore(lambda: Authorisation(world), histories=30)
    assert set(world.statuses) >= {200, 201, 204, 401, 403, 404, 409}
