"""Fraud's API."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query, Request
from kit import service
from kit.auth import needs
from kit.bus import Bus
from kit.consumer import Consumer, Topic
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import PageSize, PageStart

from fraud.models import OrderPlaced, Score, ScorePage, ScoreRequest
from fraud.store import SCHEMA, Scores

LIMIT_S = 1.5
PLACED = "shop.orders.placed"
routes = service.router()


def parts(host: Host) -> Scores:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    scores = Scores(postgres)
    host.background(postgres.prepare)
    topics = [Topic(PLACED, OrderPlaced, scores.learn, scores.learn_all)]
    host.background(Consumer(bus, "fraud", topics, host.telemetry.exporter.put).run)
    return scores


def _scores(request: Request) -> Scores:
    found: Scores = request.app.state.parts
    return found


@routes.post("/scores", responses=declared(409, 413, 415), dependencies=[needs("fraud.score")])
async def score_order(request: Request, wanted: ScoreRequest) -> Score:
    return await _scores(request).ask(wanted)


@routes.get("/scores", responses=declared(), dependencies=[needs("fraud.read")])
async def list_scores(
    request: Request, after: Annotated[PageStart, Query()] = 0, limit: Annotated[PageSize, Query()] = 100
) -> ScorePage:
    return await _scores(request).page(after, limit)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Fraud", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("fraud")
    service.run(settings, create(settings))
