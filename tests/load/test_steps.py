"""The executor of declared steps, against servers that cut, stall and lie."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from harness.clock import SystemClock
from harness.errors import LoadError
from harness.load.steps import StepsPlan, StepsVisitor
from harness.model.declared import DegradedMark, OperationMark
from harness.model.marks import run_marks
from harness.model.steps import StepJourney, StepJourneys, Variable
from harness.model.visits import Trouble, Visit

pytestmark = pytest.mark.loopback

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
CUT: dict[str, tuple[bytes, bool]] = {
    "/empty": (b"", False),
    "/half-a-status": (HEAD[:9], False),
    "/half-a-header": (HEAD[:40], False),
    "/no-body": (HEAD, False),
    "/half-a-body": (HEAD + b'{"a":1', False),
    "/half-a-chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", False),
    "/reset": (b"", True),
    "/no-http": (b"what do you want?\r\n\r\n", False),
    "/wrong-length": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc", False),
}


def answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """Answers by path, and remembers what it was asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                await self._exchange(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        headers = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        raw = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        self.asked.append(Asked(method, path, {name.lower(): value for name, value in raw.items()}, body))
        if path in CUT:
            await self._cut(writer, *CUT[path])
        elif path == "/slow":
            await asyncio.Event().wait()
        elif path == "/slow-body":
            writer.write(HEAD + b'{"a"')
            await asyncio.Event().wait()
        else:
            writer.write(self._whole(method, path, body))
            await writer.drain()

    async def _cut(self, writer: asyncio.StreamWriter, data: bytes, reset: bool) -> None:  # noqa: FBT001 -- a table's
        writer.write(data)
        await writer.drain()
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        else:
            writer.close()
        raise OSError

    def _whole(self, method: str, path: str, body: bytes) -> bytes:
        canned = {
            "/away": answer(302, b"", "Location: http://elsewhere.example/x"),
            "/moved": answer(302, b"", "Location: /good"),
            "/degraded": answer(200, b'{"degraded":["stock"]}'),
            "/missing": answer(404, b'{"detail":"no"}'),
            "/sessions": answer(
                201, b'{"token":"t-1","user":{"id":7}}', "Set-Cookie: sid=abc; Path=/", "Set-Cookie: gone="
            ),
        }
        if method == "POST" and path == "/orders":
            return answer(201, body, "Location: /orders/9?full=1")
        usual = answer(200, json.dumps({"path": path, "quantity": 3, "none": None}).encode())
        return canned.get(path.partition("?")[0], usual)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    serving: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await site.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield site
    server.close()
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


def journey(*steps: dict[str, object] | str, **variables: Variable) -> StepJourneys:
    spelled = [{"request": step} if isinstance(step, str) else step for step in steps]
    document = json.dumps({"steps": spelled})
    made = StepJourney.model_validate_json(document)
    return {"a": made.model_copy(update={"variables": variables})}


def visitor(
    url: str, journeys: StepJourneys, *, deadline_s: float = 10.0, mark: DegradedMark | None = None, seed: int = 1
) -> StepsVisitor:
    plan = StepsPlan(
        journeys=journeys,
        hosts=(url,),
        deadlines=dict.fromkeys(journeys, deadline_s),
        degraded=mark or DegradedMark(),
        seed=seed,
        headers=run_marks("run-7"),
    )
    return StepsVisitor(plan, clock=SystemClock())


async def visited(site: Site, *steps: dict[str, object] | str, **named: float) -> Visit:
    return await visitor(site.url, journey(*steps), **named).visit("a", number=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "trouble", "status"),
    [
        ("/empty", Trouble.RESET, None),
        ("/half-a-status", Trouble.TRUNCATED, None),
        ("/half-a-header", Trouble.TRUNCATED, None),
        ("/no-body", Trouble.TRUNCATED, 200),
        ("/half-a-body", Trouble.TRUNCATED, 200),
        ("/half-a-chunk", Trouble.TRUNCATED, 200),
        ("/reset", Trouble.RESET, None),
        ("/no-http", Trouble.INVALID, None),
        ("/wrong-length", Trouble.INVALID, None),
    ],
)
async def test_an_answer_that_is_not_whole_is_told_as_trouble(
    site: Site, path: str, trouble: Trouble, status: int | None
) -> None:
    visit = await visited(site, f"GET {path}")
    (exchange,) = visit.exchanges
    assert (exchange.trouble, exchange.status) == (trouble, status)
    assert visit.failed is not None
    assert visit.failed.startswith(f"GET {path}: {trouble}: ")
    assert len(site.asked) == 1, "a request was repeated behind our back"


async def test_what_came_of_a_body_that_was_cut_is_kept(site: Site) -> None:
    (exchange,) = (await visited(site, "GET /half-a-body")).exchanges
    assert exchange.body == b'{"a":1'
    assert exchange.headers["content-length"] == "20"


@pytest.mark.parametrize(("path", "status"), [("/slow", None), ("/slow-body", 200)])
async def test_an_answer_that_is_late_is_given_up_a_bit_after_the_deadline(
    site: Site, path: str, status: int | None
) -> None:
    (exchange,) = (await visited(site, f"GET {path}", deadline_s=0.2)).exchanges
    assert (exchange.trouble, exchange.status) == (Trouble.TIMEOUT, status)
    assert 0.3 < exchange.took_s < 5


