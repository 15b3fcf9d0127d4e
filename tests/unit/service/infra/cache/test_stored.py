from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse, Response, StreamingResponse

from service.infra.cache.policy import Policy
from service.infra.cache.stored import ResponseCoder, StoredAnswer, StoredResponse, storable

PUBLIC = Policy(name="things", expire=60, stale=30, stale_if_error=600)
PRIVATE = Policy(name="mine", expire=5, scope="private", principal=str)


def kept(response: Response, policy: Policy = PUBLIC) -> StoredResponse:
    stored = storable(response, policy)
    assert stored is not None
    return stored


def headers_of(answer: Response) -> dict[str, str]:
    return dict(answer.headers)


@given(st.binary(max_size=100), st.text(alphabet=st.characters(max_codepoint=255), max_size=20))
def test_what_is_decoded_is_what_was_encoded(body: bytes, value: str) -> None:
    stored = StoredResponse(200, ((b"etag", b'"1"'), (b"x", value.encode("latin-1"))), body)
    assert ResponseCoder.decode(ResponseCoder.encode(stored)) == stored


@pytest.mark.parametrize(
    "response",
    [
        JSONResponse({}, status_code=404),
        JSONResponse({}, status_code=500),
        Response(status_code=307, headers={"location": "/"}),
        JSONResponse({}, headers={"set-cookie": "session=1"}),
        JSONResponse({}, headers={"cache-control": "no-store"}),
        JSONResponse({}, headers={"cache-control": "Private, max-age=5"}),
        JSONResponse({}, headers={"vary": "Accept-Language"}),
        JSONResponse({}, headers={"vary": "*"}),
        StreamingResponse(iter([b"{}"])),
    ],
)
def test_what_must_not_be_repeated_is_not_stored(response: Response) -> None:
    assert storable(response, PUBLIC) is None


def test_a_response_that_varies_as_declared_is_stored() -> None:
    policy = Policy(name="things", expire=60, vary=("accept-language",))
    stored = kept(JSONResponse({}, headers={"vary": "Accept-Language"}), policy)
    assert dict(stored.headers)[b"vary"] == b"accept-language"


def test_the_entity_tag_is_made_of_the_bytes_alone() -> None:
    one, same, other = (kept(JSONResponse(value)) for value in ({"a": 1}, {"a": 1}, {"a": 2}))
    assert one.etag == same.etag != other.etag
    assert one.etag.startswith('"')


def test_the_entity_tag_of_the_endpoint_is_kept() -> None:
    assert kept(JSONResponse({}, headers={"etag": '"7"'})).etag == '"7"'


def test_an_answer_says_how_it_may_be_cached_and_how_old_it_is() -> None:
    answer = StoredAnswer(kept(JSONResponse({"a": 1})), age=12.9, result="hit")
    headers = headers_of(answer)
    assert headers["cache-control"] == "public, max-age=60, stale-while-revalidate=30, stale-if-error=600"
    assert (headers["age"], headers["x-cache"], headers["content-length"]) == ("12", "HIT", "7")
    assert headers["content-type"] == "application/json"
    assert "vary" not in headers


def test_a_private_answer_says_so() -> None:
    headers = headers_of(StoredAnswer(kept(JSONResponse({}), PRIVATE), age=0, result="miss"))
    assert (headers["cache-control"], headers["vary"]) == ("private, max-age=5", "authorization")


def test_a_known_answer_is_not_sent_again() -> None:
    stored = kept(JSONResponse({"a": 1}))
    answer = StoredAnswer(stored, age=0, result="hit", if_none_match=f'"x", W/{stored.etag}')
    assert (answer.status_code, answer.body) == (304, b"")
    headers = headers_of(answer)
    assert headers["etag"] == stored.etag
    assert {"cache-control", "age", "x-cache"} <= headers.keys()
    assert not {"content-length", "content-type"} & headers.keys()


@pytest.mark.parametrize(
    "promise",
    [
        {"scope": "private"},
        {"principal": str},
        {"scope": "private", "principal": str, "before_dependencies": True},
    ],
)
def test_a_promise_that_would_mix_people_up_is_refused(promise: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="things"):
        Policy(name="things", expire=60, **promise)
