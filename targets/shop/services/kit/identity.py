"""A service's own token, and the keys by which it verifies the tokens of others; both outlast an absence of users."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.utils import base64url_decode
from pydantic import Field

from kit.auth import Caller, on_behalf
from kit.breaker import Rule
from kit.budget import jittered
from kit.client import Call, Edge, Limits
from kit.deadline import Deadline
from kit.trouble import Refused, Trouble, Unavailable
from kit.words import Strict, Tolerant

ISSUER = "users"
AUDIENCE = "shop"
ALGORITHM = "EdDSA"
LARGEST_TOKEN_CHARS = 4096
LARGEST_CACHE = 2048
"""Verified tokens that are remembered: verifying one takes a tenth of a millisecond."""
LEEWAY_S = 2
"""By how much the clocks of two machines may differ."""
KEYS_WAIT_S = 1.0
"""The longest that a request waits for the key of its token."""
REPLY_S = 0.015
"""What is kept of the request's time to tell the caller that there is no token yet."""
USERS = Limits(deadline_s=0.8, attempt_s=0.8, attempts=1, at_once=4)
USERS_RULE = Rule(reset_s=0.25)
"""Calls are few and wait for one another anyway; a service that has just started needs its token soon."""
OPERATOR = Caller(name="operator", kind="operator")
log = logging.getLogger(__name__)


class Key(Tolerant):
    """A public key as RFC 8037 has it."""

    kid: Annotated[str, Field(min_length=1, max_length=64)]
    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class KeySet(Tolerant):
    """The keys that tokens may be signed with."""

    keys: Annotated[list[Key], Field(min_length=1, max_length=16)]


class ServiceToken(Tolerant):
    """A service's own token."""

    access_token: Annotated[str, Field(min_length=1, max_length=LARGEST_TOKEN_CHARS)]
    expires_in_s: Annotated[int, Field(ge=1)]


class ServiceTokenRequest(Strict):
    """How a service asks for its token."""

    service: str
    secret: str


class Issuer(Protocol):
    """Where keys and the own token come from; both raise Trouble when they can't be had."""

    async def keys(self) -> KeySet:
        """The public keys of now."""
        ...

    async def token(self) -> ServiceToken:
        """A new token for this service."""
        ...


