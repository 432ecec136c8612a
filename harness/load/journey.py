"""What a locustfile imports to say how each operation of a journey ended.

    with operation("place-order", key) as op:
        answer = self.client.post("/orders", …)
        if answer.status_code == 202:
            op.ok(order_id=answer.json()["order_id"])

Leaving the block without a mark, or by an exception (which goes on its way), is UNKNOWN.
What reads or writes something that invariants speak of says so, by whom it is done and what:

    with operation("fill-cart", thing=f"cart/{email}", session=email, writes={sku: 2}) as op: …
    with operation("read-cart", thing=f"cart/{email}", session=email) as op:
        op.saw({item["sku"]: item["quantity"] for item in items})
        op.ok()

When the harness drives the load, each operation is written to the history; under plain Locust nothing is.
Only the standard library is imported here, and there is no lock and no thread: it is safe under gevent.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias, TypeVar

Mark: TypeAlias = Literal["OK", "DEGRADED", "FAILED", "UNKNOWN"]
Item = TypeVar("Item")
Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What is known of an operation before its request leaves; see `harness.model.observation.Operation`."""

    name: str
    key: str = ""
    session: str = ""
    thing: str = ""
    writes: Mapping[str, Value] = field(default_factory=dict)
    once: str = ""
    aside: bool = False
    """It is in the history, and says nothing of how the journey ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What an operation read; with `whole`, a field that is not among these was not there."""

    fields: Mapping[str, Value]
    whole: bool = True


class Listener(Protocol):
    """Whoever writes the history of the journey that runs now."""

    def invoked(self, invocation: Invocation) -> str:
        """An operation begins; gives its id."""
        ...

    def ended(self, op: str, mark: Mark, value: Mapping[str, Value], saw: Sight | None) -> None:
        """The operation ended."""
        ...

    def marked(self, response: object) -> bool:
        """Whether the answer carries the declared mark of a degraded one."""
        ...

    @property
    def wanted(self) -> Mapping[str, float]:
        """Product → how many times as often as usual it is looked at just now."""
        ...

    @property
    def newcomer(self) -> bool:
        """Whether this customer was never here before, whatever others left behind."""
        ...


class Environment(Protocol):
    """Of Locust's environment, what tells which of several processes this is."""

    runner: Any
    parsed_options: Any


LISTENER: ContextVar[Listener | None] = ContextVar("harness.load.journey", default=None)
"""Set by the load generator for the journey that runs in this greenlet; a locustfile leaves it alone."""


class OpenOperation:
    """An operation between its invocation and its end; made by `operation`."""

    __slots__ = ("_id", "_invocation", "_listener", "_marked", "_saw")

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._listener = LISTENER.get()
        self._id = ""
        self._marked = False
        self._saw: Sight | None = None

    def __enter__(self) -> Self:
        if self._listener is not None:
            self._id = self._listener.invoked(self._invocation)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._marked:
            self._end("UNKNOWN", {"reason": f"{kind.__name__}: {error}" if kind else "it was left without a mark"})

    def saw(self, fields: Mapping[str, Value], *, whole: bool = True) -> None:
        """What was read of the thing, before the mark; `whole` says that there was nothing else in it."""
        self._saw = Sight(fields=dict(fields), whole=whole)

    def ok(self, **value: Value) -> None:
        """It happened; `value` is what the customer learned (an order's id, an amount)."""
        self._end("OK", value)

    def degraded(self, **value: Value) -> None:
        """It happened, and the answer said that something was left out."""
        self._end("DEGRADED", value)

    def failed(self, reason: str) -> None:
        """It certainly did not happen."""
        self._end("FAILED", {"reason": reason})

    def unknown(self, reason: str) -> None:
        """Nobody knows whether it happened."""
        self._end("UNKNOWN", {"reason": reason})

    def _end(self, mark: Mark, value: Mapping[str, Value]) -> None:
        if self._marked:
            message = f"expected one mark for the operation {self._invocation.name!r}, found a second one: {mark}"
            raise RuntimeError(message)
        self._marked = True
        if self._listener is not None:
            self._listener.ended(self._id, mark, value, self._saw)


