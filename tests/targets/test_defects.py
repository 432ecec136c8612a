"""Each planted defect does what it says, and nothing while it is off: what the kit does for every service."""

from __future__ import annotations

import ast
import asyncio
import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Response
from kit import defects, outbox, service
from kit.auth import Gate
from kit.breaker import Breaker, Rule, State
from kit.client import Call, Limits
from kit.host import Host
from kit.outbox import Event, Outbox
from kit.settings import Settings
from kit.trouble import Unavailable, not_found
from kit.words import Strict, Tolerant

from tests.targets.asking import Answer, ask
from tests.targets.conftest import SERVICES
from tests.targets.test_client import AWAY, BODY, READ, Provider, Thing, answer, edge_to
from tests.targets.test_outbox import Happened, Recorder

Plant = Callable[..., None]
CUT = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{"
SKU = "sku-0001"


@pytest.fixture(params=[False, True], ids=["off", "on"])
def on(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Plant a defect; with `on=False` all others of which nobody here speaks stay off."""

    def planted(name: str, *, on: bool = True) -> None:
        monkeypatch.setenv(defects.VARIABLE, name if on else "")

    return planted


def test_all_are_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(defects.VARIABLE, raising=False)
    assert [name for name in defects.DEFECTS if defects.on(name)] == []


def test_those_that_are_named_are_on(plant: Plant) -> None:
    plant("no-timeout, lost-event")
    assert [name for name in defects.DEFECTS if defects.on(name)] == ["no-timeout", "lost-event"]


def test_a_service_does_not_start_with_a_defect_that_there_is_not(plant: Plant) -> None:
    plant("no-timeout,no-such")
    with pytest.raises(SystemExit, match="SHOP_DEFECTS: there is no no-such; there are breaker-one-kind, "):
        service.run(Settings(service="things"), FastAPI())


def test_nobody_asks_for_a_defect_that_there_is_not() -> None:
    with pytest.raises(KeyError):
        defects.on("no-such")


def test_each_is_asked_for_somewhere_and_each_that_is_asked_for_is_listed() -> None:
    asked = {
        str(call.args[0].value)
        for file in SERVICES.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and re.fullmatch(r"(defects\.)?(on|either)", ast.unparse(call.func))
        and isinstance(call.args[0], ast.Constant)
    }
    by_text = (SERVICES / "kit" / "defects.py").read_text(encoding="utf-8").partition("FOREVER_S")[2]
    assert {name for name in defects.DEFECTS if name in asked or f'"{name}"' in by_text} == defects.DEFECTS.keys()
    assert asked <= defects.DEFECTS.keys()


SLOW = Limits(deadline_s=0.4, attempt_s=0.1, attempts=1)
THREE = Limits(deadline_s=2.0, attempt_s=0.5, attempts=3)


@pytest.mark.loopback
async def test_no_timeout_waits_longer_than_the_edge_allows(plant: Plant, *, on: bool) -> None:
    plant("no-timeout", on=on)
    async with edge_to(Provider(None), limits=SLOW) as edge:
        asked = asyncio.create_task(edge.call(READ, Thing))
        done, _ = await asyncio.wait([asked], timeout=0.5)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    assert bool(done) is not on


async def test_timeout_inverted_gives_a_provider_less_time_than_it_needs(plant: Plant, *, on: bool) -> None:
    plant("timeout-inverted", on=on)
    limits = defects.hasty(THREE)
    told_ms = READ.headers(limits.attempt_s)["x-envoy-expected-rq-timeout-ms"]
    assert (limits.attempt_s < 0.25) is on
    assert (float(told_ms) / 1000 > limits.attempt_s) is on


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("name", "says", "attempts"),
    [
        ("retry-no-backoff", CUT, defects.STUBBORN_ATTEMPTS),
        ("retry-storm", AWAY, defects.STUBBORN_ATTEMPTS),
        ("retry-dead-code", CUT, 1),
    ],
)
async def test_retries_are_as_many_as_the_defect_says(plant: Plant, name: str, says: bytes, attempts: int) -> None:
    counts = []
    for on in (True, False):
        plant(name, on=on)
        provider = Provider(says)
        async with edge_to(provider, limits=THREE, rule=Rule(least=100)) as edge:
            with pytest.raises(Unavailable):
                await edge.call(READ, Thing)
        counts.append(len(provider.heads))
    assert counts == [attempts, 1 if says == AWAY else THREE.attempts]


async def test_retry_no_backoff_leaves_no_pause(plant: Plant, *, on: bool) -> None:
    plant("retry-no-backoff", on=on)
    assert defects.pause_s(0.2) == (0.0 if on else 0.2)


async def test_retry_post_gives_each_attempt_a_key_of_its_own(plant: Plant, *, on: bool) -> None:
    plant("retry-post", on=on)
    call = Call(method="POST", path="/things", key="key-00000001")
    assert (call.headers(1.0)["idempotency-key"] != call.headers(1.0)["idempotency-key"]) is on


async def test_breaker_stuck_open_does_not_close_after_a_good_probe(plant: Plant, *, on: bool) -> None:
    plant("breaker-stuck-open", on=on)
    now = 0.0
    breaker = Breaker(Rule(least=1, reset_s=1.0, jitter=0.0), clock=lambda: now)
    for good in (False, True):
        ticket = breaker.admit()
        assert ticket is not None
        with ticket:
            ticket.good() if good else ticket.bad()
        now += 1.0
    assert (breaker.state is not State.CLOSED) is on


@pytest.mark.loopback
async def test_breaker_one_kind_does_not_open_on_answers_that_are_cut_off(plant: Plant, *, on: bool) -> None:
    plant("breaker-one-kind", on=on)
    async with edge_to(Provider(CUT), rule=Rule(least=1)) as edge:
        with pytest.raises(Unavailable):
            await edge.call(READ, Thing)
        assert edge.away is not on


@pytest.mark.loopback
async def test_connection_leak_fills_the_pool_with_calls_that_failed(plant: Plant, *, on: bool) -> None:
    plant("connection-leak", on=on)
    async with edge_to(Provider(*[CUT] * defects.SMALL_POOL, answer(BODY)), rule=Rule(least=100)) as edge:
        for _ in range(defects.SMALL_POOL):
            with pytest.raises(Unavailable, match="connection failed"):
                await edge.call(READ, Thing)
        if on:
            with pytest.raises(Unavailable, match="too many calls"):
                await edge.call(READ, Thing)
        else:
            assert await edge.call(READ, Thing) == Thing(name="lamp")


@pytest.mark.loopback
async def test_truncated_body_lets_a_broken_connection_through_as_it_is(plant: Plant, *, on: bool) -> None:
    plant("truncated-body", on=on)
    async with edge_to(Provider(CUT)) as edge:
        with pytest.raises(Exception, match=r"\S") as raised:
            await edge.call(READ, Thing)
    assert isinstance(raised.value, Unavailable) is not on


@pytest.mark.loopback
async def test_html_200_is_believed(plant: Plant, *, on: bool) -> None:
    plant("html-200", on=on)
    async with edge_to(Provider(answer(b"<html>", kind="text/html"))) as edge:
        if on:
            assert not (await edge.call(READ, Thing)).model_fields_set
        else:
            with pytest.raises(Unavailable):
                await edge.call(READ, Thing)


class Amount(Tolerant):
    amount_cents: int
    name: str


@pytest.mark.loopback
async def test_dropped_field_leaves_the_amount_out_of_requests(plant: Plant, *, on: bool) -> None:
    plant("dropped-field", on=on)
    sent = Amount(amount_cents=5, name="lamp").model_dump_json(exclude=defects.left_out())
    assert sent == ('{"name":"lamp"}' if on else '{"amount_cents":5,"name":"lamp"}')


class Priced(Strict):
    sku: str
    amount_cents: int
    currency: str
    rating: int | None = None


@pytest.fixture
async def app(plant: Plant) -> FastAPI:
    plant("")
    routes = service.router()

    @routes.get("/things/{sku}", dependencies=[importlib.import_module("kit.auth").anyone()])
    async def read(sku: str, response: Response) -> Priced:
        if sku == "sku-0404":
            raise not_found(sku)
        if sku == "sku-0503":
            raise Unavailable("catalog", "it is away", sent=False)
        if sku == "sku-0777":
            response.headers["X-Degraded"] = "rating"
        return Priced(sku=sku, amount_cents=1999, currency="EUR")

    @routes.get("/mine", dependencies=[importlib.import_module("kit.auth").needs("things.read")])
    async def mine() -> Priced:
        return Priced(sku=SKU, amount_cents=1999, currency="EUR")

    built = service.build(Settings(service="things"), "Things", routes, lambda host: host, limit_s=1.0)
    built.state.host = Host(Settings(service="things"))
    return built


async def get(app: FastAPI, path: str, headers: dict[str, str] | None = None) -> Answer:
    return await ask(app, "GET", path, headers=headers or {})


@pytest.mark.parametrize(
    "trouble",
    [
        ("wrong-class", "sku-0503", 500, 503),
        ("error-as-404", "sku-0503", 404, 503),
        ("undocumented-status", "sku-0404", 410, 404),
    ],
)
async def test_trouble_is_told_by_another_status(
    app: FastAPI, plant: Plant, trouble: tuple[str, str, int, int], *, on: bool
) -> None:
    name, sku, wrong, right = trouble
    plant(name, on=on)
    told = await get(app, f"/things/{sku}")
    assert told.status == (wrong if on else right)
    assert ("retry-after" in told.headers) is (told.status == 503)


@pytest.mark.parametrize(
    "disfigured",
    [
        ("number-as-string", SKU, {"amount_cents": "1999"}),
        ("enum-added", SKU, {"currency": defects.CURRENCY}),
        ("fallback-schema", "sku-0777", {"rating": "unknown", "recommendations": None}),
        ("fallback-schema", SKU, {}),
    ],
)
async def test_answers_are_disfigured(
    app: FastAPI, plant: Plant, disfigured: tuple[str, str, dict[str, Any]], *, on: bool
) -> None:
    name, sku, wrong = disfigured
    plant(name, on=on)
    right = {"sku": sku, "amount_cents": 1999, "currency": "EUR", "rating": None}
    told = await get(app, f"/things/{sku}")
    assert (told.status, told.json()) == (200, right | (wrong if on else {}))
    assert told.headers["content-length"] == str(len(told.body))


async def test_trusted_header_lets_in_who_only_says_who_she_is(app: FastAPI, plant: Plant, *, on: bool) -> None:
    plant("trusted-header", on=on)
    assert (await get(app, "/mine")).status == 401
    assert (await get(app, "/mine", {"X-Customer": "1"})).status == (200 if on else 401)
    assert Gate(scope=None, customer=False).open


class Gone:
    name = "postgres"

    async def ready(self) -> None:
        raise Unavailable(self.name, "it is away", sent=False)

    def health(self) -> dict[str, object]:
        return {}

    async def close(self) -> None:
        pass


async def test_health_lies_is_ready_without_a_hard_store(plant: Plant, *, on: bool) -> None:
    plant("health-lies", on=on)
    host = Host(Settings(service="things"))
    host.hard_store("postgres", Gone())
    assert (await host.health())["ready"] is on


class Confirmed(Event):
    order_id: str
    total_cents: int


async def test_event_field_lost_leaves_the_total_out_of_events(plant: Plant, *, on: bool) -> None:
    plant("event-field-lost", on=on)
    event = Confirmed(event_id="0b0b7a94-2a51-4a57-8d0b-5a9c1a2b3c4d", occurred_at="now", order_id="o", total_cents=5)
    payload = json.loads(outbox.row("shop.tests", event)[2])
    assert ("total_cents" in payload) is not on


class Waiting:
    """One event that waits until it is noted as published."""

    def __init__(self) -> None:
        event = Happened(event_id="0b0b7a94-2a51-4a57-8d0b-5a9c1a2b3c4d", occurred_at="now", number=1)
        self.row = dict(zip(("event_id", "subject", "payload", "traceparent"), outbox.row("s", event), strict=True))
        self.noted: set[int] = set()

    async def fetch(self, _sql: str, *values: Any) -> list[dict[str, object]]:
        self.noted |= set(values[0]) if isinstance(values[0], list) else set()
        return [] if self.noted else [{"seq": 7, **self.row}]


async def test_lost_event_notes_as_published_what_the_bus_has_not_taken(plant: Plant, *, on: bool) -> None:
    plant("lost-event", on=on)
    waiting, bus = Waiting(), Recorder()
    relay = Outbox(waiting, bus)  # type: ignore[arg-type]  # as much of them as the outbox uses
    bus.away = True
    with pytest.raises(Unavailable):
        await relay._publish()
    bus.away = False
    await relay._publish()
    assert bus.numbers == ([] if on else [1])


def test_no_timeout_gives_a_request_all_the_time_there_is(plant: Plant, *, on: bool) -> None:
    plant("no-timeout", on=on)
    assert (defects.limit_s(0.9) > 60) is on


ROOT = Path(__file__).resolve().parents[2]
NAMELESS = {"html-200", "injection", "trusted-header", "enum-added"}
"""Names that are also words of the harness, for what it breaks or looks for in any system."""
UNKNOWING = ("harness", "contracts", "loadtests", "chaos", "docs", "scripts", "targets/shop/system.yaml", "README.md")
KNOWING = {"chaos/defects.py", "chaos/scoreboard.py", "docs/defects.md"}


def mentions(root: Path, names: set[str]) -> list[str]:
    """Every line that names a switch, where nobody may know of any."""
    word = re.compile(rf"(?<![\w-])({defects.VARIABLE}|{'|'.join(sorted(names - NAMELESS))})(?![\w-])")
    files = [each for folder in UNKNOWING for each in [root / folder, *(root / folder).rglob("*")] if each.is_file()]
    files = [file for file in files if str(file.relative_to(root)) not in KNOWING]
    return [
        f"{file.relative_to(root)}:{number}"
        for file in files
        if file.suffix in {".py", ".yaml", ".json", ".md", ".toml"}
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line)
    ]


def test_nobody_who_looks_for_defects_knows_a_switch() -> None:
    assert mentions(ROOT, set(defects.DEFECTS)) == []


@pytest.mark.parametrize("line", ['os.environ["SHOP_DEFECTS"]', 'if "no-timeout" in env:', "# finds retry-storm"])
def test_a_harness_that_knows_a_switch_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "culprit.py").write_text(f"import os\n{line}\n", encoding="utf-8")
    assert mentions(tmp_path, set(defects.DEFECTS)) == ["harness/culprit.py:2"]


def test_the_harness_may_have_words_that_contain_one(tmp_path: Path) -> None:
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "innocent.py").write_text("# no-timeouts-here, and an injection\n", encoding="utf-8")
    assert mentions(tmp_path, set(defects.DEFECTS)) == []
