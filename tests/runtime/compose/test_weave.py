from __future__ import annotations

import copy
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from harness.declare.starting.compose_file import Project, read_project
from harness.errors import DeclarationError
from harness.model.system import Edge, InstanceSpec, Need, Service, Store, StoreKind, System
from harness.model.topology import InstanceId, Topology
from harness.runtime.compose.checks import check
from harness.runtime.compose.plan import Plan, Room, plan
from harness.runtime.compose.weave import DOOR, NETWORK, PROXY, ProxyService, Run, weave

COMPOSE = """
services:
  web:
    image: web:1
    container_name: the-web
    ports: ["8080:80"]
    links: ["db:database"]
    networks: [front, back]
    extra_hosts: ["elsewhere:192.0.2.1", "api:192.0.2.2"]
  api:
    build: ./api
    scale: 3
    expose: ["9000"]
    networks:
      back: {aliases: [prices]}
  db:
    image: postgres:16
    ports: ["15432:5432", "8008:8008"]
    volumes: ["kept:/var/lib"]
    networks: [back]
  job:
    image: job:1
    labels: ["some=label"]
networks:
  front: {name: fixed}
  back: {external: true}
volumes:
  kept: {name: fixed, labels: {other: label}}
"""
PROXY_SERVICE = ProxyService(image="proxies:1", command=("python", "-c", "…"), shared="/run/proxies")
RUN = Run(network="run", door="run-door", labels={"harness.run": "run"}, images={"api": "harness/shop-api:compose"})
FRONT, BACK, DB = InstanceId(service="front"), InstanceId(service="back"), InstanceId(service="db")


def a_project(directory: Path, text: str = COMPOSE) -> Project:
    file = directory / "docker-compose.yml"
    file.write_text(text)
    return read_project(file, environ={})


def a_system(directory: Path, *, instances: int = 1, at: tuple[str, ...] = (), compose: str = "api") -> Topology:
    back = Service(owner="two", compose=compose, instances=(InstanceSpec(),) * instances)
    system = System(
        system="shop",
        entry="front",
        services={"front": Service(owner="one", compose="web"), "back": back},
        stores={"db": Store(kind=StoreKind.TCP)},
        edges=(
            Edge(consumer="front", provider="back", need=Need.HARD, at=at),
            Edge(consumer="front", provider="db", need=Need.HARD),
            Edge(consumer="back", provider="db", need=Need.HARD),
        ),
    )
    return Topology(system=system, root=str(directory), start_order=())


def planned(topology: Topology, project: Project, exposed: int | None = None) -> Plan:
    ports = iter(range(20_000, 21_000))
    room = Room(network=IPv4Network("198.18.16.0/20"), door=IPv4Network("198.18.0.8/29"), take_port=lambda: next(ports))
    return plan(topology, project, lambda _of: exposed, room)


def resolved() -> dict[str, Any]:
    """As `compose config` gives it."""
    import yaml

    found: dict[str, Any] = yaml.safe_load(COMPOSE)
    found["services"]["web"]["networks"] = {"front": None, "back": None}
    found["services"]["db"]["networks"] = {"back": None}
    return found


def woven(directory: Path, **how: Any) -> dict[str, Any]:
    found: Any = weave(resolved(), planned(a_system(directory, **how), a_project(directory)), PROXY_SERVICE, RUN)
    services: dict[str, Any] = found["services"]
    return services | {"networks": found["networks"], "volumes": found["volumes"]}


def test_each_line_has_an_address_of_its_own_and_the_port_of_its_provider(tmp_path: Path) -> None:
    found = planned(a_system(tmp_path), a_project(tmp_path))
    assert {id_: part.port for id_, part in found.parts.items()} == {FRONT: 80, BACK: 9000, DB: 5432}
    lines = {each.line.name: (each.entry_host, each.entry_port) for each in found.lines}
    assert lines == {
        "customers-1->front-1": ("198.18.0.10", 20_000),
        "front-1->back-1": ("198.18.20.1", 9000),
        "front-1->db-1": ("198.18.20.2", 5432),
        "back-1->db-1": ("198.18.20.3", 5432),
    }
    assert len({each.proxy_port for each in found.lines}) == len(found.lines)
    assert {each.upstream_host for each in found.lines} == {part.address for part in found.parts.values()}


def test_a_consumer_knows_its_providers_by_all_their_names_at_the_addresses_of_its_lines(tmp_path: Path) -> None:
    found = woven(tmp_path)
    assert found["web"]["extra_hosts"] == [
        "elsewhere:192.0.2.1",
        "api:198.18.20.1",
        "prices:198.18.20.1",
        "db:198.18.20.2",
        "database:198.18.20.2",
    ]
    assert found["api"]["extra_hosts"] == ["db:198.18.20.3"]
    assert "extra_hosts" not in found["db"]


