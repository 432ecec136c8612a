"""The resilience matrix: one journey, one edge, one kind of failure; and what came of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.system import Need
from harness.model.verdict import Verdict

MATRIX_FORMAT = 2
"""2: cells that others stand for, cells that were not tried, trials of a cell, and kinds that change answers."""


class Kind(StrEnum):
    """A kind of failure; surviving one says nothing of another."""

    REFUSED = "refused"
    BLACK_HOLE = "black-hole"
    LATENCY = "latency"
    RESET = "reset"
    TRUNCATE_0 = "truncate-0"
    TRUNCATE_HEAD = "truncate-head"
    HALF_OPEN = "half-open"
    ONE_WAY = "one-way"
    TRUNCATE_BODY = "truncate-body"
    STATUS_500 = "status-500"
    STATUS_503 = "status-503"
    HTML_200 = "html-200"
    MALFORMED = "malformed"
    TRICKLE = "trickle"
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
    Kind.HALF_OPEN: "new connections are accepted and never answered",
    Kind.ONE_WAY: "requests arrive, answers don't",
    Kind.TRUNCATE_BODY: "answers end within their body",
    Kind.STATUS_500: "every answer is a 500",
    Kind.STATUS_503: "every answer is a 503",
    Kind.HTML_200: "every answer is a page of HTML with 200",
    Kind.MALFORMED: "every answer is JSON that is cut off, with 200",
    Kind.TRICKLE: "answers come a few bytes at a time, and too late",
    Kind.PLACEBO: "nothing happens",
    Kind.ANSWER: "answers are others, and valid",
}

KINDS = tuple(kind for kind in Kind if kind not in {Kind.PLACEBO, Kind.ANSWER})
"""The columns, as they are shown."""
HTTP_KINDS = frozenset(
    {Kind.TRUNCATE_BODY, Kind.STATUS_500, Kind.STATUS_503, Kind.HTML_200, Kind.MALFORMED, Kind.TRICKLE}
)
"""Those that only an edge of plain HTTP can have: on others they are not applicable."""
LINE_KINDS = tuple(kind for kind in KINDS if kind not in HTTP_KINDS and kind not in {Kind.HALF_OPEN, Kind.ONE_WAY})
"""The first six, which every consumer is put to, whatever speaks on the edge."""
SLOW_KINDS = frozenset({Kind.BLACK_HOLE, Kind.LATENCY, Kind.HALF_OPEN, Kind.ONE_WAY, Kind.TRICKLE})
"""Those that a consumer has to give up on by itself."""
ANSWERED_KINDS = frozenset({Kind.MALFORMED})
"""Those under which the provider does its work, and what it answers can be heard."""


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
    TWICE = "done-twice"
    """A command was sent again, and its provider took it for another."""
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
    PROXY = "proxy-died"
    """A proxy died or hung while the fault was in force."""
    CLASS = "other-class"
    """Answered without the fault, and told under it that it is not there or not allowed; or the other way round."""
    REFUSAL = "unclear-refusal"
    """A 503 without Retry-After, or without application/problem+json."""
    DOCUMENT = "breaks-document"
    """An answer that the service's own OpenAPI document does not declare."""
    TRACE = "stack-trace"
    """An answer that shows the inside of the program."""
    PACT = "pact"
    """An interaction that a consumer relies on neither held nor failed in the declared way."""
    OVERDUE = "past-deadline"
    """An answer came later than the edge's own deadline lets its consumer wait."""
    UNMARKED = "not-marked"
    """An answer lacked something, or had 0 in its place, as on a call that does not matter, and did not say so."""
    FLAKY = "now-so-now-so"
    """Repeated, it came out otherwise, and only time tells the two apart; or others had the processors meanwhile."""
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
class Whose:
    """Who should have coped in a red cell, by the spans of its visits."""

    service: str
    edge: str
    reason: str
    evidence: tuple[str, ...] = ()
    """The worst trace, line by line."""
    inferred: bool = False
    """In part, since not all services send spans."""


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
    mixed: bool = False
    """Some of its visits were usable and some not."""
    at_once: bool = False
    """Its visits were paid at the same time."""
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
    whose: Whose | None = None
    """None where no spans tell; then it is inferred from the topology."""
    trials: int = 1
    """How often it was conducted: again after a FAIL, and where visits disagreed."""
    flaky: bool = False
    """Its trials did not come out alike."""
    opened: tuple[str, ...] = ()
    """Edges that were crossed under this fault, and never without one."""
    stands: Cell | None = None
    """The cell that stands for this one, which was not conducted; None for one that was."""
    pruned: str = ""
    """Why that cell tells of this one."""
    taken_from: str = ""
    """The run that conducted it, when that was an earlier one."""
    proxy: tuple[str, ...] = ()
    """What was read back and probed when the fault came and when it went."""
    excused: str = ""
    """Why it does not make the run red though it is: somebody accepted it, or it was known."""


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
    untested: tuple[Cell, ...] = ()
    """Cells for which there was no time, the most telling first."""
    figures: dict[str, float] = field(default_factory=dict)
    """Seconds that its parts took, and how many cells there were."""
