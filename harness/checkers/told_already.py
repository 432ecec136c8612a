"""What was broken once is told once: the state of a run goes on from experiment to experiment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict


def once(found: Iterable[Finding], before: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, those excused that an experiment before has told with the very same evidence.

    An order that was charged twice stays so until the end of the run, and is no fault of what is broken after it. One
    more that is charged twice is more evidence, and red again.

    Args:
        found: of an experiment that has just ended.
        before: of all that ended before it in this run.
    """
    known = {_what(each): each.experiment for each in reversed(before) if _may_be_known(each)}
    return tuple(
        replace(each, excused=f"told already, of {known[_what(each)]}")
        if _may_be_known(each) and _what(each) in known
        else each
        for each in found
    )


def _may_be_known(each: Finding) -> bool:
    return each.part is Part.SAFETY and each.verdict is Verdict.FAIL and bool(each.evidence and each.experiment)


def _what(each: Finding) -> tuple[str, str, str, str, tuple[str, ...]]:
    return each.check, each.subject, each.service, each.edge, each.evidence
