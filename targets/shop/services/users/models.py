"""What users is asked and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.words import Strict, Uuid
from pydantic import Field

Email = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,4}$",
        max_length=200,
        examples=["customer-0001@shop.example"],
    ),
]
"""Its case makes no difference."""
NewPassword = Annotated[str, Field(min_length=8, max_length=128, examples=["demo-password"])]
GivenPassword = Annotated[str, Field(min_length=1, max_length=128, examples=["demo-password"])]
Name = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$", examples=["Customer 1"])]
TokenText = Annotated[str, Field(min_length=1, max_length=4096)]


class AccountRequest(Strict):
    """Who wants to sign up."""

    email: Email
    password: NewPassword
    name: Name


class Account(Strict):
    """The customer that somebody became."""

    customer_id: Uuid


class SessionRequest(Strict):
    """Who wants to sign in."""

    email: Email
    password: GivenPassword


class Session(Strict):
    """What proves for some minutes that it is this customer."""

    access_token: TokenText
    token_type: Literal["Bearer"]
    expires_in_s: Annotated[int, Field(ge=1)]
    customer_id: Uuid


class ServiceTokenRequest(Strict):
    """Which service wants a token, with the secret that only it knows."""

    service: Annotated[str, Field(pattern=r"^[a-z]{1,32}$", examples=["cart"])]
    secret: Annotated[str, Field(min_length=1, max_length=200, examples=["secret-of-the-cart"])]


class ServiceToken(Strict):
    """What proves for some minutes that it is this service."""

    access_token: TokenText
    expires_in_s: Annotated[int, Field(ge=1)]


class Key(Strict):
    """A public key as RFC 8037 has it."""

    kid: Annotated[str, Field(min_length=1, max_length=64)]
    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: Literal["EdDSA"]
    x: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class KeySet(Strict):
    """All keys that a valid token may be signed with."""

    keys: Annotated[list[Key], Field(max_length=64)]


class Customer(Strict):
    """Who a customer is."""

    customer_id: Uuid
    name: Name
    email: Email
