from __future__ import annotations

import asyncio
import itertools
import json
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from harness.clock import SystemClock
from harness.errors import DeployError
from harness.faults import black_hole, down, kill, latency, pause
from harness.faults.injector import Injector
from harness.model.events import Event
from harness.model.fault import EdgeTarget, FaultSpec, Injection, InstanceTarget, Target
from harness.model.load_events import Noted, Observed
from harness.model.quantity import Duration
from harness.model.system import Restart, Run, Store, StoreKind
from harness.model.topology import Topology
from harness.runtime.namespaces.deployment import NamespaceDeployment, deploy
from harness.runtime.supervisor_client import Supervisor
from tests.runtime.fakes import until
from tests.runtime.namespaces.systems import SERVICE, a_system, edge, service

pytestmark = [pytest.mark.loopback, pytest.mark.e2e, pytest.mark.usefixtures("namespaces")]
shared = pytest.mark.asyncio(loop_scope="module")

NUMBERS = itertools.count(1)
PROVIDERS = ("payments", "stock", "mail")
"""Found by name, on localhost, and by an address."""
TCP_SERVER = """
import socketserver

class Greets(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            self.request.sendall(b"hello")
            self.request.recv(1)
        except OSError:
            pass

socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 5672), Greets).serve_forever()
"""


@dataclass
class Up:
    deployment: NamespaceDeployment
    injector: Injector
    events: list[Event] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Noted)]

    async def ask(self, path: str) -> str:
        return await get(f"{self.deployment.entry_url()}/{path}")

    @asynccontextmanager
    async def under(self, fault: FaultSpec, target: Target) -> AsyncIterator[None]:
        """Armed and seen to bite within, healed and seen to be so after."""
        injection = Injection(id=f"it-{next(NUMBERS)}", fault=fault, target=target, lasts=Duration(60))
        armed = await self.injector.inject(injection)
        assert armed.in_force, armed.evidence
        yield
        healed = await self.injector.heal(injection.id)
        assert healed.verified, healed.evidence


async def get(url: str) -> str:
    def fetch() -> str:
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 -- our own URL
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return str(error.read().decode())

    return await asyncio.to_thread(fetch)


@asynccontextmanager
async def deployed(topology: Topology, root: Path, toxiproxy: Path, *, within_s: float = 60.0) -> AsyncIterator[Up]:
    clock = SystemClock()
    directory = root / "runs" / "this"
    supervisor = await Supervisor.start(directory)
    events: list[Event] = []
    try:
        deployment = await deploy(
            topology,
            directory=directory,
            supervisor=supervisor,
            toxiproxy=toxiproxy,
            clock=clock,
            run_began=clock.now(),
            progress=lambda _line: None,
            on_event=events.append,
            ready_within_s=within_s,
        )
        try:
            injector = Injector(deployment.mesh, deployment, clock=clock, record=directory / "faults.json")
            yield Up(deployment, injector, events)
        finally:
            await deployment.stop()
    finally:
        await supervisor.close()


async def refusal(topology: Topology, root: Path, toxiproxy: Path, *, within_s: float = 60.0) -> str:
    with pytest.raises(DeployError) as caught:
        async with deployed(topology, root, toxiproxy, within_s=within_s):
            pass
    return str(caught.value)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def up(namespaces: None, tmp_path_factory: pytest.TempPathFactory, toxiproxy: Path) -> AsyncIterator[Up]:
    del namespaces
    root = tmp_path_factory.mktemp("strangers")
    async with deployed(a_system(root), root, toxiproxy) as found:
        yield found


@shared
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_fault_on_an_edge_bites_and_heals_however_its_provider_is_found(up: Up, provider: str) -> None:
    target = EdgeTarget(consumer="orders", provider=provider)
    assert await up.ask(provider) == provider
    async with up.under(down(), target):
        assert "Connection refused" in await up.ask(provider)
    assert await up.ask(provider) == provider
    async with up.under(black_hole(), target):
        assert "timed out after 2." in await up.ask(provider)
    assert await up.ask(provider) == provider


@shared
async def test_a_fault_on_one_edge_leaves_the_others(up: Up) -> None:
    async with up.under(latency("5s"), EdgeTarget(consumer="orders", provider="stock")):
        assert [await up.ask(each) for each in ("payments", "mail")] == ["payments", "mail"]
        assert "timed out" in await up.ask("stock")


@shared
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_instance_is_killed_and_started_again(up: Up, provider: str) -> None:
    target = InstanceTarget(service=provider)
    before = up.deployment.pid(target)
    async with up.under(kill(), target):
        assert not up.deployment.alive(target)
        assert not await up.deployment.ready(target)
        assert "Connection refused" in await up.ask(provider)
    assert await up.ask(provider) == provider
    assert up.deployment.pid(target) != before


@shared
async def test_an_instance_is_frozen_and_goes_on(up: Up) -> None:
    async with up.under(pause(), InstanceTarget(service="mail")):
        assert "timed out" in await up.ask("mail")
    assert await up.ask("mail") == "mail"


@shared
async def test_an_instance_that_restarts_gracefully_is_there_again(up: Up) -> None:
    await up.deployment.restart(InstanceTarget(service="payments"))
    assert await up.ask("payments") == "payments"


@shared
async def test_all_ports_are_the_same_and_each_is_reached_from_outside(up: Up) -> None:
    urls = [up.deployment.direct_url(each) for each in up.deployment.instances]
    assert [await get(url) for url in urls] == ["orders", "payments", "stock", "mail"]


