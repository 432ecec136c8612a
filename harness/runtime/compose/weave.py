"""The project with the proxies woven in, for compose; the project's own file stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from harness.runtime.compose.plan import Part, Plan

PROXY = "harness-proxies"
"""The one service that the project does not have."""
NETWORK, DOOR = "harness", "harness-door"
Mapping_ = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyService:
    """How the proxies' container is made."""

    image: str
    command: tuple[str, ...]
    shared: str
    """The directory of the host that it has at the same path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the run is called, and what all of it carries."""

    network: str
    door: str
    labels: Mapping[str, str]
    images: Mapping[str, str]
    """The tag for each service that is built."""


def weave(config: Mapping[str, JsonValue], plan: Plan, proxy: ProxyService, run: Run) -> Mapping_:
    """The file for compose.

    Args:
        config: the project as compose resolves it.
        plan: where everything is to be.
        proxy: the container of the proxies.
        run: its networks and labels.
    """
    woven = copy.deepcopy(dict(config))
    woven.pop("name", None)
    project = _mapping(woven.get("services"))
    services: Mapping_ = {}
    by_service = {part.of for part in plan.parts.values()}
    for name, service in project.items():
        if name not in by_service:
            services[name] = _labelled(_private(name, _mapping(service), run), run)
    for part in plan.parts.values():
        own = _private(part.of, copy.deepcopy(_mapping(project[part.of])), run)
        services[part.name] = _labelled(_placed(own, part, plan), run)
    services[PROXY] = _labelled(_proxy(proxy, plan), run)
    woven["services"] = services
    woven["networks"] = _networks(woven, run)
    volumes: Mapping_ = {name: _ours(value, run) for name, value in _mapping(woven.get("volumes")).items()}
    if volumes:
        woven["volumes"] = volumes
    return woven


def _private(name: str, service: Mapping_, run: Run) -> Mapping_:
    """Without what would meet a copy of the project that is up; its name is still known on its networks."""
    service.pop("ports", None)
    own_name = service.pop("container_name", None)
    if name in run.images:
        service["image"] = run.images[name]
    if "network_mode" not in service:
        service["networks"] = _joined(service)
        if own_name:
            for network, how in _mapping(service["networks"]).items():
                told = _mapping(how)
                told["aliases"] = [*_listed(told.get("aliases")), own_name]
                _mapping(service["networks"])[network] = told
    return service


def _joined(service: Mapping_) -> Mapping_:
    networks = service.get("networks")
    if isinstance(networks, list):
        return {str(name): None for name in networks}
    return _mapping(networks) or {"default": None}


def _placed(service: Mapping_, part: Part, plan: Plan) -> Mapping_:
    """At its address, knowing the lines to its providers; one container."""
    service.pop("scale", None)
    _mapping(service.get("deploy")).pop("replicas", None)
    service["networks"] = {**_mapping(service["networks"]), NETWORK: {"ipv4_address": part.address}}
    hosts = service.get("extra_hosts")
    known: list[JsonValue] = (
        [f"{name}:{at}" for name, at in hosts.items()] if isinstance(hosts, dict) else _listed(hosts)
    )
    mine = dict.fromkeys(name for name, _ in plan.hosts[part.id])
    kept = [each for each in known if _host_of(str(each)) not in mine]
    woven = [*kept, *(f"{name}:{address}" for name, address in plan.hosts[part.id])]
    if woven:
        service["extra_hosts"] = woven
    return service


def _host_of(entry: str) -> str:
    return entry.partition("=")[0] if "=" in entry else entry.partition(":")[0]


def _proxy(proxy: ProxyService, plan: Plan) -> Mapping_:
    return {
        "image": proxy.image,
        "command": list(proxy.command),
        "user": "0:0",
        "restart": "no",
        "cap_drop": ["ALL"],
        "cap_add": ["NET_ADMIN"],
        "security_opt": ["no-new-privileges:true"],
        "sysctls": {"net.ipv4.ip_unprivileged_port_start": 0},
        "volumes": [f"{proxy.shared}:{proxy.shared}:rw"],
        "ports": [f"127.0.0.1:{port}:{port}" for port in plan.entries],
        "networks": {NETWORK: {"ipv4_address": plan.proxy}, DOOR: {"ipv4_address": plan.door}},
    }


def _labelled(service: Mapping_, run: Run) -> Mapping_:
    service["labels"] = {**_labels(service.get("labels")), **run.labels}
    return service


def _labels(found: JsonValue) -> Mapping_:
    if isinstance(found, list):
        pairs = (str(each).partition("=") for each in found)
        return {name: value for name, _, value in pairs}
    return _mapping(found)


def _networks(woven: Mapping_, run: Run) -> Mapping_:
    networks = {"default": None, **_mapping(woven.get("networks"))}
    found: Mapping_ = {name: _ours(value, run) for name, value in networks.items()}
    old = str(woven.get("version", "")).startswith("2")
    for name, real in ((NETWORK, run.network), (DOOR, run.door)):
        found[name] = {"external": {"name": real}} if old else {"external": True, "name": real}
    return found


def _ours(value: JsonValue, run: Run) -> Mapping_:
    """A network or a volume of the run alone, unless it comes from outside."""
    found = _mapping(value)
    if not found.get("external"):
        found.pop("name", None)
        found["labels"] = {**_labels(found.get("labels")), **run.labels}
    return found


def _mapping(value: JsonValue) -> Mapping_:
    return value if isinstance(value, dict) else {}


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
