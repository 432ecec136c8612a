"""A proxy that is not ours, as it was found, and how it is brought back to that."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from harness.errors import ProxyError
from harness.proxy.client import Api, NotThereError, proxy_path

Toxic = Mapping[str, Any]
"""As Toxiproxy tells it: those of others may be of types that we don't know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was found."""

    host: str
    port: int
    """Of the API."""
    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[Toxic, ...]

    @classmethod
    def take(cls, api: Api, name: str) -> Snapshot:
        """The proxy as it is now.

        Raises:
            NotThereError: if there is none of that name.
            ProxyError: if the server does not answer.
        """
        found = api.ask("GET", proxy_path(name))
        return cls(
            host=api.host,
            port=api.port,
            name=name,
            listen=found["listen"],
            upstream=found["upstream"],
            enabled=found["enabled"],
            toxics=tuple(found.get("toxics") or ()),
        )

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Snapshot:
        """As `as_json` gave it."""
        return cls(**{**found, "toxics": tuple(found["toxics"])})

    def as_json(self) -> dict[str, object]:
        """For another process."""
        return asdict(self)

    def without(self, mark: str) -> Snapshot:
        """The same without the toxics whose names begin so."""
        kept = tuple(toxic for toxic in self.toxics if not toxic["name"].startswith(mark))
        return Snapshot.of_json({**self.as_json(), "toxics": kept})


def put_back(snapshot: Snapshot, *, mark: str) -> None:
    """Take off what carries our mark, and let the proxy listen, or not, as it was found; make it anew if it is gone.

    Raises:
        ProxyError: if the server does not let us.
    """
    api = Api(snapshot.port, host=snapshot.host)
    try:
        now = Snapshot.take(api, snapshot.name)
    except NotThereError:
        create(api, snapshot)
        return
    stuck = []
    for toxic in now.toxics:
        if toxic["name"].startswith(mark):
            try:
                with suppress(NotThereError):
                    api.delete(f"{proxy_path(snapshot.name)}/toxics/{quote(toxic['name'], safe='')}")
            except ProxyError:
                stuck.append(toxic["name"])
    if stuck:
        recreate(api, snapshot.name, keep=now.without(mark), enabled=snapshot.enabled)
    elif now.enabled != snapshot.enabled:
        api.patch(proxy_path(snapshot.name), {"enabled": snapshot.enabled})


def recreate(api: Api, name: str, *, keep: Snapshot, enabled: bool) -> None:
    """Remove a proxy with all its connections and make it anew, with the toxics that are kept.

    Raises:
        ProxyError: if the server does not let us.
    """
    with suppress(ProxyError):  # it ends the connections that hold the removal up
        api.patch(proxy_path(name), {"enabled": False})
    with suppress(NotThereError):
        api.delete(proxy_path(name))
    create(api, Snapshot.of_json({**keep.as_json(), "enabled": enabled}))


def create(api: Api, snapshot: Snapshot) -> None:
    """Make a proxy as it was found, its toxics before it listens; raises ProxyError."""
    path = proxy_path(snapshot.name)
    body = {"name": snapshot.name, "listen": snapshot.listen, "upstream": snapshot.upstream, "enabled": False}
    api.post("/proxies", json=body)
    for toxic in snapshot.toxics:
        api.post(f"{path}/toxics", json=toxic)
    if snapshot.enabled:
        api.patch(path, {"enabled": True})
