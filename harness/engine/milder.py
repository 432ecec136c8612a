"""Faults that are milder than a cell's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pydantic import ValidationError

from harness.engine.kinds import fault_of
from harness.errors import HarnessError
from harness.faults import ExchangeFault, ExchangeMatch
from harness.model.fault import FaultSpec
from harness.model.matrix import Kind
from harness.model.quantity import Duration
from harness.model.shrunk import Dial

DIALS: Mapping[Kind, Dial] = {
    Kind.LATENCY: Dial.DELAY,
    Kind.TRICKLE: Dial.DELAY,
    Kind.TRUNCATE_0: Dial.BYTES,
    Kind.TRUNCATE_HEAD: Dial.BYTES,
    Kind.REFUSED: Dial.LASTS,
    Kind.BLACK_HOLE: Dial.LASTS,
    Kind.HALF_OPEN: Dial.LASTS,
    Kind.ONE_WAY: Dial.LASTS,
    Kind.RESET: Dial.LASTS,
}
"""The dial of each kind that is a number; the others have routes and instances only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Milder:
    """How a cell's fault differs from the whole one."""

    fault: FaultSpec
    delay_s: float = 0.0
    """Of a latency that nobody may wait for, where one can do without: see `not_to_wait_for`."""
    provider_index: int | None = None
    """Only the lines to this instance of the provider."""
    lasts_s: float | None = None
    """It is taken back so long after it was seen to be in force, whoever is still there."""
    visits: int | None = None
    """Under it; as the pace has it when left out."""
    believed: bool = False
    """It is on when it is read back: a probe's answers may be too short to meet it, and the visits' are not."""

    def describe(self, provider: str) -> str:
        """`latency 410 ms`, `down for 200 ms`, `status 503 on GET /products/*`, `down to payments-1 only`."""
        lasts = f" for {Duration(self.lasts_s)}" if self.lasts_s is not None else ""
        where = f" to {provider}-{self.provider_index} only" if self.provider_index is not None else ""
        return f"{self.fault.describe()}{lasts}{where}"


def not_to_wait_for(delay_s: float, deadline_s: float | None) -> float:
    """A delay beyond the edge's declared deadline; 0 of a shorter one, for which one may wait."""
    return delay_s if deadline_s is not None and delay_s > deadline_s else 0.0


def whole(kind: Kind, delay_s: float) -> Milder:
    """A cell's own fault."""
    return Milder(fault=fault_of(kind, delay_s), delay_s=delay_s if kind is Kind.LATENCY else 0.0)


def at(milder: Milder, kind: Kind, dial: Dial, size: float) -> Milder:
    """The same with its dial at a size.

    Raises:
        HarnessError: when there is no such fault.
    """
    turn: Mapping[Dial, Callable[[], Milder]] = {
        Dial.DELAY: lambda: replace(milder, fault=_at_delay(milder.fault, kind, size), delay_s=0.0),
        Dial.BYTES: lambda: replace(milder, fault=_changed(milder.fault, {"after_bytes": round(size)}), believed=True),
        Dial.LASTS: lambda: replace(milder, lasts_s=size, visits=milder.visits or 1),
    }
    return turn[dial]()


def on_route(milder: Milder, route: str) -> Milder:
    """The same on one route only, as calls are named: `GET /products/{}?q`."""
    method, _, path = route.partition("?")[0].partition(" ")
    if not isinstance(milder.fault, ExchangeFault):
        raise HarnessError(f"{milder.fault.kind} acts on connections, and can't choose {route}")
    try:
        match = ExchangeMatch(method=method, path=path.replace("{}", "*"))
    except ValidationError as error:
        raise HarnessError(f"the route {route} can't be chosen: {error.errors()[0]['msg']}") from error
    return replace(milder, fault=_changed(milder.fault, {"match": match}))


def _at_delay(fault: FaultSpec, kind: Kind, size: float) -> FaultSpec:
    made = fault_of(kind, size)
    return _changed(made, {"match": fault.match}) if isinstance(fault, ExchangeFault) else made


def _changed(fault: FaultSpec, attributes: Mapping[str, object]) -> FaultSpec:
    return fault.model_validate({**fault.model_dump(), **attributes})
