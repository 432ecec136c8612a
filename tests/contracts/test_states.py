from __future__ import annotations

import asyncio
import base64
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.contracts import states
from harness.contracts.states import ProviderState, StateServer, StateTables, Trouble, load_tables
from harness.errors import ContractError

Answer = tuple[int, Mapping[str, str], object]


def post(server: StateServer, path: str, body: object) -> Answer:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 -- as above
            return response.status, dict(response.headers), json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), json.loads(error.read())


def serving(**tables: Mapping[str, states.StateFunction]) -> StateServer:
    given = {name: tables.get(name, {}) for name in ("states", "teardown", "messages")}
    whole = StateTables(file=Path("states/catalog.py"), **given)
    return StateServer(tables=whole, url="http://provider", stores={"postgres": "postgresql://x"})


def change(server: StateServer, state: str, action: str = "setup", **params: object) -> Answer:
    return post(server, "/states", {"state": state, "params": params, "action": action})


pytestmark = pytest.mark.loopback


def test_a_state_gets_the_provider_its_stores_and_its_parameters() -> None:
    got: list[ProviderState] = []

    with serving(states={"a product exists": got.append}) as server:
        status, _, values = change(server, "a product exists", sku="sku-0001")

    assert (status, values) == (200, {})
    stores = {"postgres": "postgresql://x"}
    assert got == [ProviderState(url="http://provider", stores=stores, params={"sku": "sku-0001"})]


def test_a_coroutine_function_is_really_run_and_its_values_are_answered() -> None:
    async def a_product(state: ProviderState) -> dict[str, object]:
        await asyncio.sleep(0)
        return {"sku": f"{state.params['prefix']}-1"}

    with serving(states={"a product exists": a_product}) as server:
        status, headers, values = change(server, "a product exists", prefix="sku")

    assert (status, values) == (200, {"sku": "sku-1"})
    assert headers["Content-Type"] == "application/json"


def test_an_unknown_state_is_refused_at_once_and_never_with_a_500() -> None:
    with serving(states={"a product exists": lambda _state: None}) as server:
        status, _, body = change(server, "a produkt exists")

    assert status == 422
    assert body == {"error": "no 'a produkt exists' in states/catalog.py; known: 'a product exists'"}
    assert [each.trouble for each in server.refusals] == [Trouble.UNKNOWN]


def raising(_state: ProviderState) -> None:
    message = "the database is away"
    raise ValueError(message)


async def raising_later(state: ProviderState) -> None:
    raising(state)


@pytest.mark.parametrize("function", [raising, raising_later])
def test_a_state_that_raises_is_refused_with_its_message(function: states.StateFunction) -> None:
    with serving(states={"a": function}) as server:
        status, _, _ = change(server, "a")

    [refusal] = server.refusals
    assert (status, refusal.trouble) == (422, Trouble.RAISED)
    assert refusal.message.endswith("raised ValueError: the database is away")


@pytest.mark.parametrize("values", [["a"], "text", 5, {1: 2}, {"a": print}, {"a": float("nan")}], ids=repr)
def test_values_that_are_no_json_object_are_refused(values: object) -> None:
    with serving(states={"a": lambda _state: values}) as server:
        status, _, _ = change(server, "a")

    assert status == 422
    assert "expected a dict of JSON values" in server.refusals[0].message


def test_a_state_that_never_ends_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "STATE_LIMIT_S", 0.1)

    async def endless(_state: ProviderState) -> None:
        await asyncio.Event().wait()

    with serving(states={"a": endless}) as server:
        status, _, _ = change(server, "a")

    assert status == 422
    assert "was not done after 0.1 s" in server.refusals[0].message


def test_a_state_that_hangs_does_not_keep_the_interpreter_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "STATE_LIMIT_S", 0.1)
    released = threading.Event()
    before = set(threading.enumerate())

    def hanging(_state: ProviderState) -> None:
        released.wait()

    try:
        with serving(states={"a": hanging}) as server:
            change(server, "a")

        left = set(threading.enumerate()) - before
        assert left, "the function hangs in one of them"
        assert [thread for thread in left if not thread.daemon] == []
    finally:
        released.set()


