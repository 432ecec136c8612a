"""Faults in exchanges bite and heal through a real relay, on connections that were open before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.faults import (
    ExchangeFault,
    ExchangeMatch,
    delay,
    drop_field,
    duplicate,
    html_200,
    latency,
    malformed,
    stale,
    status,
    trickle,
    wrong_type,
)
from harness.model.fault import HealedBy
from tests.faults.systems import CATALOG, injection, system
from tests.proxy.rigs import CLOCK, Client, Server, client

pytestmark = pytest.mark.loopback

READ = b"GET /products/7 HTTP/1.1\r\nHost: x\r\n\r\n"
WRITE = b"POST /charges HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Shop:
    """Counts what is done, and tells it."""

    charges: int = 0
    reads: int = 0
    said: list[bytes] = field(default_factory=list)

    def answers(self, asked: bytes) -> bytes:
        if asked.startswith(b"GET /livez"):
            return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self.charges += asked.startswith(b"POST")
        self.reads += asked.startswith(b"GET")
        body = json.dumps({"sku": "7", "charges": self.charges, "reads": self.reads}).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        return head % len(body) + body


@dataclass
class Given:
    head: bytes
    body: bytes
    took_s: float


async def ask(consumer: Client, request: bytes) -> Given:
    began = CLOCK.now()
    consumer.writer.write(request)
    head = await consumer.reader.readuntil(b"\r\n\r\n")
    body = await consumer.reader.readexactly(int(head.partition(b"Content-Length: ")[2].split()[0]))
    return Given(head, body, CLOCK.now() - began)


def _no_json(given: Given, _shop: Shop) -> bool:
    try:
        json.loads(given.body)
    except ValueError:
        return b"application/json" in given.head
    return False


READS = ExchangeMatch(method="GET", path="/products/*")
CASES: list[tuple[ExchangeFault, Callable[[Given, Shop], bool]]] = [
    (status(502, match=READS), lambda given, _: given.head.startswith(b"HTTP/1.1 502 Bad Gateway")),
    (html_200(match=READS), lambda given, _: b"text/html" in given.head and b"<h1>" in given.body),
    (delay("150ms", match=READS), lambda given, _: given.took_s >= 0.15 and b'"sku"' in given.body),
    (malformed(match=READS), _no_json),
    (malformed("broken", match=READS), _no_json),
    (wrong_type(match=READS), lambda given, _: b"text/plain" in given.head and b'"sku"' in given.body),
    (drop_field("/sku", match=READS), lambda given, _: "sku" not in json.loads(given.body)),
    (trickle(20, every="20ms", match=READS), lambda given, _: given.took_s >= 0.04 and b'"sku"' in given.body),
]


async def test_each_bites_on_a_connection_that_was_open_before_and_heals_there(toxiproxy: Path, tmp_path: Path) -> None:
    shop = Shop()
    async with (
        system(toxiproxy, tmp_path, Server(answers=shop.answers)) as (running, injector),
        client(running.entry(CATALOG)) as consumer,
    ):
        sound = {"sku", "charges", "reads"}
        assert json.loads((await ask(consumer, READ)).body).keys() == sound
        for fault, bites in CASES:
            armed = await injector.inject(injection(fault))
            assert armed.in_force, (fault, armed.evidence)
            assert "the relay has the rule" in armed.evidence
            before = shop.reads
            given = await ask(consumer, READ)
            assert bites(given, shop), (fault, given)
            assert shop.reads - before == (0 if isinstance(fault.deed(), type(status().deed())) else 1), fault
            assert json.loads((await ask(consumer, WRITE)).body).keys() == sound, "another route is as ever"
            healed = await injector.heal("it")
            assert (healed.verified, healed.by) == (True, HealedBy.REMOVED), (fault, healed.evidence)
            assert healed.hits is not None
            assert healed.hits.exchanges == 1, fault
            given = await ask(consumer, READ)
            assert json.loads(given.body).keys() == sound, fault
            assert given.head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/json"), fault
            assert (await injector.heal("it")).by is HealedBy.NOTHING, fault
        await running.mesh.flush()
        assert running.total(CATALOG, "answers") == running.total(CATALOG, "requests") == 1 + 3 * len(CASES)
        assert running.total(CATALOG, "answer_ms_sum") >= 150, "the delay is what the consumer waited"


async def test_a_duplicate_has_two_effects_and_what_is_stale_none_that_shows(toxiproxy: Path, tmp_path: Path) -> None:
    shop = Shop()
    async with (
        system(toxiproxy, tmp_path, Server(answers=shop.answers)) as (running, injector),
        client(running.entry(CATALOG)) as consumer,
    ):
        assert (await injector.inject(injection(duplicate(match=ExchangeMatch(method="POST"))))).in_force
        assert json.loads((await ask(consumer, WRITE)).body)["charges"] == 1
        assert shop.charges == 2
        healed = await injector.heal("it")
        assert healed.hits is not None
        assert (healed.verified, healed.hits.exchanges) == (True, 1)
        assert json.loads((await ask(consumer, WRITE)).body)["charges"] == shop.charges == 3
        assert (await injector.inject(injection(stale()))).in_force
        assert json.loads((await ask(consumer, READ)).body)["reads"] == 1
        assert json.loads((await ask(consumer, READ)).body)["reads"] == 1
        healed = await injector.heal("it")
        assert healed.hits is not None
        assert (healed.verified, healed.hits.exchanges) == (True, 1)
        assert json.loads((await ask(consumer, READ)).body)["reads"] == shop.reads == 3


async def test_several_are_on_a_line_each_has_its_own_hits_and_healing_one_leaves_the_others(
    toxiproxy: Path, tmp_path: Path
) -> None:
    async with (
        system(toxiproxy, tmp_path, Server(answers=Shop().answers)) as (running, injector),
        client(running.entry(CATALOG)) as consumer,
    ):
        await injector.inject(injection(status(500, match=READS), name="one"))
        await injector.inject(injection(status(501), name="other"))
        await injector.inject(injection(latency("1ms"), name="third"))
        await injector.inject(injection(drop_field("/nothing", match=ExchangeMatch(path="/none")), name="idle"))
        for request, code in ((READ, b"500"), (WRITE, b"501"), (WRITE, b"501")):
            assert code in (await ask(consumer, request)).head
        one = await injector.heal("one")
        assert b"501" in (await ask(consumer, READ)).head
        found = [one, *[await injector.heal(name) for name in ("other", "idle", "third")]]
        assert all(healed.verified for healed in found), found
        assert [each.hits and each.hits.exchanges for each in found] == [1, 3, 0, None]
        assert b"200 OK" in (await ask(consumer, READ)).head


async def test_without_a_relay_that_does_it_it_is_not_in_force(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, relay=False) as (_running, injector):
        armed = await injector.inject(injection(status()))
        assert not armed.in_force
        assert "no relay stands on it" in armed.evidence
        assert (await injector.heal("it")).verified


async def test_a_relay_that_is_gone_is_started_anew_and_that_is_told(toxiproxy: Path, tmp_path: Path) -> None:
    async with system(toxiproxy, tmp_path, Server(answers=Shop().answers)) as (running, injector):
        assert (await injector.inject(injection(status()))).in_force
        await running.spawner.kill("relay")
        healed = await injector.heal("it")
        assert (healed.verified, healed.by) == (True, HealedBy.RESTARTED), healed.evidence
        assert "relay is gone" in healed.evidence
        assert healed.hits is None, "nobody knows any more what it met"
        assert not injector.in_force
        async with client(running.entry(CATALOG)) as consumer:
            assert b"200 OK" in (await ask(consumer, READ)).head
