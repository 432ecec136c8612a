"""V0, of the machine: the processors were others', or full, so what is about time is no proof against the system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.checkers.answer_class import CHECK as ANSWER_CLASS
from harness.checkers.availability import CHECK as AVAILABILITY
from harness.checkers.bounds import CHECK as FIGURES
from harness.checkers.deadline import CHECK as DEADLINE
from harness.checkers.degraded import CHECK as DEGRADED
from harness.checkers.edge_calls import calls_on
from harness.checkers.found import finding, percent
from harness.checkers.isolation import CHECK as ISOLATION
from harness.checkers.metastable import CHECK as METASTABLE
from harness.checkers.recovery import CHECK as RECOVERY
from harness.checkers.retries import ALLOWED
from harness.checkers.retries import CHECK as RETRIES
from harness.checkers.tally import before_and_during
from harness.model.experiment import Expectation
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import WAITED, AnswerClass, WindowKind
from harness.model.verdict import Verdict

CHECK = "validity"
SUBJECT = "neighbours"

TAKEN = 0.10
"""The share of all processors that others must have had: less is what a quiet machine does by itself, and about what
looking at processes may be wrong by."""
LONGER = 1.25
"""How much longer everything takes because of others: times in a queue go with one over what is idle (M/M/1, L.
Kleinrock, "Queueing Systems", 1975), which would be idle + others without them. As much as `isolation` allows."""
STOOD = 1 - 1 / LONGER
"""When processors stand still for so much of some seconds, all work in them takes as much longer."""
FULL_S = 2.0
"""Whoever is asked when nothing has been idle for so long has a queue before him, and waits as long again."""
LEAST_S = 1.0
"""The kernel counts in hundredths of a second, and in less than this they are too few to say."""

AWAY = "stop what else runs here and run it again"
LESS = "let fewer journeys a second come for longer, or give it more processors"
REMEDY = f"{AWAY}, or give --neighbours judge where it does not matter"

_UNDER_FAULT = (WindowKind.FAULT,)
_AFTER_IT = (WindowKind.FAULT, WindowKind.RECOVERY)
_ABOUT_TIME: Mapping[str, tuple[WindowKind, ...]] = {
    AVAILABILITY: _UNDER_FAULT,
    ANSWER_CLASS: _UNDER_FAULT,
    DEADLINE: _UNDER_FAULT,
    DEGRADED: _UNDER_FAULT,
    ISOLATION: _UNDER_FAULT,
    RETRIES: _UNDER_FAULT,
    RECOVERY: _AFTER_IT,
    METASTABLE: _AFTER_IT,
    FIGURES: (WindowKind.FAULT, WindowKind.WELL),
}
"""Check → the windows that it looks at. A full queue that others left behind is still full when they are gone, so
recovery is about the time of the fault too. What comes after the time that it had (half the load) decides nothing."""
_BEGINS_ANEW = frozenset({"crash-loop", "restart"})
"""Faults under which a service starts, which takes a processor whole."""
_WAITED_FOR = frozenset({AVAILABILITY, ANSWER_CLASS, DEADLINE, DEGRADED, ISOLATION})
"""What a queue alone brings about. A system that fills the processors once the fault is gone is not well, whatever the
machine, and one that calls too often calls too often."""

_NO_ANSWER = frozenset({0})
"""A dirty 503 is one whatever it came of."""
_NONE_IN_TIME = _NO_ANSWER | WAITED


def crowded(company: Company, neighbours: Neighbours = Neighbours.DOUBT) -> bool:
    """Whether others had so much of the processors that whoever wanted to run had to wait for them.

    Who judges nonetheless speaks of what runs beside, and not of processors that stand still.
    """
    if company.unknown or company.length_s < LEAST_S:
        return False
    if company.stood >= STOOD:
        return True
    had = company.others >= TAKEN and company.idle + company.others >= LONGER * company.idle
    return had and neighbours is Neighbours.DOUBT


def told(company: Company) -> str:
    """`others had 41 % of this machine's 2 processors (mostly cc1plus), 2 % were idle`."""
    if company.unknown:
        return company.unknown
    stolen = f", {percent(company.stolen)} of all to other machines" if company.stolen >= TAKEN else ""
    who = f" (mostly {', '.join(company.who)}{stolen})" if company.who else stolen
    shares = f"{company.others * 100:.0f} % of this machine's {company.cores} processors{who}"
    still = f", in some seconds they stood still for {company.stood * 100:.0f} %" if company.stood >= STOOD else ""
    none = f", for {company.full_s:.0f} s on end nothing was" if was_full(company) else ""
    return f"others had {shares}, {company.idle * 100:.0f} % were idle{none}{still}"


def remedy(company: Company) -> str:
    """What to do about it."""
    return REMEDY if company.stood < STOOD else "run it again when the host has time for this machine"


def in_company(history: History, found: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, those that others may be the cause of as UNKNOWN, with one more that tells of the others.

    Nothing that was green changes, and nothing that is about state: a lost order is lost whoever else was there.
    """
    if not history.company:
        return tuple(found)
    doubted = [_doubted(history, each) for each in found]
    count = sum(one is not other for one, other in zip(found, doubted, strict=True))
    return (*doubted, _of_neighbours(history, count))


