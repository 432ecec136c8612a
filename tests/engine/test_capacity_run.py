"""The knee of a server whose capacity is known by construction."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.checkers.capacity_search import Search
from harness.engine import capacity_run
from harness.engine.capacity_plan import CapacityAsked, prepare_capacity
from harness.engine.capacity_run import measure_capacity
from harness.engine.load_plan import LoadAsked
from harness.engine.session import Settings
from harness.errors import InputError
from harness.model.capacity import Capacity, Held
from harness.model.events import CapacityMeasured, Event
from harness.model.verdict import Verdict
from harness.report import write_reports
from harness.report.terminal import render

SLOTS, SERVICE_S = 3, 0.05
BEARS = SLOTS / SERVICE_S
"""So many requests a second: each takes one of the slots for its time, and waits for it before."""
MOST_WAITING = 6
STEPS = "journeys:\n  look: [GET /]\n"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_BODY = b'{"type":"about:blank","title":"no","status":503,"detail":"no"}'
FULL = (
    b"HTTP/1.1 503 X\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
    b"Content-Length: %d\r\n\r\n" % len(_BODY)
) + _BODY


class Counter:
    """Serves at so many slots; who finds too many waiting is sent away."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(SLOTS)
        self._waiting = 0
        self._serving: set[asyncio.Task[None]] = set()
        self.url = ""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Counter]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = "http://{}:{}".format(*server.sockets[0].getsockname())
        try:
            yield self
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(await self._answer())
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answer(self) -> bytes:
        if self._waiting >= MOST_WAITING:
            return FULL
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            await asyncio.sleep(SERVICE_S)
        finally:
            self._slots.release()
        return GOOD


def asked(url: str, directory: Path, **more: object) -> CapacityAsked:
    file = directory / "journeys.yaml"
    file.write_text(STEPS, encoding="utf-8")
    load = LoadAsked(hosts=(url,), journeys=file, settings=Settings(directory=directory / "run", seed=5))
    search = Search(lowest=42, highest=200, repeats=1)
    return CapacityAsked(load=load, search=search, step_s=5, **more)  # type: ignore[arg-type]  # as they are


def measured(events: tuple[Event, ...]) -> Capacity:
    (found,) = [each.capacity for each in events if isinstance(each, CapacityMeasured)]
    return found


@pytest.mark.loopback
async def test_the_knee_of_so_many_slots_is_what_they_can_serve(tmp_path: Path) -> None:
    async with Counter().opened() as server:
        want = asked(server.url, tmp_path, target=600.0)
        result = await measure_capacity(prepare_capacity(want), want.load.settings, say=lambda _: None)
    found = measured(result.events)
    assert found.knee.rate is None or found.knee.rate <= 1.15 * BEARS  # whatever happens, it never promises more
    assert "capacity.json" in {each.name for each in write_reports(result.events, tmp_path / "run")}
    if found.knee.verdict is Verdict.UNKNOWN:
        assert result.exit_code == 2
        pytest.skip(f"this machine has no time for a generator: {found.knee.reason}")
    assert found.knee.rate == pytest.approx(BEARS, rel=0.15)
    assert found.knee.pages is not None
    assert found.knee.pages.estimate == pytest.approx(found.knee.rate, rel=0.15)
    assert any(each.held is Held.MISSED and each.rate > BEARS for each in found.steps)
    assert "For 600 pages a second, 3 times" in render(result.events, colour=False)


@pytest.mark.loopback
async def test_beyond_the_knee_what_sheds_is_told_from_what_does_not(tmp_path: Path) -> None:
    async with Counter().opened() as server:
        want = replace(asked(server.url, tmp_path, overload=True), search=Search(lowest=45, highest=46, repeats=1))
        result = await measure_capacity(prepare_capacity(want), want.load.settings, say=lambda _: None)
    found = measured(result.events)
    if found.knee.rate is None:
        pytest.skip(f"this machine has no time for a generator: {found.knee.reason}")
    assert found.overload is not None
    assert found.overload.asked == 2 * found.knee.rate
    assert found.overload.verdict is not Verdict.FAIL
    assert found.overload.goodput.estimate > 0.8 * found.overload.knee


async def test_a_run_that_somebody_stops_tells_what_there_is(tmp_path: Path) -> None:
    async with Counter().opened() as server:
        want = asked(server.url, tmp_path)
        first = asyncio.Event()
        said: list[str] = []

        def say(message: str) -> None:
            said.append(message)
            first.set()

        task = asyncio.create_task(measure_capacity(prepare_capacity(want), want.load.settings, say=say))
        async with asyncio.timeout(60):
            await first.wait()
        task.cancel()
        result = await task
    assert result.exit_code == 130
    assert len(measured(result.events).steps) == 1


PUTS_OFF = """
import http.server, queue, threading, time

left = queue.SimpleQueue()

class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        left.put(None)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

def work():
    while True:
        left.get()
        until = time.thread_time() + 0.15
        while time.thread_time() < until:
            pass

threading.Thread(target=work, daemon=True).start()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
print(server.server_port, flush=True)
server.serve_forever()
"""
"""Answers at once, and has 0.15 s of work with each request afterwards."""


async def test_who_puts_work_off_does_not_bear_the_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity_run, "IDLE_S", 1.0)
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", PUTS_OFF, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    try:
        url = f"http://127.0.0.1:{int(await server.stdout.readline())}"
        want = replace(asked(url, tmp_path), search=Search(lowest=10, highest=11, repeats=1), step_s=3)
        result = await measure_capacity(prepare_capacity(want), want.load.settings, say=lambda _: None)
    finally:
        server.kill()
        await server.wait()
    first = measured(result.events).steps[0]
    assert first.worked_on_s is not None
    assert first.worked_on_s > 0.6  # 30 requests have 4.5 s of work in 3 s
    assert first.held is not Held.HELD
    assert any("work was put off" in why for why in first.why) or first.held is Held.UNTOLD


async def test_an_objective_of_the_rate_itself_is_refused(tmp_path: Path) -> None:
    async with Counter().opened() as server:
        with pytest.raises(InputError, match="less load would keep too"):
            prepare_capacity(asked(server.url, tmp_path, objectives=("look.rate > 40/s",)))
