"""A cell that was conducted more than once: when to repeat it, and what its trials say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.checkers.company import crowded, remedy, told
from harness.model.matrix import CellFinding, CellVerdict, Kind, Rule
from harness.model.neighbours import Company, Neighbours
from harness.model.verdict import Verdict

MOST_TRIALS = 3
BY_TIME = frozenset({Rule.HANG, Rule.SLOW, Rule.OVERDUE, Rule.RECOVERY})
"""What is too late, which a machine that is busy may seem to do too."""
BY_LOAD = BY_TIME | {Rule.USABLE}
"""What is refused besides, since somebody else on the way may have been too late.

All else must not happen even once.
"""
AT_ONCE_S = 0.1
"""No answer of a cell took as long: what was refused so soon was not refused for want of time."""
BY_CHANCE = frozenset({Rule.NOT_CROSSED, Rule.NOT_IN_FORCE, Rule.HARNESS, Rule.PLACEBO, Rule.PROXY})
"""Why nothing could be said, which may be otherwise next time."""
BY_DATA = frozenset({Rule.UNMARKED})
"""What the values that a trial happened to meet may seem to do too: only if each trial shows it, it is so."""


def wants_another(results: Sequence[CellVerdict]) -> bool:
    """Whether one more trial could change what is known: after a FAIL that may not last, chance, or mixed visits."""
    last = results[-1]
    if len(results) >= MOST_TRIALS:
        return False
    if len(results) == 1 and lost_a_proxy(last):
        return last.cell.kind is Kind.PLACEBO  # all cells of the journey hang on it
    if len(results) == 1:
        return (last.verdict is Verdict.FAIL and not _decided(last)) or last.mixed or by_chance(last)
    if by_chance(last):
        return True
    judged = [each for each in results if not by_chance(each)]
    # One that failed by time with several visits at once is settled by the next, in which they were paid in turn.
    crowded = judged[0].at_once and _all_by_time(judged)
    return _differ(judged) and by_load(judged) and not crowded


def settled(results: Sequence[CellVerdict]) -> CellVerdict:
    """What all trials of a cell say together.

    What must never happen is red if it happened once, and the reason says how often; what load may have caused is red
    when most trials showed it, and UNKNOWN when fewer did.
    """
    judged = [each for each in results if not by_chance(each)] or list(results[-1:])
    failed = [each for each in judged if each.verdict is Verdict.FAIL]
    whole = _with_all(failed[0] if failed else judged[-1], results, judged)
    if len(results) == 1:
        return whole
    if not failed:
        return _usable_in_all(whole, judged)
    if len(failed) == len(judged):
        return replace(whole, remarks=(f"seen in {len(failed)} of {len(judged)} trials", *whole.remarks))
    return _now_and_then(whole, failed, judged, results)


def _now_and_then(
    whole: CellVerdict, failed: Sequence[CellVerdict], judged: Sequence[CellVerdict], results: Sequence[CellVerdict]
) -> CellVerdict:
    """What trials say together of which some failed, and others did not."""
    told = f"in {len(failed)} of {len(judged)} trials"
    if _rules(failed) <= BY_DATA:
        passed = next(each for each in judged if each.verdict is not Verdict.FAIL)
        remark = f"{told}, which the data may do too: {failed[0].reason}"
        return replace(_with_all(passed, results, judged), remarks=(remark, *passed.remarks))
    if _all_by_time(failed) and judged[0].at_once and failed == judged[:1]:
        remark = f"only with {judged[0].samples} visits at once: {failed[0].reason}"
        return replace(_with_all(judged[-1], results, judged), remarks=(remark, *judged[-1].remarks))
    whole = replace(whole, flaky=True, reason=f"{whole.reason}; {told}")
    if not by_load(failed) or len(failed) * 2 > len(judged):
        return whole
    return _open(whole, f"{failed[0].reason}; {told}, which a busy machine may do too; with more visits it is settled")


def wants_control(whole: CellVerdict, results: Sequence[CellVerdict]) -> bool:
    """Whether visits without any fault could tell more of a cell: it is red by what load does too, and not always."""
    disagree = whole.flaky or any(each.mixed for each in results)
    return whole.verdict is Verdict.FAIL and disagree and by_load([whole])


def doubted(whole: CellVerdict, ill: str) -> CellVerdict:
    """A cell of which some visits failed, where one without any fault fails as well: nothing follows from it."""
    return _open(whole, f"{whole.reason}; not always, and without any fault as well: {ill}")


def beside_others(whole: CellVerdict, company: Company, neighbours: Neighbours = Neighbours.DOUBT) -> CellVerdict:
    """A cell that is red by what load does too, while others had the processors: nothing follows from it."""
    if whole.verdict is not Verdict.FAIL or not by_load([whole]) or not crowded(company, neighbours):
        return whole
    if _rules([whole]) == {Rule.USABLE} and whole.slowest_s is not None and whole.slowest_s < AT_ONCE_S:
        return whole
    return _open(
        whole, f"{told(company)}, so this may be their doing: {remedy(company)}; it would be FAIL: {whole.reason}"
    )


def _open(whole: CellVerdict, reason: str) -> CellVerdict:
    evidence = whole.findings[0].evidence if whole.findings else ()
    doubt = CellFinding(rule=Rule.FLAKY, verdict=Verdict.UNKNOWN, reason=reason, evidence=evidence)
    return replace(whole, verdict=Verdict.UNKNOWN, reason=reason, findings=(doubt,))


def _usable_in_all(whole: CellVerdict, judged: Sequence[CellVerdict]) -> CellVerdict:
    seen = {each.usable for each in judged}
    usable = None if seen == {None} else all(each.usable for each in judged)
    if len(seen) > 1 or any(each.mixed for each in judged):
        remark = f"usable in some of {whole.samples} visits only"
        return replace(whole, usable=usable, flaky=True, remarks=(remark, *whole.remarks))
    return replace(whole, usable=usable)


def _with_all(one: CellVerdict, results: Sequence[CellVerdict], judged: Sequence[CellVerdict]) -> CellVerdict:
    """A trial's verdict, with what all of them took and found."""
    return replace(
        one,
        trials=len(results),
        took_s=sum(each.took_s for each in results),
        samples=sum(each.samples for each in judged),
        restarted=any(each.restarted for each in results),
        opened=tuple(dict.fromkeys(edge for each in results for edge in each.opened)),
    )


