from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from service.webhooks.signing import new_secret, signed_headers, spelled


def test_the_signature_is_the_one_that_the_standard_library_expects() -> None:
    secret = new_secret()
    headers = signed_headers(secret, 7, '{"a":"ä"}', datetime.now(UTC))
    assert Webhook(spelled(secret)).verify('{"a":"ä"}', headers) == {"a": "ä"}
    assert headers["webhook-id"] == "7"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_id_and_time_are_signed(name: str) -> None:
    secret = new_secret()
    headers = signed_headers(secret, 7, "{}", datetime.now(UTC))
    headers[name] = str(int(headers[name]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify("{}", headers)


def test_each_secret_is_another_of_256_bits() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 32
