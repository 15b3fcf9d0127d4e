import pytest

from tests.benchmarks.responses import Responses

PLAIN = b"HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\nserver: x\r\n\r\nhello"
EMPTY = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0\r\n\r\n56789\r\n0\r\n\r\n"


def test_several_responses_may_come_at_once() -> None:
    assert Responses().feed(PLAIN + CHUNKED + EMPTY) == [200, 500, 404]


@pytest.mark.parametrize("response", [PLAIN, CHUNKED, EMPTY])
def test_a_response_may_come_byte_by_byte(response: bytes) -> None:
    responses = Responses()
    before = [responses.feed(response[at : at + 1]) for at in range(len(response) - 1)]
    assert not any(before)
    assert responses.feed(response[-1:]) == [int(response[9:12])]


def test_what_is_left_over_belongs_to_the_next_response() -> None:
    responses = Responses()
    assert responses.feed(PLAIN + EMPTY[:20]) == [200]
    assert responses.feed(EMPTY[20:]) == [404]


def test_a_body_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown where the body ends"):
        Responses().feed(b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\n")
