"""The page's server as others would ask it: whoever has no token, another name or another page, is refused."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, DummyCookieJar, web

from harness.cli.page.hands import Hands
from harness.cli.page.locusts import WORDS, adapted
from harness.cli.page.page import Page
from harness.cli.page.server import PageServer
from harness.clock import SystemClock
from harness.declare import load_system
from harness.engine.load_steering import Plan, Wish
from harness.model.load_profile import LoadPhase, LoadProfile
from tests.engine.test_by_hand import SYSTEM, Rig, rig

pytestmark = pytest.mark.loopback

PHASE = LoadPhase(name="load", length_s=3600, start_rate=20, end_rate=20)
PROFILE = LoadProfile(name="load", weights={"look": 1.0}, phases=(PHASE,))
INJECT = {"target": "front->back-2", "fault": "latency", "attributes": {"delay": "300ms"}, "lasts": "30s"}
FORM = {"user_count": "50", "spawn_rate": "5"}


class Locusts:
    """Stands for Locust's pages, and lets everybody read them."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def answer(self, request: web.Request, **_state: float) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        return web.Response(text="locust", headers={"Access-Control-Allow-Origin": "*"})


@dataclass
class Shown:
    """A page under load, and what came of what was asked of it."""

    server: PageServer
    page: Page
    rig: Rig
    client: ClientSession
    locusts: Locusts = field(default_factory=Locusts)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.guard.port}"

    @property
    def headers(self) -> dict[str, str]:
        guard = self.server.guard
        return {"Origin": self.url, "Cookie": f"{guard.cookie}={guard.token}"}

    async def ask(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **said: Any
    ) -> ClientResponse:
        headers = self.headers if headers is None else headers
        answer = await self.client.request(method, f"{self.url}{path}", headers=headers, allow_redirects=False, **said)
        await answer.read()
        return answer

    @property
    def untouched(self) -> bool:
        return not self.rig.injector.done and self.page.steering.take() is None and not self.locusts.asked


@asynccontextmanager
async def page_shown(root: Path, *, port: int = 0, load: bool = True, described: bool = True) -> AsyncIterator[Shown]:
    it = rig(root)
    page = Page(load_system(root / "system.yaml"), described=described)
    server = await PageServer.start(page, port=port)
    async with ClientSession(cookie_jar=DummyCookieJar()) as client:
        found = Shown(server=server, page=page, rig=it, client=client)
        if load:
            page._hands = Hands(it.hand, clock=SystemClock(), note=lambda _: None)
            page.steering.plan = Plan(PROFILE, began=0.0)
            page.locusts = found.locusts  # type: ignore[assignment]  # it answers alike
        try:
            yield found
        finally:
            await server.stop()
            await it.hand.close()


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    async with page_shown(tmp_path) as found:
        yield found


DEEDS: list[tuple[str, dict[str, Any]]] = [
    ("/chaos/inject", {"json": INJECT}),
    ("/chaos/heal", {"json": {}}),
    ("/chaos/experiment", {"json": {"experiment": "x"}}),
    ("/chaos/rate", {"json": {"rate": "5"}}),
    ("/chaos/finish", {"json": {}}),
    ("/swarm", {"data": FORM}),
    ("/stop", {}),
    ("/stats/reset", {}),
    ("/user", {"json": {}}),
]
READS = ["/", "/chaos", "/chaos/state", "/chaos/known", "/chaos/report", "/chaos/chaos.js", "/stats/requests", "/logs"]


def strangers(it: Shown) -> dict[str, dict[str, str]]:
    port, right = it.server.guard.port, it.headers
    return {
        "another site": {**right, "Origin": "http://evil.example"},
        "another port of this machine": {**right, "Origin": f"http://127.0.0.1:{port + 1}"},
        "a page without an origin": {**right, "Origin": "null"},
        "nobody": {"Cookie": right["Cookie"]},
        "another name for this machine": {**right, "Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"},
        "a browser that says so": {**right, "Sec-Fetch-Site": "same-site"},
        "without a token": {"Origin": right["Origin"]},
        "with another token": {"Origin": right["Origin"], "Cookie": f"{it.server.guard.cookie}=guessed"},
    }  # fmt: skip


@pytest.mark.parametrize(("path", "said"), DEEDS)
async def test_what_a_stranger_posts_is_refused_and_nothing_happens(
    shown: Shown, path: str, said: dict[str, Any]
) -> None:
    for who, headers in strangers(shown).items():
        answer = await shown.ask("POST", path, headers=headers, **said)
        assert (answer.status, (await answer.text())[:9]) == (403, "refused: "), who
    assert shown.untouched


