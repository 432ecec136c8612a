"""What a load run is to do, read and proved sound before anything is started."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from harness.declare import load_system, with_tls
from harness.declare.journeys import KINDS, adopt, load_file, read_conduct
from harness.declare.thresholds import Known, parse_threshold
from harness.declare.yaml import read_yaml
from harness.engine.customers import conduct_that_loads
from harness.engine.permission import PlaceOf, permit, permit_rate, why_beyond
from harness.engine.session import Settings
from harness.errors import DeclarationError, Place, Problem
from harness.load.fleet import FleetPlan
from harness.model.load_profile import LoadPhase, LoadProfile
from harness.model.system import Ability, Attached, Content, InstanceSpec, RuntimeKind, Service, System
from harness.model.threshold import Threshold
from harness.model.topology import Topology
from harness.runtime.addresses import check_placeholders

DEFAULT_RATE = 10.0
DEFAULT_LENGTH_S = 60.0
ONLY_PHASE = "load"
"""What the one phase of a load is called that no profile describes."""

ANSWER_WITHIN_S = 2.0
"""Within which somebody must take a connection at a host that runs already."""

LEAST_POOL, MOST_POOL = 200, 1000
"""Journeys that may be under way at once."""

HOST_OPTION, LOCUSTFILE_OPTION = "--host", "--locustfile"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadAsked:
    """What a user asked for."""

    system: Path | None = None
    """The description; None where hosts are named."""
    hosts: tuple[str, ...] = ()
    journeys: Path | None = None
    """What customers do, when that is not where the description says."""
    profile: str = ""
    rate: float | None = None
    length_s: float | None = None
    users: int = 0
    expect: tuple[str, ...] = ()
    fleet: FleetPlan | None = None
    """Several generators in place of one."""
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRun:
    """What is done."""

    topology: Topology
    profile: LoadProfile
    thresholds: tuple[Threshold, ...]
    pool: int
    fleet: FleetPlan | None = None
    described: bool = True
    """False of hosts that were named: of edges and proxies there is nothing to say."""


def prepare_load(asked: LoadAsked) -> LoadRun:
    """Read all that the run needs.

    Raises:
        DeclarationError: with every problem of the first file that has any, of a host, or of a weight.
        InputError: if a threshold can't be read, or names what is not there.
        LoadError: if nothing says what customers do, or the locustfile isn't Python.
    """
    topology, place_of = _attached(asked) if asked.hosts else _described(asked)
    conduct_that_loads(topology)
    profile = _profile(asked, topology)
    known = Known(journeys=tuple(topology.system.journeys), phases=tuple(each.name for each in profile.phases))
    thresholds = (*profile.expect, *(parse_threshold(text, known) for text in asked.expect))
    highest = profile.peak_rate
    permit(topology, {Ability.LOAD}, place_of=place_of)
    permit_rate(topology, highest, place_of=place_of)
    for host in asked.hosts:
        _answering(host)
    return LoadRun(
        topology=topology,
        profile=profile,
        thresholds=thresholds,
        pool=_pool(topology, profile, highest),
        fleet=asked.fleet,
        described=not asked.hosts,
    )


def _described(asked: LoadAsked) -> tuple[Topology, PlaceOf]:
    if asked.system is None:
        raise _wrong("system", "nothing says what to load", f"name a system, or {HOST_OPTION} and {LOCUSTFILE_OPTION}")
    topology = load_system(asked.system)
    topology = with_tls(topology) if asked.settings.tls else topology
    place_of = read_yaml(asked.system).place
    check_placeholders(topology, place_of=place_of)
    if asked.journeys is not None:
        content = topology.system.content.model_copy(update={"load": str(_there(asked.journeys))})
        topology = replace(topology, system=topology.system.model_copy(update={"content": content}))
    return topology, place_of


def _attached(asked: LoadAsked) -> tuple[Topology, PlaceOf]:
    """Hosts that run already, as if somebody had described them: an entry, and nothing behind it."""
    for host in asked.hosts:
        _is_here(host)
    content = Content() if asked.journeys is None else Content(load=str(_there(asked.journeys)))
    name = f"port-{urlsplit(asked.hosts[0]).port or 80}"
    entry = Service(
        owner="whoever started it",
        attach=Attached(addresses=asked.hosts),
        instances=(InstanceSpec(),) * len(asked.hosts),
        ready="tcp",
    )
    system = System(system=name, entry=name, runtime=RuntimeKind.ATTACH, content=content, services={name: entry})
    topology = Topology(system=system, root=str(Path.cwd()), start_order=((name,),))
    return adopt(topology, read_conduct(topology).journeys), lambda _path: Place(file=HOST_OPTION)


def _there(file: Path) -> Path:
    if not file.is_file():
        raise _wrong(str(file), "expected what customers do, and there is no such file", f"name {KINDS}")
    return file.resolve()


def _is_here(host: str) -> None:
    """Only what is on this machine: of anything beyond, a description must say that it may be loaded."""
    try:
        parts = urlsplit(host)
        usable = parts.scheme == "http" and parts.hostname and not (parts.path.strip("/") or parts.query)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        raise _wrong(HOST_OPTION, f"the address {host!r} can't be used", "write it as http://127.0.0.1:8000")
    if why := why_beyond(host):
        remedy = "describe it in a system.yaml, whose 'environment' and 'allow: [load]' say that it may be loaded"
        raise _wrong(HOST_OPTION, f"{host} is beyond this machine ({why})", remedy)


def _answering(host: str) -> None:
    parts = urlsplit(host)
    try:
        socket.create_connection((parts.hostname, parts.port or 80), ANSWER_WITHIN_S).close()
    except OSError as error:
        message = f"nobody answers at {host} ({error.strerror or error})"
        raise _wrong(HOST_OPTION, message, "start what is to be loaded, then try again") from error


def _profile(asked: LoadAsked, topology: Topology) -> LoadProfile:
    """The one that is named, else one phase of what the options say."""
    weights = {name: float(journey.weight) for name, journey in topology.system.journeys.items()}
    if asked.profile:
        from harness.declare.load_profile import find_profile, load_profile

        return load_profile(find_profile(asked.profile, _beside(topology)), weights)
    rate = 0.0 if asked.users else asked.rate or topology.system.baseline.rate or DEFAULT_RATE
    length_s = asked.length_s or DEFAULT_LENGTH_S
    phase = LoadPhase(name=ONLY_PHASE, length_s=length_s, start_rate=rate, end_rate=rate, users=asked.users)
    return LoadProfile(name=ONLY_PHASE, weights=weights, phases=(phase,))


def _beside(topology: Topology) -> Path:
    """Where profiles are: beside what customers do, beside the description, or here."""
    from harness.declare.load_profile import DIRECTORY

    file = load_file(topology)
    places = [*([file.parent.parent] if file else []), Path(topology.root), Path.cwd()]
    return next((each for each in places if (each / DIRECTORY).is_dir()), places[0])


def _pool(topology: Topology, profile: LoadProfile, highest: float) -> int:
    """As many as are under way when each takes as long as it may, within bounds."""
    longest_s = max(float(topology.journey(name).deadline) for name in profile.weights)
    return min(max(LEAST_POOL, round(highest * longest_s), profile.most_users), MOST_POOL)


def _wrong(file: str, message: str, remedy: str) -> DeclarationError:
    return DeclarationError([Problem(place=Place(file=file), message=message, remedy=remedy)])
