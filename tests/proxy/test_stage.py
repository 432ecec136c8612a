"""The HTTP stage on real sockets: what it is told to change is changed, all else passes as it came."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.errors import ProxyError
from harness.model.changes import Act, AnswerRule, Change, FixedAnswer, KeptExchange, Twist
from harness.proxy.control import RelayControl
from harness.proxy.relay import RelayLine
from harness.proxy.stage import BODY_LIMIT_BYTES
from tests.proxy.rigs import CLOCK, HOST, LocalSpawner, Server, free_port, until

pytestmark = pytest.mark.loopback

LINE = "gateway-1->catalog-1"
ABSENT = Change(act=Act.REMOVE, path=("image",), twist=Twist.ABSENT)
PRODUCT = {"sku": "a", "image": "a.png"}
BARE = b'{"sku":"a"}'


def message(body: bytes, *headers: str, status: str = "200 OK", length: bool = True) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, *([f"Content-Length: {len(body)}"] if length else [])]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def product(*headers: str) -> bytes:
    return message(json.dumps(PRODUCT).encode(), "Content-Type: application/json", *headers)


def rule(path: str = "/products/[^/]+", *changes: Change, method: str = "GET") -> AnswerRule:
    return AnswerRule(method=method, path=path, changes=changes or (ABSENT,))


class Staged:
    """A relay before a server, without Toxiproxy."""

    def __init__(self, control: RelayControl, server: Server, entry: int, spawner: LocalSpawner) -> None:
        self.control = control
        self.server = server
        self.entry = entry
        self.spawner = spawner
        self.kept: list[KeptExchange] = []

    async def change(self, *rules: AnswerRule) -> int:
        return await self.control.stage(LINE, rules, hear=self.kept.append)

    async def heard(self) -> list[KeptExchange]:
        await self.control.tell("flush")
        return self.kept

    async def talk(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(HOST, self.entry, limit=8 << 20)


@asynccontextmanager
async def staged(directory: Path, answers: Callable[[bytes], bytes]) -> AsyncIterator[Staged]:
    server = await Server(answers=answers).start()
    spawner, entry = LocalSpawner(), free_port()
    control = await RelayControl.start(
        [RelayLine(name=LINE, protocol="http", listen=entry, to=server.port)],
        spawner=spawner,
        directory=directory,
        run_began=CLOCK.now(),
        on_crossing=lambda _row: None,
    )
    try:
        yield Staged(control, server, entry, spawner)
    finally:
        await control.stop()
        await spawner.kill_all()
        await server.stop()


def asked(path: str = "/products/a", method: str = "GET", *headers: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


async def read_answer(reader: asyncio.StreamReader, *, head_only: bool = False) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths and not head_only else 0
    return head, await reader.readexactly(length)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[bytes, bytes]:
    writer.write(request)
    return await read_answer(reader, head_only=request.startswith(b"HEAD"))


async def test_without_a_rule_all_passes_byte_by_byte(tmp_path: Path) -> None:
    odd = b"HTTP/1.1 200 Fine\r\nX-Odd:   kept  \r\ncontent-LENGTH: 2\r\n\r\nok"
    async with staged(tmp_path, lambda _asked: odd) as edge:
        await edge.change()
        reader, writer = await edge.talk()
        for _ in range(2):
            writer.write(asked())
            assert await reader.readexactly(len(odd)) == odd
        writer.close()
        assert bytes(edge.server.received) == asked() * 2
        first = (await edge.heard())[0]
        assert (first.method, first.path, first.status, first.body) == ("GET", "/products/a", 200, b"ok")
        assert first.served is None


async def test_on_a_kept_connection_only_the_chosen_route_is_changed(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _asked: product('ETag: "1"', "X-Kept: yes")) as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        head, body = await ask(reader, writer, asked("/products/a?full=1"))
        assert body == BARE
        assert b"X-Kept: yes" in head
        assert b'ETag: "1"' not in head
        other = await ask(reader, writer, asked("/prices/a"))
        assert b"".join(other) == product('ETag: "1"', "X-Kept: yes")
        post = await ask(reader, writer, asked("/products/a", "POST"))
        assert json.loads(post[1]) == PRODUCT
        writer.close()
        assert edge.server.requests == 3, "the provider is asked all the same"
        (changed, *_) = await edge.heard()
        assert changed.served == BARE
        assert json.loads(changed.body) == PRODUCT


async def test_taking_the_rules_back_heals_connections_that_are_open(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _asked: product()) as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        assert (await ask(reader, writer, asked()))[1] == BARE
        assert await edge.control.stage(LINE, (), hear=None) == 0
        assert b"".join(await ask(reader, writer, asked())) == product()
        writer.close()
        fresh, pen = await edge.talk()
        assert b"".join(await ask(fresh, pen, asked())) == product()
        pen.close()


async def test_connections_from_before_are_read_from_their_next_request_on(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _asked: product()) as edge:
        reader, writer = await edge.talk()
        assert b"".join(await ask(reader, writer, asked())) == product()
        assert await edge.change(rule()) == 1
        assert (await ask(reader, writer, asked()))[1] == BARE
        assert await edge.change(rule("/other")) == 0
        assert b"".join(await ask(reader, writer, asked())) == product()
        writer.close()


async def test_chunked_answers_are_changed_and_others_stay_chunked(tmp_path: Path) -> None:
    text = json.dumps(PRODUCT).encode()
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (text[:5], len(text) - 5, text[5:])
    async with staged(tmp_path, lambda _asked: chunked) as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        head, body = await ask(reader, writer, asked())
        assert body == BARE
        assert b"chunked" not in head.lower()
        writer.write(asked("/other"))
        assert await reader.readexactly(len(chunked)) == chunked
        writer.close()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_packed_answers_stay_packed(tmp_path: Path, encoding: str) -> None:
    pack, unpack = (gzip.compress, gzip.decompress) if encoding == "gzip" else (zlib.compress, zlib.decompress)
    packed = message(pack(json.dumps(PRODUCT).encode()), f"Content-Encoding: {encoding}")
    async with staged(tmp_path, lambda _asked: packed) as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        head, body = await ask(reader, writer, asked())
        writer.close()
        assert f"Content-Encoding: {encoding}".encode() in head
        assert unpack(body) == BARE
        assert json.loads((await edge.heard())[0].body) == PRODUCT


async def test_an_encoding_that_is_not_known_passes_and_that_is_told(tmp_path: Path) -> None:
    packed = message(b"\x0b\x02\x80", "Content-Encoding: br")
    async with staged(tmp_path, lambda _asked: packed) as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        assert b"".join(await ask(reader, writer, asked())) == packed
        writer.close()
        (kept,) = await edge.heard()
        assert "'br' can't be read" in kept.unchanged


@pytest.mark.parametrize("answer", [b"not json", b'{"sku": NaN, "image": 1}', b"[1, 2]"])
async def test_what_can_t_be_changed_passes_and_that_is_told(tmp_path: Path, answer: bytes) -> None:
    async with staged(tmp_path, lambda _asked: message(answer)) as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        assert (await ask(reader, writer, asked()))[1] == answer
        writer.close()
        assert (await edge.heard())[0].unchanged


async def test_head_has_no_body_to_change_and_the_connection_goes_on(tmp_path: Path) -> None:
    def answers(request: bytes) -> bytes:
        return message(b"", "Content-Length: 500", length=False) if request.startswith(b"HEAD") else product()

    async with staged(tmp_path, answers) as edge:
        await edge.change(rule(), rule(method="HEAD"))
        reader, writer = await edge.talk()
        head, _ = await ask(reader, writer, asked(method="HEAD"))
        assert b"Content-Length: 500" in head
        assert (await ask(reader, writer, asked()))[1] == BARE
        writer.close()


async def test_a_304_passes_and_the_connection_goes_on(tmp_path: Path) -> None:
    def answers(request: bytes) -> bytes:
        fresh = b"If-None-Match" in request
        return message(b"", 'ETag: "1"', status="304 Not Modified", length=False) if fresh else product()

    async with staged(tmp_path, answers) as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        head, body = await ask(reader, writer, asked("/products/a", "GET", 'If-None-Match: "1"'))
        assert (head[:12], body) == (b"HTTP/1.1 304", b"")
        assert (await ask(reader, writer, asked()))[1] == BARE
        writer.close()
        assert "no body" in (await edge.heard())[0].unchanged


async def test_large_bodies_are_changed_up_to_the_limit_and_pass_beyond(tmp_path: Path) -> None:
    texts = {"/products/large": "x" * (BODY_LIMIT_BYTES - 100), "/products/huge": "x" * (BODY_LIMIT_BYTES + 100)}

    def answers(request: bytes) -> bytes:
        return message(json.dumps({"image": texts[request.split()[1].decode()]} | {"sku": "a"}).encode())

    async with staged(tmp_path, answers) as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        assert (await ask(reader, writer, asked("/products/large")))[1] == BARE
        assert len((await ask(reader, writer, asked("/products/huge")))[1]) > BODY_LIMIT_BYTES
        assert (await ask(reader, writer, asked("/products/large")))[1] == BARE
        writer.close()
        large, huge, _ = await edge.heard()
        assert large.cut
        assert "longer than" in huge.unchanged


async def test_an_answer_that_ends_with_its_connection_is_changed(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _asked: b"") as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        writer.write(asked())
        await until(lambda: edge.server.requests == 1)
        (peer,) = edge.server.peers
        peer.transport.write(message(json.dumps(PRODUCT).encode(), length=False))
        peer.transport.close()
        assert (await reader.read()).endswith(BARE)
        writer.close()


async def test_an_answer_that_is_cut_short_passes_as_it_came(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _asked: b"") as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        writer.write(asked())
        await until(lambda: edge.server.requests == 1)
        (peer,) = edge.server.peers
        peer.transport.write(product()[:-3])
        peer.transport.close()
        assert await reader.read() == product()[:-3]
        writer.close()


async def test_a_request_for_leave_to_send_its_body_is_not_held_up(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _asked: b"HTTP/1.1 100 Continue\r\n\r\n") as edge:
        await edge.change(rule(method="POST"))
        reader, writer = await edge.talk()
        writer.write(asked("/products/a", "POST", "Expect: 100-continue", "Content-Length: 2"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        await until(lambda: edge.server.received.endswith(b"{}"))
        (peer,) = edge.server.peers
        peer.transport.write(product())
        assert (await read_answer(reader))[1] == BARE
        writer.close()
        assert (await edge.heard())[0].request_body == b"{}"


async def test_requests_sent_ahead_are_answered_in_their_order(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda request: product() if b"/products" in request else message(b"ok")) as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        writer.write(asked() + asked("/other") + asked())
        bodies = [(await read_answer(reader))[1] for _ in range(3)]
        assert bodies == [BARE, b"ok", BARE]
        writer.close()


async def test_an_answer_can_be_replaced_whatever_the_provider_says(tmp_path: Path) -> None:
    instead = FixedAnswer(status=503, headers=(("Retry-After", "1"),), body='{"title":"later"}')
    async with staged(tmp_path, lambda _asked: product()) as edge:
        await edge.change(AnswerRule(method="GET", path="/.*", instead=instead))
        reader, writer = await edge.talk()
        for _ in range(2):
            head, body = await ask(reader, writer, asked())
            assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n")
            assert body == b'{"title":"later"}'
        writer.close()


async def test_a_rule_for_one_status_leaves_the_others(tmp_path: Path) -> None:
    missing = message(b'{"image": 1}', status="404 Not Found")
    async with staged(tmp_path, lambda _asked: missing) as edge:
        await edge.change(AnswerRule(method="GET", path="/.*", status=200, changes=(ABSENT,)))
        reader, writer = await edge.talk()
        assert b"".join(await ask(reader, writer, asked())) == missing
        writer.close()


@pytest.mark.parametrize("said", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x00\x05hello\r\n\r\n"])
async def test_what_is_no_http_1_passes_unchanged(tmp_path: Path, said: bytes) -> None:
    async with staged(tmp_path, lambda _asked: b"\x00\x01 whatever") as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        writer.write(said)
        assert await reader.readexactly(11) == b"\x00\x01 whatever"
        writer.close()
        assert bytes(edge.server.received) == said


async def test_an_upgraded_connection_passes_unchanged(tmp_path: Path) -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n"
    async with staged(tmp_path, lambda request: switched if b"HTTP/1.1" in request else b"echo") as edge:
        await edge.change(rule())
        reader, writer = await edge.talk()
        writer.write(asked("/products/a", "GET", "Upgrade: echo", "Connection: Upgrade"))
        assert await reader.readexactly(len(switched)) == switched
        writer.write(b"anything\r\n\r\n")
        assert await reader.readexactly(4) == b"echo"
        writer.close()


async def test_a_relay_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _asked: product()) as edge:
        await edge.spawner.kill("relay")
        with pytest.raises(ProxyError):
            await edge.change(rule())
