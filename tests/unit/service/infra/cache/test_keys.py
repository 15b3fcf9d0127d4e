from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams
from starlette.requests import Request

from service.infra.cache.keys import is_too_long, response_key, with_principal, with_variants

texts = st.text(max_size=8)


def request(path: str = "/products", query: bytes = b"") -> Request:
    return Request({"type": "http", "path": path, "query_string": query, "headers": []})


def key(path: str = "/products", query: bytes = b"", namespace: str = "products") -> str:
    return response_key(key, namespace, request=request(path, query))


def test_the_order_of_different_parameters_does_not_matter() -> None:
    assert key(query=b"limit=5&category=kitchen") == key(query=b"category=kitchen&limit=5")
    assert key(query=b"q=a%20b") == key(query=b"q=a+b")


def test_the_order_of_values_of_one_parameter_matters() -> None:
    assert key(query=b"q=a&q=b") != key(query=b"q=b&q=a")


@given(st.lists(st.tuples(texts, texts), max_size=3), st.lists(st.tuples(texts, texts), max_size=3))
def test_queries_share_a_key_exactly_if_they_parse_to_the_same(
    one: list[tuple[str, str]], other: list[tuple[str, str]]
) -> None:
    queries = [str(QueryParams(pairs)).encode() for pairs in (one, other)]
    parsed = [sorted(QueryParams(query).multi_items(), key=lambda pair: pair[0]) for query in queries]
    assert (key(query=queries[0]) == key(query=queries[1])) is (parsed[0] == parsed[1])


@given(st.lists(texts, min_size=3, max_size=3), st.lists(texts, min_size=3, max_size=3))
def test_no_two_questions_share_a_key(one: list[str], other: list[str]) -> None:
    def whole(path: str, variant: str, principal: str) -> str:
        return with_principal(with_variants(key("/" + path), [variant]), principal)

    assert (whole(*one) == whole(*other)) is (one == other)


def test_parts_cannot_pretend_to_be_others() -> None:
    assert key("/a?b=c") != key("/a", b"b=c")
    assert key("/me @7") != with_principal(key("/me"), "7")
    assert with_principal(key("/me"), "7 @8") != with_principal(with_principal(key("/me"), "7"), "8")
    assert with_variants(key(), [None]) != with_variants(key(), [""])
    assert with_variants(key(), [None]) != with_variants(key(), ["+"])


def test_what_is_injected_is_not_in_the_key() -> None:
    injected: dict[str, Any] = {"session": object()}
    assert response_key(key, "products", request=request(), kwargs=injected) == key()


def test_endless_queries_are_too_long() -> None:
    assert not is_too_long(request(query=b"q=" + b"a" * 900))
    assert is_too_long(request(query=b"q=" + b"a" * 1100))
