"""Visits of journeys whose steps are declared: one request after another, each exactly as often as it is asked."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http import RawResponseMessage
from yarl import URL

from harness.clock import Clock
from harness.errors import LoadError
from harness.load.answers import Reply, judge
from harness.load.patience import patience_s
from harness.load.visits import VISIT_LIMIT_S
from harness.load.walk import Answered, Asked, Walk
from harness.model.declared import DegradedMark
from harness.model.observation import AnswerClass
from harness.model.steps import StepJourneys
from harness.model.tracing import TRACEPARENT, trace_of, traceparents
from harness.model.visits import BODY_LIMIT_BYTES, EXCHANGES_LIMIT, Exchange, Trouble, Visit

HEADERS_LIMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsPlan:
    """What is visited: the journeys, the entry, and by what its answers are judged."""

    journeys: StepJourneys
    hosts: tuple[str, ...]
    """The base URLs of the entry; each customer has one."""
    deadlines: Mapping[str, float]
    """Seconds, by journey."""
    degraded: DegradedMark
    seed: int
    headers: Mapping[str, str]
    """Sent along with every request."""
    trust: ssl.SSLContext | bool = True
    traced: str = ""
    """The run's name when somebody takes spans: then every visit has a trace of its own."""


class StepsVisitor:
    """Visits by steps; each customer has connections and cookies of her own. See `harness.load.visits.Visitor`."""

    def __init__(self, plan: StepsPlan, *, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock

    @property
    def journeys(self) -> tuple[str, ...]:
        """The journeys that can be visited."""
        return tuple(self._plan.journeys)

    async def visit(self, journey: str, *, number: int) -> Visit:
        """Run one journey, its chance drawn from the seed and the number; raises LoadError when there is none."""
        plan = self._plan
        if journey not in plan.journeys:
            message = f"expected one of the journeys {', '.join(plan.journeys)}, found '{journey}'"
            raise LoadError(message)
        walk = Walk(
            journey=plan.journeys[journey],
            chance=random.Random(f"{plan.seed}:visit:{journey}:{number}"),  # noqa: S311 -- load, not secrets
            hosts=frozenset(urlsplit(host).netloc for host in plan.hosts),
        )
        trace = trace_of(plan.traced, f"{journey}:{number}") if plan.traced else ""
        async with _connections(trust=plan.trust) as http:
            customer = _Customer(
                http=http,
                host=plan.hosts[number % len(plan.hosts)],
                plan=plan,
                clock=self._clock,
                patience_s=patience_s(plan.deadlines[journey]),
                traceparents=traceparents(trace),
            )
            await customer.go(walk)
        return Visit(journey=journey, exchanges=tuple(customer.exchanges), failed=walk.failed, trace=trace)

    async def close(self) -> None:
        """Nothing is kept between visits."""


def _connections(*, trust: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=trust, limit=1),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Content-Type"),
        max_line_size=HEADERS_LIMIT_BYTES,
        max_field_size=HEADERS_LIMIT_BYTES,
    )
    # aiohttp repeats GETs by itself when a pooled connection turns out dead: one request would be two.
    session._retry_connection = False  # noqa: SLF001 -- there is no public switch
    return session


@dataclass(slots=True)
class _Came:
    """What came of a request so far; it is looked at however the request ended."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    body: bytearray = field(default_factory=bytearray)


@dataclass(slots=True, kw_only=True)
class _Customer:
    http: aiohttp.ClientSession
    host: str
    plan: StepsPlan
    clock: Clock
    patience_s: float
    traceparents: Iterator[str]
    exchanges: list[Exchange] = field(default_factory=list)

    async def go(self, walk: Walk) -> None:
        """Ask what the walk asks for, until it ends or takes too long."""
        ends_at = self.clock.now() + VISIT_LIMIT_S
        requests = walk.requests()
        asked = next(requests, None)
        while asked is not None:
            if asked.think_s:
                await self.clock.sleep(asked.think_s)
            left_s = ends_at - self.clock.now()
            if left_s <= 0 or len(self.exchanges) >= EXCHANGES_LIMIT:
                walk.failed = f"{asked.step}: the visit took longer than {VISIT_LIMIT_S:g} s"
                return
            answered = await self._ask(asked, min(self.patience_s, left_s))
            try:
                asked = requests.send(answered)
            except StopIteration:
                return

    async def _ask(self, asked: Asked, patience_s: float) -> Answered:
        came, trouble, words = _Came(), None, ""
        began = self.clock.now()
        try:
            await self._within(asked, came, patience_s)
        except (aiohttp.ClientError, OSError, ValueError, EOFError) as error:
            trouble = _trouble(error, came)
            words = f"{trouble}: {_words(error, patience_s)}"
        took_s = self.clock.now() - began
        reply = Reply(
            method=asked.method,
            status=came.status,
            headers=came.headers,
            body=bytes(came.body),
            error=words,
            path=asked.path,
        )
        judged = judge(reply, self.plan.degraded)
        self.exchanges.append(
            Exchange(
                step=asked.step,
                method=asked.method,
                path=asked.path,
                request_body=asked.body,
                status=came.status or None,
                headers=came.headers,
                body=reply.body or b"",
                trouble=trouble,
                took_s=took_s,
                degraded=judged.answer is AnswerClass.DEGRADED,
                answer=judged.answer,
                shape=judged.shape,
            )
        )
        return Answered(reply=reply, cookies=came.cookies)

    async def _within(self, asked: Asked, came: _Came, patience_s: float) -> None:
        async with asyncio.timeout(patience_s):
            await self._exchange(asked, came)

    async def _exchange(self, asked: Asked, came: _Came) -> None:
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **asked.headers, **self.plan.headers}
        if traceparent := next(self.traceparents, ""):
            headers.setdefault(TRACEPARENT, traceparent)
        async with self.http.request(
            asked.method,
            URL(self.host + asked.path, encoded=True),
            data=asked.body or None,
            headers=headers,
            allow_redirects=False,
        ) as answer:
            came.status = answer.status
            came.cookies = tuple(answer.headers.getall("Set-Cookie", ()))
            for name, value in answer.headers.items():
                key = name.lower()
                came.headers[key] = f"{came.headers[key]}, {value}" if key in came.headers else value
            async for chunk in answer.content.iter_any():
                came.body += chunk
                if len(came.body) > BODY_LIMIT_BYTES:
                    answer.close()
                    return


def _trouble(error: Exception, came: _Came) -> Trouble:
    """How a request ended that gave no whole answer."""
    if isinstance(error, TimeoutError):
        return Trouble.TIMEOUT
    if isinstance(error, aiohttp.ClientConnectorError):
        return Trouble.REFUSED
    began = isinstance(error, aiohttp.ServerDisconnectedError) and isinstance(error.message, RawResponseMessage)
    if came.status or began:
        return Trouble.TRUNCATED
    if isinstance(error, OSError | EOFError | aiohttp.ClientConnectionError):
        return Trouble.RESET
    return Trouble.INVALID


def _words(error: Exception, patience_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no whole answer within {patience_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.strerror or str(error)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection ended within the headers" if not isinstance(error.message, str) else error.message
    if isinstance(error, aiohttp.ClientPayloadError):
        return "less came than the headers promise"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
