"""Payments' API."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Header, Path, Query, Request
from kit import defects, service
from kit.auth import needs
from kit.bus import Bus
from kit.host import Host
from kit.outbox import Outbox
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import KeyText, PageSize, PageStart, Uuid

from payments.models import Charge, ChargeRequest, LedgerEntry, LedgerPage, Refund
from payments.store import SCHEMA, Ledger

LIMIT_S = 1.5
CHARGE = [needs("payments.charge")]
READ = [needs("payments.read")]
routes = service.router()


def parts(host: Host) -> Ledger:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, defects.without_keys(SCHEMA)))
    outbox = Outbox(postgres, host.part("bus", Bus(host.settings.bus_url, host.settings.instance)))
    host.background(postgres.prepare)
    host.background(outbox.run)
    return Ledger(postgres, outbox.wake)


def _ledger(request: Request) -> Ledger:
    found: Ledger = request.app.state.parts
    return found


@routes.post("/charges", status_code=201, responses=declared(402, 409, 413, 415), dependencies=CHARGE)
async def charge(request: Request, wanted: ChargeRequest, idempotency_key: Annotated[KeyText, Header()]) -> Charge:
    return await _ledger(request).charge(wanted, idempotency_key)


@routes.post("/charges/{order_id}/refund", responses=declared(), dependencies=CHARGE)
async def refund(request: Request, order_id: Annotated[Uuid, Path()]) -> Refund:
    return await _ledger(request).refund(order_id)


@routes.get("/charges", responses=declared(), dependencies=READ)
async def list_charges(
    request: Request, after: Annotated[PageStart, Query()] = 0, limit: Annotated[PageSize, Query()] = 100
) -> LedgerPage:
    return await _ledger(request).page(after, limit)


@routes.get("/charges/{charge_id}", responses=declared(404), dependencies=READ)
async def read_charge(request: Request, charge_id: Annotated[Uuid, Path()]) -> LedgerEntry:
    return await _ledger(request).read(charge_id)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Payments", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("payments")
    service.run(settings, create(settings))
