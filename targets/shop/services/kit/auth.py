"""Who calls and what they may do: every route says what it needs, and nothing is believed that isn't signed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from kit import deadline, defects
from kit.problems import declared
from kit.trouble import Refused, Trouble

BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
ON_BEHALF_OF = "On-Behalf-Of"
CUSTOMER = "X-Customer"
KEYS_WAIT_S = 2.0
"""Half of it, or of the request's time if that is less, may pass until there are keys."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who made the request, as proved by its token; a customer's name is the customer's id."""

    name: str
    kind: Literal["service", "customer", "operator", "anonymous"]
    scopes: frozenset[str] = frozenset()

    def may(self, scope: str) -> bool:
        """Whether the caller has that scope; the operator has all."""
        return self.kind == "operator" or scope in self.scopes


ANONYMOUS = Caller(name="anonymous", kind="anonymous")


@dataclass(frozen=True, slots=True)
class _Scope:
    """The dependency that asks for a scope, or for none."""

    scope: str | None

    async def __call__(self, request: Request) -> Caller:
        return caller_of(request)


@dataclass(frozen=True, slots=True)
class _Customer:
    """The dependency that asks for a customer."""

    async def __call__(self, request: Request) -> str:
        found: str = request.state.customer_id
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a route asks of its callers; `scope` None lets everyone in."""

    scope: str | None
    customer: bool

    @property
    def open(self) -> bool:
        """Whether a request without any token may pass."""
        return self.scope is None and not self.customer

    def _wait_s(self) -> float:
        """How long to wait for keys: so that time is left for the work, and not at all where nobody needs them."""
        return 0.0 if self.open else deadline.current(KEYS_WAIT_S).left_s() / 2

    async def admit(self, request: Request) -> None:
        """Find out who calls, before anything else is done with the request.

        Raises:
            Refused: 401 when that isn't proved, 403 when the caller may not do this.
            Unavailable: the keys that would prove it can't be had.
        """
        identity = request.app.state.host.identity
        # A request that was pipelined behind another is served in a copy of that one's context.
        _passed_on.set(None)
        doubt: Trouble | None = None
        caller = ANONYMOUS
        believed = CUSTOMER in request.headers and defects.on("trusted-header")
        try:
            caller = await identity.caller(request.headers.get("authorization"), self._wait_s())
        except Trouble as error:
            if self.scope is not None and not believed:
                raise
            doubt = error
        if believed:
            caller = Caller(name="believed", kind="operator")
        request.state.caller = caller
        if self.scope is not None and not caller.may(self.scope):
            raise Refused(403, f"{caller.kind} {caller.name} lacks the scope {self.scope}")
        if self.customer:
            request.state.customer_id = await _customer(request, caller, doubt)


async def _customer(request: Request, caller: Caller, doubt: Trouble | None) -> str:
    """The customer that this is done for; calls to others can then be made for the same one."""
    identity = request.app.state.host.identity
    token = request.headers.get(ON_BEHALF_OF, "")
    if caller.kind == "customer":
        _passed_on.set({ON_BEHALF_OF: request.headers["authorization"].partition(" ")[2].strip()})
        return caller.name
    if caller.kind == "operator" and CUSTOMER in request.headers:
        customer_id = request.headers[CUSTOMER]
        if not _UUID.fullmatch(customer_id):
            raise Refused(422, f"header.{CUSTOMER}: expected the id of a customer")
        _passed_on.set({"Authorization": request.headers.get("authorization", ""), CUSTOMER: customer_id})
        return customer_id
    if caller.kind == "anonymous":
        raise doubt or Refused(401, "a customer's token is needed")
    if not token:
        raise Refused(401, f"a customer's token is needed in {ON_BEHALF_OF}")
    customer = await identity.holder(token)
    if customer.kind != "customer":
        raise Refused(401, f"{ON_BEHALF_OF} holds the token of a {customer.kind}")
    _passed_on.set({ON_BEHALF_OF: token})
    return str(customer.name)


_passed_on: ContextVar[dict[str, str] | None] = ContextVar("passed_on", default=None)


def on_behalf() -> dict[str, str]:
    """The headers by which a call goes on for the customer of the request that is being served."""
    return _passed_on.get() or {}


def caller_of(request: Request) -> Caller:
    """Who made this request, once its gate has let it in."""
    found: Caller = request.state.caller
    return found


def needs(scope: str) -> Any:
    """Declare the scope without which a route refuses.

    As `caller: Annotated[Caller, needs("catalog.read")]`, or among a route's `dependencies` when nobody asks for it.
    """
    return Depends(_Scope(scope))


def anyone() -> Any:
    """Declare that a route is open to all; the caller is anonymous unless a good token came along."""
    return Depends(_Scope(None))


def customer() -> Any:
    """Declare that a route acts for a customer.

    As `customer_id: Annotated[str, customer()]`: from the bearer's own token, from On-Behalf-Of when a service calls,
    from X-Customer when the operator does.
    """
    return Depends(_Customer())


def gate_of(dependant: Dependant) -> Gate | None:
    """What a route's dependencies ask for; None for a route that doesn't say."""
    calls = [dependency.call for dependency in dependant.dependencies]
    scopes = [call.scope for call in calls if isinstance(call, _Scope)]
    if len(scopes) != 1:
        return None
    return Gate(scope=scopes[0], customer=any(isinstance(call, _Customer) for call in calls))


def check_gates(routes: Iterable[BaseRoute]) -> None:
    """Raises ValueError for a route that doesn't say, exactly once, who may call it."""
    for route in routes:
        if isinstance(route, APIRoute) and gate_of(route.dependant) is None:
            message = f"{route.name} ({route.path}): expected one needs(scope) or anyone() among its dependencies"
            raise ValueError(message)


def declare_gates(document: dict[str, Any], routes: Sequence[BaseRoute]) -> None:
    """Write what the routes ask for into the OpenAPI document: the bearer scheme, 401 and 403."""
    for route in routes:
        gate = gate_of(route.dependant) if isinstance(route, APIRoute) else None
        if gate is None or gate.open:
            continue
        assert isinstance(route, APIRoute)  # noqa: S101 -- only those have gates
        for method in route.methods:
            operation = document["paths"][route.path][method.lower()]
            operation["security"] = [{"bearer": [gate.scope] if gate.scope else []}]
            statuses = (401, 403) if gate.scope else (401,)
            operation["responses"] |= {str(status): declared(status)[status] for status in statuses}
            if gate.scope and gate.customer:
                operation["parameters"] = [*operation.get("parameters", []), _ON_BEHALF_OF_PARAMETER]
            document["components"].setdefault("securitySchemes", {})["bearer"] = BEARER


_ON_BEHALF_OF_PARAMETER = {
    "name": ON_BEHALF_OF,
    "in": "header",
    "required": False,
    "description": "The token of the customer that the caller acts for",
    "schema": {"type": "string"},
}
