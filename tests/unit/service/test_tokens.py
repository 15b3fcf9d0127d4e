from datetime import UTC, datetime, timedelta

import jwt
import pytest

from service.infra.tokens import SCOPES, Caller, InvalidToken, MissingScope, Scope, Tokens

SECRET = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET, lifetime=60)


def test_a_token_says_who_may_do_what(tokens: Tokens) -> None:
    token = tokens.issue(7, [Scope.STOCK_WRITE, Scope.CATALOGUE_WRITE])
    assert tokens.read(token) == Caller(7, frozenset({"stock:write", "catalogue:write"}))


def test_a_token_without_scopes_says_who(tokens: Tokens) -> None:
    assert tokens.read(tokens.issue(7, [])) == Caller(7, frozenset())


def test_a_token_ends(tokens: Tokens) -> None:
    ended = Tokens(SECRET, lifetime=-60).issue(7, [])
    with pytest.raises(InvalidToken, match="has expired"):
        tokens.read(ended)


def test_clocks_may_differ_a_little(tokens: Tokens) -> None:
    just_ended = Tokens(SECRET, lifetime=-2).issue(7, [])
    assert tokens.read(just_ended).user_id == 7


def test_a_secret_is_changed_without_anybody_noticing(tokens: Tokens) -> None:
    old, new = tokens.issue(7, []), SECRET[::-1]
    changing = Tokens(new, lifetime=60, previous_secret=SECRET)
    assert changing.read(old).user_id == changing.read(changing.issue(7, [])).user_id == 7
    changed = Tokens(new, lifetime=60)
    assert changed.read(changing.issue(7, [])).user_id == 7
    with pytest.raises(InvalidToken, match="not one of ours"):
        changed.read(old)


@pytest.mark.parametrize("claim", ["exp", "sub", "iss", "aud"])
def test_a_token_that_lacks_a_claim_is_refused(tokens: Tokens, claim: str) -> None:
    claims = jwt.decode(tokens.issue(7, []), options={"verify_signature": False})
    del claims[claim]
    with pytest.raises(InvalidToken, match="not one of ours"):
        tokens.read(jwt.encode(claims, SECRET, algorithm="HS256"))


@pytest.mark.parametrize("text", ["", ".", "a.b.c", "é", "\0", "x" * 10_000])
def test_what_is_no_token_is_refused(tokens: Tokens, text: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read(text)


def test_the_public_part_of_a_token_cannot_be_changed(tokens: Tokens) -> None:
    header, _, signature = tokens.issue(7, []).split(".")
    _, claims, _ = tokens.issue(8, list(Scope)).split(".")
    with pytest.raises(InvalidToken):
        tokens.read(f"{header}.{claims}.{signature}")


def test_an_unsigned_token_is_refused(tokens: Tokens) -> None:
    claims = {
        "sub": "7",
        "iss": "glasshouse",
        "aud": "glasshouse",
        "exp": datetime.now(UTC) + timedelta(hours=1),
    }
    with pytest.raises(InvalidToken):
        tokens.read(jwt.encode(claims, None, algorithm="none"))


def test_a_caller_needs_every_scope() -> None:
    caller = Caller(7, frozenset({"stock:write"}))
    caller.require([])
    caller.require(["stock:write"])
    with pytest.raises(MissingScope, match="needs the scope catalogue:write"):
        caller.require(["catalogue:write", "stock:write"])


def test_every_scope_is_explained() -> None:
    assert set(SCOPES) == set(Scope)
