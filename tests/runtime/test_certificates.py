from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from harness.runtime.certificates import EARLIER, LIFE, Authority, Certificates, Issued, Validity
from harness.runtime.readiness import ask
from tests.certified import LONG_AGO, NOW, shown, trusted

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def holds(authority: Authority, issued: Issued, name: str | IPv4Address, at: dt.datetime) -> bool:
    """Whether somebody who trusts in the authority believes at that time that this is who it is called."""
    subject = x509.DNSName(name) if isinstance(name, str) else x509.IPAddress(name)
    store = Store(x509.load_pem_x509_certificates(authority.certificate))
    verifier = PolicyBuilder().store(store).time(at).build_server_verifier(subject)
    try:
        verifier.verify(x509.load_pem_x509_certificate(issued.certificate), [])
    except VerificationError:
        return False
    return True


@pytest.mark.parametrize("name", ["catalog", "localhost", IPv4Address("127.0.0.1")])
def test_a_certificate_holds_for_the_service_on_this_machine_for_a_day(name: str | IPv4Address) -> None:
    authority = Authority(Validity.around(NOON))
    issued = authority.issue("catalog", Validity.around(NOON))
    for at in (NOON - EARLIER, NOON, NOON + LIFE):
        assert holds(authority, issued, name, at)
    second = dt.timedelta(seconds=1)
    for at in (NOON - EARLIER - second, NOON + LIFE + second):
        assert not holds(authority, issued, name, at)


def test_a_certificate_holds_for_nobody_else_and_not_by_another_authority() -> None:
    validity = Validity.around(NOON)
    authority = Authority(validity)
    issued = authority.issue("catalog", validity)
    assert not holds(authority, issued, "orders", NOON)
    assert not holds(Authority(validity), issued, "catalog", NOON)


def test_only_the_owner_of_the_run_may_read_what_is_written(tmp_path: Path) -> None:
    files = Certificates(directory=tmp_path / "of_tls")
    files.write(["catalog", "orders"], NOON)
    assert sorted(file.name for file in files.directory.iterdir()) == [
        *("ca.pem", "catalog.key", "catalog.pem", "orders.key", "orders.pem"),
    ]
    assert stat.S_IMODE(files.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files.directory.iterdir()} == {0o600}
    assert b"PRIVATE KEY" not in files.ca.read_bytes()


@asynccontextmanager
async def serving(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("good", "200 ok"),
        ("expired", "no TLS that can be trusted: certificate has expired"),
        ("foreign", "no TLS that can be trusted: unable to get local issuer certificate"),
        ("plain", "no TLS that can be trusted: "),
    ],
)
async def test_a_service_is_ready_only_with_a_certificate_that_holds(tmp_path: Path, kind: str, said: str) -> None:
    authority = Authority(NOW)
    issued = {
        "good": authority.issue("catalog", NOW),
        "expired": authority.issue("catalog", LONG_AGO),
        "foreign": Authority(NOW).issue("catalog", NOW),
    }
    trust = ssl.create_default_context(cafile=trusted(authority, tmp_path))
    async with serving(shown(issued[kind], tmp_path) if kind in issued else None) as port:
        answer = await ask(port, "/readyz", trust=trust)
    assert str(answer).startswith(said)
    assert answer.good is (kind == "good")
