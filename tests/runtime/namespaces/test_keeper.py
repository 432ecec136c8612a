from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.runtime.namespaces.door import Door
from harness.runtime.namespaces.passing import KeeperError, answer, ask, connect_to, listen_at
from harness.runtime.namespaces.plan import OpeningPlan, Plan, RoomPlan
from tests.runtime.fakes import until

pytestmark = pytest.mark.loopback

ROOM = RoomPlan(
    name="orders-1", interface="room0", hall_end="198.18.0.1", address="127.0.0.1", port=0, outside=0, names={}
)
LISTENS = "head\n 0: 0100007F:{port:04X} 00000000:0000 0A 0\n"


@dataclass
class ARoom:
    """A room that is no namespace, so that its door can be tried without rights."""

    plan: RoomPlan
    open: bool = False
    sockets: list[socket.socket] = field(default_factory=list)

    def socket(self) -> socket.socket:
        self.sockets.append(socket.socket())
        return self.sockets[-1]

    def tables(self) -> list[str]:
        return [LISTENS.format(port=self.plan.port) if self.open else "head\n"]


@asynccontextmanager
async def a_door(
    handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[tuple[ARoom, Door, int]]:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    listener = socket.socket()
    listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
    listener.bind(("127.0.0.1", 0))
    room = ARoom(replace(ROOM, port=server.sockets[0].getsockname()[1]))
    door = Door(room, listener)  # type: ignore[arg-type]  # all of a room that a door needs
    try:
        yield room, door, listener.getsockname()[1]
    finally:
        server.close()
        room.open = False
        door.shut()
        if door._looking is not None:
            door._looking.cancel()
        listener.close()


async def refused(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.transport.abort()
    return False


async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks first, and is gone."""
    writer.write(b"hello")
    writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers once all was said."""
    writer.write(await reader.read())
    writer.close()


async def test_a_door_refuses_until_the_service_listens() -> None:
    async with a_door(greet) as (room, door, port):
        assert await refused(port)
        door.shut()
        await asyncio.sleep(0)
        assert await refused(port)
        room.open = True
        await until(lambda: door._open)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b"hello"
        writer.close()
        room.open = False
        door.shut()
        assert await refused(port)


async def test_a_door_passes_on_all_that_is_said_and_the_end_of_each_side() -> None:
    async with a_door(echo) as (room, door, port):
        room.open = True
        door.shut()
        await until(lambda: door._open)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        said = os.urandom(1 << 20)
        writer.write(said)
        writer.write_eof()
        assert await reader.read() == said
        writer.close()
        await until(lambda: all(each.fileno() == -1 for each in room.sockets))


async def test_a_door_shuts_when_the_service_is_found_gone() -> None:
    async with a_door(greet) as (room, door, port):
        room.open = True
        door.shut()
        await until(lambda: door._open)
        room.open = False
        room.plan = replace(ROOM, port=1)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        assert await refused(port)


def test_descriptors_come_with_the_answer(tmp_path: Path) -> None:
    listener = listen_at(str(tmp_path), "keeper.sock")
    assert (tmp_path / "keeper.sock").stat().st_mode & 0o777 == 0o600
    listener.listen()

    def serve() -> None:
        asked, _ = listener.accept()
        with asked, listener:
            assert json.loads(asked.recv(100)) == {"do": "enter"}
            answer(asked, {"room": 1}, [listener.fileno()])
            asked.recv(100)
            answer(asked, {"error": "there is no such room"}, [])
            asked.recv(100)

    serving = threading.Thread(target=serve)
    serving.start()
    with connect_to(str(tmp_path), "keeper.sock") as asking:
        told, (descriptor,) = ask(asking, {"do": "enter"})
        os.close(descriptor)
        assert told == {"room": 1}
        with pytest.raises(KeeperError, match="there is no such room"):
            ask(asking, {"do": "other"})
        with pytest.raises(KeeperError, match="is gone"):
            ask(asking, {"do": "last"})
    serving.join()


def test_who_asks_nobody_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect_to(str(tmp_path), "keeper.sock")


def test_a_plan_is_read_as_it_was_written(tmp_path: Path) -> None:
    opening = OpeningPlan(line="a-1->b-1", room="a-1", address="10.0.0.1", port=80, indoors=False)
    plan = Plan(rooms=(ROOM,), openings=(opening,))
    plan.write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == plan