@pytest.mark.parametrize("path", READS)
async def test_what_a_stranger_reads_is_refused(shown: Shown, path: str) -> None:
    for who, headers in strangers(shown).items():
        if who != "nobody":  # a browser names no page when its user opens one
            assert (await shown.ask("GET", path, headers=headers)).status == 403, who
        assert (await shown.ask("OPTIONS", path, headers={**headers, "Origin": "http://evil.example"})).status == 403
    assert shown.untouched


@pytest.mark.parametrize("path", [*READS, "/chaos/nothing", "/stats/requests?x=1"])
async def test_nobody_is_let_read_it_from_another_origin_and_it_loads_nothing_from_elsewhere(
    shown: Shown, path: str
) -> None:
    answer = await shown.ask("GET", path)
    assert not [each for each in answer.headers if each.lower().startswith("access-control-")]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    if "html" in answer.content_type or path == "/":
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "http" not in answer.headers["Content-Security-Policy"]


async def test_the_address_that_is_told_gives_a_cookie_and_does_not_stay(shown: Shown) -> None:
    answer = await shown.client.get(shown.server.guard.url, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/chaos")
    cookie = SimpleCookie(answer.headers["Set-Cookie"])[shown.server.guard.cookie]
    assert (cookie["samesite"], cookie["httponly"], cookie["domain"]) == ("Strict", True, "")
    page = await shown.ask("GET", "/chaos", headers={"Cookie": f"{shown.server.guard.cookie}={cookie.value}"})
    assert page.status == 200
    assert shown.server.guard.token not in await page.text()


async def test_a_fault_is_put_on_and_healed(shown: Shown) -> None:
    told = await (await shown.ask("POST", "/chaos/inject", json=INJECT)).json()
    assert told["told"][0]["says"] == "front → back-2 under latency 300 ms is in force after 0.10 s"
    state = await (await shown.ask("GET", "/chaos/state")).json()
    assert [each["place"] for each in state["in_force"]] == ["front->back-2"]
    told = await (await shown.ask("POST", "/chaos/heal", json={"injection": told["told"][0]["id"]})).json()
    assert told["told"][0]["good"]
    assert shown.rig.injector.done == ["inject front → back-2", "heal by-hand-1"]


async def test_the_rate_is_changed_from_here_and_from_locusts_own_form(shown: Shown) -> None:
    assert (await shown.ask("POST", "/chaos/rate", json={"rate": "7.5"})).status == 200
    assert shown.page.steering.take() == Wish(rate=7.5)
    assert (await (await shown.ask("POST", "/swarm", data=FORM)).json())["success"]
    assert shown.page.steering.take() == Wish(rate=50.0, slope=5.0)
    assert (await (await shown.ask("POST", "/stop")).json())["success"]
    assert shown.page.steering.take() == Wish(rate=0.0)
    assert (await shown.ask("POST", "/chaos/finish", json={})).status == 200
    assert shown.page.steering.take() == Wish(over=True)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({**INJECT, "target": "front->nowhere"}, "expected an edge of shop, found 'front->nowhere'"),
        ({**INJECT, "fault": "nonsense"}, "expected a fault of latency, down, "),
        ({**INJECT, "attributes": {"delay": "lots"}}, "the fault 'latency': delay: expected a duration such as"),
        ({**INJECT, "attributes": {"x": "1"}}, "the fault 'latency' takes delay, jitter"),
        ({**INJECT, "attributes": {}}, "the fault 'latency': delay: "),
        ({**INJECT, "attributes": {str(number): "1" for number in range(21)}}, "at most 20 attributes"),
        ({**INJECT, "attributes": ["delay"]}, "at most 20 attributes by their names"),
        ({**INJECT, "lasts": "for ever"}, "for how long: expected a duration"),
        ({**INJECT, "lasts": "2h"}, "at most 3600 s, found 7200"),
        ({**INJECT, "target": 7}, "expected target to be text, found '7'"),
        ({}, "for how long: expected a duration"),
    ],
)
async def test_what_makes_no_sense_is_told_in_the_words_of_the_command_line(
    shown: Shown, said: dict[str, Any], complaint: str
) -> None:
    answer = await shown.ask("POST", "/chaos/inject", json=said)
    assert answer.status == 400
    assert complaint in (await answer.json())["error"]
    assert shown.untouched


