"""Carts on record: the shop's own keep their word, with a node of the store gone too; one that forgets is refuted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from harness.checkers.safety import safety
from harness.clock import SystemClock
from harness.declare import load_invariants
from harness.engine.session import Session, Settings
from harness.load.driver import LoadDriver, LoadPlan
from harness.model.declared import DegradedMark
from harness.model.fault import InstanceTarget
from harness.model.finding import Finding
from harness.model.guarantee import OfThings
from harness.model.observation import Operation, Outcome
from harness.model.process import Process, ProcessSpec
from harness.model.topology import Topology
from harness.model.verdict import Verdict
from harness.testing.background import Background
from tests.checkers.histories import history, shop
from tests.fakes import LocalProcess, run_locally
from tests.targets.partial import SHOP, cut

ROOT = SHOP.parents[1]
CLOCK = SystemClock()
ENOUGH = 80
"""Operations: some sixteen journeys."""
WITHIN_S = 60.0


def judged(topology: Topology, operations: tuple[Operation, ...]) -> dict[str, Finding]:
    """The findings on carts, by their kind."""
    declared = yaml.safe_load((ROOT / "chaos" / "invariants.yaml").read_text(encoding="utf-8"))
    assert declared["reads"]
    found = load_invariants(ROOT / "chaos", _naming_all(topology))
    about_carts = tuple(each for each in found.invariants if isinstance(each, OfThings))
    run = replace(history(), topology=topology, operations=operations, invariants=about_carts)
    return {each.check: each for each in safety(run)}


def _naming_all(topology: Topology) -> Topology:
    """The same with all services that invariants name; only their names are looked at."""
    services = yaml.safe_load((SHOP / "system.yaml").read_text(encoding="utf-8"))["services"]
    known = dict.fromkeys(services, next(iter(topology.system.services.values())))
    return replace(topology, system=topology.system.model_copy(update={"services": known}))


async def until_enough(driver: LoadDriver, more: int = ENOUGH) -> None:
    """Wait until so many operations more have ended."""
    enough = len(driver.operations()) + more
    async with asyncio.timeout(WITHIN_S):
        while len(driver.operations()) < enough:  # noqa: ASYNC110 -- another process writes them
            await asyncio.sleep(0.1)


@dataclass
class Carts:
    """A shop of carts in the memory of the test; it forgets every so many-th write, and says that it is done."""

    forgets_every: int = 0
    goes_back_every: int = 0
    writes: int = 0
    reads: int = 0
    carts: dict[str, dict[str, int]] = field(default_factory=dict)
    before: dict[str, dict[str, int]] = field(default_factory=dict)
    url: str = ""

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/sessions", self.sign_in)
        application.router.add_put("/cart/items/{sku}", self.put)
        application.router.add_get("/cart", self.read)
        return application

    async def sign_in(self, request: web.Request) -> web.Response:
        return web.json_response({"access_token": (await request.json())["email"]}, status=201)

    async def put(self, request: web.Request) -> web.Response:
        cart = self.carts.setdefault(request.headers["Authorization"], {})
        self.before[request.headers["Authorization"]] = dict(cart)
        self.writes += 1
        if not self.forgets_every or self.writes % self.forgets_every:
            cart[request.match_info["sku"]] = (await request.json())["quantity"]
        return self.shown(cart, self.writes)

    async def read(self, request: web.Request) -> web.Response:
        self.reads += 1
        whose = request.headers["Authorization"]
        if self.goes_back_every and not self.reads % self.goes_back_every:
            return self.shown(self.before.get(whose, {}), 0)
        return self.shown(self.carts.get(whose, {}), self.writes)

    def shown(self, cart: dict[str, int], version: int) -> web.Response:
        items = [{"sku": sku, "quantity": quantity} for sku, quantity in cart.items()]
        return web.json_response({"items": items, "version": version})


class OwnSpawner:
    """Starts children of the test."""

    def __init__(self) -> None:
        self.started: list[LocalProcess] = []

    async def spawn(self, spec: ProcessSpec) -> Process:
        self.started.append(await run_locally(spec))
        return self.started[-1]


@asynccontextmanager
async def serving(carts: Carts) -> AsyncIterator[str]:
    runner = web.AppRunner(carts.application())
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


async def visited(carts: Carts, directory: Path) -> tuple[Operation, ...]:
    """What the shop's own customers put on record there."""
    spawner = OwnSpawner()
    async with serving(carts) as url:
        plan = LoadPlan(
            locustfile=ROOT / "loadtests" / "locustfile.py",
            hosts=(url,),
            journeys=("cart",),
            deadlines={"cart": 5.0},
            degraded=DegradedMark(header="X-Degraded"),
            seed=1,
        )
        driver = await LoadDriver.start(
            plan, spawner=spawner, directory=directory, clock=CLOCK, run_began=CLOCK.now(), on_observed=lambda _: None
        )
        try:
            await driver.drive(rate=8, weights={"cart": 1.0})
            await until_enough(driver)
        finally:
            await driver.stop()
    return driver.operations()


