from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from harness.contracts.pacts import Pact
from harness.declare import load_system
from harness.engine.prepare import Options
from harness.engine.session import Session
from harness.engine.versions import MAX_VERSION_CHARACTERS, tell_versions, version_in, versions_of
from harness.errors import DeployError
from harness.model.credentials import NONE
from harness.model.events import Event, PactsVerified, PactVersions
from tests.contracts import fakes

RUNNING = ("gateway", "catalog")


def a_pact(consumer: str = "gateway", provider: str = "catalog", version: str = "") -> Pact:
    return Pact(
        consumer=consumer, provider=provider, interactions=(), file=Path("x"), specification="4.0", version=version
    )


async def told(*pacts: Pact, said: str = "", beside: bool = True, documents: dict[str, str]) -> list[PactVersions]:
    async def ask(service: str) -> str:
        return documents[service]

    return list(await versions_of(pacts, said=said, running=RUNNING, beside=beside, ask=ask))


def versions(consumer: str = "", provider: str = "", *, pair: tuple[str, str] = ("gateway", "catalog")) -> PactVersions:
    return PactVersions(consumer=pair[0], provider=pair[1], consumer_version=consumer, provider_version=provider)


async def test_both_sides_have_the_versions_that_their_documents_tell() -> None:
    documents = {"gateway": "1.0.0", "catalog": "2.1.0"}
    assert await told(a_pact(), documents=documents) == [versions("1.0.0", "2.1.0")]


async def test_what_somebody_says_of_the_providers_comes_first_and_they_are_not_asked() -> None:
    assert await told(a_pact(), said="3.0", documents={"gateway": "1.0.0"}) == [versions("1.0.0", "3.0")]


async def test_what_the_pact_tells_of_its_consumer_comes_first() -> None:
    assert await told(a_pact(version="0.9"), documents={"catalog": "2.1.0"}) == [versions("0.9", "2.1.0")]


async def test_a_consumer_that_runs_here_is_not_the_one_whose_pact_came_from_elsewhere() -> None:
    documents = {"catalog": "2.1.0"}
    assert await told(a_pact(), beside=False, documents=documents) == [versions("", "2.1.0")]
    itself = a_pact("catalog", "catalog")
    assert await told(itself, beside=False, documents=documents) == [versions("", "2.1.0", pair=("catalog", "catalog"))]


async def test_who_does_not_run_or_tells_nothing_has_no_version() -> None:
    found = await told(a_pact("phone"), a_pact(), documents={"gateway": "1.0.0", "catalog": ""})
    assert found == [versions("1.0.0"), versions(pair=("phone", "catalog"))]


async def test_a_version_that_is_a_novel_is_cut() -> None:
    found = await told(a_pact(), documents={"gateway": "1" * 10_000, "catalog": "2"})
    assert len(found[0].consumer_version) == MAX_VERSION_CHARACTERS


@pytest.mark.parametrize(
    ("document", "version"),
    [
        ({"info": {"version": "1.0.0"}}, "1.0.0"),
        ({"info": {"version": 1.5}}, "1.5"),
        ({"info": {"version": True}}, ""),
        ({"info": {"version": ["1"]}}, ""),
        ({"info": "1.0"}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
    ids=repr,
)
def test_a_document_tells_a_version_or_nothing(document: object, version: str) -> None:
    assert version_in(document) == version


SYSTEM = """\
system: tiny
entry: gateway
services:
  gateway: {owner: web, run: {command: [x]}, ready: /, openapi: gateway.json}
  catalog: {owner: stock, run: {command: [x]}, ready: /, openapi: catalog.yaml}
  users: {owner: identity, run: {command: [x]}, ready: /, openapi: /openapi.json}
edges:
  - {from: gateway, to: catalog, need: hard}
  - {from: gateway, to: users, need: hard}
journeys:
  look: {deadline: 1s, needs: [catalog]}
"""


def service_url(service: str) -> str:
    if service == "users":
        raise DeployError("users has no address")
    return f"http://{service}"


async def recorded(root: Path, *providers: str, broken: bool = False) -> list[Event]:
    (root / "system.yaml").write_text(SYSTEM)
    (root / "gateway.json").write_text("{" if broken else '{"info": {"version": "1.0.0"}}')
    (root / "catalog.yaml").write_text("info: {version: 2.1}")
    for provider in ("catalog", "users"):
        pact = fakes.a_pact(fakes.a_request("one"), provider=provider)
        fakes.write_pact(root / "contracts" / "pacts", pact, f"gateway-{provider}.json")
    events: list[Event] = []
    session = SimpleNamespace(
        topology=load_system(root / "system.yaml"),
        content=lambda which: root / which,
        deployment=SimpleNamespace(service_url=service_url),
        credentials=NONE,
        recorder=SimpleNamespace(record=events.append),
        now=lambda: 3.0,
    )
    await tell_versions(cast("Session", session), Options(system=root / "system.yaml"), providers)
    return events


async def test_the_versions_are_written_down(tmp_path: Path) -> None:
    assert await recorded(tmp_path, "catalog") == [PactsVerified(t=3.0, pairs=(versions("1.0.0", "2.1"),))]


async def test_a_service_whose_document_can_not_be_had_keeps_nobody_from_theirs(tmp_path: Path) -> None:
    pairs = (versions("", "2.1"), versions(pair=("gateway", "users")))
    assert await recorded(tmp_path, "catalog", "users", broken=True) == [PactsVerified(t=3.0, pairs=pairs)]


async def test_where_no_pact_was_verified_nothing_is_written_down(tmp_path: Path) -> None:
    assert await recorded(tmp_path, "gateway") == []
