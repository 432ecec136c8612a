"""Some services of the shop, brought up with real stores and fault proxies, for tests that need no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

from harness.clock import SystemClock, pause
from harness.engine.session import Session, Settings
from harness.model.fault import Armed, Injection, InstanceTarget
from harness.model.span import Span
from harness.testing.background import Background

SHOP = Path(__file__).resolve().parents[2] / "targets" / "shop"
OPERATOR = "operator-of-the-tests"
ANSWER_WITHIN_S = 10.0


def cut(whole: dict[str, Any], services: Sequence[str]) -> dict[str, Any]:
    """The description of these services only, with the stores they use; the first is the entry.

    Edges to others fall away, and what the environment and the journeys say of them.
    """
    ends = {*services, *whole["stores"]}
    edges = [edge for edge in whole["edges"] if edge["from"] in services and edge["to"] in ends]
    used = {edge["to"] for edge in edges} & whole["stores"].keys()
    clusters = {store.get("cluster") for name, store in whole["stores"].items() if name in used} - {None}
    stores = {name: spec for name, spec in whole["stores"].items() if name in used or spec.get("cluster") in clusters}
    for store in stores.values():
        if "databases" in store:
            store["databases"] = [name for name in store["databases"] if name in services]
    known = {edge["from"]: {each["to"] for each in edges if each["from"] == edge["from"]} for edge in edges}
    described = {name: whole["services"][name] for name in services}
    described[services[0]].pop("tls", None)  # customers come by plain HTTP
    for name, service in described.items():
        service.pop("scaling", None)  # it may be the entry, or called by nobody
        service["env"] = {key: value for key, value in service["env"].items() if _fits(value, known.get(name, set()))}
    for journey in whole["journeys"].values():
        for key in ("needs", "usable_without"):
            journey[key] = [name for name in journey[key] if name in described or name in stores]
    return whole | {"entry": services[0], "services": described, "stores": stores, "edges": edges}


def partial(*services: str, to: Path, env: Mapping[str, Mapping[str, str]] | None = None) -> Path:
    """Write a description of some services, without content; `env` adds to the environment of single services."""
    whole: dict[str, Any] = yaml.safe_load((SHOP / "system.yaml").read_text(encoding="utf-8"))
    part = cut(whole, services)
    for name, service in part["services"].items():
        service["run"]["path"] = [str(SHOP / "services")]
        service["env"] |= {"OPERATOR_TOKEN": OPERATOR} | dict((env or {}).get(name, {}))
    for key in ("content", "access", "journeys"):
        del part[key]
    file = to / "system.yaml"
    file.write_text(yaml.safe_dump(part | {"system": "part-of-the-shop"}, sort_keys=False), encoding="utf-8")
    return file


def _fits(value: str, providers: set[str]) -> bool:
    mentioned = {part.split(".")[1] for part in value.split("{edge") if part.startswith(".")}
    return mentioned <= providers


class Up:
    """What is running; asked directly, past the proxies, as the operator unless `headers` say otherwise."""

    def __init__(self, session: Session, background: Background) -> None:
        self.session = session
        self._background = background
        declared = session.deployment.credentials.headers
        self._operator = declared.get("Authorization", f"Bearer {OPERATOR}")

    @property
    def ca(self) -> Path | None:
        """The authority that vouches for the services, in a run with TLS."""
        return self.session.deployment.credentials.ca

    def url(self, service: str, index: int = 1) -> str:
        """The address of an instance itself."""
        return self.session.deployment.direct_url(InstanceTarget(service=service, index=index))

    def ask(  # noqa: PLR0913 -- a request has that many parts
        self,
        service: str,
        method: str,
        path: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        index: int = 1,
    ) -> requests.Response:
        """Ask a service."""
        headers = {"Authorization": self._operator} | dict(headers or {})
        return requests.request(
            method,
            self.url(service, index) + path,
            json=json,
            headers=headers,
            timeout=ANSWER_WITHIN_S,
            verify=True if self.ca is None else str(self.ca),
        )

    def kill(self, service: str, index: int = 1) -> None:
        """SIGKILL."""
        self._background.run(self.session.deployment.kill(InstanceTarget(service=service, index=index)))

    def start(self, service: str, index: int = 1) -> None:
        """Start it again; returns when it is ready."""
        self._background.run(self.session.deployment.start(InstanceTarget(service=service, index=index)))

    def pause(self, service: str, index: int = 1) -> None:
        """SIGSTOP."""
        self._background.run(self.session.deployment.pause(InstanceTarget(service=service, index=index)))

    def resume(self, service: str, index: int = 1) -> None:
        """SIGCONT; returns when it is ready."""
        self._background.run(self.session.deployment.resume(InstanceTarget(service=service, index=index)))

    def restart(self, service: str, index: int = 1) -> None:
        """Let it drain, and start it again; returns when it is ready."""
        self._background.run(self.session.deployment.restart(InstanceTarget(service=service, index=index)))

    def inject(self, injection: Injection) -> Armed:
        """Put a fault in force."""
        return self._background.run(self.session.injector.inject(injection))

    def heal(self, injection: Injection) -> None:
        """Take it back."""
        self._background.run(self.session.injector.heal(injection.id))

    def spans_of(self, trace: str) -> tuple[Span, ...]:
        """What the services told of a trace, once they tell no more of it."""
        assert self.session.spans is not None
        return self._background.run(self.session.spans.settled([trace], quiet_s=0.6, within_s=ANSWER_WITHIN_S))

    def store_address(self, store: str, service: str) -> str:
        """DSN or URL of a store as that service uses it, past every proxy."""
        return self.session.deployment.store_address(store, service)


@contextmanager
def running(description: Path, directory: Path, *, tls: bool = False) -> Iterator[Up]:
    """The system, up while the body runs."""
    background = Background()
    try:
        said: list[str] = []
        settings = Settings(directory=directory, tls=tls)
        session = background.run(Session.open(description, settings=settings, say=said.append))
        try:
            yield Up(session, background)
        finally:
            background.run(session.close())
    finally:
        background.close()


def until(condition: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Look until it is so; fails the test when it isn't in time."""
    clock = SystemClock()
    limit = clock.now() + within_s
    while not condition():
        assert clock.now() < limit, f"not within {within_s} s: {what}"
        pause(0.02)
