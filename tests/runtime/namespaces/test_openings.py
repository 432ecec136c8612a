"""A line with more listeners is one line: what is done to its exchanges is done on all of them."""

from __future__ import annotations

import asyncio
import socket

import pytest

from harness.clock import SystemClock
from harness.model.changes import FixedAnswer
from harness.model.exchange_rules import ExchangeRule, Instead
from harness.proxy.relay import RelayLine
from harness.proxy.stage import LineStage
from harness.runtime.namespaces.relay import OpenedLine
from tests.proxy.rigs import HOST, Server, client

pytestmark = pytest.mark.loopback

SORRY = Instead(answer=FixedAnswer(status=503, body="sorry"), asked=False)


async def test_a_fault_in_exchanges_acts_on_every_listener_of_a_line() -> None:
    now = SystemClock().now
    server = await Server().start()
    listeners = [socket.create_server((HOST, 0)) for _ in range(2)]
    ports = [each.getsockname()[1] for each in listeners]
    line = OpenedLine(RelayLine(name="a-1->b-1", protocol="http", listen=0, to=server.port), listeners, now)
    line.bind()
    line.accept()
    try:
        async with client(ports[0]) as old, client(ports[1]) as other:
            assert await old.get() == b"ok"
            line.stage = stage = LineStage(report=print, now=now, later=asyncio.get_running_loop().call_later)
            stage.set((), faults={"it": ExchangeRule(deed=SORRY)}, keep=False)
            assert line.read_on() >= 1
            assert await old.get() == b"sorry"
            assert await other.get() == b"sorry"
            assert stage.met_told("it")["hits"] == 2
    finally:
        line.close()
        await server.stop()