@pytest.mark.loopback
async def test_carts_that_forget_and_go_back_are_refuted(tmp_path: Path) -> None:
    found = judged(shop(), await visited(Carts(forgets_every=5, goes_back_every=7), tmp_path))
    failed = {kind for kind, each in found.items() if each.verdict is Verdict.FAIL}
    assert {"read-your-writes", "monotonic-reads", "adds-kept"} <= failed
    for kind in failed:
        assert "customer-" in found[kind].reason, "who"
        assert "read-cart" in found[kind].reason, "which read"
        assert (found[kind].service, found[kind].evidence != ()) == ("cart", True)


@pytest.fixture(scope="module")
def part_of_the_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Session, Background]]:
    """Carts and what they need, with the shop's own journey."""
    root = tmp_path_factory.mktemp("carts")
    whole: dict[str, Any] = yaml.safe_load((SHOP / "system.yaml").read_text(encoding="utf-8"))
    part = cut(whole, ("gateway", "users", "cart", "pricing"))
    for service in part["services"].values():
        service["run"]["path"] = [str(SHOP / "services")]
    for name in ("gateway", "pricing"):
        del part["services"][name]["instances"]
    part["content"] = {"load": str(ROOT / "loadtests" / "locustfile.py")}
    part["journeys"] = {"cart": part["journeys"]["cart"]}
    (root / "system.yaml").write_text(yaml.safe_dump(part, sort_keys=False), encoding="utf-8")
    background = Background()
    try:
        session = background.run(
            Session.open(root / "system.yaml", settings=Settings(directory=root / "run"), say=lambda _: None)
        )
        try:
            yield session, background
        finally:
            background.run(session.close())
    finally:
        background.close()


@pytest.mark.e2e
def test_the_shops_carts_keep_their_word_with_and_without_a_node_of_their_store(
    part_of_the_shop: tuple[Session, Background],
) -> None:
    session, background = part_of_the_shop
    node = InstanceTarget(service="cart-store-b")

    async def visit() -> tuple[Operation, ...]:
        driver = await session.driver()
        await driver.drive(rate=5, weights={"cart": 1.0})
        await until_enough(driver)
        await session.deployment.pause(node)
        try:
            await until_enough(driver)
        finally:
            await session.deployment.resume(node)
        await until_enough(driver, ENOUGH // 2)
        assert await driver.quiesce(15) == 0
        return driver.operations()

    operations = background.run(visit())
    found = judged(session.topology, operations)
    assert {kind: each.verdict for kind, each in found.items()} == dict.fromkeys(found, Verdict.PASS), found
    assert {"read-your-writes", "monotonic-reads", "monotonic-writes", "adds-kept"} == set(found)
    good = [each for each in operations if each.saw is not None and each.outcome in {Outcome.OK, Outcome.DEGRADED}]
    assert len(good) > ENOUGH // 2