def crowd(history: History, kinds: Iterable[WindowKind]) -> Company | None:
    """The worst of these windows in which others had too much; None when there is none, or it is not to matter."""
    wanted = frozenset(kinds)
    found = [each for each in history.company if each.window in wanted and crowded(each, history.neighbours)]
    return max(found, key=lambda each: each.others + each.stood, default=None)


def was_full(company: Company, neighbours: Neighbours = Neighbours.DOUBT) -> bool:
    """Whether the processors had nothing left for some seconds on end, whoever had them, where that is to matter."""
    return not company.unknown and company.full_s >= FULL_S and neighbours is Neighbours.DOUBT


def full(history: History) -> Company | None:
    """The window of the fault, if the processors had nothing left in some of its seconds and no more calls were made.

    Then it was the load that was too much for the machine, and not what the system does under the fault. A surge, or
    services that start, are what it is put to, and no excuse.
    """
    experiment = history.experiment
    kinds = {each.fault.kind for each in experiment.injections}
    if experiment.surge is not None or experiment.ramp is not None or kinds & _BEGINS_ANEW:
        return None
    company = next((each for each in history.company if each.window is WindowKind.FAULT), None)
    if company is None or not was_full(company, history.neighbours) or not _no_more_calls(history):
        return None
    return company


def _no_more_calls(history: History) -> bool:
    """Whether a journey made no more calls than `retries` allows, of all together and on each edge, stores' included.

    Who calls more often under a fault than before it fills the processors himself.
    """
    counted = [calls_on(history, name) for name in history.topology.edges]
    calls = [each for each in counted if each is not None]
    if not calls or len(calls) < len(counted):
        return False
    during, expected = sum(each.during for each in calls), sum(each.expected for each in calls)
    return during <= ALLOWED * expected and all(each.at_least(history.alpha) <= ALLOWED for each in calls)


def doubted_for(company: Company, each: Finding) -> Finding:
    """A red finding that is no proof, since others had the processors, or nobody any more of them."""
    why = f"so this may be their doing: {remedy(company)}"
    if not crowded(company):
        why = f"and a journey made no more calls than before, so this may be the load's doing: {LESS}"
    reason = f"{told(company)} in the window {company.window.value}, {why}"
    return replace(each, verdict=Verdict.UNKNOWN, reason=f"{reason}; it would be {each.verdict}: {each.reason}")


def _doubted(history: History, each: Finding) -> Finding:
    windows = _ABOUT_TIME.get(each.check, ())
    if each.verdict is not Verdict.FAIL or each.part is not Part.RESILIENCE or not about_time(history, each):
        return each
    company = crowd(history, windows) or (full(history) if each.check in _WAITED_FOR else None)
    return each if company is None else doubted_for(company, each)


def about_time(history: History, each: Finding) -> bool:
    """Whether a slow machine alone can bring this FAIL about."""
    if each.check == ANSWER_CLASS:
        return not _at_once(history, each.subject, waited=_NO_ANSWER)
    if each.check == AVAILABILITY:
        at_once = _at_once(history, each.subject, waited=_NONE_IN_TIME)
        return 2 * at_once < before_and_during(history, each.subject)[1].bad
    if each.check == DEGRADED:  # that the mark is missing where it is owed is no matter of time
        return history.expectation(each.subject) is Expectation.UNCHANGED
    return each.check in _ABOUT_TIME


def _at_once(history: History, journey: str, *, waited: frozenset[int]) -> int:
    """Dirty answers of a journey that no waiting explains: 500, a wrong or an empty body, a connection that was cut."""
    dirty = [each for each in history.distinct if each.journey == journey and each.answer is AnswerClass.DIRTY]
    return sum(each.count for each in dirty if each.status not in waited or _cut(each.status, each.error))


def _cut(status: int, error: str) -> bool:
    return status == 0 and ("reset" in error.lower() or "refused" in error.lower())


def _of_neighbours(history: History, doubted: int) -> Finding:
    worst = max(
        history.company,
        key=lambda each: (
            crowded(each, history.neighbours),
            crowded(each),
            not each.unknown,
            was_full(each),
            each.others,
        ),
    )
    where = "" if worst.unknown else f" in the window {worst.window.value}"
    reason = f"{told(worst)}{where}"
    if worst.unknown:
        reason = f"told, not judged: {reason}"
    elif doubted and not crowded(worst):
        reason += f"; {doubted} of the findings may be the load's doing: {LESS}"
    elif doubted:
        reason += f"; {doubted} of the findings may be their doing: {remedy(worst)}"
    elif crowded(worst):
        judge = history.neighbours is Neighbours.JUDGE
        reason += "; told, not judged, as --neighbours judge says" if judge else "; nothing that is red is about time"
    else:
        reason += "; from 10 % on, and a quarter of what was idle, what is about time would not be judged"
    return finding(
        history,
        check=CHECK,
        part=Part.VALIDITY,
        verdict=Verdict.UNKNOWN if doubted else Verdict.PASS,
        reason=reason,
        subject=SUBJECT,
        evidence=tuple(f"{each.window.value}: {told(each)}" for each in history.company),
    )
