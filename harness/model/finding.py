"""What a check found: a verdict with its reason, its evidence, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.verdict import Verdict


class Part(StrEnum):
    """Which part of a run a finding belongs to."""

    PACTS = "pacts"
    FUZZ = "fuzz"
    RESILIENCE = "resilience"
    MATRIX = "matrix"
    SAFETY = "safety"
    LOAD = "load"
    VALIDITY = "validity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's result."""

    check: str
    """The id of the check: `availability`, `deadline`, `pact`, …"""
    part: Part
    verdict: Verdict
    reason: str
    """One sentence with the figures; for a PASS, what it excludes."""
    subject: str
    """What was judged: a journey, a pact `consumer → provider`, an operation, an invariant."""
    experiment: str = ""
    edge: str = ""
    """`consumer->provider`, when an edge is involved."""
    service: str = ""
    """The service that should have coped."""
    owner: str = ""
    inferred: bool = False
    """True when the owner was told from the topology, without spans that prove it."""
    evidence: tuple[str, ...] = ()
    """Lines of text: requests with their answers, rows, log lines, mismatches."""
    replay: str = ""
    """A command line that repeats it, or that would settle an UNKNOWN."""
    excused: str = ""
    """Why it does not make the run red though it is: somebody accepted it, or it was known."""

    @property
    def name(self) -> str:
        """By which it can be asked for: a cell's name; else experiment, check and subject."""
        if self.part is Part.MATRIX:
            return self.subject
        return " ".join(each for each in (self.experiment, self.check, self.subject) if each)
