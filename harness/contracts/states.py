"""Provider states: the functions that put a provider into a state, and the small server that Pact calls for them."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import http
import http.server
import importlib.util
import inspect
import json
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Self, cast

from pydantic import JsonValue

from harness.errors import ContractError

STATE_LIMIT_S = 10.0
"""How long one state or message function may take."""
_POLL_S = 0.02
_JOIN_LIMIT_S = 10.0
"""How long the server's own threads get to end."""
_CANCEL_LIMIT_S = 1.0
"""How long async functions that are not done when the server stops get to end."""
MAX_REQUEST_BYTES = 1024 * 1024
"""What Pact sends to the state server is far smaller."""
REFUSED = 422
"""The answer to what can't be done. Never 5xx: Pact would ask again, with pauses, for two minutes."""

Values = Mapping[str, JsonValue]
StateFunction = Callable[["ProviderState"], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """What a state function gets."""

    url: str
    """The provider's direct URL, past every proxy."""
    stores: Mapping[str, str]
    """Direct address (URL or DSN) of each of the provider's stores, by the store's name."""
    params: Values
    """`given(name, **params)`; when a state is taken back, also the values that setting it up gave."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The secrets of the run, by their names in the system's description: `{secret.cart}` is that of `cart`."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the harness itself sends along to the provider, so that a state may be set up over its API."""


class Trouble(StrEnum):
    """Why a state could not be set up or a message not be had."""

    UNKNOWN = "unknown"
    RAISED = "raised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A state or a message that could not be had."""

    what: str
    """Name of the state, or description of the message."""
    params: Values
    trouble: Trouble
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTables:
    """What a provider's module `contracts/states/PROVIDER.py` offers.

    `STATES` sets a state up and may give values to inject, `TEARDOWN` takes it back, and `MESSAGES` makes the
    provider produce a message: a function that gives its body and its metadata.
    """

    file: Path
    states: Mapping[str, StateFunction]
    teardown: Mapping[str, StateFunction]
    messages: Mapping[str, StateFunction]


def load_tables(file: Path) -> StateTables:
    """The tables of a provider's module; empty ones when there is no such file.

    Raises:
        ContractError: when the module can't be imported, or a table isn't one of functions.
    """
    if not file.exists():
        return StateTables(file=file, states={}, teardown={}, messages={})
    module = _module(file)
    return StateTables(
        file=file,
        states=_table(file, module, "STATES"),
        teardown=_table(file, module, "TEARDOWN"),
        messages=_table(file, module, "MESSAGES"),
    )


def _module(file: Path) -> ModuleType:
    directory = str(file.parent.resolve())
    if directory not in sys.path:
        sys.path.insert(0, directory)
    spec = importlib.util.spec_from_file_location(f"provider_states_{file.stem}", file)
    if spec is None or spec.loader is None:
        message = f"{file}: expected a Python module with a table STATES"
        raise ContractError(message)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        message = f"{file}: expected a module that can be imported, found {type(error).__name__}: {error}"
        raise ContractError(message) from error
    return module


def _table(file: Path, module: ModuleType, name: str) -> Mapping[str, StateFunction]:
    table = getattr(module, name, {})
    sound = isinstance(table, Mapping) and all(isinstance(key, str) and callable(each) for key, each in table.items())
    if not sound:
        message = f"{file}: expected {name} to be a dict of names to functions, found {table!r:.120}"
        raise ContractError(message)
    return cast("Mapping[str, StateFunction]", table)


@dataclass(slots=True)
class StateServer:
    """Answers Pact's requests for states and messages; `with` it, on a free port of 127.0.0.1."""

    tables: StateTables
    url: str
    stores: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    refusals: list[Refusal] = field(default_factory=list)
    given: list[tuple[str, Values, Values]] = field(default_factory=list)
    """Each state that was set up: name, parameters, and the values that it gave."""
    _server: _Server | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        if self._server is None:
            raise ContractError("the state server was asked for its port before it was started")
        return self._server.server_port

    def __enter__(self) -> Self:
        self._server = _Server(self)
        serve = partial(self._server.serve_forever, _POLL_S)
        self._threads += [threading.Thread(target=target, daemon=True) for target in (serve, self._run_loop)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(_JOIN_LIMIT_S)
        if not self._loop.is_running():
            self._loop.close()

    def _run_loop(self) -> None:
        self._loop.run_forever()
        if unfinished := asyncio.all_tasks(self._loop):
            for task in unfinished:
                task.cancel()
            self._loop.run_until_complete(asyncio.wait(unfinished, timeout=_CANCEL_LIMIT_S))

    def change(self, name: str, params: Values, *, teardown: bool) -> tuple[int, Values]:
        """Set a state up or take it back; the HTTP status and the JSON to answer with."""
        if not name:
            return 200, {}  # asked before each interaction without a state
        table = self.tables.teardown if teardown else self.tables.states
        if teardown and name not in table:
            return 200, {}
        # A refusal is told with the parameters as they stand in the pact, by which its interactions are found.
        known = {**params, **self._last_given(name, params)} if teardown else params
        try:
            values = self._call(table, name, known)
        except _RefusedError as refused:
            return REFUSED, self._refuse(name, params, refused)
        if values is not None and not _is_json_object(values):
            wrong = _RefusedError(Trouble.RAISED, f"expected a dict of JSON values or nothing, found {values!r:.120}")
            return REFUSED, self._refuse(name, params, wrong)
        answer = cast("Values", values or {})
        if not teardown:
            self.given.append((name, params, answer))
        return 200, answer

    def produce(self, description: str, params: Values) -> tuple[int, JsonValue, Values]:
        """Have the provider produce a message; the HTTP status, the body and the metadata."""
        try:
            produced = self._call(self.tables.messages, description, params)
            body, metadata = _message(produced)
        except _RefusedError as refused:
            return REFUSED, dict(self._refuse(description, params, refused)), {}
        return 200, body, metadata

    def _last_given(self, name: str, params: Values) -> Values:
        return next((values for had, with_, values in reversed(self.given) if (had, with_) == (name, params)), {})

    def _refuse(self, what: str, params: Values, refused: _RefusedError) -> Values:
        self.refusals.append(Refusal(what=what, params=params, trouble=refused.trouble, message=str(refused)))
        return {"error": str(refused)}

    def _call(self, table: Mapping[str, StateFunction], name: str, params: Values) -> object:
        function = table.get(name)
        if function is None:
            known = ", ".join(repr(each) for each in sorted(table)) or "none"
            raise _RefusedError(Trouble.UNKNOWN, f"no {name!r} in {self.tables.file}; known: {known}")
        state = ProviderState(
            url=self.url, stores=self.stores, params=params, headers=self.headers, secrets=self.secrets
        )
        future: concurrent.futures.Future[object] = concurrent.futures.Future()
        # Not a pool: its threads are joined when the interpreter ends, and one that hangs would keep it for ever.
        threading.Thread(target=self._run, args=(function, state, future), daemon=True).start()
        try:
            return future.result(timeout=STATE_LIMIT_S)
        except Exception as error:  # noqa: BLE001 -- whatever a user's function raises is told, not thrown at Pact
            raised = f"raised {type(error).__name__}: {error}"
            late = f"was not done after {STATE_LIMIT_S:g} s"
            message = f"{name!r} in {self.tables.file} {raised if future.done() else late}"
        raise _RefusedError(Trouble.RAISED, message)

    def _run(self, function: StateFunction, state: ProviderState, future: concurrent.futures.Future[object]) -> None:
        try:
            future.set_result(self._result(function, state))
        except BaseException as error:  # noqa: BLE001 -- whoever waits for the future is told, in its own thread
            future.set_exception(error)

    def _result(self, function: StateFunction, state: ProviderState) -> object:
        result = function(state)
        if not inspect.isawaitable(result):
            return result

        async def awaited() -> object:
            return await result

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()


class _RefusedError(Exception):
    def __init__(self, trouble: Trouble, message: str) -> None:
        self.trouble = trouble
        super().__init__(message)


def _is_json_object(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _message(produced: object) -> tuple[JsonValue, Values]:
    match produced:
        case (body, dict(metadata)) if _is_json_object({"body": body, "metadata": metadata}) and body:
            return cast("JsonValue", body), metadata
    found = f"found {produced!r:.120}"
    raise _RefusedError(Trouble.RAISED, f"expected a message as (JSON body, dict of metadata), {found}")


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: StateServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """States at `/states`, messages at `/messages`."""
        owner = cast("_Server", self.server).owner
        length = int(self.headers.get("Content-Length", "0"))
        if length > MAX_REQUEST_BYTES:
            self._answer(413, {"error": "too long"}, {})
            return
        asked = json.loads(self.rfile.read(length) or b"{}")
        if self.path == "/messages":
            self._answer(*owner.produce(asked.get("description", ""), _params_of(asked)))
            return
        teardown = asked.get("action") == "teardown"
        status, values = owner.change(asked.get("state") or "", asked.get("params") or {}, teardown=teardown)
        self._answer(status, dict(values), {})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the standard library's name
        """Keep quiet: refusals are told with the result."""

    def _answer(self, status: int, body: JsonValue, metadata: Values) -> None:
        payload = json.dumps(body).encode()
        head = [f"HTTP/1.1 {status} {'OK' if status == http.HTTPStatus.OK else 'Refused'}"]
        head += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
        if self.path == "/messages":
            encoded = base64.b64encode(json.dumps({"contentType": "application/json", **metadata}).encode()).decode()
            head.append(f"Pact-Message-Metadata: {encoded}")
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + payload)


def _params_of(asked: Mapping[str, JsonValue]) -> Values:
    merged: dict[str, JsonValue] = {}
    states = asked.get("providerStates")
    for state in states if isinstance(states, list) else []:
        params = state.get("params") if isinstance(state, dict) else None
        merged |= params if isinstance(params, dict) else {}
    return merged