@shared
async def test_crossings_are_counted_however_the_provider_is_found(up: Up) -> None:
    for provider in PROVIDERS:
        await up.ask(provider)

    def crossed() -> set[str]:
        seen = [each for event in up.events if isinstance(event, Observed) for each in event.crossings or ()]
        return {each.line for each in seen if each.requests}

    wanted = {f"orders-1->{provider}-1" for provider in PROVIDERS}
    await until(lambda: wanted <= crossed())


@shared
@pytest.mark.parametrize("path", ["stranger", "abroad"])
async def test_what_is_not_in_the_system_is_refused_at_once(up: Up, path: str) -> None:
    answer = await up.ask(path)
    assert "after 0." in answer
    assert "refused" in answer or "not known" in answer


async def test_several_instances_a_name_and_a_placeholder(tmp_path: Path, toxiproxy: Path) -> None:
    found = {
        "orders": service("orders", env={"PAYMENTS": "{edge.payments.urls} {port}"}),
        "payments": service("payments", instances=2, names=("pay.internal",)),
    }
    topology = a_system(tmp_path, services=found, edges=[edge("orders", "payments")])
    async with deployed(topology, tmp_path, toxiproxy) as up:
        told = json.loads(await up.ask("where"))
        assert len(told["payments"]) == 2
        urls, port = told["host"].split()
        assert sorted(urls.split(",")) == sorted(f"http://{address}:8000" for address in told["payments"])
        assert port == "8000"
        await up.deployment.kill(InstanceTarget(service="payments", index=1))
        assert await up.ask("payments") == "payments"


async def test_stores_are_found_by_name_and_one_with_a_port_in_its_code_too(tmp_path: Path, toxiproxy: Path) -> None:
    code = (
        "import os, socket, http.server\n"
        "def say(host, port, text):\n"
        "    with socket.create_connection((host, port), 5) as s: s.sendall(text); return s.recv(99).decode().strip()\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        body = b'' if self.path == '/' else repr([say('redis', 6379, b'PING\\r\\n'), say('queue', 5672, b'')])"
        ".encode()\n"
        "        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()\n"
        "        self.wfile.write(body)\n"
        "http.server.ThreadingHTTPServer(('', 8000), H).serve_forever()\n"
    )
    orders = service("orders").model_copy(update={"run": Run(command=(sys.executable, "-c", code.replace("{", "{{")))})
    queue = Run(command=(sys.executable, "-c", TCP_SERVER))
    topology = a_system(
        tmp_path,
        services={"orders": orders},
        stores={
            "cache": Store(kind=StoreKind.REDIS, names=("redis",)),
            "queue": Store(kind=StoreKind.TCP, port=5672, run=queue),
        },
        edges=[edge("orders", "cache"), edge("orders", "queue")],
    )
    async with deployed(topology, tmp_path, toxiproxy) as up:
        assert await up.ask("x") == "['+PONG', 'hello']"
        await up.deployment.kill(InstanceTarget(service="queue"))
        await up.deployment.start(InstanceTarget(service="queue"))
        assert await up.ask("x") == "['+PONG', 'hello']"


async def test_who_dies_is_started_again_where_that_is_declared(tmp_path: Path, toxiproxy: Path) -> None:
    found = {
        "orders": service("orders"),
        "payments": service("payments").model_copy(update={"restart": Restart.ALWAYS}),
    }
    topology = a_system(tmp_path, services=found, edges=[edge("orders", "payments")])
    async with deployed(topology, tmp_path, toxiproxy) as up:
        await up.deployment.kill(InstanceTarget(service="payments"))
        await until(lambda: len(up.notes) == 1, within_s=30)
        assert await up.ask("payments") == "payments"


async def test_a_service_that_listens_elsewhere_is_told_with_where(tmp_path: Path, toxiproxy: Path) -> None:
    found = {"orders": service("orders", env={"PORT_IN_CODE": "8111"})}
    message = await refusal(a_system(tmp_path, services=found, edges=[]), tmp_path, toxiproxy, within_s=3.0)
    assert "in its namespace port 8111 is listened on, and not 8000" in message
    assert "'instances: [{port: 8111}]'" in message


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://api.stranger.example/v1", "the name api.stranger.example"),
        ("http://93.184.216.34:8443/", "93.184.216.34:8443"),
    ],
)
async def test_a_service_that_needs_the_internet_is_told(url: str, told: str, tmp_path: Path, toxiproxy: Path) -> None:
    found = {"orders": service("orders", env={"NEEDS": url})}
    message = await refusal(a_system(tmp_path, services=found, edges=[]), tmp_path, toxiproxy)
    assert "orders-1 ended with code 1 before it was ready" in message
    assert f"orders-1 looked for what is not in the system, and was refused: {told}" in message


async def test_a_program_that_is_not_there_is_told(tmp_path: Path, toxiproxy: Path) -> None:
    found = {"orders": service("orders").model_copy(update={"run": Run(command=("no-such-program",))})}
    message = await refusal(a_system(tmp_path, services=found, edges=[]), tmp_path, toxiproxy)
    assert message.startswith("orders-1: could not be started: no such program that can be run: no-such-program")


async def test_a_run_with_tls_is_refused(tmp_path: Path, toxiproxy: Path) -> None:
    topology = a_system(tmp_path)
    with_tls = Topology(system=topology.system, root=topology.root, start_order=topology.start_order, tls=True)
    assert "TLS between services is not offered in namespaces" in await refusal(with_tls, tmp_path, toxiproxy)


def test_the_service_of_the_tests_knows_nothing_of_us() -> None:
    code = SERVICE.read_text()
    assert "harness" not in code
    assert 'environ.get("PORT"' not in code
