"""A stub on a port of loopback: a process of its own, told by its environment what it is.

`serve()` is called without arguments, as a service of a system is. A line is printed for each request.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from harness.contracts.pacts import read_pact
from harness.contracts.stubs.from_pact import stub_of
from harness.contracts.stubs.model import Choice, Request
from harness.contracts.stubs.play import PROBLEM_TYPE, Stub, choose
from harness.errors import HarnessError

LOOPBACK = "127.0.0.1"
STATE_HEADER = "Pact-Provider-State"
"""Chooses the provider state of one request; no other interaction answers it."""
PROBE = "harness-probe"
"""Who asks whether a fault bites: no consumer."""
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_CHOICES_BYTES = 64 * 1024
LONGEST_LINE_CHARACTERS = 2000
CLOSES_WITHIN_S = 1.0
UNMATCHED_MARK = "501 "
"""What a line begins with that tells of a request that nothing matches."""
_UNUSABLE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a stub is told."""

    port: int
    consumer: str
    provider: str
    pact: str = ""
    document: str = ""
    choices: str = ""
    """The file that chooses states; read again for each request."""
    chosen: str = ""
    """What counts while that file is not there."""
    loose: bool = False

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Orders:
        """From the environment."""
        return cls(
            port=int(environ["STUB_PORT"]),
            consumer=environ["STUB_CONSUMER"],
            provider=environ["STUB_PROVIDER"],
            pact=environ.get("STUB_PACT", ""),
            document=environ.get("STUB_DOCUMENT", ""),
            choices=environ.get("STUB_CHOICES", ""),
            chosen=environ.get("STUB_CHOSEN", ""),
            loose=environ.get("STUB_LOOSE", "") == "yes",
        )

    def environment(self) -> dict[str, str]:
        """For a service of a system; the port is filled in when it is known."""
        told = {
            "STUB_CONSUMER": self.consumer,
            "STUB_PROVIDER": self.provider,
            "STUB_PACT": self.pact,
            "STUB_DOCUMENT": self.document,
            "STUB_CHOICES": self.choices,
            "STUB_CHOSEN": self.chosen,
            "STUB_LOOSE": "yes" if self.loose else "",
        }
        literal = {name: text.replace("{", "{{").replace("}", "}}") for name, text in told.items()}
        return literal | {"STUB_PORT": "{port}"}

    def stub(self) -> Stub:
        """What it plays; raises HarnessError when that can't be read."""
        if self.pact:
            return stub_of(read_pact(Path(self.pact)), loose=self.loose)
        if self.document:
            from harness.contracts.stubs.from_document import stub_of_document

            return stub_of_document(Path(self.document), consumer=self.consumer, provider=self.provider)
        nowhere = f"any file: neither a pact of {self.consumer} nor a document describes {self.provider}"
        return Stub(consumer=self.consumer, provider=self.provider, source=nowhere, interactions=())


class Playing:
    """A stub that answers over HTTP."""

    def __init__(self, stub: Stub, choices: Path | None = None, chosen: str = "") -> None:
        self._stub = stub
        self._choices = choices
        self._chosen = chosen

    def application(self) -> web.Application:
        """All methods, all paths."""
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_route("*", "/{everything:.*}", self.answer)
        return application

    async def answer(self, asked: web.Request) -> web.Response:
        """What the pact has for a request, or 501."""
        if asked.headers.get("User-Agent", "") == PROBE:
            return web.Response(status=204)
        try:
            body = await asked.read()
        except web.HTTPRequestEntityTooLarge:
            self._say(f"{UNMATCHED_MARK}{asked.method} {asked.path}: its body has more than {MAX_BODY_BYTES} bytes")
            return web.Response(status=413, content_type=PROBLEM_TYPE, text='{"title": "The body is too large"}')
        played = self._stub.play(_request(asked, body), self._choice(asked))
        self._say(played.line if played.matched else UNMATCHED_MARK + played.line)
        response = web.Response(status=played.reply.status, body=played.reply.body or None)
        for name, value in played.reply.headers:
            response.headers[name] = value
        if not played.reply.headers or "Content-Type" not in response.headers:
            response.headers.pop("Content-Type", None)
        return response

    def _choice(self, asked: web.Request) -> Choice:
        wanted = tuple(asked.headers.getall(STATE_HEADER, ()))
        if wanted:
            return Choice(names=wanted, only=True)
        return Choice(names=choose(self._choices_text(), self._stub.provider))

    def _choices_text(self) -> str:
        if self._choices is None:
            return self._chosen
        try:
            with self._choices.open("rb") as file:
                return file.read(MAX_CHOICES_BYTES).decode("utf-8", "replace")
        except OSError:
            return self._chosen

    def _say(self, line: str) -> None:
        print(line[:LONGEST_LINE_CHARACTERS].replace("\n", " "), flush=True)  # noqa: T201 -- its log


def _request(asked: web.Request, body: bytes) -> Request:
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in asked.headers.items():
        headers[name.lower()] = (*headers.get(name.lower(), ()), value)
    query: dict[str, tuple[str, ...]] = {}
    for name, value in asked.query.items():
        query[name] = (*query.get(name, ()), value)
    path = asked.raw_path.partition("?")[0]
    return Request(method=asked.method, path=path, query=query, headers=headers, body=body)


def serve() -> None:
    """Serve until SIGTERM."""
    orders = Orders.read(os.environ)
    try:
        stub = orders.stub()
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(_UNUSABLE)
    asyncio.run(_serve(orders, stub))


async def _serve(orders: Orders, stub: Stub) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    playing = Playing(stub, Path(orders.choices) if orders.choices else None, orders.chosen)
    runner = web.AppRunner(playing.application(), access_log=None, shutdown_timeout=CLOSES_WITHIN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, orders.port).start()
        await ended.wait()
    finally:
        await runner.cleanup()
