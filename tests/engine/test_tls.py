"""A small system with TLS between its services, from its description to its end."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.engine.cost import measure_edges
from harness.engine.documents import read_document
from harness.engine.session import Session, Settings
from harness.errors import ContractError, DeclarationError
from harness.faults import latency
from harness.model.credentials import Credentials
from harness.model.fault import EdgeTarget, Injection
from harness.model.invariant import Read
from harness.model.quantity import Duration
from harness.observe.reads import read_all

SERVICE = """
import http.server, json, os, signal, ssl, sys, urllib.request

class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b'{"items": [{"id": 1}]}'
        if self.path == "/through":
            trust = ssl.create_default_context(cafile=os.environ["TLS_CA"] or None)
            body = urllib.request.urlopen(os.environ["BACK_URL"] + "/", context=trust).read()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answers) as server:
    if os.environ["TLS_CERT"]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])
        context.num_tickets = 0
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
"""
TLS = '{PORT: "{port}", TLS_CERT: "{tls.cert}", TLS_KEY: "{tls.key}", TLS_CA: "{tls.ca}"'
DESCRIPTION = f"""
system: pair
entry: front
services:
  front:
    owner: one
    run: {{command: ["{sys.executable}", service.py]}}
    env: {TLS}, BACK_URL: "{{edge.back.url}}"}}
  back:
    owner: two
    run: {{command: ["{sys.executable}", service.py]}}
    env: {TLS}}}
    tls: true
edges:
  - {{from: front, to: back, need: hard}}
"""
TO_BACK = EdgeTarget(consumer="front", provider="back")
DELAY_S = 0.15
CLOCK = SystemClock()


def described(directory: Path, text: str = DESCRIPTION) -> Path:
    (directory / "service.py").write_text(textwrap.dedent(SERVICE), encoding="utf-8")
    file = directory / "system.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@asynccontextmanager
async def up(directory: Path, text: str = DESCRIPTION, *, tls: bool = True) -> AsyncIterator[Session]:
    said: list[str] = []
    settings = Settings(directory=directory / "run", tls=tls)
    session = await Session.open(described(directory, text), settings=settings, say=said.append)
    try:
        yield session
    finally:
        await session.close()


async def get(url: str, trust: ssl.SSLContext | None = None) -> bytes:
    def fetch() -> bytes:
        with urllib.request.urlopen(url, timeout=10, context=trust) as answer:  # noqa: S310 -- our own URL
            body: bytes = answer.read()
            return body

    return await asyncio.to_thread(fetch)


async def through(session: Session) -> float:
    """How long a customer's request took that goes on over the edge."""
    began = CLOCK.now()
    assert json.loads(await get(session.deployment.entry_url() + "/through")) == {"items": [{"id": 1}]}
    return CLOCK.now() - began


@pytest.mark.loopback
async def test_a_fault_on_an_edge_with_tls_bites_is_counted_and_is_healed(tmp_path: Path) -> None:
    async with up(tmp_path) as session:
        await through(session)
        fault = latency(f"{DELAY_S * 1000:.0f} ms")
        armed = await session.injector.inject(Injection(id="slow", fault=fault, target=TO_BACK, lasts=Duration(10)))
        assert armed.in_force, armed.evidence
        assert await through(session) >= DELAY_S
        healed = await session.injector.heal("slow")
        assert healed.verified, healed.evidence
        await through(session)
        protocols = {line.name: line.id for line in session.deployment.mesh.lines(TO_BACK)}
    crossed = [each for event in session.observed for each in event.crossings if each.line in protocols]
    assert sum(each.requests for each in crossed) == sum(each.answers for each in crossed) == 3


@pytest.mark.loopback
async def test_the_harness_asks_by_tls_and_holds_certificates_against_the_authority_of_the_run(tmp_path: Path) -> None:
    async with up(tmp_path) as session:
        url, known = session.deployment.service_url("back"), session.deployment.credentials
        assert url.startswith("https://")
        assert await read_document(url + "/openapi.json", credentials=known)
        with pytest.raises(ContractError, match="CERTIFICATE_VERIFY_FAILED"):
            await read_document(url + "/openapi.json", credentials=Credentials())
        reads = {"rows": Read(service="back", path="/", rows="/items")}
        (found,) = await read_all(reads, url_of=session.deployment.service_url, now=CLOCK.now, credentials=known)
        assert (len(found.rows), found.error) == (1, "")
        (refused,) = await read_all(reads, url_of=session.deployment.service_url, now=CLOCK.now)
        assert "CERTIFICATE_VERIFY_FAILED" in refused.error
        assert "front->back" in await measure_edges(session)
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            await get(url.replace("https", "http", 1))


@pytest.mark.loopback
async def test_nothing_of_the_certificates_is_left_or_written_down(tmp_path: Path) -> None:
    async with up(tmp_path) as session:
        (key,) = session.directory.rglob("*.key")
        assert key.stat().st_mode & 0o777 == 0o600
        secret = key.read_text(encoding="ascii").splitlines()[1]
    assert not key.parent.exists()
    for file in (file for file in session.directory.rglob("*") if file.is_file()):
        assert secret not in file.read_text(encoding="utf-8", errors="replace"), file


@pytest.mark.loopback
async def test_without_the_option_all_is_plain(tmp_path: Path) -> None:
    async with up(tmp_path, tls=False) as session:
        assert session.deployment.service_url("back").startswith("http://")
        assert session.deployment.credentials.ca is None
        assert not list(session.directory.rglob("*.key"))
        await through(session)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("    tls: true\n", "", "no service of 'pair' is 'tls: true'"),
        ("    owner: one\n", "    owner: one\n    tls: true\n", "7:10: the entry 'front' can't be 'tls: true'"),
        ("    tls: true\n", "    tls: maybe\n", "'tls' is of the wrong type: expected true or false"),
        (
            f"    env: {TLS}}}\n",
            '    env: {PORT: "{port}", TLS_CERT: "{tls.cert}"}\n',
            "neither env nor command has {tls.key}",
        ),
    ],
)
async def test_a_description_that_does_not_fit_tls_is_refused_before_anything_starts(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in DESCRIPTION
    with pytest.raises(DeclarationError) as refused:
        async with up(tmp_path, DESCRIPTION.replace(old, new)):
            pass
    assert complaint in str(refused.value)
