"""The fault that is a kind of failure, and which kinds an edge can have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from harness.errors import HarnessError
from harness.faults import FAULTS
from harness.model.fault import FaultSpec
from harness.model.matrix import HTTP_KINDS, Kind
from harness.model.quantity import Duration

HEAD_BYTES = 20
"""Of `HTTP/1.1 200 OK` with its line end 17 are the status line: the cut is within the first header."""
DROPS = 16
"""A body of so many bytes comes too late, and every read of it in time."""
HTTP = "http"

Attributes = dict[str, object]


@dataclass(frozen=True, slots=True)
class Means:
    """By which fault of the table a kind comes about; its attributes may depend on how late is too late."""

    fault: str
    attributes: Callable[[float], Attributes] = lambda _delay_s: {}


MEANS: Mapping[Kind, Means] = {
    Kind.REFUSED: Means("down"),
    Kind.BLACK_HOLE: Means("black-hole"),
    Kind.LATENCY: Means("latency", lambda delay_s: {"delay": Duration(delay_s)}),
    Kind.RESET: Means("reset"),
    Kind.TRUNCATE_0: Means("truncate", lambda _: {"after_bytes": 0}),
    Kind.TRUNCATE_HEAD: Means("truncate", lambda _: {"after_bytes": HEAD_BYTES}),
    Kind.HALF_OPEN: Means("half-open"),
    Kind.ONE_WAY: Means("one-way"),
    Kind.STATUS_500: Means("status", lambda _: {"status": 500}),
    Kind.STATUS_503: Means("status", lambda _: {"status": 503}),
    Kind.HTML_200: Means("html-200"),
    Kind.MALFORMED: Means("malformed"),
    Kind.TRICKLE: Means("trickle", lambda delay_s: {"drop_bytes": 1, "every": Duration(delay_s / DROPS)}),
    Kind.PLACEBO: Means("no-op"),
}


def fault_of(kind: Kind, delay_s: float, faults: Mapping[str, type[FaultSpec]] = FAULTS) -> FaultSpec:
    """The fault that is a kind of failure.

    Args:
        kind: of failure.
        delay_s: what is too late on the edge.
        faults: by their word.

    Raises:
        HarnessError: when there is no such fault, or it knows other attributes.
    """
    means = MEANS.get(kind)
    if means is None or means.fault not in faults:
        raise HarnessError(f"no fault is known that is '{kind}'")
    try:
        return faults[means.fault].model_validate(means.attributes(delay_s))
    except ValidationError as error:
        raise HarnessError(f"'{kind}' can't be had of the fault {means.fault}: {error.errors()[0]['msg']}") from error


def kind_of(fault: FaultSpec) -> Kind:
    """The kind of failure by whose rules a fault is judged.

    Raises:
        HarnessError: when no kind comes about by that fault.
    """
    kinds = [kind for kind, means in MEANS.items() if means.fault == fault.kind]
    alike = [kind for kind in kinds if MEANS[kind].attributes(1.0).items() <= dict(fault).items()]
    if not kinds:
        words = ", ".join(sorted({means.fault for means in MEANS.values()}))
        raise HarnessError(f"expected a fault of the matrix ({words}), found {fault.kind}")
    return (alike or kinds[::-1])[0]


def known_kinds(kinds: Iterable[Kind], faults: Mapping[str, type[FaultSpec]] = FAULTS) -> tuple[Kind, ...]:
    """Those of the kinds that some fault brings about."""
    return tuple(kind for kind in kinds if kind in MEANS and MEANS[kind].fault in faults)


def applies(kind: Kind, protocol: str) -> bool:
    """Whether an edge on which that is spoken can have this kind of failure."""
    return kind not in HTTP_KINDS or protocol == HTTP
