"""The catalog's API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Header, Path, Query, Request, Response
from kit import service
from kit.auth import needs
from kit.bus import Bus
from kit.cache import ASIDE_LIMIT_S, Cache
from kit.consumer import Consumer
from kit.host import Host
from kit.outbox import Outbox
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import PageSize, Sku

from catalog.cached import CachedProducts
from catalog.models import Product, ProductPage, ProductText
from catalog.store import SCHEMA, Products

LIMIT_S = 1.0
CACHE_CONTROL = "max-age=5, stale-if-error=60"
_TEXT = {"required": True, "schema": {"type": "string"}}
TAGGED = {
    "headers": {
        "ETag": {"description": "Changes whenever the product does", **_TEXT},
        "Cache-Control": {"description": "How long it may be kept", **_TEXT},
    }
}
NOT_MODIFIED = {"description": "It is as it was", **TAGGED}
READ = [needs("catalog.read")]
WRITE = [needs("catalog.write")]
routes = service.router()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the operations need."""

    products: Products
    cached: CachedProducts
    outbox: Outbox


def parts(host: Host) -> Parts:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    cache = host.part("redis", Cache(host.settings.redis_url, ASIDE_LIMIT_S))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    products = Products(postgres)
    cached = CachedProducts(products, cache)
    host.part("products-cache", cached.aside)
    outbox = Outbox(postgres, bus)

    async def begin() -> None:
        await postgres.prepare()
        await products.announce()
        outbox.wake.set()

    host.background(begin)
    host.background(outbox.run)
    host.background(Consumer(bus, "catalog", [cached.topic()], host.telemetry.exporter.put).run)
    return Parts(products=products, cached=cached, outbox=outbox)


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


@routes.get(
    "/products/{sku}",
    dependencies=READ,
    response_model=Product,
    responses={200: TAGGED, 304: NOT_MODIFIED, **declared(404)},
)
async def read_product(
    request: Request,
    response: Response,
    sku: Annotated[Sku, Path()],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Product | Response:
    found = await _parts(request).cached.read(sku)
    headers = tags(found.version)
    if if_none_match is not None and names(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return found.record


@routes.get("/products", dependencies=READ, responses=declared())
async def list_products(
    request: Request,
    after: Annotated[Sku | None, Query()] = None,
    limit: Annotated[PageSize, Query()] = 100,
) -> ProductPage:
    return await _parts(request).products.page(after or "", limit)


@routes.put("/products/{sku}", dependencies=WRITE, responses={200: TAGGED, **declared(404, 413, 415)})
async def change_product(
    request: Request,
    response: Response,
    sku: Annotated[Sku, Path()],
    text: ProductText,
) -> Product:
    catalog = _parts(request)
    changed = await catalog.cached.change(sku, text)
    catalog.outbox.wake.set()
    response.headers.update(tags(changed.version))
    return changed.record


def tags(version: int) -> dict[str, str]:
    """The headers by which others may keep a product."""
    return {"ETag": f'"{version}"', "Cache-Control": CACHE_CONTROL}


def names(if_none_match: str, tag: str) -> bool:
    """Whether the caller has what this tag stands for; what isn't a list of tags names nothing."""
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return tag in known or known == {"*"}


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Catalog", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("catalog")
    service.run(settings, create(settings))
