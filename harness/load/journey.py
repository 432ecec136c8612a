"""What a locustfile imports to say how each operation of a journey ended.

    with operation("place-order", key) as op:
        answer = self.client.post("/orders", …)
        if answer.status_code == 202:
            op.ok(order_id=answer.json()["order_id"])

Leaving the block without a mark, or by an exception (which goes on its way), is UNKNOWN.
When the harness drives the load, each operation is written to the history; under plain Locust nothing is.
Only the standard library is imported here, and there is no lock and no thread: it is safe under gevent.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

Mark: TypeAlias = Literal["OK", "DEGRADED", "FAILED", "UNKNOWN"]
Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"


class Listener(Protocol):
    """Whoever writes the history of the journey that runs now."""

    def invoked(self, name: str, key: str) -> str:
        """An operation begins; gives its id."""
        ...

    def ended(self, op: str, mark: Mark, value: Mapping[str, Value]) -> None:
        """The operation ended."""
        ...

    def marked(self, response: object) -> bool:
        """Whether the answer carries the declared mark of a degraded one."""
        ...


LISTENER: ContextVar[Listener | None] = ContextVar("harness.load.journey", default=None)
"""Set by the load generator for the journey that runs in this greenlet; a locustfile leaves it alone."""


class OpenOperation:
    """An operation between its invocation and its end; made by `operation`."""

    __slots__ = ("_id", "_key", "_listener", "_marked", "_name")

    def __init__(self, name: str, key: str) -> None:
        self._name = name
        self._key = key
        self._listener = LISTENER.get()
        self._id = ""
        self._marked = False

    def __enter__(self) -> Self:
        if self._listener is not None:
            self._id = self._listener.invoked(self._name, self._key)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._marked:
            self._end("UNKNOWN", {"reason": f"{kind.__name__}: {error}" if kind else "it was left without a mark"})

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
            message = f"expected one mark for the operation {self._name!r}, found a second one: {mark}"
            raise RuntimeError(message)
        self._marked = True
        if self._listener is not None:
            self._listener.ended(self._id, mark, value)


def operation(name: str, key: str = "") -> OpenOperation:
    """One operation of a journey, to be used in a `with` statement.

    Args:
        name: what is done, the same word each time: `place-order`.
        key: what identifies this one, so that checkers can find it again: an idempotency key.
    """
    return OpenOperation(name, key)


def marked_degraded(response: object) -> bool:
    """Whether a Locust response carries the mark of degraded answers that the system's description declares.

    Under plain Locust no mark is known, and the answer is False.
    """
    listener = LISTENER.get()
    return listener is not None and listener.marked(response)
