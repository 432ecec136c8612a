"""The catalog's API."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from kit import service
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import PageSize, Sku

from catalog.models import Product, ProductPage
from catalog.store import SCHEMA, Products

LIMIT_S = 1.0
routes = service.router()


def parts(host: Host) -> Products:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    host.background(postgres.prepare)
    return Products(postgres)


def _products(request: Request) -> Products:
    found: Products = request.app.state.parts
    return found


@routes.get("/products/{sku}", responses=declared(404))
async def read_product(request: Request, sku: Annotated[Sku, Path()]) -> Product:
    return await _products(request).read(sku)


@routes.get("/products", responses=declared())
async def list_products(
    request: Request, after: Annotated[Sku | None, Query()] = None, limit: Annotated[PageSize, Query()] = 100
) -> ProductPage:
    return await _products(request).page(after or "", limit)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Catalog", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("catalog")
    service.run(settings, create(settings))