def test_each_instance_is_a_service_and_consumers_know_all_of_them(tmp_path: Path) -> None:
    found = woven(tmp_path, instances=2)
    assert found["api"]["networks"][NETWORK] != found["api-2"]["networks"][NETWORK]
    assert [each for each in found["web"]["extra_hosts"] if each.startswith("prices:")] == [
        "prices:198.18.20.1",
        "prices:198.18.20.2",
    ]
    assert "scale" not in found["api"]


def test_what_would_meet_a_copy_of_the_project_that_is_up_is_left_out(tmp_path: Path) -> None:
    found = woven(tmp_path)
    for name in ("web", "api", "db"):
        assert {"ports", "container_name", "scale"}.isdisjoint(found[name])
    assert found["web"]["networks"]["front"] == {"aliases": ["the-web"]}
    assert found["api"]["image"] == "harness/shop-api:compose"
    assert found["networks"]["front"] == {"labels": {"harness.run": "run"}}
    assert found["networks"]["back"] == {"external": True}
    assert found["volumes"] == {"kept": {"labels": {"other": "label", "harness.run": "run"}}}


def test_all_carry_the_run_and_only_the_door_is_published_on_loopback(tmp_path: Path) -> None:
    found = woven(tmp_path)
    services = {name: each for name, each in found.items() if name not in ("networks", "volumes")}
    assert all(each["labels"]["harness.run"] == "run" for each in services.values())
    assert found["job"]["labels"]["some"] == "label"
    assert [name for name, each in services.items() if "ports" in each] == [PROXY]
    assert found[PROXY]["ports"] == ["127.0.0.1:20000:20000"]
    assert found[PROXY]["cap_add"] == ["NET_ADMIN"]
    assert set(found[PROXY]["networks"]) == {NETWORK, DOOR}
    assert NETWORK not in found["job"]["networks"]


def test_the_project_itself_is_not_changed(tmp_path: Path) -> None:
    config = resolved()
    before = copy.deepcopy(config)
    weave(config, planned(a_system(tmp_path), a_project(tmp_path)), PROXY_SERVICE, RUN)
    assert config == before


def test_an_address_in_the_code_leads_to_its_line_by_the_port_that_stands_there(tmp_path: Path) -> None:
    found = planned(a_system(tmp_path, at=("pricing.internal:9100",)), a_project(tmp_path))
    (line,) = [each for each in found.lines if each.line.name == "front-1->back-1"]
    assert (line.entry_port, line.upstream_port) == (9100, 9000)
    assert ("pricing.internal", line.entry_host) in found.hosts[FRONT]


def test_the_image_is_asked_when_the_project_does_not_say_the_port(tmp_path: Path) -> None:
    text = COMPOSE.replace('    expose: ["9000"]\n', "")
    assert planned(a_system(tmp_path), a_project(tmp_path, text), exposed=3000).parts[BACK].port == 3000
    with pytest.raises(DeclarationError, match=r"nothing says on which port 'back' listens; add expose: \[PORT\]"):
        planned(a_system(tmp_path), a_project(tmp_path, text))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"compose": "apu"}, "'apu' is no service of docker-compose.yml; did you mean 'api'?"),
        ({"at": ("127.0.0.1:9000",)}, "'127.0.0.1' of front → back is an address: a container can't be told"),
        ({"at": ("a:1", "b:2")}, "front → back has several ports .1, 2., and only one can have a proxy here"),
    ],
)
def test_what_can_not_be_planned_is_refused(tmp_path: Path, how: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        planned(a_system(tmp_path, **how), a_project(tmp_path))


def test_a_service_without_an_address_of_its_own_is_refused_at_its_line_when_the_description_names_it(
    tmp_path: Path,
) -> None:
    project = a_project(tmp_path, COMPOSE.replace("    scale: 3\n", "    network_mode: host\n"))
    with pytest.raises(DeclarationError, match=r"docker-compose.yml:12:\d+: 'network_mode: host' of 'api'"):
        check(project, ["web", "api"])
    assert any("'network_mode: host' of 'api'" in str(each) for each in check(project, ["web"]))


def test_one_name_for_two_containers_is_refused(tmp_path: Path) -> None:
    project = a_project(tmp_path, COMPOSE.replace("    scale: 3\n", "    container_name: the-web\n"))
    with pytest.raises(DeclarationError, match="'container_name: the-web' is the name of 'web' already"):
        check(project, ["web"])


def test_what_has_another_meaning_in_a_run_is_told_by_line(tmp_path: Path) -> None:
    told = "\n".join(map(str, check(a_project(tmp_path), ["web", "api", "db"])))
    assert "docker-compose.yml:6:5: 'ports' of 'web' are not published in a run" in told
    assert "3 containers of 'api' are asked for; the description says how many there are" in told
    assert "the network 'back' comes from outside" in told