@pytest.mark.parametrize(
    ("path", "said", "status", "complaint"),
    [
        ("/chaos/inject", {"data": "{"}, 400, "expected JSON"),
        ("/chaos/inject", {"data": "[" * 50_000}, 400, "expected JSON"),
        ("/chaos/inject", {"data": "[]"}, 400, "expected an object of JSON"),
        ("/chaos/inject", {"data": "x" * 70_000}, 413, "Too Large"),
        ("/chaos/rate", {"json": {"rate": ""}}, 400, "expected a rate"),
        ("/chaos/rate", {"json": {"rate": "many"}}, 400, "expected rate to be a number, found 'many'"),
        ("/chaos/rate", {"json": {"rate": "-3"}}, 400, "expected 0 to 100000 journeys a second, found -3"),
        ("/chaos/experiment", {"json": {"experiment": "x"}}, 400, "expected an experiment of shop: none; found 'x'"),
        ("/chaos/heal", {"json": {"injection": "x"}}, 400, "nothing of the name 'x' is in force"),
        ("/swarm", {"data": {**FORM, "host": "http://example.org"}}, 200, "can't be turned to another host"),
        ("/swarm", {"data": {**FORM, "run_time": "5m"}}, 200, "the run's length is that of --for"),
        ("/swarm", {"data": {**FORM, "user_count": "many"}}, 200, "expected rate to be a number"),
        ("/user", {"json": {}}, 405, "the harness drives open arrivals: this can't be done here"),
    ],
)
async def test_other_bad_input_is_a_clear_answer_and_does_nothing(
    shown: Shown, path: str, said: dict[str, Any], status: int, complaint: str
) -> None:
    answer = await shown.ask("POST", path, **said)
    assert (answer.status, complaint in (await answer.text())) == (status, True), await answer.text()
    assert shown.untouched


async def test_a_bad_number_in_an_address_is_told(shown: Shown) -> None:
    assert (await shown.ask("GET", "/chaos/state?revision=-1")).status == 400
    assert (await shown.ask("GET", f"/chaos/state?number={'9' * 400}")).status == 400


async def test_before_and_after_the_load_locusts_pages_lead_to_ours_and_nothing_can_be_done(tmp_path: Path) -> None:
    async with page_shown(tmp_path, load=False) as it:
        answer = await it.ask("GET", "/")
        assert (answer.status, answer.headers["Location"]) == (303, "/chaos")
        assert (await it.ask("GET", "/stats/requests")).status == 503
        assert (await it.ask("GET", "/chaos/report")).status == 404
        for path, said in DEEDS[:-2]:
            answer = await it.ask("POST", path, **said)
            assert re.search("not begun yet", await answer.text()), path
        it.page.end("PASS", tmp_path / "system.yaml")
        assert await (await it.ask("GET", "/chaos/report")).text() == SYSTEM
        state = await (await it.ask("GET", "/chaos/state")).json()
        assert (state["phase"], state["verdict"], state["report"]) == ("ended", "PASS", True)


async def test_on_named_hosts_nothing_can_be_broken_and_the_page_says_why(tmp_path: Path) -> None:
    async with page_shown(tmp_path, described=False) as it:
        known = await (await it.ask("GET", "/chaos/known")).json()
        assert "describe the system" in known["unbreakable"]
        for path, said in (("/chaos/inject", INJECT), ("/chaos/experiment", {"experiment": "x"})):
            answer = await it.ask("POST", path, json=said)
            assert (answer.status, (await answer.json())["error"]) == (400, known["unbreakable"])
        assert it.untouched
        assert (await it.ask("POST", "/chaos/rate", json={"rate": "5"})).status == 200


async def test_where_the_port_is_taken_there_is_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with page_shown(tmp_path, port=port) as it:
            assert it.server.guard.port not in (0, port)
            assert (await it.ask("GET", "/chaos/state")).status == 200


def test_what_we_say_in_locusts_words_is_there_to_be_replaced() -> None:
    """A Locust that says it otherwise must be looked at anew."""
    found = find_spec("locust")  # to import it would patch this process
    assert found is not None
    assert found.origin is not None
    (script,) = (Path(found.origin).parent / "webui" / "dist" / "assets").glob("*.js")
    body = script.read_bytes()
    assert [each for each in WORDS if each.encode() not in body] == []
    shown = adapted("/assets/x.js", body, {}).decode()
    assert [each for each in WORDS if each in shown] == []
    assert [each for each in WORDS.values() if each not in shown] == []
