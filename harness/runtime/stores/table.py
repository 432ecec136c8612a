"""The table of stores: a new one is one file plus one line here."""

from __future__ import annotations

from collections.abc import Mapping

from harness.model.system import StoreKind
from harness.runtime.stores.binaries import Binary
from harness.runtime.stores.driver import StoreDriver
from harness.runtime.stores.nats import Nats
from harness.runtime.stores.postgres import Postgres
from harness.runtime.stores.redis import Redis
from harness.runtime.stores.tcp import Tcp

STORES: dict[StoreKind, type[StoreDriver]] = {
    StoreKind.POSTGRES: Postgres,
    StoreKind.REDIS: Redis,
    StoreKind.NATS: Nats,
    StoreKind.TCP: Tcp,
}


def locate(kind: str, *, environ: Mapping[str, str]) -> Binary:
    """The program of a kind of store; raises ProvisionError when there is none that runs."""
    return STORES[StoreKind(kind)].find(environ)
