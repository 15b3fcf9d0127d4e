"""Secrets, and the signatures that they make: https://www.standardwebhooks.com."""

import secrets
from base64 import b64encode
from datetime import datetime

from standardwebhooks import Webhook

_SECRET_BYTES = 32


def new_secret() -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)


def spelled(secret: bytes) -> str:
    """The secret as receivers give it to their library."""
    return f"whsec_{b64encode(secret).decode()}"


def signed_headers(secret: bytes, delivery_id: int, body: str, now: datetime) -> dict[str, str]:
    """The headers by which a receiver knows that a body comes from us, and when. `now` is in UTC."""
    name = str(delivery_id)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(msg_id=name, timestamp=now, data=body),
    }
