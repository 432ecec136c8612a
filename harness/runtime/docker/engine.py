"""The Docker engine: reached, and asked for what carries the label of a run."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from harness.clock import SystemClock, pause
from harness.errors import DeployError

RUN_LABEL = "harness.run"
"""Carried by all that belongs to a run; its value is the run's id."""
SYSTEM_LABEL = "harness.system"
PROCESS_LABEL = "harness.process"
"""The id of the harness's own process."""

_UNIX = "unix://"
DEFAULT_HOST = f"{_UNIX}/var/run/docker.sock"
KNOCK_WITHIN_S = 5.0
ANSWER_WITHIN_S = 60.0
REMOVED_WITHIN_S = 60.0
LOOK_AGAIN_AFTER_S = 0.1
QUIET_LOOKS = 2
"""How often in a row nothing must be found until nothing is left: a container that was being made may still come."""

REMEDY = "start one (scripts/docker-engine does, where there is apt), or say by DOCKER_HOST where it listens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that has something on the engine."""

    run: str
    system: str
    process: int
    """Of the harness that brought it up; 0 when nobody knows."""
    containers: tuple[str, ...]


def connect(environ: Mapping[str, str] = os.environ) -> docker.APIClient:
    """A connection to the engine.

    Raises:
        DeployError: if none answers.
    """
    where = environ.get("DOCKER_HOST") or DEFAULT_HOST
    try:
        if where.startswith(_UNIX):
            _knock(where.removeprefix(_UNIX))
        return docker.APIClient(base_url=where, version="auto", timeout=int(ANSWER_WITHIN_S))
    except (DockerException, requests.RequestException, OSError) as error:
        raise DeployError(
            f"expected a Docker engine, found none that answers ({_first_line(error)}); {REMEDY}"
        ) from error


def _knock(path: str) -> None:
    """Raises OSError when nobody listens there; the library would leave a socket open when it finds that out."""
    with socket.socket(socket.AF_UNIX) as trial:
        trial.settimeout(KNOCK_WITHIN_S)
        trial.connect(path)


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Let what goes wrong with the engine become a DeployError that says what was being done."""
    try:
        yield
    except (DockerException, requests.RequestException) as error:
        raise DeployError(f"{what}: the Docker engine says: {_first_line(error)}") from error


def labels_of(run: str, system: str) -> dict[str, str]:
    """What everything of a run carries."""
    return {RUN_LABEL: run, SYSTEM_LABEL: system, PROCESS_LABEL: str(os.getpid())}


def runs(environ: Mapping[str, str] = os.environ) -> list[Run]:
    """All runs that have a container or a network on the engine; raises DeployError when there is no engine."""
    with contextlib.closing(connect(environ)) as api, explained("listing the runs"):
        containers = _containers(api, RUN_LABEL)
        found: dict[str, Run] = {}
        for each in [*containers, *_networks(api, RUN_LABEL)]:
            labels: dict[str, str] = each["Labels"]
            run = labels[RUN_LABEL]
            names = tuple(sorted(c["Names"][0].strip("/") for c in containers if c["Labels"][RUN_LABEL] == run))
            process = int(labels.get(PROCESS_LABEL, "0"))
            found[run] = Run(run=run, system=labels.get(SYSTEM_LABEL, ""), process=process, containers=names)
        return sorted(found.values(), key=lambda each: each.run)


def remove_run(run: str, environ: Mapping[str, str] = os.environ) -> int:
    """Remove all containers, networks and volumes of a run; gives how many there were.

    Raises:
        DeployError: if there is no engine, or something is still there after a minute.
    """
    with contextlib.closing(connect(environ)) as api, explained(f"removing what is left of run {run}"):
        return clear(api, run)


def clear(api: docker.APIClient, run: str) -> int:
    """As `remove_run`, on a connection that is there."""
    clock = SystemClock()
    deadline = clock.now() + REMOVED_WITHIN_S
    label = f"{RUN_LABEL}={run}"
    removed: set[str] = set()
    quiet = 0
    while quiet < QUIET_LOOKS:
        containers, networks, volumes = _containers(api, label), _networks(api, label), _volumes(api, label)
        for each in containers:
            with contextlib.suppress(NotFound, APIError):  # it may be on its way out already: looked for again below
                api.remove_container(each["Id"], force=True, v=True)
        for each in networks:
            with contextlib.suppress(NotFound, APIError):  # a container may still be in it
                api.remove_network(each["Id"])
        for volume in volumes:
            with contextlib.suppress(NotFound, APIError):  # as above
                api.remove_volume(volume)
        left = [*(each["Id"] for each in (*containers, *networks)), *volumes]
        removed.update(left)
        quiet = 0 if left else quiet + 1
        if clock.now() > deadline:
            raise DeployError(
                f"expected nothing left of run {run} after {REMOVED_WITHIN_S:g} s, found {len(left)} parts; "
                f"look with `docker ps -a --filter label={label}`"
            )
        pause(LOOK_AGAIN_AFTER_S)
    return len(removed)


def _containers(api: docker.APIClient, label: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.containers(all=True, filters={"label": label})
    return found


def _networks(api: docker.APIClient, label: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.networks(filters={"label": label})
    return found


def _volumes(api: docker.APIClient, label: str) -> list[str]:
    return [each["Name"] for each in api.volumes(filters={"label": label})["Volumes"] or ()]


def _first_line(error: Exception) -> str:
    explanation = getattr(error, "explanation", None) or str(error)
    return next((line.strip() for line in str(explanation).splitlines() if line.strip()), type(error).__name__)[:300]


def used_bytes(stats: object) -> int:
    """The memory in use, of what the engine tells of a container; 0 when it tells nothing."""
    memory = stats.get("memory_stats") if isinstance(stats, dict) else None
    usage = memory.get("usage") if isinstance(memory, dict) else None
    return usage if isinstance(usage, int) else 0