def by_chance(result: CellVerdict) -> bool:
    """Whether nothing could be said of a trial, and the next may tell."""
    return result.verdict is Verdict.UNKNOWN and any(each.rule in BY_CHANCE for each in result.findings)


def lost_a_proxy(result: CellVerdict) -> bool:
    """Whether a proxy died in a trial: that is told, and no other trial talks it away."""
    return any(each.rule is Rule.PROXY for each in result.findings)


def _decided(result: CellVerdict) -> bool:
    """Whether it stays red whatever another trial shows: what must never happen did, in a trial of several visits."""
    return result.samples > 1 and bool(_rules([result]) - BY_LOAD - BY_DATA)


def _differ(results: Sequence[CellVerdict]) -> bool:
    return len({each.verdict for each in results}) > 1


def _all_by_time(results: Sequence[CellVerdict]) -> bool:
    rules = _rules(results)
    return bool(rules) and rules <= BY_TIME


def by_load(results: Sequence[CellVerdict]) -> bool:
    """Whether nothing failed but what a busy machine may seem to do too."""
    rules = _rules(results)
    return bool(rules) and rules <= BY_LOAD


def _rules(results: Sequence[CellVerdict]) -> set[Rule]:
    return {each.rule for result in results for each in result.findings if each.verdict is Verdict.FAIL}
