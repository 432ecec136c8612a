"""The API of notifications."""

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

from notifications.models import EVENTS, MailPage
from notifications.store import SCHEMA, Mails
from notifications.writer import Writer

LIMIT_S = 1.5
READ = [needs("notifications.read")]
routes = service.router()


def parts(host: Host) -> Mails:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    mails = Mails(postgres)
    topics = [Topic(subject, model, mails.record, mails.record_all) for subject, model in EVENTS.items()]
    host.background(postgres.prepare)
    host.background(Consumer(bus, "notifications", topics, host.telemetry.exporter.put).run)
    if host.settings.data_dir is not None:
        host.background(Writer(mails, host.settings.data_dir / "outbox").run)
    return mails


@routes.get("/mails", dependencies=READ, responses=declared())
async def list_mails(
    request: Request, after: Annotated[PageStart, Query()] = 0, limit: Annotated[PageSize, Query()] = 100
) -> MailPage:
    mails: Mails = request.app.state.parts
    return await mails.page(after, limit)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Notifications", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("notifications")
    service.run(settings, create(settings))
