"""Users' API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Path, Request
from kit import service
from kit.auth import anyone, needs
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import Uuid

from users.issuer import OwnIssuer
from users.models import (
    Account,
    AccountRequest,
    Customer,
    KeySet,
    ServiceToken,
    ServiceTokenRequest,
    Session,
    SessionRequest,
)
from users.passwords import Passwords
from users.ring import CUSTOMER_LIFE_S, Ring
from users.store import Accounts, KeyStore, schema
from users.tokens import Mint, parse_secrets

LIMIT_S = 1.5
ROTATE_S = 24 * 3600.0
COST = 2**14
MOST_COST = 2**17
"""128 MiB for each password that is compared."""
SIGN_IN = [needs("users.sign-in")]
routes = service.router()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the operations need."""

    accounts: Accounts
    mint: Mint


def parts(host: Host) -> Parts:
    env = host.settings.env
    cost = _cost(env.get("PASSWORD_COST") or str(COST))
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, schema(cost)))
    mint = Mint(Ring(host.settings.number("ROTATE_S", ROTATE_S)), parse_secrets(env.get("CLIENT_SECRETS", "")))
    issuer = host.hard_store("signing", OwnIssuer(mint, KeyStore(postgres, time.time)))
    host.identity.issuer = issuer
    host.background(postgres.prepare)
    host.background(issuer.run)
    return Parts(accounts=Accounts(postgres, Passwords(cost)), mint=mint)


def _cost(text: str) -> int:
    cost = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MOST_COST)) else 0
    if not 1 < cost <= MOST_COST or cost & (cost - 1):
        message = f"PASSWORD_COST: expected a power of two from 2 to {MOST_COST}, found {text[:20]!r}"
        raise ValueError(message)
    return cost


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


@routes.post("/accounts", status_code=201, responses=declared(409, 413, 415), dependencies=SIGN_IN)
async def sign_up(request: Request, wanted: AccountRequest) -> Account:
    return await _parts(request).accounts.sign_up(wanted.email, wanted.password, wanted.name)


@routes.post("/sessions", status_code=201, responses=declared(401, 413, 415), dependencies=SIGN_IN)
async def sign_in(request: Request, wanted: SessionRequest) -> Session:
    found = _parts(request)
    customer_id = await found.accounts.sign_in(wanted.email, wanted.password)
    return Session(
        access_token=found.mint.for_customer(customer_id),
        token_type="Bearer",  # noqa: S106 -- it says of which kind the token is
        expires_in_s=CUSTOMER_LIFE_S,
        customer_id=customer_id,
    )


@routes.post("/service-tokens", status_code=201, responses=declared(401, 413, 415), dependencies=[anyone()])
async def give_service_token(request: Request, wanted: ServiceTokenRequest) -> ServiceToken:
    return _parts(request).mint.for_secret(wanted.service, wanted.secret)


@routes.get("/keys", responses=declared(), dependencies=[anyone()])
async def list_keys(request: Request) -> KeySet:
    return _parts(request).mint.ring.published()


@routes.get("/customers/{customer_id}", responses=declared(404), dependencies=[needs("users.read")])
async def read_customer(request: Request, customer_id: Annotated[Uuid, Path()]) -> Customer:
    return await _parts(request).accounts.read(customer_id)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Users", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("users")
    service.run(settings, create(settings))
