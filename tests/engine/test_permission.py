"""What may be done to a system that is not on this machine alone, and what is refused before anything is sent."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.declare import load_system
from harness.engine.permission import MOST_RATE_BEYOND, Address, ability_for, host_of, is_beyond, permit, permit_rate
from harness.engine.prepare import Options, prepare
from harness.errors import DeclarationError
from harness.faults import Injector, Kill
from harness.model.fault import Injection, InstanceTarget
from harness.model.quantity import Duration
from harness.model.system import Ability
from harness.model.topology import Topology
from tests.runtime.fakes import FakeMesh

NAMES = {"localhost": ["127.0.0.1", "::1"], "staging.example": ["10.0.0.7"], "both.example": ["127.0.0.1", "10.0.0.7"]}
NOTHING: Mapping[str, str] = {}
SAY = "if it may be broken, say so: 'environment: staging' and 'allow: [load]'"


def resolve(host: str) -> Sequence[str]:
    if host not in NAMES:
        raise OSError(-2, "Name or service not known")
    return NAMES[host]


def attached(root: Path, address: str = "http://127.0.0.1:8001", *, also: str = "", api: str = "") -> Topology:
    proxies = f"\n    proxies: [{{api: '{api}', proxy: front-db}}]" if api else ""
    text = f"""\
system: theirs
entry: front
runtime: attach
{also}
services:
  front:
    owner: web
    attach:
      addresses: ['{address}']
stores:
  db:
    kind: tcp
    attach: {{addresses: ['127.0.0.1:5432']}}
edges:
  - from: front
    to: db
    need: hard{proxies}
