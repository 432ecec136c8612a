"""What the driver and the load generator say to each other: a line of JSON each way, over a unix socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from harness.model.declared import DegradedMark
from harness.model.load_events import Noted, Observed, WorkerJoined, WorkerLost
from harness.model.load_profile import LoadProfile
from harness.model.steps import StepJourneys
from harness.model.visits import Exchange

SOCKET_NAME = "load.sock"

LINE_LIMIT = 4 * 1024 * 1024
"""Bytes of the longest line: a distinct answer whose 64 KiB are all escaped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """The first line from the driver: what to load. Times are of CLOCK_MONOTONIC, deadlines in seconds."""

    do: Literal["begin"] = "begin"
    locustfile: str
    hosts: tuple[str, ...]
    journeys: tuple[str, ...]
    deadlines: dict[str, float]
    degraded: DegradedMark
    seed: int
    pool: int
    path: tuple[str, ...]
    history: str
    run_began: float
    steps: StepJourneys = field(default_factory=dict)
    """Journeys whose steps are declared; then there is no locustfile."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent along with every request."""
    traced: str = ""
    """The run's name when somebody takes spans: then every visit has a trace of its own."""
    worker: int = 0
    workers: int = 1
    """Of several generators this is that one: arrivals whose number, divided by theirs, leaves it are its own."""
    name: str = ""
    """Its name among several, told in its rows and in the ids of its operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """Start or alter arrivals."""

    do: Literal["drive"] = "drive"
    id: int
    rate: float
    weights: dict[str, float]
    at: float | None = None
    """From when on, in seconds of the run; None is at once. Several generators must change at one moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """Go as a profile says, by the generator's own clock; times are seconds since the run began."""

    do: Literal["follow"] = "follow"
    id: int
    profile: LoadProfile
    began: float
    """When the profile begins, or began."""
    since: float
    """What lies before is left out; as `at` of `Drive`, it holds from then on."""
    run_began: float | None = None
    """When the run began, if its clock was set forward after `Begin`; told only where there is one generator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiesce:
    """No more arrivals; answer when nothing is in flight, or at the time-out."""

    do: Literal["quiesce"] = "quiesce"
    id: int
    timeout_s: float
    at: float | None = None
    """As for `Drive`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """Tell everything measured until now, then answer."""

    do: Literal["flush"] = "flush"
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeDistinct:
    """Tell the distinct answers and forget them, then answer."""

    do: Literal["take-distinct"] = "take-distinct"
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pay:
    """Pay one visit, tell each of its exchanges, then that it ended; nothing of it is counted as load."""

    do: Literal["pay"] = "pay"
    id: int
    journey: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    """The first line to a master: wait for so many workers and have each load its share."""

    do: Literal["gather"] = "gather"
    begin: Begin
    workers: int
    address: str
    port: int
    """0 is any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """To a master: the process of a worker has ended."""

    do: Literal["gone"] = "gone"
    id: int
    worker: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """To a master: tell Locust's own totals, then answer."""

    do: Literal["total"] = "total"
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Show Locust's own pages at a unix socket of that path, then answer."""

    do: Literal["show"] = "show"
    id: int
    place: str


Question = Drive | Follow | Quiesce | Flush | TakeDistinct | Pay | Gone | Total | Show
"""What is answered by `Done`."""

Command = Begin | Gather | Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The locustfile is loaded."""

    type: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The locustfile can't be driven; the generator ends."""

    type: Literal["refused"] = "refused"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command was carried out."""

    type: Literal["done"] = "done"
    id: int
    in_flight: int = 0
    failed: str | None = None
    """Of a visit: what went wrong first."""
    trace: str = ""
    """Of a visit."""
    error: str = ""
    late_s: float = 0.0
    """By how much the command came after the moment from when on it was to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """One exchange of a visit under way; its bodies are in base64."""

    type: Literal["exchanged"] = "exchanged"
    id: int
    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A master waits for workers at this port."""

    type: Literal["listening"] = "listening"
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LocustTotal:
    """What Locust itself counted of one kind of request, over all workers."""

    method: str
    name: str
    requests: int
    failures: int
    response_ms: float
    """The sum of their response times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Locust's own totals, of all workers that told them."""

    type: Literal["totals"] = "totals"
    totals: tuple[LocustTotal, ...]


Report = Ready | Refused | Done | Observed | Exchanged | Listening | Totals | WorkerJoined | WorkerLost | Noted


@cache
def _commands() -> TypeAdapter[Command]:
    return TypeAdapter(Annotated[Command, Field(discriminator="do")])


@cache
def _reports() -> TypeAdapter[Report]:
    return TypeAdapter(Annotated[Report, Field(discriminator="type")])


def understand() -> None:
    """Have ready what reads and writes lines, which the first line would wait for."""
    _commands()
    _reports()


def command_line(command: Command) -> bytes:
    """A command as a line."""
    return _commands().dump_json(command, by_alias=True) + b"\n"


def read_command(line: bytes) -> Command:
    """The command on a line; raises `pydantic.ValidationError` when it is none."""
    return _commands().validate_json(line)


def report_line(report: Report) -> bytes:
    """A report as a line."""
    return _reports().dump_json(report) + b"\n"


def read_report(line: bytes) -> Report:
    """The report on a line; raises `pydantic.ValidationError` when it is none."""
    return _reports().validate_json(line)


@contextmanager
def _short_address(directory: Path) -> Iterator[str]:
    """An address of the socket in `directory` that fits into the 108 bytes of a unix address, however deep it lies."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)


def listen(directory: Path) -> socket.socket:
    """A socket in `directory` that waits for the generator; raises OSError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        (directory / SOCKET_NAME).unlink(missing_ok=True)
        with _short_address(directory) as address:
            listener.bind(address)
        listener.listen(1)
        listener.setblocking(False)  # noqa: FBT003 -- its signature
    except OSError:
        listener.close()
        raise
    return listener


def connect(directory: Path) -> socket.socket:
    """The generator's end of the socket in `directory`; raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short_address(directory) as address:
            connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
