"""Verifies one provider's pacts in a process of its own: `python -m harness.contracts.verifier_process ORDER`.

Pact's Rust core writes its reports to file descriptor 1 and can't be interrupted; here both do no harm.
The order is a JSON file, and so is the report.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import JsonValue, TypeAdapter

from harness.contracts.states import Refusal, StateServer, load_tables
from harness.errors import HarnessError

REQUEST_LIMIT_MS = 15_000
"""How long Pact waits for one answer, of the provider or of a state function."""
LOOPBACK = "127.0.0.1"
STATUS = "StatusMismatch"
PRIVATE = "HARNESS_PRIVATE"
"""Variable with what is not for the order, which is a file that stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be verified; the pact files hold interactions of one kind each, and of this provider only."""

    provider: str
    url: str
    stores: dict[str, str]
    states: Path
    http: tuple[Path, ...]
    messages: tuple[Path, ...]
    report: Path
    stateless: bool = False
    """No interaction has a provider state, so that Pact need not ask for any: it would before each interaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """What holds secrets: the headers to send along, and those of the run by their names, for the states."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One thing in which an answer differs from what was agreed."""

    type: str
    path: str
    expected: str
    actual: str
    message: str

    @property
    def of_status(self) -> bool:
        """Whether it is the status of an answer."""
        return self.type == STATUS

    def __str__(self) -> str:
        """On one line: where, what was expected, what came."""
        where = {STATUS: "status", "HeaderMismatch": f"header {self.path}", "MetadataMismatch": "metadata"}
        named = where.get(self.type, f"body {self.path}" if self.path else "body")
        told = "" if self.of_status else f" ({self.message})"
        return f"{named}: expected {self.expected}, found {self.actual or 'nothing'}{told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What Pact's core says of one interaction."""

    consumer: str
    provider: str
    description: str
    states: tuple[str, ...]
    held: bool
    mismatches: tuple[Mismatch, ...] = ()
    error: str = ""
    """Why nothing could be compared: no answer, or no state."""

    @property
    def status(self) -> int:
        """The status that came where another was agreed; 0 when it was that one, or nothing was compared."""
        return next((int(each.actual) for each in self.mismatches if each.of_status and each.actual.isdigit()), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A state that was set up, with the values it gave."""

    name: str
    params: dict[str, JsonValue]
    values: dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of it."""

    verified: tuple[Verified, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    given: tuple[Given, ...] = ()
    trouble: str = ""
    """Why nothing at all could be verified."""
    core_said: tuple[str, ...] = field(default=())
    """Errors of Pact's core that belong to no interaction."""


ORDERS: TypeAdapter[Order] = TypeAdapter(Order)
REPORTS: TypeAdapter[Report] = TypeAdapter(Report)
PRIVATES: TypeAdapter[Private] = TypeAdapter(Private)
_NOTHING = Private()


def run(order: Order, private: Private = _NOTHING) -> Report:
    """Verify everything that is ordered."""
    try:
        tables = load_tables(order.states)
    except HarnessError as error:
        return Report(trouble=str(error))
    with StateServer(
        tables=tables, url=order.url, stores=order.stores, headers=private.headers, secrets=private.secrets
    ) as server:
        results = [_verify(order, server, files, messages=False) for files in (order.http,) if files]
        results += [_verify(order, server, files, messages=True) for files in (order.messages,) if files]
        return Report(
            verified=tuple(_verified(each) for result in results for each in result.get("interactionResults", [])),
            refusals=tuple(server.refusals),
            given=tuple(
                Given(name=name, params=dict(params), values=dict(values)) for name, params, values in server.given
            ),
            core_said=tuple(str(error) for result in results for error in result.get("coreErrors", [])),
        )


def _verify(order: Order, server: StateServer, files: tuple[Path, ...], *, messages: bool) -> dict[str, Any]:
    from pact import Verifier

    host = LOOPBACK if messages else urlsplit(order.url).hostname or LOOPBACK
    verifier = Verifier(order.provider, host=host)
    if messages:
        verifier.add_transport(protocol="message", port=server.port, path="/messages", scheme="http")
    else:
        verifier.add_transport(url=order.url)
        verifier.add_custom_headers(dict(server.headers))
    for file in files:
        verifier.add_source(file)
    if not order.stateless:
        states = f"http://{LOOPBACK}:{server.port}/states"
        verifier.state_handler(states, body=True, teardown=bool(server.tables.teardown))
    verifier.set_error_on_empty_pact(enabled=True).set_request_timeout(REQUEST_LIMIT_MS)
    verifier.set_coloured_output(enabled=False)
    try:
        verifier.verify()
    except RuntimeError as error:
        results = dict(verifier.results)
        return results if results.get("interactionResults") else {**results, "coreErrors": [error]}
    return dict(verifier.results)


def _verified(raw: dict[str, Any]) -> Verified:
    mismatch = raw.get("mismatch") or {}
    compared = mismatch.get("type") == "mismatches"
    return Verified(
        consumer=raw["consumer"],
        provider=raw["provider"],
        description=raw["description"],
        states=tuple(raw.get("providerStates") or ()),
        held=raw["result"] == "OK",
        mismatches=tuple(_mismatch(each) for each in mismatch.get("mismatches", ())) if compared else (),
        error="" if raw["result"] == "OK" or compared else str(mismatch.get("message") or mismatch),
    )


def _mismatch(raw: dict[str, Any]) -> Mismatch:
    return Mismatch(
        type=str(raw.get("type", "")),
        path=str(raw.get("path") or raw.get("key") or raw.get("parameter") or ""),
        expected=str(raw.get("expected", "")),
        actual=str(raw.get("actual", "")),
        message=str(raw.get("mismatch", "")),
    )


def main() -> None:
    """Read the order, verify, write the report; threads of state functions that hang are left to the process's end."""
    order = ORDERS.validate_json(Path(sys.argv[1]).read_bytes())
    report = run(order, PRIVATES.validate_json(os.environ.get(PRIVATE, "{}")))
    unfinished = order.report.with_suffix(".new")
    unfinished.write_bytes(REPORTS.dump_json(report))
    unfinished.replace(order.report)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
