import pytest

from service.up import _base


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://localhost:8000"),  # noqa: S104 (shown, not listened on)
        ("::", "http://localhost:8000"),
        ("::1", "http://[::1]:8000"),
    ],
)
def test_the_banner_shows_addresses_that_can_be_typed(host: str, base: str) -> None:
    assert _base(host, 8000) == base
