"""Signs of life: a whole answer is one, and nothing else is."""

from __future__ import annotations

import asyncio

import pytest

from harness.proxy.signs import answers
from tests.proxy.rigs import HOST, Server, free_port

pytestmark = pytest.mark.loopback


def saying(told: bytes) -> Server:
    """It says so to each request, and ends the connection."""
    server = Server()

    def ending(_asked: bytes) -> bytes:
        for peer in server.peers:
            asyncio.get_running_loop().call_soon(peer.transport.close)
        return told

    server.answers = ending
    return server


@pytest.mark.parametrize(
    ("told", "whole"),
    [
        (b'HTTP/1.0 200 OK\r\n\r\n{"a": {}}', True),
        (b'HTTP/1.0 200 OK\r\n\r\n{"a": {', False),
        (b"HTTP/1.0 500 Internal Server Error\r\n\r\n{}", False),
        (b"HTTP/1.0 200 OK\r\n\r\n[]", False),
        (b"", False),
    ],
)
async def test_only_a_whole_list_of_proxies_is_a_sign_of_life(told: bytes, *, whole: bool) -> None:
    server = await saying(told).start()
    assert await answers(HOST, server.port) is whole
    await server.stop()


async def test_nobody_who_listens_is_told_at_once() -> None:
    assert not await answers(HOST, free_port())


async def test_who_ends_the_connection_within_an_answer_is_asked_again() -> None:
    server = saying(b"")
    ending = server.answers

    def only_at_first(asked: bytes) -> bytes:
        return ending(asked) + (b"HTTP/1.0 200 OK\r\n\r\n{}" if server.requests > 1 else b"")

    server.answers = only_at_first
    await server.start()
    assert await answers(HOST, server.port)
    assert server.requests == 2
    await server.stop()
