"""Accounts and signing keys in users' own database."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from kit.postgres import Connection, Postgres
from kit.trouble import Refused, not_found

from users.models import Account, Customer
from users.passwords import Passwords, hashed
from users.ring import Ring, SigningKey

SEEDED = 1000
SEED_PASSWORD = "demo-password"  # noqa: S105 -- the demo customers' own, known to everybody
_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    customer_id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    password text NOT NULL
);
CREATE TABLE IF NOT EXISTS signing_keys (
    kid text PRIMARY KEY,
    seed bytea NOT NULL,
    made_at double precision NOT NULL
);
"""


def schema(password_cost: int) -> str:
    """The tables, and the demo customers: they share a password, so they may share its hash."""
    password = hashed(SEED_PASSWORD, b"the-shop's-seed.", password_cost)
    rows = ",".join(f"('{uuid.uuid5(uuid.NAMESPACE_URL, seed_email(n))}',{n})" for n in range(1, SEEDED + 1))
    return (
        f"{_TABLES} INSERT INTO accounts SELECT id::uuid, format('customer-%s@shop.example', lpad(n::text, 4, '0')),"  # noqa: S608 -- made of our own constants
        f" 'Customer ' || n, '{password}' FROM (VALUES {rows}) AS seed (id, n) ON CONFLICT DO NOTHING"
    )


def seed_email(number: int) -> str:
    """The e-mail address of a demo customer."""
    return f"customer-{number:04d}@shop.example"


class Accounts:
    """Who has signed up."""

    def __init__(self, postgres: Postgres, passwords: Passwords) -> None:
        self._postgres = postgres
        self._passwords = passwords

    async def sign_up(self, email: str, password: str, name: str) -> Account:
        """A new account; again with the same password, the same account.

        Raises:
            Refused: 409, that address belongs to an account with another password.
        """
        stored = await self._passwords.stored(password)
        row = await self._postgres.fetchrow(
            "INSERT INTO accounts (customer_id, email, name, password) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (email) DO NOTHING RETURNING customer_id::text",
            uuid.uuid4(),
            email.lower(),
            name,
            stored,
        )
        if row is not None:
            return Account(customer_id=row["customer_id"])
        customer_id = await self._known(email, password)
        if customer_id is None:
            raise Refused(409, "this e-mail address is in use")
        return Account(customer_id=customer_id)

    async def sign_in(self, email: str, password: str) -> str:
        """The id of the customer whose password it is.

        Raises:
            Refused: 401, which doesn't tell whether it is the address or the password that is wrong.
        """
        customer_id = await self._known(email, password)
        if customer_id is None:
            raise Refused(401, "there is no account with this e-mail address and password")
        return customer_id

    async def _known(self, email: str, password: str) -> str | None:
        row = await self._postgres.fetchrow(
            "SELECT customer_id::text, password FROM accounts WHERE email = $1", email.lower()
        )
        good = await self._passwords.match(password, None if row is None else row["password"])
        return row["customer_id"] if good and row is not None else None

    async def read(self, customer_id: str) -> Customer:
        """Who that is, or Refused 404."""
        row = await self._postgres.fetchrow(
            "SELECT customer_id::text, name, email FROM accounts WHERE customer_id = $1", customer_id
        )
        if row is None:
            raise not_found(f"customer {customer_id}")
        return Customer.model_validate(dict(row))


class KeyStore:
    """The signing keys: all instances share them, and a restart keeps them."""

    def __init__(self, postgres: Postgres, wall: Callable[[], float]) -> None:
        self._postgres = postgres
        self._wall = wall

    async def renew(self, ring: Ring) -> None:
        """Bring the ring up to date, with a new key when one is due, without those that nobody needs any more."""

        async def work(connection: Connection) -> list[SigningKey]:
            # Two instances must not both find that a key is due.
            await connection.execute("SELECT pg_advisory_xact_lock(2)")
            now = self._wall()
            rows = await connection.fetch("SELECT kid, seed, made_at FROM signing_keys")
            stored = Ring(ring.rotate_s, [SigningKey(row["kid"], bytes(row["seed"]), row["made_at"]) for row in rows])
            gone = stored.retired(now)
            await connection.execute("DELETE FROM signing_keys WHERE kid = ANY($1::text[])", [key.kid for key in gone])
            kept = [key for key in stored.keys if key not in gone]
            if not stored.due(now):
                return kept
            new = SigningKey.new(now)
            await connection.execute(
                "INSERT INTO signing_keys (kid, seed, made_at) VALUES ($1, $2, $3)", new.kid, new.seed, new.made_at
            )
            return [*kept, new]

        ring.keys = await self._postgres.transact(work)
