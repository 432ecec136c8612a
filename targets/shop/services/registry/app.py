"""The registry's API."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Request
from kit import service
from kit.auth import Caller, needs
from kit.bucket import Bucket
from kit.host import Host
from kit.problems import declared
from kit.settings import Settings
from kit.trouble import Refused, not_found

from registry.leases import Leases
from registry.memory import Memory
from registry.models import Flag, FlagList, FlagRequest, Instances, Lease, Leased, Name
from registry.rounds import Rounds

LIMIT_S = 1.0
routes = service.router()


def parts(host: Host) -> Memory:
    bucket = None
    if "CART_STORE_URLS" in host.settings.env:
        bucket = host.part("bucket", Bucket(host.settings.cart_store_urls, "registry", host.settings.instance))
    memory = host.part("memory", Memory(Leases(), bucket))
    host.background(memory.keep)
    host.background(host.part("rounds", Rounds(host.settings, host.identity, memory)).run)
    return memory


def _memory(request: Request) -> Memory:
    found: Memory = request.app.state.parts
    return found


def _is_one_of(caller: Caller, service_name: str) -> None:
    """Nobody speaks for another service's instances."""
    if caller.kind != "operator" and caller.name != service_name:
        raise Refused(403, f"{caller.name} is not {service_name}")


@routes.post("/leases", status_code=201, responses=declared(409, 413, 415))
async def register(request: Request, lease: Lease, caller: Annotated[Caller, needs("registry.register")]) -> Leased:
    _is_one_of(caller, lease.service)
    _memory(request).register(lease)
    return Leased(instance=lease.instance)


@routes.delete("/leases/{instance}", responses=declared(404))
async def release(
    request: Request, instance: Annotated[Name, Path()], caller: Annotated[Caller, needs("registry.register")]
) -> Leased:
    memory = _memory(request)
    holder = memory.leases.holder(instance)
    if holder is None:
        raise not_found(f"instance {instance}")
    _is_one_of(caller, holder)
    memory.release(instance)
    return Leased(instance=instance)


@routes.get("/instances", responses=declared(), dependencies=[needs("registry.read")])
async def list_instances(request: Request) -> Instances:
    return Instances(instances=_memory(request).leases.all())


@routes.get("/flags", responses=declared(), dependencies=[needs("registry.read")])
async def list_flags(request: Request) -> FlagList:
    return FlagList(flags=_memory(request).flags())


@routes.put("/flags/{name}", responses=declared(404, 413, 415), dependencies=[needs("flags.write")])
async def set_flag(request: Request, name: Annotated[Name, Path()], wanted: FlagRequest) -> Flag:
    return await _memory(request).set_flag(name, wanted.value)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Registry", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("registry")
    service.run(settings, create(settings))
