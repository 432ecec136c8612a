from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from kit.breaker import Rule
from kit.client import Call, Edge, Limits
from kit.trouble import Refused, Unavailable
from kit.words import Tolerant

LIMITS = Limits(deadline_s=0.5, attempt_s=0.2, attempts=1)
READ = Call(method="GET", path="/thing", refusals=frozenset({404}))
BODY = json.dumps({"name": "lamp", "new": True}).encode()

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


class Thing(Tolerant):
    name: str


def answer(body: bytes, status: str = "200 OK", kind: str = "application/json", length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body) if length is None else length}"
    return head.encode() + b"\r\nConnection: close\r\n\r\n" + body


PROBLEM = json.dumps(
    {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": "no store"}
).encode()
AWAY = answer(PROBLEM, status="503 Service Unavailable", kind="application/problem+json")


class Provider:
    """A server that reads a request's head, then writes what it is told to, and counts."""

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = answers
        self.heads: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
            reply = self._answers[min(len(self.heads), len(self._answers)) - 1]
            if reply is None:
                await reader.read()  # until the client gives up
            else:
                writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def named(urls: list[str]) -> dict[str, str]:
    return {f"catalog-{number}": url for number, url in enumerate(urls, 1)}


@asynccontextmanager
async def edge_to(*providers: Provider, limits: Limits = LIMITS, rule: Rule | None = None) -> AsyncIterator[Edge]:
    servers = [await asyncio.start_server(provider.serve, "127.0.0.1", 0) for provider in providers]
    addresses = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    try:
        async with Edge("catalog", named(addresses), limits, rule=rule) as edge:
            yield edge
    finally:
        for server in servers:
            server.close()


@pytest.mark.loopback
async def test_a_good_answer_is_read_and_what_is_new_in_it_ignored() -> None:
    async with edge_to(Provider(answer(BODY))) as edge:
        assert await edge.call(READ, Thing) == Thing(name="lamp")


@pytest.mark.loopback
@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Ty",
        answer(b""),
        answer(BODY[:9]),
        answer(BODY, length=4000),
        answer(b"<html>welcome</html>", kind="text/html"),
        answer(BODY, kind="text/html"),
        answer(b'{"name": 7}'),
        answer(b"null"),
        answer(b"\xff\xfe"),
        answer(BODY, status="204 No Content"),
        answer(BODY, status="302 Found"),
        answer(BODY, status="500 Internal Server Error"),
        answer(BODY, status="404 Not Found"),
        answer(BODY, status="503 Service Unavailable"),
        answer(b"{}", status="404 Not Found", kind="application/problem+json"),
        answer(b"x" * (1 << 20) + b"yz"),
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x00" * 200,
    ],
)
async def test_an_answer_that_is_not_as_promised_is_a_failure(reply: bytes) -> None:
    async with edge_to(Provider(reply)) as edge:
        with pytest.raises(Unavailable) as caught:
            await edge.call(READ, Thing)
        assert caught.value.sent
        assert edge.lines[0].failures == 1


@pytest.mark.loopback
async def test_a_declared_no_is_believed_and_not_held_against_the_provider() -> None:
    problem = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no lamp"}
    reply = answer(json.dumps(problem).encode(), status="404 Not Found", kind="application/problem+json")
    async with edge_to(Provider(reply)) as edge:
        with pytest.raises(Refused, match="there is no lamp"):
            await edge.call(READ, Thing)
        assert edge.lines[0].failures == 0


@pytest.mark.loopback
async def test_a_black_hole_costs_no_more_than_the_edge_may_take() -> None:
    async with edge_to(Provider(None), limits=Limits(deadline_s=0.3, attempt_s=0.2, attempts=3)) as edge:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="no answer within"):
            await edge.call(READ, Thing)
        assert time.monotonic() - began < 0.45


@pytest.mark.loopback
@pytest.mark.parametrize(("attempt_s", "away"), [(0.2, True), (20.0, False)], ids=["its time was up", "much too early"])
async def test_a_caller_that_gives_up_speaks_against_who_had_its_time(attempt_s: float, *, away: bool) -> None:
    """A page waits for as long as an attempt may take, and may be the first to give up: the breaker must hear of it."""
    limits = Limits(deadline_s=attempt_s, attempt_s=attempt_s, attempts=1)
    async with edge_to(Provider(None), limits=limits, rule=Rule(least=1)) as edge:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.15):
                await edge.call(READ, Thing)
        assert (edge.away, edge.lines[0].failures) == (away, int(away))
        assert edge.in_flight == 0


@pytest.mark.loopback
async def test_a_refused_connection_was_certainly_not_sent() -> None:
    provider = Provider(answer(BODY))
    async with edge_to(provider) as edge:
        pass
    async with Edge("catalog", named([edge.lines[0].url]), LIMITS) as edge:
        with pytest.raises(Unavailable) as caught:
            await edge.call(READ, Thing)
        assert not caught.value.sent


@pytest.mark.loopback
async def test_a_read_is_tried_again_but_a_command_without_a_key_is_not() -> None:
    twice = Limits(deadline_s=0.5, attempt_s=0.2, attempts=2)
    reading, commanded, keyed = (Provider(b"", answer(BODY)) for _ in range(3))
    async with edge_to(reading, limits=twice) as edge:
        assert await edge.call(READ, Thing) == Thing(name="lamp")
    async with edge_to(commanded, limits=twice) as edge:
        with pytest.raises(Unavailable):
            await edge.call(Call(method="POST", path="/thing"), Thing)
    async with edge_to(keyed, limits=twice) as edge:
        assert await edge.call(Call(method="POST", path="/thing", key="key-0001"), Thing) == Thing(name="lamp")
    assert (len(reading.heads), len(commanded.heads), len(keyed.heads)) == (2, 1, 2)


