"""The socket at which a standing system listens: who may speak there, what it refuses, and that nobody can hang it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.cli import controlling
from harness.cli.asking import HangsError, NobodyListensError, answers, converse
from harness.cli.control_words import LINE_BYTES, SOCKET, Answer, HealRequest, InjectRequest, PingRequest, socket_path
from harness.cli.controlling import Control
from harness.engine.by_hand import Asked
from harness.errors import HarnessError
from tests.engine.test_by_hand import Injector, Rig, rig

pytestmark = pytest.mark.loopback
DOWN = InjectRequest(target="front->back-2", fault="down", lasts_s=60.0)


@asynccontextmanager
async def listening(root: Path, injector: Injector | None = None) -> AsyncIterator[tuple[Rig, Path]]:
    it = rig(root, injector)
    directory = root / ("a-long-name-" * 12)  # a path of its own would not fit into a socket's
    directory.mkdir()
    control = await Control.open(it.hand, directory)
    try:
        yield it, directory
    finally:
        await control.close()
    assert not (directory / SOCKET).exists()


async def said(directory: Path, line: bytes, *, end: bool = True) -> list[dict[str, object]]:
    with socket_path(directory) as path:
        reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    if end:
        writer.write_eof()
    async with asyncio.timeout(5):
        found = [json.loads(each) for each in (await reader.read()).splitlines()]
    writer.close()
    return found


async def test_only_its_owner_may_speak_to_it(tmp_path: Path) -> None:
    async with listening(tmp_path) as (_it, directory):
        assert (directory / SOCKET).stat().st_mode & 0o777 == 0o600


async def test_what_is_asked_for_is_answered_when_it_bites_and_when_it_is_healed(tmp_path: Path) -> None:
    async with listening(tmp_path) as (it, directory):
        asking = asyncio.create_task(said(directory, DOWN.line()))
        while not it.hand.in_force:  # noqa: ASYNC110 -- another task's doing
            await asyncio.sleep(0.005)
        healed = await said(directory, HealRequest().line())
        assert [each["kind"] for each in healed] == ["healed", "end"]
        found = await asking
        assert [each["kind"] for each in found] == ["armed", "healed", "end"]
        assert found[0]["what"] == "front → back-2 under down"


async def test_one_that_goes_away_leaves_the_fault_to_its_end(tmp_path: Path) -> None:
    async with listening(tmp_path) as (it, directory):
        with socket_path(directory) as path:
            _reader, writer = await asyncio.open_unix_connection(path)
        writer.write(DOWN.line())
        await writer.drain()
        while not it.hand.in_force:  # noqa: ASYNC110 -- another task's doing
            await asyncio.sleep(0.005)
        writer.close()
        await asyncio.sleep(0)
        assert [held.injection.id for held in it.hand.in_force] == ["by-hand-1"]
        it.clock.over.set()
        while it.hand.in_force:  # noqa: ASYNC110 -- another task's doing
            await asyncio.sleep(0.005)
        assert it.injector.done == ["inject front → back-2", "heal by-hand-1"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"nonsense\n", "expected a request, found a line: Invalid JSON"),
        (b'{"do": "explode"}\n', "expected a request"),
        (b'{"do": "heal", "more": 1}\n', "heal.more: Extra inputs are not permitted"),
        (b'{"do": "inject", "target": "x", "fault": "down"}\n', "inject.lasts_s: Field required"),
        (b'{"do": "inject", "target": "x", "fault": "down", "lasts_s": 5.0}\n', "acts on an edge"),
        (b'{"do": "inject", "target": "' + b"x" * 201 + b'", "fault": "down", "lasts_s": 5.0}\n', "at most 200"),
        (b"x" * (LINE_BYTES + 10) + b"\n", "expected a request, found Separator"),
    ],
)
async def test_what_it_does_not_understand_is_told(tmp_path: Path, line: bytes, complaint: str) -> None:
    async with listening(tmp_path) as (it, directory):
        (answer,) = await said(directory, line)
        assert answer["kind"] == "error"
        assert complaint in str(answer["evidence"])
        assert it.injector.done == []
        assert (await said(directory, PingRequest().line()))[0]["kind"] == "end"


async def test_one_that_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controlling, "ASKED_WITHIN_S", 0.05)
    async with listening(tmp_path) as (_it, directory):
        assert await said(directory, b'{"do": ', end=False) == []


async def test_there_is_a_limit_to_how_many_ask_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controlling, "MOST_AT_ONCE", 0)
    async with listening(tmp_path) as (_it, directory):
        with pytest.raises(HarnessError, match="0 others are asking; try again"):
            await asyncio.to_thread(answers, directory)


async def test_the_asker_hears_each_answer_and_what_was_wrong(tmp_path: Path) -> None:
    def heal(directory: Path) -> list[Answer]:
        return list(converse(directory, HealRequest(), within_s=5))

    async with listening(tmp_path) as (it, directory):
        assert await asyncio.to_thread(answers, directory)
        await it.hand.inject(Asked(target="front->back-2", fault="down", attributes={}, lasts_s=60.0))
        (answer,) = await asyncio.to_thread(heal, directory)
        assert (answer.kind, answer.good, answer.by) == ("healed", True, "removed")
        wrong = InjectRequest(target="front->nowhere", fault="down", lasts_s=1.0)
        with pytest.raises(HarnessError, match="expected an edge of shop"):
            await asyncio.to_thread(lambda: list(converse(directory, wrong, within_s=5)))
    assert not await asyncio.to_thread(answers, directory)
    with pytest.raises(NobodyListensError):
        await asyncio.to_thread(heal, directory)


async def test_one_that_hangs_is_told_from_one_that_is_gone(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    with socket_path(tmp_path) as path:
        server = await asyncio.start_unix_server(never, path)
    with pytest.raises(HangsError):
        await asyncio.to_thread(lambda: list(converse(tmp_path, PingRequest(), within_s=0.1)))
    release.set()
    server.close()
    await server.wait_closed()
