"""TLS between the services of the shop: whom they trust, and a purchase with it."""

from __future__ import annotations

import asyncio
import ssl
import stat
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import requests
from kit import service
from kit.client import Call, Edge, Limits
from kit.settings import Settings
from kit.trouble import Unavailable
from kit.words import Tolerant

from harness.runtime.certificates import Authority, Issued
from tests.certified import LONG_AGO, NOW, shown, trusted
from tests.targets.partial import Up, partial, running, until

LIMITS = Limits(deadline_s=5.0, attempt_s=5.0, attempts=1)
READ = Call(method="GET", path="/thing")
SERVICES = ("gateway", "users", "catalog", "pricing", "inventory", "payments", "shipping", "orders")
WITHIN_S = 30.0


class Thing(Tolerant):
    name: str


@asynccontextmanager
async def provider(context: ssl.SSLContext) -> AsyncIterator[str]:
    """A server that answers each request over TLS; its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"name": "lamp"}'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.loopback
async def test_a_client_of_the_shop_believes_a_certificate_of_its_authority(tmp_path: Path) -> None:
    authority = Authority(NOW)
    async with (
        provider(shown(authority.issue("catalog", NOW), tmp_path)) as url,
        Edge("catalog", {"catalog-1": url}, LIMITS, ca=str(trusted(authority, tmp_path))) as edge,
    ):
        assert (await edge.call(READ, Thing)).name == "lamp"


@pytest.mark.loopback
@pytest.mark.parametrize(
    "issue",
    [
        pytest.param(lambda authority: authority.issue("catalog", LONG_AGO), id="expired"),
        pytest.param(lambda _: Authority(NOW).issue("catalog", NOW), id="of another authority"),
    ],
)
async def test_a_client_of_the_shop_refuses_any_other_certificate(
    tmp_path: Path, issue: Callable[[Authority], Issued]
) -> None:
    authority = Authority(NOW)
    async with (
        provider(shown(issue(authority), tmp_path)) as url,
        Edge("catalog", {"catalog-1": url}, LIMITS, ca=str(trusted(authority, tmp_path))) as edge,
    ):
        with pytest.raises(Unavailable, match="speaks no TLS that can be trusted") as refused:
            await edge.call(READ, Thing)
        assert not refused.value.sent


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(ValueError, match="TLS_CERT and TLS_KEY go together"):
        service.tls(Settings.read("catalog", {"TLS_CERT": "catalog.pem", "TLS_KEY": ""}))
    assert service.tls(Settings.read("catalog", {"TLS_CERT": "", "TLS_KEY": ""})) == {}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("tls")
    with running(partial(*SERVICES, to=directory), directory / "run", tls=True) as system:
        yield system
    assert not list(directory.rglob("*.key")), "no key is left behind"


def signed_up(up: Up) -> dict[str, str]:
    """A new customer; without its own token, which it is just fetching, the gateway can't ask users."""
    person: dict[str, str] = {}

    def done() -> bool:
        person.update(email=f"{uuid.uuid4().hex}@shop.example", password="demo-password")
        answer = up.ask("gateway", "POST", "/accounts", json={**person, "name": "Ada"}, headers={"Authorization": ""})
        assert answer.status_code in (201, 503), answer.text
        return answer.status_code == 201

    until(done, within_s=WITHIN_S, what="a customer signs up")
    return person


@pytest.mark.e2e
def test_a_customer_buys_something_from_services_that_speak_tls(up: Up) -> None:
    nobody = {"Authorization": ""}
    assert up.url("gateway").startswith("http://")
    person = signed_up(up)
    token = up.ask("gateway", "POST", "/sessions", json=person, headers=nobody).json()["access_token"]
    known = {"Authorization": f"Bearer {token}"}
    order = {"items": [{"sku": "sku-0007", "quantity": 1}], "card_token": "tok-visa-0001"}
    bought = up.ask("gateway", "POST", "/orders", json=order, headers=known | {"Idempotency-Key": str(uuid.uuid4())})
    assert bought.status_code == 202, bought.text
    where = f"/orders/{bought.json()['order_id']}"

    def confirmed() -> bool:
        return bool(up.ask("gateway", "GET", where, headers=known).json()["status"] == "confirmed")

    until(confirmed, within_s=WITHIN_S, what="the order is confirmed")


@pytest.mark.e2e
@pytest.mark.parametrize("name", SERVICES[1:])
def test_a_service_that_speaks_tls_gives_nothing_to_who_does_not_or_who_does_not_trust_it(up: Up, name: str) -> None:
    url = up.url(name)
    assert url.startswith("https://")
    assert up.ask(name, "GET", "/livez").ok
    with pytest.raises(requests.ConnectionError):
        requests.get(url.replace("https://", "http://") + "/livez", timeout=5)
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(url + "/livez", timeout=5)


@pytest.mark.e2e
def test_keys_can_be_read_by_their_owner_only(up: Up) -> None:
    keys = sorted(up.session.directory.rglob("*.key"))
    assert [key.stem for key in keys] == sorted(SERVICES[1:])
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    journal = (up.session.directory / "journal.ndjson").read_text(encoding="utf-8")
    assert "PRIVATE KEY" not in journal
    assert "of_tls" not in journal