@pytest.mark.loopback
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_what_http_calls_idempotent_is_tried_again(method: str) -> None:
    provider = Provider(b"", answer(BODY))
    async with edge_to(provider, limits=Limits(deadline_s=0.5, attempt_s=0.2, attempts=2)) as edge:
        assert await edge.call(Call(method=method, path="/thing"), Thing) == Thing(name="lamp")
    assert len(provider.heads) == 2


@pytest.mark.loopback
async def test_a_command_that_never_left_is_tried_elsewhere() -> None:
    provider = Provider(answer(BODY))
    async with edge_to(provider, limits=Limits(deadline_s=0.5, attempt_s=0.2, attempts=2)) as reached:
        instances = {"catalog-1": "http://127.0.0.1:9", "catalog-2": reached.lines[0].url}
        async with Edge("catalog", instances, reached.limits) as edge:
            for _ in range(3):
                assert await edge.call(Call(method="POST", path="/thing"), Thing) == Thing(name="lamp")
    assert len(provider.heads) == 3


@pytest.mark.loopback
async def test_a_command_that_never_left_goes_to_another_instance() -> None:
    async with edge_to(Provider(b"")) as gone:
        pass
    well = Provider(answer(BODY))
    async with edge_to(well) as there:
        both = named([gone.lines[0].url, there.lines[0].url])
        async with Edge("catalog", both, Limits(deadline_s=0.5, attempt_s=0.2, attempts=2)) as edge:
            for _ in range(4):
                assert await edge.call(Call(method="POST", path="/thing"), Thing) == Thing(name="lamp")
    assert len(well.heads) == 4


@pytest.mark.loopback
async def test_in_an_outage_the_breaker_ends_the_attempts() -> None:
    provider = Provider(b"")
    async with edge_to(provider, limits=Limits(deadline_s=0.5, attempt_s=0.2, attempts=2)) as edge:
        for _ in range(20):
            with pytest.raises(Unavailable):
                await edge.call(READ, Thing)
        assert edge.away
    assert len(provider.heads) <= 6


@pytest.mark.loopback
async def test_who_is_made_to_probe_a_broken_instance_is_served_by_another_though_no_retry_is_left() -> None:
    broken, sound = Provider(b"HTTP/1.1 200 OK\r\nContent-Ty"), Provider(answer(BODY))
    opens_at_once = Rule(calls=1, least=1, reset_s=0.0)
    async with edge_to(broken, sound, limits=replace(LIMITS, attempts=2), rule=opens_at_once) as edge:
        while edge.budget.spend():
            pass
        edge.lines[0].breaker.settle(0, verdict=False)
        for _ in range(8):
            assert await edge.call(READ, Thing) == Thing(name="lamp")
        assert len(broken.heads) > 1


@pytest.mark.loopback
async def test_a_call_goes_to_another_instance_when_the_first_says_503() -> None:
    well, ill = Provider(answer(BODY)), Provider(AWAY)
    async with edge_to(well, ill, limits=Limits(deadline_s=0.5, attempt_s=0.2, attempts=2)) as edge:
        for _ in range(4):
            assert await edge.call(READ, Thing) == Thing(name="lamp")


@pytest.mark.loopback
@pytest.mark.parametrize(("one_fate", "asked"), [(True, 5), (False, 8)])
async def test_a_single_instance_that_says_503_is_not_asked_again_and_shut_out_only_if_all_it_does_shares_its_fate(
    *, one_fate: bool, asked: int
) -> None:
    provider = Provider(AWAY)
    limits = Limits(deadline_s=0.5, attempt_s=0.2, attempts=3, one_fate=one_fate)
    async with edge_to(provider, limits=limits) as edge:
        for _ in range(8):
            with pytest.raises(Unavailable):
                await edge.call(READ, Thing)
        assert edge.away is one_fate
    assert len(provider.heads) == asked


@pytest.mark.loopback
async def test_one_of_two_instances_that_keeps_saying_503_is_shut_out() -> None:
    well, ill = Provider(answer(BODY)), Provider(AWAY)
    async with edge_to(well, ill, limits=Limits(deadline_s=0.5, attempt_s=0.2, attempts=2)) as edge:
        for _ in range(40):
            await edge.call(READ, Thing)
    assert len(ill.heads) < 10


@pytest.mark.loopback
async def test_the_bulkhead_refuses_what_it_has_no_room_for() -> None:
    slow = Limits(deadline_s=0.5, attempt_s=0.3, attempts=1, at_once=3)
    provider = Provider(None)
    async with edge_to(provider, limits=slow) as edge:
        answers = await asyncio.gather(*(edge.call(READ, Thing) for _ in range(10)), return_exceptions=True)
        full = [error for error in answers if "too many calls" in str(error)]
        assert len(full) == 7
        assert edge.in_flight == 0
    assert len(provider.heads) == 3


@pytest.mark.loopback
async def test_the_time_left_travels_with_the_call_and_is_less_than_the_caller_waits() -> None:
    provider = Provider(answer(BODY))
    async with edge_to(provider) as edge:
        await edge.call(READ, Thing)
    granted = next(line for line in provider.heads[0].splitlines() if line.startswith("x-envoy-expected-rq-timeout-ms"))
    assert 100 < int(granted.partition(":")[2]) < 200
