"""The process that keeps the namespaces of a run: when it ends, all of them are gone.

`python -m harness.runtime.namespaces.keeper DIRECTORY`, where the directory has the plan; standard library only. It
opens the doors of the rooms, answers for names in them, lets launchers in, and hands the relay the sockets on which
consumers find their lines. `--probe` instead of the directory tells whether all of that is possible here.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

from harness.runtime.namespaces.building import House, build
from harness.runtime.namespaces.door import LOOPBACK, Door
from harness.runtime.namespaces.files import PLAN, SOCKET
from harness.runtime.namespaces.outside import Outside
from harness.runtime.namespaces.passing import MESSAGE_BYTES, answer, listen_at
from harness.runtime.namespaces.plan import Plan, RoomPlan
from harness.runtime.namespaces.rights import why_not

REFUSED = 3
"""The exit code when the kernel makes no namespaces."""
BACKLOG = 128


class Keeper:
    """Keeps what was built, and serves who asks."""

    def __init__(self, plan: Plan, house: House, doors: dict[str, Door], listener: socket.socket) -> None:
        self._plan = plan
        self._house = house
        self._doors = doors
        self._listener = listener
        self._outside = Outside({f"{each.address}:{each.port}" for each in plan.openings})

    async def serve(self) -> None:
        """Serve until this process is ended."""
        loop = asyncio.get_running_loop()
        by_interface = {room.interface: room.name for room in self._plan.rooms}
        for name, room in self._house.rooms.items():
            room.name_server.setblocking(False)  # noqa: FBT003 -- the standard library's signature
            loop.add_reader(room.name_server.fileno(), self._outside.on_name, name, room.plan.names, room.name_server)
        if self._house.attempts is not None:
            self._house.attempts.setblocking(False)  # noqa: FBT003 -- as above
            loop.add_reader(self._house.attempts.fileno(), self._outside.on_attempt, by_interface, self._house.attempts)
        self._listener.setblocking(False)  # noqa: FBT003 -- as above
        self._listener.listen(BACKLOG)
        loop.add_reader(self._listener.fileno(), self._on_asker)
        await asyncio.Event().wait()

    def _on_asker(self) -> None:
        try:
            asker, _ = self._listener.accept()
        except OSError:
            return
        asker.setblocking(False)  # noqa: FBT003 -- as above
        asyncio.get_running_loop().add_reader(asker.fileno(), self._on_question, asker)

    def _on_question(self, asker: socket.socket) -> None:
        try:
            question = asker.recv(MESSAGE_BYTES)
            if question:
                told, descriptors = self._answer(json.loads(question))
                answer(asker, told, descriptors)
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # as an end of file: nobody is there any more
        asyncio.get_running_loop().remove_reader(asker.fileno())
        asker.close()

    def _answer(self, question: dict[str, str]) -> tuple[dict[str, object], list[int]]:
        match question:
            case {"do": "shut", "room": room} if room in self._doors:
                self._doors[room].shut()
                self._outside.forget(room)
                return {}, []
            case {"do": "enter", "room": room} if room in self._doors:
                user = [] if self._house.user is None else [self._house.user]
                return {}, [self._house.rooms[room].network, *user]
            case {"do": "openings", "line": line}:
                return {}, [each.fileno() for each in self._house.openings.get(line, ())]
            case {"do": "seen", "room": room} if room in self._doors:
                return {"listens": self._doors[room].listens(), "outside": self._outside.of(room)}, []
            case _:
                return {"error": f"there is no answer to {question}"}, []


def keep(directory: Path) -> Callable[[], Coroutine[object, object, None]]:
    """Build what the plan in a directory tells; gives what then serves.

    Raises:
        OSError: if the kernel refuses.
    """
    plan = Plan.read(directory / PLAN)
    listener = listen_at(str(directory), SOCKET)
    outside = {room.name: _outside(room) for room in plan.rooms}
    house = build(plan)
    doors = {name: Door(house.rooms[name], held) for name, held in outside.items()}
    return Keeper(plan, house, doors, listener).serve


def _outside(room: RoomPlan) -> socket.socket:
    """The socket of a room's door, made before we leave the network that it is in."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.setblocking(False)  # noqa: FBT003 -- as above
    held.bind((LOOPBACK, room.outside))
    return held


def _probe() -> None:
    """Build one room, and forget it; raises OSError."""
    address = {"hall_end": "198.18.0.1", "address": "198.18.0.2"}
    room = RoomPlan(name="probe", interface="room0", port=1, outside=0, names={}, **address)
    build(Plan(rooms=(room,), openings=()))


def _runner() -> Callable[[Coroutine[object, object, None]], None]:
    """The one of uvloop when it can be imported, since it makes a chunk cheaper; else that of asyncio."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


def main(arguments: list[str]) -> int:
    """Keep, or probe."""
    try:
        if arguments == ["--probe"]:
            _probe()
            return 0
        serve = keep(Path(arguments[0]))
    except OSError as error:
        sys.stderr.write(f"{why_not(error)}\n")
        return REFUSED
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _runner()(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