def test_an_async_state_that_never_ends_is_cancelled_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "STATE_LIMIT_S", 0.1)
    ended: list[str] = []

    async def endless(_state: ProviderState) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    with serving(states={"a": endless}) as server:
        change(server, "a")

    assert ended == ["cancelled"]


def test_no_state_is_no_trouble() -> None:
    with serving() as server:
        assert change(server, "")[0] == 200

    assert server.refusals == []


def test_taking_a_state_back_gets_the_values_that_it_gave() -> None:
    got: list[ProviderState] = []
    give = {"order": lambda _state: {"order_id": "o-1"}}

    with serving(states=give, teardown={"order": got.append}) as server:
        change(server, "order", cents=5)
        status, _, _ = change(server, "order", action="teardown", cents=5)

    assert status == 200
    assert [dict(state.params) for state in got] == [{"cents": 5, "order_id": "o-1"}]


def test_a_state_that_needs_no_taking_back_is_fine() -> None:
    with serving(states={"a": lambda _state: None}) as server:
        assert change(server, "a", action="teardown")[0] == 200


async def an_order(state: ProviderState) -> tuple[dict[str, object], dict[str, object]]:
    return {"order_id": state.params.get("order_id", "o-1")}, {"subject": "orders"}


def test_a_message_comes_with_its_metadata() -> None:
    with serving(messages={"an order was placed": an_order}) as server:
        providing = [{"name": "x", "params": {"order_id": "o-2"}}]
        body = {"description": "an order was placed", "providerStates": providing}
        status, headers, message = post(server, "/messages", body)

    assert (status, message) == (200, {"order_id": "o-2"})
    metadata = json.loads(base64.b64decode(headers["Pact-Message-Metadata"]))
    assert metadata == {"contentType": "application/json", "subject": "orders"}


@pytest.mark.parametrize("produced", [None, {}, ({}, {}), (None, {}), ({"a": 1}, None), (b"raw", {})], ids=repr)
def test_a_message_without_contents_is_refused(produced: object) -> None:
    with serving(messages={"an order was placed": lambda _state: produced}) as server:
        status, _, _ = post(server, "/messages", {"description": "an order was placed"})

    assert status == 422
    assert "expected a message as (JSON body, dict of metadata)" in server.refusals[0].message


def test_a_message_that_nobody_produces_is_refused() -> None:
    with serving() as server:
        status, _, _ = post(server, "/messages", {"description": "an order was placed"})

    assert status == 422
    assert "no 'an order was placed' in states/catalog.py; known: none" in server.refusals[0].message


def test_the_tables_of_a_module_are_read_with_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "shared_words.py").write_text("NAME = 'a product exists'\n")
    (tmp_path / "catalog.py").write_text("from shared_words import NAME\nSTATES = {NAME: lambda state: None}\n")

    tables = load_tables(tmp_path / "catalog.py")

    assert list(tables.states) == ["a product exists"]
    assert (tables.teardown, tables.messages) == ({}, {})


def test_a_provider_without_a_module_has_no_states(tmp_path: Path) -> None:
    assert load_tables(tmp_path / "none.py").states == {}


WRONG = [
    ("import nowhere_to_be_found", "found ModuleNotFoundError"),
    ("STATES = [1]", "expected STATES to be a dict of names to functions"),
    ("STATES = {'a': 'b'}", "expected STATES to be a dict of names to functions"),
    ("MESSAGES = {1: print}", "expected MESSAGES to be a dict"),
    ("def broken(:", "found SyntaxError"),
]


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[text for text, _ in WRONG])
def test_a_module_that_makes_no_sense_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "catalog.py").write_text(text)

    with pytest.raises(ContractError, match=r"catalog\.py: expected") as caught:
        load_tables(tmp_path / "catalog.py")

    assert told in str(caught.value)
