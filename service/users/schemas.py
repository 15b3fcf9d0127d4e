from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field, SecretStr, validate_email
from pydantic_core import PydanticCustomError, PydanticKnownError

from service.infra.fields import text


def _as_registered(username: str) -> str:
    """The spelling under which an account is kept; what is no e-mail address has none."""
    try:
        return validate_email(username)[1].lower()
    except PydanticCustomError:
        return username


def _encodable(secret: SecretStr) -> SecretStr:
    """Lone surrogates are no text; pydantic refuses them in a `str` with bounds, and takes them in a SecretStr."""
    try:
        secret.get_secret_value().encode()
    except UnicodeEncodeError:
        kind: Final = "string_unicode"
        raise PydanticKnownError(kind) from None
    return secret


Secret = Annotated[SecretStr, AfterValidator(_encodable)]
Email = Annotated[
    EmailStr,
    AfterValidator(str.lower),
    Field(max_length=254, description="Upper and lower case are the same", examples=["ada@example.com"]),
]
Password = Annotated[Secret, Field(min_length=12, max_length=256, examples=["a long passphrase"])]


class Registration(BaseModel):
    """What an account is made from."""

    model_config = ConfigDict(extra="forbid")

    email: Email
    password: Password
    name: Annotated[str, text(200), Field(examples=["Ada Lovelace"])]


class Profile(BaseModel):
    """An account, as its owner sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[1])
    email: str = Field(examples=["ada@example.com"])
    name: str = Field(examples=["Ada Lovelace"])
    scopes: list[str] = Field(examples=[["catalogue:write"]])
    created_at: datetime


class TokenRequest(BaseModel):
    """The password grant of OAuth 2 (RFC 6749, 4.3.2)."""

    grant_type: Literal["password"]
    username: Annotated[
        str,
        text(254),
        AfterValidator(_as_registered),
        Field(description="The e-mail address", examples=["reader@example.com"]),
    ]
    password: Annotated[Secret, Field(max_length=256)]
    scope: Annotated[
        str, Field(max_length=500, description="Fewer scopes than the account has, if you like")
    ] = ""
    client_id: Annotated[str, Field(max_length=200, description="Ignored")] = ""
    client_secret: Annotated[Secret, Field(max_length=200, description="Ignored")] = SecretStr("")


class Token(BaseModel):
    """A bearer token (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 (the name of the scheme)
    expires_in: int = Field(description="Seconds", examples=[900])
    scope: str = Field(description="What it is good for, separated by spaces", examples=["catalogue:write"])
