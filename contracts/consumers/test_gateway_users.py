"""What the gateway needs of users: customers sign up and in."""

from __future__ import annotations

import pytest
from gateway.answers import Account, Session
from gateway.clients import UsersClient
from gateway.models import AccountRequest, SessionRequest
from pact import match

from contracts.consumers.agreeing import CUSTOMER, Case, agree, an_id, from_state, named
from harness.contracts.recording import PactRecording

pytestmark = pytest.mark.loopback
EMAIL = "pact@shop.example"
GOOD, BAD = "demo-password", "no-such-password"
TOKEN = "aaa.bbb.ccc"  # noqa: S105 -- an example
EMAIL_OF_THE_STATE = from_state(EMAIL, "${email}")


def up(password: str) -> dict[str, object]:
    return {"email": EMAIL_OF_THE_STATE, "password": password, "name": "Customer"}


def into(password: str) -> dict[str, object]:
    return {"email": EMAIL_OF_THE_STATE, "password": password}


def account(password: str) -> AccountRequest:
    return AccountRequest(email=EMAIL, password=password, name="Customer")


def session(password: str) -> SessionRequest:
    return SessionRequest(email=EMAIL, password=password)


CASES = [
    Case(
        what="a request to sign up",
        given="nobody has an e-mail address",
        ask=lambda edge: UsersClient(edge).sign_up(account(GOOD)),
        request=("POST", "/accounts"),
        body=up(GOOD),
        status=201,
        answer={"customer_id": an_id(CUSTOMER)},
        told=Account(customer_id=CUSTOMER),
    ),
    Case(
        what="a request to sign up with somebody else's address",
        given="a customer has an e-mail address",
        params={"password": GOOD},
        ask=lambda edge: UsersClient(edge).sign_up(account(BAD)),
        request=("POST", "/accounts"),
        body=up(BAD),
        status=409,
        told="this e-mail address is in use",
    ),
    Case(
        what="a request to sign in",
        given="a customer has an e-mail address",
        params={"password": GOOD},
        ask=lambda edge: UsersClient(edge).sign_in(session(GOOD)),
        request=("POST", "/sessions"),
        body=into(GOOD),
        status=201,
        answer={
            "access_token": match.regex(TOKEN, regex=r"^.+$"),
            "token_type": "Bearer",
            "expires_in_s": match.int(900),
            "customer_id": an_id(CUSTOMER),
        },
        told=Session(access_token=TOKEN, token_type="Bearer", expires_in_s=900, customer_id=CUSTOMER),  # noqa: S106 -- it says of which kind the token is
    ),
    Case(
        what="a request to sign in with a wrong password",
        given="a customer has an e-mail address",
        params={"password": GOOD},
        ask=lambda edge: UsersClient(edge).sign_in(session(BAD)),
        request=("POST", "/sessions"),
        body=into(BAD),
        status=401,
        told="there is no account with this e-mail address and password",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=named)
async def test_the_gateway_understands_users(recording: PactRecording, case: Case) -> None:
    await agree(recording, "gateway", "users", case)
