"""The first resilience matrix: one journey, one edge, one kind of failure; and what came of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.system import Need
from harness.model.verdict import Verdict

MATRIX_FORMAT = 1


class Kind(StrEnum):
    """A kind of failure; surviving one says nothing of another."""

    REFUSED = "refused"
    BLACK_HOLE = "black-hole"
    LATENCY = "latency"
    RESET = "reset"
    TRUNCATE_0 = "truncate-0"
    TRUNCATE_HEAD = "truncate-head"
    PLACEBO = "placebo"
    """A fault that does nothing, put on all edges that a journey crosses; no column of the table."""
    ANSWER = "answer"
    """Another answer than the provider gave, and a valid one; no column either."""

    @property
    def words(self) -> str:
        """What it does, in a few words."""
        return _WORDS[self]


_WORDS = {
    Kind.REFUSED: "connections are refused, live ones are cut",
    Kind.BLACK_HOLE: "what is sent vanishes",
    Kind.LATENCY: "answers come after the deadline",
    Kind.RESET: "connections are accepted and reset",
    Kind.TRUNCATE_0: "connections end before an answer's first byte",
    Kind.TRUNCATE_HEAD: "connections end within an answer's first bytes",
    Kind.PLACEBO: "nothing happens",
    Kind.ANSWER: "answers are others, and valid",
}

KINDS = tuple(kind for kind in Kind if kind not in {Kind.PLACEBO, Kind.ANSWER})
"""The columns, as they are shown."""


class Rule(StrEnum):
    """What a cell is held to without any declaration, and why one could not be judged."""

    HANG = "hang"
    """No answer within the journey's deadline."""
    ERROR = "server-error"
    """A 500, or another undeclared 5xx, where 503 is meant."""
    BROKEN = "broken-answer"
    """The customer's own connection ended without a whole answer."""
    BODY = "invalid-body"
    """A success with an empty or an invalid body."""
    SLOW = "slow"
    """Slower by the fault's own delay, on a call that does not matter."""
    USABLE = "not-usable"
    """Declared to be usable without the provider, and it was not."""
    STATE = "state-changed"
    """The state changed though the customer was told no."""
    DIED = "died"
    """An instance ended by itself."""
    RECOVERY = "not-recovered"
    """The answers are not of the same class again after the fault was taken back."""
    UNCLEAN = "not-clean"
    """The journey fails, or changes from visit to visit, without any fault."""
    NOT_IN_FORCE = "not-in-force"
    """The fault was not seen to bite, or not seen to be gone."""
    NOT_CROSSED = "not-crossed"
    """No request met the fault."""
    SHADOWED = "shadowed"
    """It was as bad already under the first fault alone."""
    PLACEBO = "placebo"
    """A fault that does nothing was found to do something."""
    HARNESS = "harness"
    """Something in the harness went wrong."""
    CLASS = "other-class"
    """Of a replayed request: found without the fault and refused under it, or the other way round."""
    REFUSAL = "unclear-refusal"
    """A 503 without Retry-After, or without application/problem+json."""
    DOCUMENT = "breaks-document"
    """An answer that the service's own OpenAPI document does not declare."""
    TRACE = "stack-trace"
    """An answer that shows the inside of the program."""
    PACT = "pact"
    """An interaction that a consumer relies on neither held nor failed in the declared way."""
    NOT_TRIED = "not-tried"
    """Nobody asked, or a limiter answered in the operation's place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFault:
    """A fault that stands already while a cell's own is put in force: the edge was only seen under it."""

    edge: str
    kind: Kind

    def __str__(self) -> str:
        """`a->b refused`."""
        return f"{self.edge} {self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One journey under one kind of failure on one edge."""

    journey: str
    edge: str
    """`consumer->provider`; of a placebo empty."""
    kind: Kind
    first: FirstFault | None = None

    @property
    def provider(self) -> str:
        """Who is called on the edge."""
        return self.edge.partition("->")[2]

    @property
    def consumer(self) -> str:
        """Who calls on the edge, and should cope."""
        return self.edge.partition("->")[0]

    def __str__(self) -> str:
        """`browse, a->b refused`."""
        first = f" (under {self.first})" if self.first else ""
        return f"{self.journey}, {self.edge} {self.kind}{first}".replace(",  ", ", ")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFinding:
    """One rule that did not hold, or could not be judged."""

    rule: Rule
    verdict: Verdict
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CellVerdict:
    """What came of one cell."""

    cell: Cell
    verdict: Verdict
    reason: str
    """The worst finding in a sentence; for a PASS, what was seen."""
    findings: tuple[CellFinding, ...] = ()
    """Worst first."""
    remarks: tuple[str, ...] = ()
    """What was seen or not looked at, and is no finding."""
    crossings: int | None = None
    """Requests that met the fault; None when they could not be counted."""
    samples: int = 0
    """Visits under the fault."""
    usable: bool | None = None
    """Whether the customer got what she came for, perhaps less of it; None when that was not put to the test."""
    degraded: bool = False
    """Whether what she got was marked as degraded."""
    answer: str = ""
    """The worst answer that a customer got: `503`, `200`, `timeout`."""
    slowest_s: float | None = None
    """The slowest answer under the fault."""
    recovered_s: float | None = None
    """From the confirmed end of the fault until the answers were as before; None when they never were."""
    restarted: bool = False
    """Instances were restarted afterwards, since state had leaked."""
    took_s: float = 0.0
    replay: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Whether an edge looks hard or soft, by what its cells showed."""

    edge: str
    declared: Need
    proposed: Need | None
    """None when nothing that was seen tells."""
    why: str

    @property
    def differs(self) -> bool:
        """Whether what was seen contradicts what is declared."""
        return self.proposed is not None and self.proposed is not self.declared


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyCrossings:
    """Which edges a journey was seen to cross."""

    journey: str
    edges: tuple[str, ...] = ()
    """In the clean visits."""
    under_fault: tuple[str, ...] = ()
    """Only while something else was broken."""
    not_seen: tuple[str, ...] = ()
    """Declared, and never crossed: nothing is known of them."""
    trouble: str = ""
    """Why the journey could not be taken for clean."""
    counted: bool = True
    """Whether anything counts what crosses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the whole matrix says beyond its cells."""

    journeys: tuple[JourneyCrossings, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    """Seconds that its parts took, and how many cells there were."""