def operation(  # noqa: PLR0913 -- what the history tells of an operation
    name: str,
    key: str = "",
    *,
    thing: str = "",
    session: str = "",
    writes: Mapping[str, Value] | None = None,
    once: str = "",
    aside: bool = False,
) -> OpenOperation:
    """One operation of a journey, to be used in a `with` statement around its request.

    Args:
        name: what is done, the same word each time: `place-order`.
        key: what identifies this one, so that checkers can find it again: an idempotency key.
        thing: what is read or written, its kind and which one: `cart/customer-0017`.
        session: whose operation it is: the customer to whom the system owes what she wrote.
        writes: field → the value that is written, None to remove it; it is on record before the request leaves.
        once: an idempotency key by which the system itself knows retries: operations with the same are one.
        aside: it is on record, and how the journey ended is told from its other operations.
    """
    return OpenOperation(
        Invocation(name=name, key=key, session=session, thing=thing, writes=dict(writes or {}), once=once, aside=aside)
    )


def marked_degraded(response: object) -> bool:
    """Whether a Locust response carries the mark of degraded answers that the system's description declares.

    Under plain Locust no mark is known, and the answer is False.
    """
    listener = LISTENER.get()
    return listener is not None and listener.marked(response)


def wanted() -> Mapping[str, float]:
    """What the load's profile says that everybody wants now: product → how many times as often as usual.

    Nothing in particular under plain Locust, and where there is no such profile.
    """
    listener = LISTENER.get()
    return listener.wanted if listener is not None else {}


def newcomer() -> bool:
    """Whether this journey is a visit of its own, as the matrix pays them: by somebody who was never here before.

    A locustfile whose customers remember something from one journey to the next (a token, what was looked up) lets
    a newcomer do without, so that each visit crosses the same edges. False under load, and under plain Locust.
    """
    listener = LISTENER.get()
    return listener is not None and listener.newcomer


def share(items: Sequence[Item], environment: Environment) -> tuple[Item, ...]:
    """Those of the items that are this process's own: worker k of n has every n-th from the k-th on.

    Two workers never have the same one, so what only one may use at a time (an account) is safe. Ask in a task,
    in `on_start` or when a test starts: before that a worker of plain Locust does not know which one it is.
    `environment` is that of the user (`self.environment`). A process that is the only one has all of them.

    Raises:
        RuntimeError: if it is too early, or if nothing is left for this worker.
    """
    own, count = worker_of(environment)
    mine = tuple(items[own::count])
    if items and not mine:
        message = f"expected an item for each of {count} workers, found {len(items)}; give more, or take fewer workers"
        raise RuntimeError(message)
    return mine


def worker_of(environment: Environment) -> tuple[int, int]:
    """Which of the load's processes this is, counted from 0, and of how many.

    Raises:
        RuntimeError: if a worker of plain Locust does not know it yet, or can't.
    """
    told: tuple[int, int] | None = getattr(environment, "harness_worker", None)
    if told is not None:
        return told
    own = int(getattr(environment.runner, "worker_index", 0))
    count = int(getattr(environment.parsed_options, "expect_workers", 1))
    if own < 0:
        message = "expected to be asked in a task, in on_start or in test_start: a worker is told its number by then"
        raise RuntimeError(message)
    if own >= count:
        message = f"expected at most {count} workers, found one with number {own}; "
        raise RuntimeError(message + "start the master with --expect-workers and as many as there are")
    return own, count


def own_random(environment: Environment) -> random.Random:
    """A source of chance for one user: the harness seeds it anew for each journey.

    Under plain Locust it is seeded by the option `--seed`, if the locustfile has one and it is given, by the worker
    and by how many users came before in this process, so that the same seed gives each user the same sequence.
    """
    seed = getattr(environment.parsed_options, "seed", None)
    if seed is None:
        return random.Random()  # noqa: S311 -- load, not secrets
    before = getattr(environment, "harness_users", 0)
    environment.harness_users = before + 1  # type: ignore[attr-defined]  # none of Locust's own, and there it lives
    own, _ = worker_of(environment)
    return random.Random(f"{seed}:{own}:{before}")  # noqa: S311 -- load, not secrets
