"""What the keeper is told, in a file; standard library only, since it lives beside the services."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomPlan:
    """A room to build: see `harness.runtime.namespaces.places.Room`."""

    name: str
    interface: str
    hall_end: str
    address: str
    port: int
    outside: int
    names: dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPlan:
    """A socket that the relay is to listen on, and for whose connections."""

    line: str
    room: str
    address: str
    port: int
    indoors: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is to be built."""

    rooms: tuple[RoomPlan, ...]
    openings: tuple[OpeningPlan, ...]

    def write(self, path: Path) -> None:
        """Put it in a file."""
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> Plan:
        """What a file holds that `write` has written."""
        found = json.loads(path.read_bytes())
        return cls(
            rooms=tuple(RoomPlan(**room) for room in found["rooms"]),
            openings=tuple(OpeningPlan(**opening) for opening in found["openings"]),
        )
