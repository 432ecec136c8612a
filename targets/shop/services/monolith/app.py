"""The old shop's product page: table, query and answer in one place, as it was written then."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Request
from kit import service
from kit.auth import needs
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.trouble import not_found
from kit.words import Cents, Sku, Strict

LIMIT_S = 0.8
# The products that the catalog and pricing start with, so that what is shadowed to here can be compared with them.
SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
    sku text PRIMARY KEY,
    name text NOT NULL,
    description text NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents > 0)
);
INSERT INTO products (sku, name, description, price_cents)
SELECT 'sku-' || lpad(n::text, 4, '0'),
       (ARRAY['Small','Sturdy','Quiet','Bright','Plain'])[n % 5 + 1] || ' '
           || (ARRAY['lamp','kettle','chair','radio','clock','basket','mirror'])[n % 7 + 1] || ' ' || n,
       'Product number ' || n || ' of the shop; it does what its name says.',
       199 + (n * 7919) % 22000
FROM generate_series(1, 300) AS n
ON CONFLICT DO NOTHING;
"""
ONE = "SELECT sku, name, description, price_cents FROM products WHERE sku = $1"
routes = service.router()


class LegacyProduct(Strict):
    """A product with its price, which the new shop keeps apart."""

    sku: Sku
    name: str
    description: str
    price_cents: Cents


def parts(host: Host) -> Postgres:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    host.background(postgres.prepare)
    return postgres


@routes.get("/legacy/products/{sku}", dependencies=[needs("monolith.read")], responses=declared(404))
async def read_product(request: Request, sku: Annotated[Sku, Path()]) -> LegacyProduct:
    postgres: Postgres = request.app.state.parts
    row = await postgres.fetchrow(ONE, sku)
    if row is None:
        raise not_found(f"product {sku}")
    return LegacyProduct(**row)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Monolith", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("monolith")
    service.run(settings, create(settings))
