"""The API of reviews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Header, Path, Query, Request
from kit import service
from kit.auth import customer, needs
from kit.cache import ASIDE_LIMIT_S, Cache
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import KeyText, PageSize, PageStart, Sku

from reviews.models import Rating, Review, ReviewPage, ReviewRequest
from reviews.store import SCHEMA, Reviews
from reviews.summaries import FLUSH_S, Summaries

LIMIT_S = 1.0
READ = [needs("reviews.read")]
WRITE = [needs("reviews.write")]
routes = service.router()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the operations need."""

    reviews: Reviews
    summaries: Summaries


def parts(host: Host) -> Parts:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    cache = host.part("redis", Cache(host.settings.redis_url, ASIDE_LIMIT_S))
    reviews = Reviews(postgres)
    summaries = Summaries(reviews, cache, host.settings.number("FLUSH_S", FLUSH_S))
    host.part("summaries-cache", summaries.aside)
    host.background(postgres.prepare)
    host.background(summaries.run)
    return Parts(reviews=reviews, summaries=summaries)


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


@routes.get("/ratings/{sku}", dependencies=READ, responses=declared())
async def read_rating(request: Request, sku: Annotated[Sku, Path()]) -> Rating:
    return await _parts(request).summaries.read(sku)


@routes.get("/reviews", dependencies=READ, responses=declared())
async def list_reviews(
    request: Request,
    sku: Annotated[Sku | None, Query()] = None,
    after: Annotated[PageStart, Query()] = 0,
    limit: Annotated[PageSize, Query()] = 100,
) -> ReviewPage:
    return await _parts(request).reviews.page(sku, after, limit)


@routes.post("/reviews", dependencies=WRITE, status_code=201, responses=declared(409, 413, 415))
async def write_review(
    request: Request,
    customer_id: Annotated[str, customer()],
    wanted: ReviewRequest,
    idempotency_key: Annotated[KeyText, Header()],
) -> Review:
    shop = _parts(request)
    review = await shop.reviews.add(customer_id, wanted, idempotency_key)
    await shop.summaries.count(review.sku)
    return review


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Reviews", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("reviews")
    service.run(settings, create(settings))