async def test_a_refused_connection_is_told(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        visit = await visitor(url, journey("GET /", "GET /good")).visit("a", number=0)
    assert [each.trouble for each in visit.exchanges] == [Trouble.REFUSED]
    assert not site.asked


async def test_every_request_carries_the_marks_of_the_run(site: Site) -> None:
    await visited(site, "GET /good", {"request": "GET /moved", "follow": True})
    assert len(site.asked) == 3
    for asked in site.asked:
        assert asked.headers["harness-run"] == "run-7"
        assert asked.headers["baggage"] == "harness.run=run-7"


async def test_what_is_captured_is_filled_in_later_and_cookies_are_kept(site: Site) -> None:
    visit = await visited(
        site,
        {"request": "POST /sessions", "form": {"user": "a b"}, "capture": {"token": "/token", "id": "/user/id"}},
        {
            "request": "POST /orders",
            "headers": {"Authorization": "Bearer {token}"},
            "json": {"user": "{id}", "text": "{id} {{id}}"},
            "check": {"json": {"/user": "{id}"}},
            "capture": {"where": "header Location"},
        },
        {"request": "GET {where}", "query": {"q": ["{token}", "a&b"]}},
    )
    assert visit.failed is None
    login, order, read = site.asked
    assert login.body == b"user=a+b"
    assert login.headers["content-type"] == "application/x-www-form-urlencoded"
    assert json.loads(order.body) == {"user": 7, "text": "7 {id}"}
    assert (order.headers["authorization"], order.headers["cookie"]) == ("Bearer t-1", "sid=abc")
    assert read.path == "/orders/9?full=1&q=t-1&q=a%26b"
    assert visit.exchanges[1].request_body == order.body
    assert site.connections == 1


async def test_redirects_are_answers_unless_they_are_to_be_followed(site: Site) -> None:
    assert [each.status for each in (await visited(site, "GET /moved")).exchanges] == [302]
    followed = await visited(site, {"request": "GET /moved", "follow": True})
    assert [(each.path, each.status) for each in followed.exchanges] == [("/moved", 302), ("/good", 200)]


async def test_no_redirect_leads_out_of_the_system(site: Site) -> None:
    visit = await visited(site, {"request": "GET /away", "follow": True})
    assert visit.failed == "GET /away: it leads out of the system: 'http://elsewhere.example/x'"
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("check", "failed"),
    [
        ({"status": ["404"]}, "expected 404, found 200 OK"),
        ({"json": {"/quantity": 4}}, "expected 4 at /quantity, found 3"),
        ({"json": {"/none/x": 4}}, "expected 4 at /none/x, found nothing there"),
        ({"has": ["/none"]}, "expected something at /none, found nothing there"),
        ({"contains": ["kettle"]}, "expected 'kettle' in the body"),
        ({"type": "text/html"}, "expected the content type text/html, found application/json"),
    ],
)
async def test_a_check_that_does_not_hold_ends_the_journey(site: Site, check: object, failed: str) -> None:
    visit = await visited(site, {"request": "GET /good", "check": check}, "GET /next")
    assert visit.failed == f"GET /good: {failed}"
    assert len(visit.exchanges) == 1


async def test_a_status_that_is_expected_is_none_that_failed(site: Site) -> None:
    assert (await visited(site, {"request": "GET /missing", "check": {"status": ["404"]}})).failed is None
    assert (await visited(site, "GET /missing")).failed == "GET /missing: expected 2xx or 3xx, found 404 Not Found"


async def test_a_capture_from_nowhere_ends_the_journey(site: Site) -> None:
    visit = await visited(site, {"request": "GET /good", "capture": {"id": "/no/id"}}, "GET /{id}")
    assert visit.failed == "GET /good: nothing at /no/id to capture 'id' from"


async def test_the_same_number_is_the_same_customer_and_another_is_not(site: Site) -> None:
    sku = Variable(choose=tuple(f"sku-{number}" for number in range(1000)))
    visits = visitor(site.url, journey("GET /{sku}/{customer}/{uuid}/{uuid.other}", sku=sku))
    for number in (1, 1, 2):
        await visits.visit("a", number=number)
    first, again, other = [asked.path for asked in site.asked]
    assert first == again
    assert all(one != two for one, two in zip(first.split("/")[1:], other.split("/")[1:], strict=True))
    assert len(set(first.split("/"))) == 5


async def test_a_degraded_answer_is_told_by_the_mark_of_its_operation(site: Site) -> None:
    by_operation = DegradedMark(header="X-None", operations={"GET /{page}": OperationMark(json_pointer="/degraded")})
    general = DegradedMark(json_pointer="/degraded", operations={"GET /{page}": OperationMark(header="X-None")})
    for mark, degraded in ((by_operation, True), (general, False)):
        visit = await visitor(site.url, journey("GET /degraded"), mark=mark).visit("a", number=0)
        assert [each.degraded for each in visit.exchanges] == [degraded]


async def test_a_journey_that_nobody_knows_is_refused(site: Site) -> None:
    with pytest.raises(LoadError, match="expected one of the journeys a, found 'b'"):
        await visitor(site.url, journey("GET /")).visit("b", number=0)


async def test_shapes_of_answers_that_are_built_alike_are_the_same(site: Site) -> None:
    visit = await visited(site, "GET /one", "GET /two", "GET /degraded")
    one, two, other = (each.shape for each in visit.exchanges)
    assert one == two != other
