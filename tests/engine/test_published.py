from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.contracts.broker.access import access
from harness.contracts.broker.broker import open_broker
from harness.contracts.pacts import read_pact
from harness.declare.lone_service import LoneService, lone_service
from harness.engine.published import AS_CONSUMER, AS_PROVIDER, gather_pacts
from harness.errors import DeclarationError, HarnessError
from tests.contracts.broker.stub import Stub, start_stub
from tests.engine.lone import published, repository

SESAME = {"PACT_BROKER_TOKEN": "sesame"}


@pytest.fixture
def lone(tmp_path: Path) -> LoneService:
    return lone_service(repository(tmp_path / "repository"))


@pytest.fixture
def broker() -> Iterator[Stub]:
    stub = start_stub("Bearer sesame")
    yield stub
    assert stub.provider is not None
    stub.provider.close()


def names(directory: Path) -> dict[str, list[str]]:
    return {part: sorted(file.name for file in (directory / part).iterdir()) for part in (AS_PROVIDER, AS_CONSUMER)}


async def test_of_a_folder_only_what_concerns_the_service_is_taken(lone: LoneService, tmp_path: Path) -> None:
    await gather_pacts(str(published(tmp_path / "pacts")), lone, tmp_path / "run", {})
    assert names(tmp_path / "run") == {AS_PROVIDER: ["front-orders.json"], AS_CONSUMER: ["orders-payments.json"]}


async def test_a_broken_pact_belongs_to_whom_its_name_says(lone: LoneService, tmp_path: Path) -> None:
    pacts = published(tmp_path / "pacts")
    for name in ("cart-orders", "orders-cart", "cart-users"):
        (pacts / f"{name}.json").write_text("{", encoding="utf-8")
    await gather_pacts(str(pacts), lone, tmp_path / "run", {})
    assert names(tmp_path / "run") == {
        AS_PROVIDER: ["cart-orders.json", "front-orders.json"],
        AS_CONSUMER: ["orders-cart.json", "orders-payments.json"],
    }


async def test_a_folder_that_is_none_is_refused(lone: LoneService, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="nowhere: expected a folder of pacts"):
        await gather_pacts(str(tmp_path / "nowhere"), lone, tmp_path / "run", {})


@pytest.mark.loopback
async def test_a_broker_gives_what_concerns_the_service(lone: LoneService, broker: Stub, tmp_path: Path) -> None:
    for file in published(tmp_path / "pacts").glob("*.json"):
        document = json.loads(file.read_text(encoding="utf-8"))
        async with open_broker(access(broker.url, SESAME)) as door:
            await door.publish(document["consumer"]["name"], "1", "main", [document])
    await gather_pacts(broker.url, lone, tmp_path / "run", SESAME)
    assert names(tmp_path / "run") == {AS_PROVIDER: ["front-orders.json"], AS_CONSUMER: ["orders-payments.json"]}
    fetched = read_pact(tmp_path / "run" / AS_PROVIDER / "front-orders.json")
    assert [each.description for each in fetched.interactions] == ["a request to buy"]


@pytest.mark.loopback
async def test_a_broker_that_lets_nobody_in_is_told(lone: LoneService, broker: Stub, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="401"):
        await gather_pacts(broker.url, lone, tmp_path / "run", {})