class Users:
    """The issuer, as all services but users itself know it."""

    def __init__(self, edge: Edge, service: str, secret: str) -> None:
        self.edge = edge
        self._body = ServiceTokenRequest(service=service, secret=secret)

    async def keys(self) -> KeySet:
        """See Issuer."""
        return await self.edge.call(Call(method="GET", path="/keys"), KeySet)

    async def token(self) -> ServiceToken:
        """See Issuer; Refused 401 when users doesn't know the secret."""
        call = Call(
            method="POST", path="/service-tokens", body=self._body, expect=201, refusals=frozenset({401, 403, 422})
        )
        return await self.edge.call(call, ServiceToken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often users is asked for keys: by habit, and at most, however many tokens with unknown keys arrive."""

    every_s: float = 30.0
    pause_s: float = 2.0


@dataclass(frozen=True, slots=True)
class _Own:
    """The token in hand; times are monotonic."""

    text: str
    renew_at: float
    ends_at: float


class Identity:
    """Who this service is to others, and who others are to it. Without an issuer only the operator is known."""

    def __init__(
        self,
        issuer: Issuer | None = None,
        operator_token: str | None = None,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self._operator_token = operator_token
        self._pace = pace or Pace()
        self._clock = clock
        self._own: _Own | None = None
        self._got_token = asyncio.Event()
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._keys_at = float("-inf")
        self._keys_wanted = asyncio.Event()
        self._round = asyncio.Event()
        self._trouble: Trouble | None = None
        self._verified: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    async def run(self) -> None:
        """Keep the token and the keys fresh until cancelled."""
        if self.issuer is not None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_token(self.issuer))
                group.create_task(self._keep_keys(self.issuer))

    async def headers(self, *, for_customer: bool, limit: Deadline) -> dict[str, str]:
        """The headers that say who calls, and for whom.

        Raises:
            Unavailable: there is no token yet, and none came in time.
        """
        passed_on = on_behalf() if for_customer else {}
        if self.issuer is None or "Authorization" in passed_on:
            return passed_on
        return {"Authorization": f"Bearer {await self._token(limit)}", **passed_on}

    async def caller(self, authorization: str | None, wait_s: float = KEYS_WAIT_S) -> Caller:
        """Who sends this Authorization header.

        Raises:
            Refused: 401, there is none or it proves nothing.
            Unavailable: the keys can't be had within `wait_s`.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refused(401, "a bearer token is needed")
        return await self.holder(token.strip(), wait_s)

    def known(self, authorization: str) -> Caller | None:
        """Who sends this Authorization header, if that was found out before; nothing is looked up for it."""
        token = authorization.partition(" ")[2].strip()
        if self._is_operator(token):
            return OPERATOR
        known = self._verified.get(token)
        return known[0] if known is not None and known[1] > time.time() else None

    async def holder(self, token: str, wait_s: float = KEYS_WAIT_S) -> Caller:
        """Whose token this is; raises as `caller` does."""
        if self._is_operator(token):
            return OPERATOR
        known = self._verified.get(token)
        if known is not None and known[1] > time.time():
            self._verified.move_to_end(token)
            return known[0]
        caller, ends_at = await self._verify(token, wait_s)
        self._verified[token] = (caller, ends_at)
        while len(self._verified) > LARGEST_CACHE:
            self._verified.popitem(last=False)
        return caller

    def _is_operator(self, token: str) -> bool:
        return bool(self._operator_token) and hmac.compare_digest(token.encode(), str(self._operator_token).encode())

    async def _verify(self, token: str, wait_s: float) -> tuple[Caller, float]:
        if len(token) > LARGEST_TOKEN_CHARS:
            raise Refused(401, "the token is too long")
        with _refusing():
            kid = jwt.get_unverified_header(token).get("kid")
        try:
            async with asyncio.timeout(wait_s):
                key = await self._key(str(kid))
        except TimeoutError:
            raise Unavailable(ISSUER, "its keys are not known yet", sent=False) from None
        with _refusing():
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                leeway=LEEWAY_S,
                options={"require": ["sub", "exp", "iat", "jti"]},
            )
            held = _Claims.model_validate(claims)
        caller = Caller(name=held.sub, kind=held.kind, scopes=frozenset(held.scope.split()))
        return caller, float(held.exp)

    async def _key(self, kid: str) -> Ed25519PublicKey:
        """The key of that name; one that isn't known is looked for, but not more often than the pause allows."""
        while kid not in self._keys:
            if self.issuer is None or self._clock() - self._keys_at < self._pace.pause_s:
                raise Refused(401, "the token is signed with an unknown key")
            if self._keys and self._trouble is not None:
                raise Unavailable(ISSUER, "the token's key is not among the last known ones", sent=False)
            self._keys_wanted.set()
            await self._round.wait()
        return self._keys[kid]

    async def _token(self, limit: Deadline) -> str:
        if self._own is None or self._own.ends_at <= self._clock():
            self._got_token.clear()
            try:
                async with asyncio.timeout(max(0.0, limit.left_s() - REPLY_S)):
                    await self._got_token.wait()
            except TimeoutError:
                raise Unavailable(ISSUER, "there is no service token yet", sent=False) from None
        assert self._own is not None  # noqa: S101 -- the event says so
        return self._own.text

    async def _keep_token(self, issuer: Issuer) -> None:
        failures = 0
        while True:
            asked_at = self._clock()
            try:
                token = await issuer.token()
            except Trouble as error:
                failures += 1
                log.info("the service's token can't be renewed: %s", error)
                await asyncio.sleep(0.05 + jittered(failures, first_s=0.1, most_s=1.0))
                continue
            failures = 0
            life_s = token.expires_in_s
            self._own = _Own(token.access_token, asked_at + life_s / 2, asked_at + life_s)
            self._got_token.set()
            await asyncio.sleep(max(0.05, self._own.renew_at - self._clock()))

    async def _keep_keys(self, issuer: Issuer) -> None:
        failures = 0
        while True:
            self._keys_wanted.clear()
            try:
                keys = await issuer.keys()
            except Trouble as error:
                failures += 1
                self._end_round(error)
                await asyncio.sleep(0.05 + jittered(failures, first_s=0.1, most_s=1.0))
                continue
            failures = 0
            self.learn(keys)
            self._end_round(None)
            await asyncio.sleep(self._pace.pause_s)
            try:
                async with asyncio.timeout(self._pace.every_s):
                    await self._keys_wanted.wait()
            except TimeoutError:
                continue

    def learn(self, keys: KeySet) -> None:
        """From now on these are the keys that tokens may be signed with."""
        self._keys = {key.kid: Ed25519PublicKey.from_public_bytes(base64url_decode(key.x)) for key in keys.keys}
        self._keys_at = self._clock()

    def _end_round(self, trouble: Trouble | None) -> None:
        """Tell those who wait for keys how the look-up ended."""
        self._trouble = trouble
        done, self._round = self._round, asyncio.Event()
        done.set()

    async def close(self) -> None:
        """Let go of the connections to users."""
        if isinstance(self.issuer, Users):
            await self.issuer.edge.close()

    def health(self) -> dict[str, object]:
        """The state of the edge, for people and for checks."""
        left_s = 0.0 if self._own is None else max(0.0, self._own.ends_at - self._clock())
        edge = self.issuer.edge.health() if isinstance(self.issuer, Users) else {}
        return {**edge, "token_left_s": round(left_s), "keys": sorted(self._keys)}


class _Claims(Tolerant):
    """What a token says."""

    sub: Annotated[str, Field(min_length=1)]
    kind: Literal["service", "customer"]
    scope: str
    exp: float


@contextmanager
def _refusing() -> Iterator[None]:
    """Whatever is wrong with a token is a 401; what exactly is said, but not what it held."""
    try:
        yield
    except jwt.ExpiredSignatureError as error:
        raise Refused(401, "the token has expired") from error
    except jwt.InvalidAudienceError as error:
        raise Refused(401, "the token is for another audience") from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise Refused(401, "the token is not valid") from error
