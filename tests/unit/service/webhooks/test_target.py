import re

import pytest
from pydantic import TypeAdapter, ValidationError

from service.webhooks.schemas import TargetUrl
from service.webhooks.target import is_private, server_of

TARGET: TypeAdapter[str] = TypeAdapter(TargetUrl)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/hooks?for=me&a[]=%20",
        "http://example.com:8080/",
        "https://xn--exmple-cua.com./",
        "https://[2606:4700:4700::1111]:8443/hook",
        "https://1.1.1.1/hook",
    ],
)
def test_a_url_stays_what_it_is(url: str) -> None:
    assert TARGET.validate_python(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https:///hook",
        "https://user:password@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/#part",
        "https://example.com/a b",
        "https://example.com/\n",
        "https://example.com/\x00",
        "https://exämple.com/",
        "https://exa%6dple.com/",
        "https://example..com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://[::1%25lo]/",
        "https://[1.1.1.1]/",
        "https://[:::]/",
        f"https://{'a' * 64}.com/",
        f"https://{'a.' * 130}com/",
        f"https://example.com/{'a' * 2000}",
    ],
)
def test_what_is_no_target_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        TARGET.validate_python(url)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost.",
        "api.localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:10.0.0.1",
    ],
)
def test_a_host_says_that_it_is_private_in_any_spelling(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize("host", ["example.com", "localhost.example.com", "1.1.1.1", "2606:4700:4700::1111"])
def test_other_hosts_may_be_public(host: str) -> None:
    assert not is_private(host)


def test_a_server_has_one_name_whatever_is_asked_of_it() -> None:
    assert server_of("https://example.com/a") == server_of("https://example.com:443/b?c") == "example.com:443"
    assert server_of("http://example.com/a") == "example.com:80"


def test_the_documented_pattern_is_one_for_every_reader() -> None:
    (constraint,) = (each for each in TARGET.json_schema().items() if each[0] == "pattern")
    assert re.compile(constraint[1]).search("https://example.com/hook")
