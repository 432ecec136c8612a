from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from kit.auth import Caller
from kit.settings import Settings
from registry.app import create

from tests.targets.asking import Answer, ask

LEASE = {
    "service": "catalog",
    "instance": "catalog-1",
    "zone": "a",
    "version": "1.0.0",
    "owner": "catalog",
    "documents": ["/openapi.json"],
    "lease_s": 6,
}
CATALOG = {"registry.read", "registry.register"}


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    settings = Settings.read("registry", {"OPERATOR_TOKEN": "letmein", "INSTANCE": "registry-1"})
    built = create(settings)
    async with built.router.lifespan_context(built):
        known = {"catalog": CATALOG, "cart": CATALOG, "stranger": set[str]()}
        for name, scopes in known.items():
            caller = Caller(name=name, kind="service", scopes=frozenset(scopes))
            built.state.host.identity._verified[name] = (caller, float("inf"))
        yield built


async def send(app: FastAPI, method: str, path: str, body: Any = None, who: str = "catalog") -> Answer:
    headers = {"authorization": f"Bearer {who}", "content-type": "application/json"}
    return await ask(app, method, path, body=b"" if body is None else json.dumps(body).encode(), headers=headers)


async def test_an_instance_registers_is_listed_and_leaves(app: FastAPI) -> None:
    taken = await send(app, "POST", "/leases", LEASE)
    assert (taken.status, taken.json()) == (201, {"instance": "catalog-1"})
    listed = (await send(app, "GET", "/instances")).json()["instances"]
    (found,) = [each for each in listed if each["instance"] == "catalog-1"]
    assert {key: found[key] for key in LEASE if key != "lease_s"} == {k: v for k, v in LEASE.items() if k != "lease_s"}
    assert found["up"] is False
    assert (await send(app, "DELETE", "/leases/catalog-1")).status == 200
    assert (await send(app, "DELETE", "/leases/catalog-1")).status == 404
    listed = (await send(app, "GET", "/instances")).json()["instances"]
    assert "catalog-1" not in {each["instance"] for each in listed}


async def test_nobody_registers_or_removes_another_services_instance(app: FastAPI) -> None:
    assert (await send(app, "POST", "/leases", LEASE, who="cart")).status == 403
    await send(app, "POST", "/leases", LEASE)
    assert (await send(app, "DELETE", "/leases/catalog-1", who="cart")).status == 403
    assert (await send(app, "POST", "/leases", LEASE | {"service": "cart"}, who="cart")).status == 409
    assert (await send(app, "DELETE", "/leases/catalog-1", who="letmein")).status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/leases"), ("DELETE", "/leases/catalog-1"), ("GET", "/instances"), ("GET", "/flags")]
)
async def test_nothing_is_told_to_strangers(app: FastAPI, method: str, path: str) -> None:
    assert (await ask(app, method, path)).status == 401
    assert (await send(app, method, path, who="stranger")).status == 403


async def test_flags_are_set_by_those_who_may_and_read_by_all_services(app: FastAPI) -> None:
    assert (await send(app, "PUT", "/flags/pricing-canary", {"value": 0.5})).status == 403
    changed = await send(app, "PUT", "/flags/pricing-canary", {"value": 0.5}, who="letmein")
    assert (changed.status, changed.json()) == (200, {"name": "pricing-canary", "value": 0.5, "durable": False})
    flags = {flag["name"]: flag["value"] for flag in (await send(app, "GET", "/flags")).json()["flags"]}
    assert (flags["pricing-canary"], flags["legacy-shadow"]) == (0.5, 0.0)


@pytest.mark.parametrize(("name", "value", "status"), [("tea", 1, 404), ("pricing-canary", 1.5, 422), ("A", 1, 422)])
async def test_a_flag_that_cannot_be_is_refused(app: FastAPI, name: str, value: float, status: int) -> None:
    assert (await send(app, "PUT", f"/flags/{name}", {"value": value}, who="letmein")).status == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"lease_s": 0},
        {"lease_s": 61},
        {"lease_s": "6"},
        {"instance": "catalog.1"},
        {"version": "new"},
        {"documents": ["http://elsewhere/"]},
        {"more": 1},
    ],
)
async def test_a_lease_that_makes_no_sense_is_refused(app: FastAPI, wrong: dict[str, object]) -> None:
    assert (await send(app, "POST", "/leases", LEASE | wrong)).status == 422
