"""The service of the tests in containers: says what it is told, calls its provider, uses its stores, eats, spins."""

from __future__ import annotations

import asyncio
import http.server
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable

GAP_LIMIT_S = 60.0
hoard: list[bytes] = []


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def called(path: str) -> str:
    with urllib.request.urlopen(os.environ["BACK"] + path, timeout=GAP_LIMIT_S) as answer:  # noqa: S310 -- our own URL
        return str(answer.read().decode())


def rows() -> str:
    import asyncpg

    async def count() -> int:
        connection = await asyncpg.connect(os.environ["DATABASE_DSN"], timeout=5)
        try:
            await connection.execute("CREATE TABLE IF NOT EXISTS visits (at timestamptz)")
            await connection.execute("INSERT INTO visits VALUES (now())")
            return int(await connection.fetchval("SELECT count(*) FROM visits"))
        finally:
            await connection.close()

    return str(asyncio.run(count()))


def published() -> str:
    import nats

    async def publish() -> int:
        client = await nats.connect(os.environ["BUS_URL"], connect_timeout=5)
        try:
            stream = client.jetstream()
            await stream.add_stream(name="VISITS", subjects=["visits"])
            return (await stream.publish("visits", b"one")).seq
        finally:
            await client.close()

    return str(asyncio.run(publish()))


def spins() -> str:
    """How often it gets round in half a second: the less of a processor it has, the less often."""
    turns, until = 0, time.monotonic() + 0.5
    while time.monotonic() < until:
        turns += 1
    return str(turns)


def outside() -> str:
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=2).close()
    except OSError as error:
        return type(error).__name__
    return "reached"


def eaten() -> str:
    hoard.append(os.urandom(1 << 20) * 200)
    return "200 MB"


DOES: dict[str, Callable[[], str]] = {
    "/readyz": lambda: "ready",
    "/livez": lambda: "alive",
    "/told": lambda: os.environ.get("SAYS", ""),
    "/call": lambda: called("/told"),
    "/rows": rows,
    "/published": published,
    "/spins": spins,
    "/outside": outside,
    "/eaten": eaten,
    "/user": lambda: str(os.geteuid()),
}


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        try:
            status, body = 200, DOES[self.path]().encode()
        except Exception as error:  # noqa: BLE001 -- told to whoever asked
            status, body = 502, f"{type(error).__name__}: {error}".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        say(format % args)


def drain(*_: object) -> None:
    say("drained")
    sys.exit(0)


def serve() -> None:
    if os.environ.get("DIES"):
        say("the configuration is missing")
        sys.exit(7)
    signal.signal(signal.SIGTERM, drain)
    with http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Answers) as server:
        say("listening")
        server.serve_forever()
