"""The client of one edge: deadline, balancing, retries within a budget, breaker, bulkhead, and distrust."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
from yarl import URL

from kit import deadline, defects, trace
from kit.breaker import Breaker, Rule, State
from kit.budget import RetryBudget, jittered
from kit.choice import Guide, Line, by_home
from kit.deadline import Deadline
from kit.telemetry import Telemetry
from kit.trouble import Refused, Unavailable
from kit.words import Problem

Answer = TypeVar("Answer", bound=BaseModel)
LARGEST_ANSWER_BYTES = 1 << 20
UNWELCOME = (401, 403, 429)
REPEATABLE = ("GET", "PUT", "DELETE")
FAIR_SHARE = 0.5
"""A call that was given less than this part of its usual time says nothing about the provider when it runs out."""
NOWHERE = "http://127.0.0.1:9"
"""Where the only instance is of a provider of which nothing is known."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long all attempts and each attempt may take, how many there are, and how many calls run at once.

    `one_fate` says that a 503 of one operation speaks against all of the provider's operations; without it the breaker
    leaves a 503 out of account, unless another instance could take over.
    """

    deadline_s: float
    attempt_s: float
    attempts: int = 2
    at_once: int = 32
    one_fate: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to a provider; `refusals` are the statuses that are a definite no instead of a failure.

    With `for_customer` it is made for the customer of the request that is being served; `more` are further headers.
    """

    method: str
    path: str
    body: BaseModel | None = None
    key: str | None = None
    expect: int = 200
    refusals: frozenset[int] = frozenset()
    for_customer: bool = False
    home: str = ""
    """Whoever this is about goes to the same instance each time, as long as that one can be had."""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method in REPEATABLE or self.key is not None

    def headers(self, left_s: float) -> dict[str, str]:
        """The headers to send when so many seconds are left for the answer."""
        headers = {
            deadline.HEADER: deadline.header_for(defects.told_s(left_s)),
            "accept-encoding": "identity",
            **self.more,
        }
        traceparent = trace.traceparent()
        if traceparent is not None:
            headers[trace.HEADER] = traceparent
        if self.body is not None:
            headers["content-type"] = "application/json"
        if self.key is not None:
            headers["idempotency-key"] = defects.key(self.key)
        return headers


class Credentials(Protocol):
    """Says who calls; see kit.identity."""

    async def headers(self, *, for_customer: bool, limit: Deadline) -> Mapping[str, str]:
        """The headers that prove it; raises Unavailable when there is no proof within the limit."""
        ...


