from time import monotonic

import pytest

from service.infra.cache.entries import Entry
from service.infra.cache.local import LocalLayer
from service.infra.cache.stored import StoredResponse

LATER = float("inf")


def layer(max_bytes: int = 1_000_000) -> LocalLayer:
    return LocalLayer(seconds=1, max_bytes=max_bytes)


def entry(body: bytes = b"") -> Entry:
    return Entry(StoredResponse(200, ((b"etag", b'"1"'),), body), monotonic())


def put(layer: LocalLayer, key: str, *tags: str, body: bytes = b"", expires_at: float = LATER) -> None:
    layer.put(key, entry(body), tags, expires_at=expires_at, generation=layer.generation)


def test_an_answer_is_given_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    local = layer()
    put(local, "a", expires_at=monotonic() + 5)
    assert local.get("a")
    assert local.get("nothing") is None
    later = monotonic() + 5
    monkeypatch.setattr("service.infra.cache.local.monotonic", lambda: later)
    assert local.get("a") is None
    put(local, "b", expires_at=later)
    assert local.get("b") is None


def test_an_invalidation_takes_those_with_the_tag_and_leaves_the_others() -> None:
    local = layer()
    put(local, "a", "red", "round")
    put(local, "b", "red")
    put(local, "c", "round")
    local.invalidate(["red", "unknown"])
    assert [key for key in "abc" if local.get(key)] == ["c"]
    local.invalidate(["round"])
    assert local.get("c") is None


def test_what_was_looked_up_before_an_invalidation_is_refused() -> None:
    local = layer()
    generation = local.generation
    local.invalidate(["anything"])
    local.put("a", entry(), ["red"], expires_at=LATER, generation=generation)
    assert local.get("a") is None
    generation = local.generation
    local.clear()
    local.put("a", entry(), ["red"], expires_at=LATER, generation=generation)
    assert local.get("a") is None


def test_the_answers_used_longest_ago_make_room() -> None:
    local = layer(max_bytes=5 * 1024)
    for key in "abc":
        put(local, key, key, body=b"x" * 500)
    assert local.get("a")
    put(local, "d", "d", body=b"x" * 500)
    assert [key for key in "abcd" if local.get(key)] == ["a", "c", "d"]


def test_answers_that_have_expired_make_room_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    local, now = layer(), monotonic()
    for key in "abc":
        put(local, key, key, expires_at=now + 5)
    put(local, "d", "d", expires_at=now + 50)
    monkeypatch.setattr("service.infra.cache.local.monotonic", lambda: now + 5)
    put(local, "e", "e", expires_at=now + 50)
    assert [*local._slots] == [*local._carriers] == ["d", "e"]


def test_an_answer_that_is_too_big_is_not_kept() -> None:
    local = layer(max_bytes=5 * 1024)
    put(local, "a", body=b"x" * 6000)
    assert local.get("a") is None


def test_nothing_is_left_of_answers_that_are_gone() -> None:
    local = layer(max_bytes=20 * 1024)
    for number in range(1000):
        put(local, f"key {number}", f"tag {number}", "shared")
    assert len(local._carriers) == 20 + 1
    local.clear()
    put(local, "a", "red")
    put(local, "a", "blue")
    local.invalidate(["red"])
    assert local.get("a")
    local.invalidate(["blue"])
    assert (local._bytes, len(local._carriers), local.get("a")) == (0, 0, None)
