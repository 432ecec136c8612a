"""A stub on real sockets: in this process, and as the process that a sandbox starts."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from harness.clock import SystemClock, pause
from harness.contracts.stubs.server import MAX_BODY_BYTES, STATE_HEADER, Orders, Playing
from tests.contracts.stubs.pacts import CHARGE, interaction, stubbed, write

pytestmark = pytest.mark.loopback
READY_WITHIN_S = 60.0


class Served:
    def __init__(self, url: str, choices: Path, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.choices = choices
        self._http = http

    async def charge(self, **headers: str) -> tuple[int, str]:
        async with self._http.post(f"{self.url}/charges", json=CHARGE, headers=headers) as answer:
            return answer.status, await answer.text()

    async def ask(self, method: str, path: str, **more: object) -> tuple[int, bytes, dict[str, str]]:
        async with self._http.request(method, self.url + path, **more) as answer:  # type: ignore[arg-type]  # what is passed on
            return answer.status, await answer.read(), dict(answer.headers)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    empty = interaction("an end", {"method": "DELETE", "path": "/charges"}, {"status": 204})
    odd = interaction("ä path", {"method": "GET", "path": "/ä b", "query": {"q": ["1", "2"]}}, {"status": 200})
    pact = tmp_path / "pacts"
    known = stubbed(pact).interactions
    stub = stubbed(tmp_path / "more", empty, odd)
    both = type(stub)(consumer="orders", provider="payments", source="it", interactions=(*known, *stub.interactions))
    choices = tmp_path / "sandbox-state"
    runner = web.AppRunner(Playing(both, choices).application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as http:
        yield Served(f"http://127.0.0.1:{port}", choices, http)
    await runner.cleanup()


async def test_the_file_is_read_again_for_each_request(served: Served) -> None:
    assert (await served.charge())[0] == 201
    served.choices.write_text("payments: a refunded order\n", encoding="utf-8")
    assert (await served.charge())[0] == 409
    served.choices.write_text("# nothing\n", encoding="utf-8")
    assert (await served.charge())[0] == 201
    served.choices.unlink()
    assert (await served.charge())[0] == 201


async def test_a_header_chooses_for_one_request(served: Served) -> None:
    assert (await served.charge(**{STATE_HEADER: "a refunded order"}))[0] == 409
    status, text = await served.charge(**{STATE_HEADER: "no such state"})
    assert (status, "'no such state' was chosen" in text) == (501, True)


async def test_what_nothing_matches_is_answered_and_told(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    status, body, headers = await served.ask("GET", "/nothing")
    assert (status, headers["Content-Type"]) == (501, "application/problem+json")
    assert json.loads(body)["title"] == "No interaction matches"
    assert capsys.readouterr().out.startswith("501 GET /nothing matches no interaction in it")


async def test_an_empty_answer_and_odd_paths_come_through(served: Served) -> None:
    status, body, headers = await served.ask("DELETE", "/charges")
    assert (status, body, "Content-Type" in headers) == (204, b"", False)
    assert (await served.ask("GET", "/%C3%A4%20b?q=1&q=2"))[0] == 200
    assert (await served.ask("GET", "/%C3%A4%20b?q=1"))[0] == 501


async def test_a_body_that_is_too_large_is_refused(served: Served) -> None:
    assert (await served.ask("POST", "/charges", data=io.BytesIO(b"x" * (MAX_BODY_BYTES + 1))))[0] == 413


async def test_a_probe_of_the_harness_is_no_request(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert (await served.ask("GET", "/livez", headers={"User-Agent": "harness-probe"}))[0] == 204
    assert capsys.readouterr().out == ""


async def test_many_at_once_are_answered(served: Served) -> None:
    answers = await asyncio.gather(*(served.charge() for _ in range(100)))
    assert {status for status, _ in answers} == {201}


def test_a_process_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    orders = Orders(
        port=0, consumer="orders", provider="payments", pact=str(write(tmp_path / "{odd}")), chosen="a refunded order"
    )
    told = {name: text.replace("{{", "{").replace("}}", "}") for name, text in orders.environment().items()}
    process = _started({**told, "STUB_PORT": str(port)})
    try:
        assert _status(port) == 409
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert (process.returncode, out.count(b"409 by")) == (0, 1)


def test_a_pact_that_is_broken_ends_the_process_with_its_place(tmp_path: Path) -> None:
    broken = tmp_path / "orders-payments.json"
    broken.write_text("{", encoding="utf-8")
    process = _started({"STUB_PORT": "1", "STUB_CONSUMER": "a", "STUB_PROVIDER": "b", "STUB_PACT": str(broken)})
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, b"orders-payments.json:1:2: expected JSON" in out) == (2, True)
    assert b"Traceback" not in out


def _started(told: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from harness.contracts.stubs.server import serve; serve()"]
    env = {**os.environ, **told}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _status(port: int) -> int:
    clock = SystemClock()
    limit = clock.now() + READY_WITHIN_S
    data = json.dumps(CHARGE).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/charges", data=data, headers={"Content-Type": "application/json"}
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 -- see above
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            assert clock.now() < limit, "the stub never listened"
            pause(0.05)
