"""The users of a locustfile, tamed: no hidden retries, no time-out beyond the journeys' deadlines."""

from __future__ import annotations

import random
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import geventhttpclient.client
import locust
from gevent import Timeout
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession, FastHttpUser
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, StopUser
from locust.runners import Runner
from locust.user.task import TaskSet
from locust.util.load_locustfile import load_locustfile
from requests.exceptions import ReadTimeout

from harness.errors import LoadError
from harness.load.addresses import Addresses
from harness.load.lean import KnownUrl, known_url, make_lean
from harness.load.patience import DEFAULT_DEADLINE_S, patience_s
from harness.load.step_users import user_of
from harness.model.declared import DegradedMark
from harness.model.marks import with_marks
from harness.model.steps import StepJourneys
from harness.model.tracing import TRACEPARENT, traceparents

IDLE_LIMIT_S = 2.0
"""A connection that was idle for longer is not used again: servers close idle ones just when one writes to them."""

_WITHOUT_PARAMETERS = frozenset({"payload", "headers"})


@dataclass(frozen=True, slots=True)
class _Task:
    user: type[locust.User]
    run: Callable[[Any], None]
    patience_s: float


class Customers:
    """The tasks of a locustfile by the journeys they stand for; loaded once a process."""

    def __init__(
        self,
        environment: Environment,
        tasks: Mapping[str, _Task],
        hosts: tuple[str, ...],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.environment = environment
        self.moves = 0
        """How often a customer went on to another address, since the one she had refused her."""
        self._tasks = tasks
        self._hosts = hosts
        self._headers = headers or {}

    def seat(self) -> Seat:
        """A place for one customer at a time, with connections of its own."""
        return Seat(self.environment, self._tasks, Addresses(self._hosts, on_move=self._moved), self._headers)

    def _moved(self) -> None:
        self.moves += 1


class Seat:
    """One of the pool's places: its users (one of each class, made when first needed) and their connections."""

    def __init__(
        self, environment: Environment, tasks: Mapping[str, _Task], addresses: Addresses, headers: Mapping[str, str]
    ) -> None:
        self._environment = environment
        self._headers = headers
        self._tasks = tasks
        self._addresses = addresses
        self._customers: dict[type[locust.User], _Customer] = {}

    def visit(self, journey: str, chance: str, trace: str = "", *, turn: int | None = None) -> None:
        """Do the journey, its customer's `random` and address chosen by `chance`; what the task raises is raised.

        With a `turn` the address is the one whose turn it is.
        Its requests belong to the trace, if there is one. A new customer's `on_start` belongs to her first journey.
        """
        task = self._tasks[journey]
        if turn is None:
            self._addresses.choose(chance)
        else:
            self._addresses.take(turn)
        customer = self._customers.get(task.user)
        if customer is None:
            customer = _Customer(
                task.user, self._environment, task.patience_s, self._addresses, self._headers, trace=trace
            )
            self._customers[task.user] = customer
        elif time.monotonic() - customer.left_at > IDLE_LIMIT_S:
            customer.hang_up()
        customer.chance.seed(chance)
        customer.patience_s = task.patience_s
        customer.traceparents = traceparents(trace)
        customer.visit(task.run)

    def pause_s(self, journey: str, chance: float) -> float:
        """What the journey's user class says is waited after it; chance in it comes from a number."""
        customer = self._customers.get(self._tasks[journey].user)
        if customer is None:
            return 0.0
        state = random.getstate()
        random.seed(chance)  # Locust's `between` draws from what all share
        try:
            return max(float(customer.user.wait_time()), 0.0)
        finally:
            random.setstate(state)

    def leave(self) -> None:
        """Close all connections; the next customer in this place opens her own."""
        for customer in self._customers.values():
            customer.hang_up()
        self._customers.clear()


class _Customer:
    """A user of the locustfile whose requests end in time."""

    def __init__(  # noqa: PLR0913 -- what makes a customer one of her own
        self,
        kind: type[locust.User],
        environment: Environment,
        patience_s: float,
        addresses: Addresses,
        headers: Mapping[str, str],
        *,
        trace: str,
    ) -> None:
        self.traceparents = traceparents(trace)
        self._marks = headers
        self.user = cast("Any", kind(environment))  # of any class: what is set on it here is not declared there
        self.chance = self.user.random = random.Random()  # noqa: S311 -- load, not secrets
        self.patience_s = patience_s
        self.left_at = time.monotonic()
        self._addresses = addresses
        client = getattr(self.user, "client", None)
        if isinstance(client, FastHttpSession):
            make_lean(client, pool_is_own=self.user.client_pool is None)
            client.request = self._within_patience(client.request)  # type: ignore[method-assign]  # no other place
        elif isinstance(client, HttpSession):
            client.request = self._with_timeout(client.request)  # type: ignore[method-assign]  # no other place
        if isinstance(client, FastHttpSession | HttpSession):
            mark = self._marked_and_lean if isinstance(client, FastHttpSession) else self._marked
            marked = partial(mark, client._send_request_safe_mode)  # noqa: SLF001 -- where a request is sent,
            send = partial(addresses.send, marked)
            client._send_request_safe_mode = send  # type: ignore[method-assign]  # noqa: SLF001 -- and not yet told
        self._go_to_address()
        self.user.on_start()

    def visit(self, run: Callable[[Any], None]) -> None:
        """Do one task; Locust's ways to leave it early are no errors."""
        self._go_to_address()
        try:
            run(self.user)
        except (InterruptTaskSet, RescheduleTask, StopUser):
            return
        finally:
            self.left_at = time.monotonic()

    def _go_to_address(self) -> None:
        """Let what the locustfile asks for begin at the address that was chosen."""
        self.user.host = self._addresses.host
        if isinstance(client := getattr(self.user, "client", None), FastHttpSession | HttpSession):
            client.base_url = self._addresses.host

    def hang_up(self) -> None:
        """Close the connections, unless the locustfile shares them between users."""
        client = getattr(self.user, "client", None)
        if isinstance(client, FastHttpSession) and self.user.client_pool is None:
            client.client.clientpool.close()
        elif isinstance(client, HttpSession) and self.user.pool_manager is None:
            client.close()

    def _marked(self, send: Callable[..., Any], method: str, url: str | KnownUrl, **named: Any) -> Any:
        """Send a request with the run's marks, and the trace that it belongs to, among its headers."""
        traceparent = next(self.traceparents, "")
        if self._marks or traceparent:
            headers = with_marks(named.get("headers") or {}, self._marks)
            if traceparent and TRACEPARENT not in headers:
                headers[TRACEPARENT] = traceparent
            named["headers"] = headers
        return send(method, url, **named)

    def _marked_and_lean(self, send: Callable[..., Any], method: str, url: str, **named: Any) -> Any:
        """The same by a client that knows URLs; parameters make another URL of it."""
        return self._marked(send, method, known_url(url) if named.keys() <= _WITHOUT_PARAMETERS else url, **named)

    # The time-outs of a socket start again with each byte, so the whole request gets a limit too.
    def _within_patience(self, request: Callable[..., Any]) -> Callable[..., Any]:
        def bounded(*arguments: Any, **named: Any) -> Any:
            # A new one each time: libev starts one that was stopped with what it had left.
            with Timeout(self.patience_s):
                answer = request(*arguments, **named)
            if not answer.status_code:
                self.hang_up()  # a request cut off while it is sent never gives back its place in the pool
            return answer

        return bounded

    def _with_timeout(self, request: Callable[..., Any]) -> Callable[..., Any]:
        def bounded(*arguments: Any, **named: Any) -> Any:
            named.setdefault("timeout", self.patience_s)
            # One that Locust's session takes for a failed request, which it tells of.
            with Timeout(self.patience_s, ReadTimeout(f"no whole answer within {self.patience_s:g} s")):
                return request(*arguments, **named)

        return bounded


def load(  # noqa: PLR0913 -- all by keyword, and each is a thing of its own
    locustfile: Path,
    *,
    hosts: tuple[str, ...],
    journeys: tuple[str, ...],
    deadlines: Mapping[str, float],
    path: tuple[str, ...],
    headers: Mapping[str, str] | None = None,
    runner: Runner | None = None,
) -> Customers:
    """Load an ordinary locustfile whose tasks are the journeys.

    A journey is the task function of its name, with `_` for `-`.

    Raises:
        LoadError: if the file can't be loaded, or has no user or no task for a journey.
    """
    sys.path[:0] = path
    users = _users_of(locustfile)
    tasks: dict[str, _Task] = {}
    for user in users:
        user.host = hosts[0]
        for run in dict.fromkeys(user.tasks):
            if isinstance(run, type | TaskSet):
                continue
            name = getattr(run, "__name__", "").replace("_", "-")
            if name in tasks and name in journeys:
                message = f"{locustfile}: expected one task for the journey {name!r}, found one in "
                raise LoadError(f"{message}{tasks[name].user.__name__} and one in {user.__name__}; rename one of them")
            tasks[name] = _Task(user, run, patience_s(deadlines.get(name, DEFAULT_DEADLINE_S)))
    for journey in journeys:
        if journey not in tasks:
            found = ", ".join(sorted(tasks)) or "no task at all"
            wanted = journey.replace("-", "_")
            message = f"{locustfile}: expected a task {wanted!r} for the journey {journey!r}, found {found}; "
            raise LoadError(message + f"write a function {wanted} with @task in a User class")
    chosen = {name: tasks[name] for name in journeys}
    return Customers(_ready(users, locustfile.name, hosts, deadlines, runner), chosen, hosts, headers)


def load_steps(  # noqa: PLR0913 -- as above
    journeys: StepJourneys,
    *,
    hosts: tuple[str, ...],
    deadlines: Mapping[str, float],
    degraded: DegradedMark,
    headers: Mapping[str, str],
    runner: Runner | None = None,
) -> Customers:
    """The same for journeys whose steps are declared."""
    user = user_of(journeys, hosts=hosts, mark=degraded)
    user.host = hosts[0]
    environment = _ready([user], "journeys", hosts, deadlines, runner)
    tasks = {
        name: _Task(user, run, patience_s(deadlines.get(name, DEFAULT_DEADLINE_S)))
        for name, run in zip(journeys, cast("list[Any]", user.tasks), strict=True)
    }
    return Customers(environment, tasks, hosts, headers)


def _ready(
    users: list[type[locust.User]],
    name: str,
    hosts: tuple[str, ...],
    deadlines: Mapping[str, float],
    runner: Runner | None,
) -> Environment:
    _tame(users, patience_s(max(deadlines.values(), default=DEFAULT_DEADLINE_S)))
    environment = Environment(
        user_classes=list(users), events=locust.events, host=hosts[0], locustfile=name, catch_exceptions=True
    )
    environment.runner = runner
    environment.events.init.fire(environment=environment, runner=runner, web_ui=None)  # type: ignore[no-untyped-call]  # Locust's
    return environment


def _users_of(locustfile: Path) -> list[type[locust.User]]:
    try:
        users, _ = load_locustfile(str(locustfile))
    except (Exception, SystemExit) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(locustfile)]
        line = f":{frames[-1].lineno}" if frames else ""
        message = f"{locustfile}{line}: the locustfile can't be loaded: {type(error).__name__}: {error}"
        raise LoadError(message) from error
    if not users:
        message = f"{locustfile}: expected a class that inherits locust.FastHttpUser (or another User), found none"
        raise LoadError(message)
    return list(users.values())


def _tame(users: list[type[locust.User]], longest_s: float) -> None:
    # geventhttpclient sends GET, PUT and DELETE again by itself when a connection is cut: one event for many requests.
    geventhttpclient.client.IDEMPOTENT_METHODS = frozenset()
    for user in users:
        if issubclass(user, FastHttpUser):
            user.network_timeout = min(user.network_timeout, longest_s)
            user.connection_timeout = min(user.connection_timeout, longest_s)
            user.max_retries = 0