class Edge:
    """Consumer → provider, as the consumer sees it; use it as an async context manager or `close()` it."""

    def __init__(  # noqa: PLR0913 -- what the edge goes by, each with a default
        self,
        provider: str,
        instances: Mapping[str, str],
        limits: Limits,
        *,
        credentials: Credentials | None = None,
        guide: Guide | None = None,
        telemetry: Telemetry | None = None,
        rule: Rule | None = None,
        ca: str | None = None,
    ) -> None:
        self.provider = provider
        self.limits = defects.limits(limits)
        self._credentials = credentials
        self._guide = guide or Guide()
        self._telemetry = telemetry
        self._ca = ca
        self.lines = [
            Line(instance=name, url=url, breaker=Breaker(rule or Rule()))
            for name, url in (instances or {f"{provider}-1": NOWHERE}).items()
        ]
        self.budget = RetryBudget()
        self.in_flight = 0
        self._turn = 0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()

    @property
    def away(self) -> bool:
        """Whether a call now would be refused without being sent, since no breaker admits it."""
        return all(line.breaker.state is State.OPEN for line in self.lines)

    def health(self) -> dict[str, object]:
        """The state of the edge, for people and for checks."""
        return {
            "in_flight": self.in_flight,
            "retry_tokens": round(self.budget.tokens, 1),
            "lines": [
                {
                    "instance": line.instance,
                    "url": line.url,
                    "breaker": line.breaker.state,
                    "opened": line.breaker.opened,
                    "calls": line.calls,
                    "failures": line.failures,
                }
                for line in self.lines
            ],
        }

    async def call(self, call: Call, answer: type[Answer], *, subject: str | None = None) -> Answer:
        """Make the call, within the request's deadline and the edge's; `subject` is who gets always the same version.

        Raises:
            Refused: the provider said no, with one of the call's `refusals`.
            Unavailable: no valid answer came; its `sent` tells whether any attempt may have arrived.
        """
        limit = deadline.current(self.limits.deadline_s)
        if self._credentials is not None:
            proof = await self._credentials.headers(for_customer=call.for_customer, limit=limit)
            call = replace(call, more={**proof, **call.more})
        self.budget.earn()
        version = self._guide.version(self.provider, subject)
        tried: list[Line] = []
        sent = False
        for attempt in range(1, self.limits.attempts + 1):
            line = self._choose(tried, version, call.home)
            probing = line.breaker.state is State.HALF_OPEN
            try:
                return await self._bounded(line, call, answer, limit.left_s())
            except Unavailable as error:
                sent = sent or error.sent
                tried.append(line)
                pause = defects.pause_s(jittered(attempt, first_s=0.02, most_s=0.2))
                if not self._again(call, error, tried, attempt, limit.left_s() - pause, free=probing):
                    raise Unavailable(self.provider, error.why, sent=sent) from error
            await asyncio.sleep(pause)
        raise AssertionError  # the last attempt returns or raises

    def _again(  # noqa: PLR0913 -- what it depends on
        self, call: Call, error: Unavailable, tried: list[Line], attempt: int, left_s: float, *, free: bool
    ) -> bool:
        """Whether another attempt makes sense: it's safe, there is time, somebody may answer, the budget allows it.

        One after a breaker's probe is `free`: the breaker itself bounds how often that happens.
        """
        if defects.stubborn():
            return attempt < self.limits.attempts and (call.repeatable or not error.sent)
        elsewhere = any(line not in tried and line.breaker.admits for line in self.lines)
        useful = elsewhere or (isinstance(error, Faulty) and any(line.breaker.admits for line in self.lines))
        return (
            attempt < self.limits.attempts
            and (call.repeatable or not error.sent)
            and useful
            and left_s > self.limits.attempt_s * 0.2
            and (free or self.budget.spend())
        )

    def _choose(self, tried: list[Line], version: str | None, home: str) -> Line:
        """The next instance; among those that are equally good each in its turn, or the one that is somebody's home."""
        if home:
            return self._guide.choose(self.provider, by_home(self.lines, home), tried, version, near=False)
        self._turn += 1
        ring = [self.lines[(self._turn + i) % len(self.lines)] for i in range(len(self.lines))]
        return self._guide.choose(self.provider, ring, tried, version)

    async def _bounded(self, line: Line, call: Call, answer: type[Answer], left_s: float) -> Answer:
        """One attempt, if the bulkhead has room and the breaker lets it through."""
        if self.in_flight >= self.limits.at_once:
            raise Unavailable(self.provider, "too many calls are under way", sent=False)
        time_s = min(self.limits.attempt_s, left_s)
        if time_s <= deadline.MARGIN_S:
            raise Unavailable(self.provider, "the deadline is used up", sent=False)
        ticket = line.breaker.admit()
        if ticket is None:
            raise Unavailable(self.provider, "the circuit breaker is open", sent=False)
        self.in_flight += 1
        line.calls += 1
        now = asyncio.get_running_loop().time
        began = now()
        try:
            with ticket, self._watched(line, call):
                try:
                    got = await self._attempt(line, call, answer, time_s)
                except asyncio.CancelledError:
                    # Whoever asked gave up, at its own deadline say: an instance that had its time was late.
                    if self._counts(Late(self.provider, "its caller gave up", sent=True), now() - began):
                        line.failures += 1
                        ticket.bad()
                    raise
                except Refused:
                    ticket.good()
                    raise
                except Unavailable as error:
                    line.failures += 1
                    self.in_flight += defects.on("connection-leak")
                    if self._counts(error, time_s):
                        ticket.bad()
                    raise
                ticket.good()
                return got
        finally:
            self.in_flight -= 1

    def _watched(self, line: Line, call: Call) -> AbstractContextManager[object]:
        """What makes an attempt visible from outside."""
        if self._telemetry is None:
            return nullcontext()
        return self._telemetry.asking(self.provider, line.instance, call.method)

    def _counts(self, error: Unavailable, time_s: float) -> bool:
        """Whether a failure speaks against this instance."""
        if error.sent and defects.on("breaker-one-kind"):
            return False
        match error:
            case Late():
                return time_s >= FAIR_SHARE * self.limits.attempt_s
            case Unwelcome():
                return False
            case Declined():
                return self.limits.one_fate or len(self.lines) > 1
            case _:
                return True

    async def _attempt(self, line: Line, call: Call, answer: type[Answer], time_s: float) -> Answer:
        try:
            async with asyncio.timeout(time_s):
                status, headers, body = await self._exchange(line, call, time_s)
        except TimeoutError:
            raise Late(self.provider, f"no answer within {time_s * 1000:.0f} ms", sent=True) from None
        except aiohttp.ClientConnectorError as error:
            untrusted = isinstance(error, aiohttp.ClientSSLError)
            why = "it speaks no TLS that can be trusted" if untrusted else "it can't be connected to"
            raise Faulty(self.provider, why, sent=False) from error
        except (aiohttp.ClientError, OSError, ValueError, EOFError) as error:
            if defects.on("truncated-body"):
                raise
            raise Faulty(self.provider, f"the connection failed ({type(error).__name__})", sent=True) from error
        return self._judge(call, answer, status, headers, body)

    async def _exchange(self, line: Line, call: Call, time_s: float) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None:
            self._session = _open_session(self._ca)
        async with self._session.request(
            call.method,
            URL(line.url + call.path, encoded=True),
            data=None if call.body is None else call.body.model_dump_json(exclude=defects.left_out()).encode(),
            headers=call.headers(time_s),
            allow_redirects=False,
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > LARGEST_ANSWER_BYTES:
                    message = "the answer is too large"
                    raise ValueError(message)
            return response.status, response.headers, bytes(body)

    def _judge(self, call: Call, answer: type[Answer], status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        """Believe an answer only when status, content type and body are what the provider promised."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if status == call.expect and defects.on("html-200"):
            return defects.believed(answer, body)
        try:
            if status == call.expect and kind == "application/json":
                return answer.model_validate_json(body)
            if kind == "application/problem+json" and status in (*call.refusals, *UNWELCOME, Unavailable.status):
                problem = Problem.model_validate_json(body)
                if status == Unavailable.status:
                    raise Declined(self.provider, f"it says: {problem.detail}", sent=True)
                if status in UNWELCOME and status not in call.refusals:
                    raise Unwelcome(self.provider, f"it says: {problem.detail}", sent=False)
                raise Refused(status, problem.detail)
        except ValidationError as error:
            why = f"its answer {status} has a body that isn't as promised"
            raise Faulty(self.provider, why, sent=True) from error
        raise Faulty(self.provider, f"it answered {status} with {kind or 'no content type'}", sent=True)


class Late(Unavailable):
    """No answer came in time: the provider may or may not have done it, and another attempt would come too late."""


class Faulty(Unavailable):
    """No connection, a broken one, or an answer that can't be believed: another attempt may well succeed."""


class Declined(Unavailable):
    """The provider itself says that it can't: asking the same instance at once again is pointless."""


class Unwelcome(Unavailable):
    """The provider doesn't take the call from this caller, and has done nothing: that doesn't speak against it."""


def _open_session(ca: str | None) -> aiohttp.ClientSession:
    trust = True if ca is None else ssl.create_default_context(cafile=ca)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0, force_close=False, ssl=trust),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    )
    # aiohttp repeats GETs by itself when a pooled connection turns out dead: that would bypass budget and breaker.
    session._retry_connection = False  # noqa: SLF001 -- there is no public switch
    return session
