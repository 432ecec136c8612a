"""What stands in a compose file that the harness can't take part in, and what that means."""

from __future__ import annotations

from collections.abc import Iterator

from harness.declare.starting.located import Section, Value, texts
from harness.errors import Problem

_SWARM = ("placement", "update_config", "rollback_config", "endpoint_mode")
_ONE_KEY = {
    "external_links": "leads to containers of other projects: they are not started, and have no edge here",
    "provider": "is not a container: nothing can be broken here, and no edge leads to it",
    "credential_spec": "is for Windows containers, which the harness does not run",
    "volumes_from": "shares files past every edge; the harness sees connections only",
}


def of_service(name: str, section: Section) -> Iterator[Problem]:
    """What of a service is not supported."""
    yield from _of_its_network(name, section)
    yield from _of_its_deployment(name, section)
    for key, means in _ONE_KEY.items():
        if key in section:
            yield section[key].problem(f"'{key}' of '{name}' {means}")
    if "pid" in section and section["pid"].content == "host":
        message = f"'pid: host' of '{name}': it sees the processes of this machine, and may signal them"
        yield section["pid"].problem(message, "leave it out if it can do without")
    for key in ("extra_hosts",):
        if key in section:
            message = f"'{key}' of '{name}': what these names lead to is no part of the project, and has no edge"
            yield section[key].problem(message, "describe it as a store with `names:`, if it is to be broken")


def network_mode(name: str, mode: Value) -> Iterator[Problem]:
    """Why a service that has no address of its own is left out."""
    match str(mode.content).partition(":"):
        case ("host", _, _):
            why = "it has no address of its own, so no proxy can stand before it"
        case ("service" | "container", _, _):
            why = "it shares the addresses of another, so no proxy can stand before it alone"
        case _:
            why = "it can't be reached by its name, so it has no edges"
    message = f"'network_mode: {mode.content}' of '{name}': {why}: it is left out"
    yield mode.problem(message, "give it a network of the project to take it in")


def _of_its_network(name: str, section: Section) -> Iterator[Problem]:
    networks = section.get("networks")
    for network, value in networks.children() if networks else ():
        for key in ("ipv4_address", "ipv6_address"):
            address = value.child(key)
            if address is not None:
                message = (
                    f"'{key}' of '{name}' in '{network}': who uses the address instead of the name goes past the proxy"
                )
                yield address.problem(message, "use the name, or say the address in the edge's `at:`")


def _of_its_deployment(name: str, section: Section) -> Iterator[Problem]:
    deploy = section.get("deploy")
    mode = deploy.child("mode") if deploy else None
    if mode is not None and mode.content in {"global", "replicated-job", "global-job"}:
        message = f"'deploy.mode: {mode.content}' of '{name}' is for swarm: one container is described"
        yield mode.problem(message, "add `instances:` if there are to be more")
    for key in _SWARM:
        value = deploy.child(key) if deploy else None
        if value is not None:
            yield value.problem(f"'deploy.{key}' of '{name}' is for swarm, and has no effect here")
    replicas = deploy.child("replicas") if deploy else None
    for value, key in ((replicas, "deploy.replicas"), (section.get("scale"), "scale")):
        if value is not None and value.content not in {0, 1}:
            message = f"'{key}: {value.content}' of '{name}': it is described as one instance"
            yield value.problem(message, "say `instances: [{}, {}]` in system.yaml to have more")


def of_project(top: Value) -> Iterator[Problem]:
    """What beside the services is not supported."""
    networks = top.child("networks")
    for name, value in networks.children() if networks else ():
        yield from _network(name, value)
    for kind in ("secrets", "configs", "volumes"):
        section = top.child(kind)
        for name, value in section.children() if section else ():
            external = value.child("external")
            if external is not None and external.content:
                message = f"'{name}' of {kind} comes from outside: it must be there before the project is started"
                yield external.problem(message, f"make it once by hand, or define it in {kind}")


def _network(name: str, value: Value) -> Iterator[Problem]:
    external = value.child("external")
    if external is not None and external.content:
        message = f"the network '{name}' comes from outside: it must be there, and who else is in it isn't seen"
        yield external.problem(message, "make it once by hand, or define it here")
    driver = value.child("driver")
    if driver is not None and driver.content not in {None, "bridge"}:
        message = f"the network '{name}' has the driver '{driver.content}': proxies are put in bridge networks only"
        yield driver.problem(message, "use `driver: bridge`")
    four = value.child("enable_ipv4")
    if four is not None and four.content is False:
        message = f"the network '{name}' has no IPv4: proxies listen on IPv4, so its edges can't have any"
        yield four.problem(message, "leave out `enable_ipv4: false`")
    if (pools := _pools(value)) and all(":" in text for text in pools):
        message = f"the network '{name}' has IPv6 subnets only: proxies listen on IPv4, so its edges can't have any"
        yield value.problem(message, "add an IPv4 subnet")


def _pools(network: Value) -> list[str]:
    ipam = network.child("ipam")
    config = ipam.child("config") if ipam else None
    subnets = (each.child("subnet") for each in config.elements()) if config else ()
    return [text for each in subnets if each is not None for text, _ in texts(each)]
