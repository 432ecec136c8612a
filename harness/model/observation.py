"""Timestamped facts. All times `t` are seconds since the run began, on the clock of `harness.clock`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue


class Outcome(StrEnum):
    """How an operation or a journey ended, as its customer sees it."""

    OK = "OK"
    DEGRADED = "DEGRADED"
    FAILED = "FAILED"
    """It certainly did not happen."""
    UNKNOWN = "UNKNOWN"
    """Nobody knows: a command whose answer never came."""


class AnswerClass(StrEnum):
    """How one HTTP answer looked (VERDICTS V2)."""

    FULL = "full"
    """2xx or 3xx without a degraded mark."""
    DEGRADED = "degraded"
    """2xx with the mark."""
    CLEAN = "clean failure"
    """4xx or 503 with a problem+json body (503 and 429 with Retry-After)."""
    DIRTY = "dirty failure"
    """500, reset, time-out, invalid or empty body, or an error without a problem body."""


WAITED = frozenset({408, 429, 502, 503, 504})
"""How an answer looks that somebody waited for in vain, or was not let in for."""


class WindowKind(StrEnum):
    """The windows of an experiment, in their order."""

    WARM_UP = "warm-up"
    """The experiment's own load before its first fault."""
    BASELINE = "baseline"
    FAULT = "fault"
    RECOVERY = "recovery"
    WELL = "well again"
    """Only where an experiment says what must hold then."""
    HALF_LOAD = "half load"
    """Only where the system did not get well by itself: does half the load cure it?"""
    REST = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of the run; `start` belongs to it, `end` does not."""

    kind: WindowKind
    start: float
    end: float

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end - self.start

    @property
    def seconds(self) -> range:
        """The seconds that lie in it whole."""
        return range(math.ceil(self.start), math.floor(self.end))

    def covers(self, t: float) -> bool:
        """Whether `t` lies in it."""
        return self.start <= t < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneySecond:
    """Journeys of one name and outcome whose *intended start* fell into one second.

    `latencies` is an HDR histogram (microseconds, 1 µs to 120 s, three significant digits) in the
    base64 form of HdrHistogram V2: the time from the intended start to the end of the journey.
    `service` is the same for the time from the actual start.
    """

    second: int
    journey: str
    outcome: Outcome
    count: int
    latencies: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSecond:
    """HTTP answers of one request name and class that *ended* in one second; `latencies` as in `JourneySecond`."""

    second: int
    journey: str
    request: str
    answer: AnswerClass
    count: int
    latencies: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DistinctAnswer:
    """One kind of answer, kept once with a sample: `shape` is a digest of the body's structure, not its values."""

    t: float
    journey: str
    request: str
    method: str
    path: str
    status: int
    """0 when no answer came."""
    answer: AnswerClass
    shape: str
    content_type: str
    headers: dict[str, str]
    body: str
    """At most 64 KiB."""
    error: str = ""
    count: int = 1
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of a journey from its invocation to its end; what the safety checkers read.

    `value` is what the client learned (an order's id, an amount). An operation that never ended is UNKNOWN.
    One that names a `thing` read it, wrote it, or both: then it saw before it wrote.
    """

    op: str
    """Unique within the run."""
    name: str
    key: str
    journey: str
    start: float
    end: float | None
    outcome: Outcome
    value: dict[str, JsonValue] = field(default_factory=dict)
    session: str = ""
    """Whose it was: one customer, to whom the system may owe that she sees her own writes."""
    thing: str = ""
    """What was read or written: its kind, `/`, and which one: `cart/customer-0017`."""
    writes: dict[str, JsonValue] = field(default_factory=dict)
    """Field → the value that was to be written, null to remove it; known from the invocation on."""
    saw: dict[str, JsonValue] | None = None
    """Field → the value that was read; None when nothing was."""
    whole: bool = True
    """Whether a field that was not among those seen was not there; else nothing is known of it."""
    once: str = ""
    """Operations with the same are retries of one: an idempotency key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSecond:
    """How the load generator itself fared in one second."""

    second: int
    due: int
    started: int
    dropped: int
    """Journeys that were due and found no free user in the bounded pool."""
    lag_p99_s: float
    """From the intended start to the actual one."""
    in_flight: int
    cpu_share: float
    """Of one core."""
    moved: int = 0
    """How often a customer went on to another address of the entry, since hers refused the connection."""
    worker: str = ""
    """Which of several generators it was; each tells a row of its own for a second."""
    lost: int = 0
    """Journeys that were due at a generator that is gone: of them nothing is known, and nobody took them over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingSecond:
    """What the relay saw on one line in one second.

    An exchange is one request with its answer, told by the change of direction of the bytes.
    """

    second: int
    line: str
    """`LineId.name`"""
    connections: int
    """Connections that the consumer opened."""
    requests: int
    """Exchanges that the consumer began."""
    answers: int
    """Exchanges of which at least one byte came back."""
    aborted: int
    """Connections that ended while a request was without an answer, from either side."""
    bytes_up: int
    bytes_down: int
    answer_ms_sum: float
    """Sum over answers of the time to the first byte, in milliseconds."""
    failed: int = 0
    """Exchanges that ended on the provider's side without a whole answer, as far as the line can tell."""
    failed_again: int = 0
    """Those that followed such an end within 10 ms: nobody had paused."""
    answered_again: int = 0
    """Those that followed an answer as soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadySeen:
    """What an instance said when it was asked whether it is ready."""

    t: float
    service: str
    instance: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalRead:
    """What a service said of its state after the system came to rest."""

    name: str
    t: float
    rows: tuple[dict[str, JsonValue], ...]
    error: str = ""
    """Why it could not be read; then `rows` is empty and means nothing."""
    same: int = 0
    """In a journal: rows that were there, word for word, when it was written down last, and are not written again."""
    gone: tuple[dict[str, JsonValue], ...] = ()
    """In a journal: rows that were there then, and are not any more."""