"""
    (root / "system.yaml").write_text(text, encoding="utf-8")
    return load_system(root / "system.yaml")


def refused(topology: Topology, *wanted: Ability) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        permit(topology, wanted, resolve=resolve, environ=NOTHING)
    root = f"{topology.root}/"
    return [str(problem).replace(root, "") for problem in caught.value.problems]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8001", "http://127.8.9.1", "http://[::1]:80", "http://localhost:1"]
)
def test_on_this_machine_load_faults_and_fuzzing_need_no_word(tmp_path: Path, address: str) -> None:
    permit(attached(tmp_path, address), (Ability.LOAD, Ability.FAULTS, Ability.FUZZ), resolve=resolve, environ=NOTHING)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://10.0.0.7:8001", "10.0.0.7 is not of the loopback"),
        ("http://[2001:db8::1]:80", "2001:db8::1 is not of the loopback"),
        ("https://staging.example/shop", "staging.example is 10.0.0.7"),
        ("https://both.example", "both.example is 10.0.0.7"),
        ("http://nowhere.example", "the name 'nowhere.example' can't be resolved: Name or service not known"),
        ("http://", "no host can be read in it"),
    ],
)
def test_what_is_beyond_this_machine_must_be_said_to_be(tmp_path: Path, address: str, why: str) -> None:
    assert refused(attached(tmp_path, address), Ability.LOAD) == [
        f"system.yaml:9:19: {address} is beyond this machine ({why}), and 'environment' does not say what it is; {SAY}"
    ]


def test_proxies_beyond_this_machine_count_too(tmp_path: Path) -> None:
    (found,) = refused(attached(tmp_path, api="http://10.0.0.7:8474"), Ability.FAULTS)
    assert found.startswith("system.yaml:18:21: http://10.0.0.7:8474 is beyond this machine")


@pytest.mark.parametrize("wanted", list(Ability))
def test_each_thing_that_is_done_there_must_be_allowed(tmp_path: Path, wanted: Ability) -> None:
    others = ", ".join(each for each in Ability if each is not wanted)
    topology = attached(tmp_path, "http://10.0.0.7", also=f"environment: staging\nallow: [{others}]")
    (found,) = refused(topology, wanted)
    assert found.startswith("system.yaml:5:8: environment is 'staging', and nothing allows the harness to")
    assert found.endswith(f"if it may, say so: 'allow: [{others}, {wanted}]'")
    permit(topology, set(Ability) - {wanted}, resolve=resolve, environ=NOTHING)


def test_what_is_declared_as_staging_needs_the_word_on_the_loopback_too(tmp_path: Path) -> None:
    assert len(refused(attached(tmp_path, also="environment: staging"), Ability.LOAD, Ability.FAULTS)) == 2


def test_production_is_never_fuzzed(tmp_path: Path) -> None:
    topology = attached(tmp_path, also="environment: production\nallow: [load, faults, kill, fuzz]")
    (found,) = refused(topology, Ability.LOAD, Ability.FUZZ)
    assert found.startswith("system.yaml:4:14: it is production, and fuzzing invents commands that nobody meant; ")
    permit(topology, [Ability.LOAD, Ability.FAULTS, Ability.KILL], resolve=resolve, environ=NOTHING)


def test_what_the_harness_did_not_start_is_killed_only_where_that_is_allowed(tmp_path: Path) -> None:
    (found,) = refused(attached(tmp_path), Ability.KILL)
    assert "the system is attached, and nothing allows the harness to kill or freeze what it did not start" in found
    permit(attached(tmp_path, also="allow: [kill]"), [Ability.KILL], resolve=resolve, environ=NOTHING)


def test_a_network_that_the_harness_made_is_on_this_machine(tmp_path: Path) -> None:
    topology, address = attached(tmp_path), [Address(text="10.0.0.7:5432")]
    ours = [ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_network("fd00::/8")]
    permit(topology, [Ability.LOAD], address, ours=ours, resolve=resolve, environ=NOTHING)
    with pytest.raises(DeclarationError, match=r"10\.0\.0\.7:5432 is beyond this machine"):
        permit(topology, [Ability.LOAD], address, resolve=resolve, environ=NOTHING)


def test_nothing_wanted_is_nothing_refused(tmp_path: Path) -> None:
    permit(attached(tmp_path, "http://10.0.0.7"), (), resolve=resolve, environ=NOTHING)


COMPOSE = "system: theirs\nentry: front\nruntime: compose\nservices: {front: {owner: web}}\n"


@pytest.mark.parametrize("host", ["tcp://10.0.0.7:2376", "ssh://me@staging.example"])
def test_containers_of_another_machine_are_beyond_this_one(tmp_path: Path, host: str) -> None:
    (tmp_path / "system.yaml").write_text(COMPOSE, encoding="utf-8")
    topology = load_system(tmp_path / "system.yaml")
    with pytest.raises(DeclarationError, match=f"DOCKER_HOST: {host} is beyond this machine"):
        permit(topology, [Ability.FAULTS], resolve=resolve, environ={"DOCKER_HOST": host})
    permit(topology, [Ability.FAULTS], resolve=resolve, environ={"DOCKER_HOST": "unix:///run/docker.sock"})


def test_a_docker_context_that_is_not_known_is_beyond_this_machine(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(COMPOSE, encoding="utf-8")
    topology = load_system(tmp_path / "system.yaml")
    with pytest.raises(DeclarationError, match="the Docker context 'nobody-knows'"):
        permit(topology, [Ability.FAULTS], resolve=resolve, environ={"DOCKER_CONTEXT": "nobody-knows"})


def test_load_has_a_limit_beyond_this_machine(tmp_path: Path) -> None:
    topology = attached(tmp_path, "http://10.0.0.7", also="environment: staging\nallow: [load]")
    permit_rate(topology, MOST_RATE_BEYOND, environ=NOTHING)
    with pytest.raises(DeclarationError, match="51 journeys a second are more than 50"):
        permit_rate(topology, MOST_RATE_BEYOND + 1, environ=NOTHING)
    permit_rate(attached(tmp_path), 1000, environ=NOTHING)


def test_a_system_of_processes_is_on_this_machine(tmp_path: Path) -> None:
    text = "system: ours\nentry: front\nservices: {front: {owner: web, run: {command: [x]}}}\n"
    (tmp_path / "system.yaml").write_text(text, encoding="utf-8")
    topology = load_system(tmp_path / "system.yaml")
    assert not is_beyond(topology, resolve=resolve, environ={"DOCKER_HOST": "tcp://10.0.0.7:2376"})
    permit(topology, list(Ability), resolve=resolve, environ=NOTHING)


@pytest.mark.parametrize(
    ("text", "host"),
    [("http://a:1/x", "a"), ("a:1", "a"), ("a", "a"), ("[::1]:5", "::1"), ("unix:///x", None), ("http://[x", "")],
)
def test_hosts_are_read_as_people_write_them(text: str, host: str | None) -> None:
    assert host_of(text) == host


@pytest.mark.parametrize(("parts", "wanted"), [({"fuzz"}, "fuzz it"), ({"chaos"}, "put load on it")])
def test_a_run_is_refused_before_anything_starts(tmp_path: Path, parts: set[str], wanted: str) -> None:
    attached(tmp_path, also="environment: staging\njourneys: {visit: {deadline: 1s}}")
    experiments = tmp_path / "chaos" / "experiments"
    experiments.mkdir(parents=True)
    experiment = {
        "experiment": "slow-db",
        "hypothesis": "Without its store the front still answers, only more slowly.",
        "load": {"rate": 5, "weights": {"visit": 1}},
        "injections": [{"fault": "latency", "edge": "front->db", "delay": "1s", "for": "5s"}],
    }
    (experiments / "slow.yaml").write_text(json.dumps(experiment), encoding="utf-8")
    (tmp_path / "loadtests").mkdir()
    (tmp_path / "loadtests" / "locustfile.py").write_text("", encoding="utf-8")
    with pytest.raises(DeclarationError) as caught:
        prepare(Options(system=tmp_path / "system.yaml", parts=frozenset(parts)))
    assert f"nothing allows the harness to {wanted}" in str(caught.value)


async def test_the_last_gate_is_where_faults_are_armed(tmp_path: Path) -> None:
    def permitted(injection: Injection) -> None:
        permit(attached(tmp_path), [ability_for(injection)], resolve=resolve, environ=NOTHING)

    mesh = FakeMesh(())
    record = tmp_path / "in-force.ndjson"
    injector = Injector(mesh, mesh, clock=SystemClock(), record=record, permitted=permitted)  # type: ignore[arg-type]  # nothing is touched
    injection = Injection(id="it", fault=Kill(), target=InstanceTarget(service="front"), lasts=Duration(1))
    with pytest.raises(DeclarationError, match="nothing allows the harness to kill or freeze what it did not start"):
        await injector.inject(injection)
    assert not record.exists()
