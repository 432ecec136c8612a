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

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

Mark: TypeAlias = Literal["OK", "DEGRADED", "FAILED", "UNKNOWN"]
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
