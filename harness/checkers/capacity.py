"""Does a system bear a rate, and which is the highest?

The highest rate is searched as the throughput of RFC 2544, section 26.1: the fastest rate at which what was sent is
what came back, by trials of a fixed length, one rate after the other, then by halving. As in the Multiple Loss Ratio
Search of the IETF's benchmarking group, a small share may be missing, and a rate is not given up after one bad trial.
"What came back" are journeys that ended well, each answer within its deadline, while no more and more of them pile up,
and while the objectives hold. No curve is fitted: what is told was seen.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from harness.checkers import thresholds
from harness.checkers.found import percent
from harness.checkers.limits import SERVED, Rows
from harness.checkers.load_health import sickness
from harness.checkers.statistics import binomial_at_least
from harness.model.capacity import Held, Interval, RateStep
from harness.model.figures import GOOD, latencies, merged, percentile_s, seconds_in, share_over_s
from harness.model.observation import GeneratorSecond, JourneySecond, Outcome, Window, WindowKind
from harness.model.threshold import Threshold
from harness.model.verdict import Verdict

KEPT_UP = 0.95
"""Of the journeys due, those that must end well and in time, but for chance; of the rate, what must come out again."""

OBJECTIVE_ERROR = 0.05
"""How often a step is said by chance to miss an objective, or to lose journeys; a step is a trial, and no verdict."""

LEFT_TO_DO = 0.2
"""Of a step's length: a system that works on for longer when the journeys have ended does not bear the rate."""

_PILE_SIGMAS = 2
_T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t for 95 % between, from one degree of freedom on (NIST/SEMATECH e-Handbook, 1.3.6.7.2)."""
_NORMAL_975 = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A stretch of even load, and how it is judged."""

    name: str
    rate: float
    start: int
    """From here on it counts: what the system needs to settle lies before."""
    end: int
    deadlines: Mapping[str, float]
    """Seconds that a customer waits for one answer, by journey."""
    objectives: Sequence[Threshold] = ()
    usually_degraded: float = 0.0
    """The share of good journeys that lacked something at the lowest rate."""
    workers: Collection[str] = ("",)

    @property
    def window(self) -> Window:
        """When it was."""
        return Window(kind=WindowKind.BASELINE, start=self.start, end=self.end)


def judge_step(trial: Trial, rows: Rows, generator: Sequence[GeneratorSecond]) -> RateStep:
    """What came of a trial; a sick generator leaves nothing known, but who waits for the system is not sick."""
    window = trial.window
    own = [each for each in generator if window.start <= each.second and each.second + 1 <= window.end]
    due = sum(each.due for each in own)
    good = good_in(rows, window, trial.deadlines)
    lacking, ended = degraded_in(rows.journeys, window)
    missed = [
        *_missing(due, good),
        *_lacking(lacking, ended, trial.usually_degraded),
        *_piling(own, window),
        *_objectives(trial, rows),
    ]
    sick = generator_gave_out(own, window, rate=trial.rate, workers=trial.workers)
    return RateStep(
        name=trial.name,
        rate=trial.rate,
        start=trial.start,
        end=trial.end,
        due=due,
        good=good,
        degraded=lacking,
        pages=sum(each.count for each in seconds_in(rows.answers, window) if each.answer in SERVED),
        p99_s=percentile_s(latencies(rows.journeys, window), 99),
        held=Held.UNTOLD if sick else Held.MISSED if missed else Held.HELD,
        why=tuple(sick or missed),
    )


def worked_on(step: RateStep, worked_on_s: float | None, *, length_s: float) -> RateStep:
    """The step, with what it left to do: answers in time, bought with work put off, are not borne for long.

    What was left takes the system w seconds by itself after t of load, so w / t is about the share by which the rate
    is too high.
    """
    step = replace(step, worked_on_s=worked_on_s)
    if step.held is Held.UNTOLD or worked_on_s is None or worked_on_s <= LEFT_TO_DO * length_s:
        return step
    why = f"work was put off: it went on for {worked_on_s:.0f} s after {length_s:g} s of load"
    return replace(step, held=Held.MISSED, why=(*step.why, why))


def generator_gave_out(
    rows: Iterable[GeneratorSecond], window: Window, *, rate: float | None, workers: Collection[str] = ("",)
) -> list[str]:
    """What was wrong with the generator itself.

    That all its customers wait for the system is no fault of its own: who was dropped counts as not served instead.
    """
    willing = [replace(each, due=each.due - each.dropped, dropped=0) for each in rows]
    dropped = sum(each.dropped for each in rows)
    return sickness(willing, window, rate=None if dropped else rate, workers=workers)


def good_in(rows: Rows, window: Window, deadlines: Mapping[str, float]) -> int:
    """How many journeys due in a window ended well, without those that had to wait too long for an answer.

    A deadline is that of one answer, of which a journey may have many: as many journeys are left out as there were
    late answers among the good ones, though one journey may have had several.
    """
    total = sum(each.count for each in seconds_in(rows.journeys, window) if each.outcome in GOOD)
    answers = [each for each in seconds_in(rows.answers, window) if each.answer in SERVED]
    late = 0
    for name in {each.journey for each in answers}.intersection(deadlines):
        histogram = merged(each.latencies for each in answers if each.journey == name)
        late += round((share_over_s(histogram, deadlines[name]) or 0.0) * histogram.count)
    return max(total - late, 0)


def degraded_in(journeys: Iterable[JourneySecond], window: Window) -> tuple[int, int]:
    """How many journeys due in a window ended well but lacked something, and how many ended well."""
    rows = [each for each in seconds_in(journeys, window) if each.outcome in GOOD]
    return sum(each.count for each in rows if each.outcome is Outcome.DEGRADED), sum(each.count for each in rows)


def interval(values: Sequence[float]) -> Interval:
    """The mean of some samples, and what it is between by Student's t; of one sample, nothing is known beside it."""
    mean = fmean(values)
    if len(values) < 2:  # noqa: PLR2004 -- one tells nothing of how they vary
        return Interval(low=mean, estimate=mean, high=mean)
    freedom = len(values) - 1
    t = _T_975[freedom - 1] if freedom <= len(_T_975) else _NORMAL_975
    off = t * stdev(values) / math.sqrt(len(values))
    return Interval(low=max(mean - off, 0.0), estimate=mean, high=mean + off)


def _missing(due: int, good: int) -> list[str]:
    if not due:
        return ["no journey was due"]
    if binomial_at_least(due - good, due, 1 - KEPT_UP) > OBJECTIVE_ERROR:
        return []
    return [f"{percent(good / due)} of the journeys due ended well and in time, {good} of {due}"]


def _lacking(degraded: int, ended: int, usually: float) -> list[str]:
    """Whether parts are left out that are there when less is asked for: it gets by, and does not bear the rate."""
    allowed = min(usually + 1 - KEPT_UP, 1.0)
    if not degraded or binomial_at_least(degraded, ended, allowed) > OBJECTIVE_ERROR:
        return []
    return [f"{percent(degraded / ended)} of what ended well lacked something, {percent(usually)} at the lowest rate"]


def _piling(rows: Sequence[GeneratorSecond], window: Window) -> list[str]:
    """Whether more and more are under way: what comes in does not come out, though nothing is late yet."""
    quarter = len(window.seconds) // 4
    if not quarter:
        return []
    first = _under_way(rows, window.seconds[:quarter])
    last = _under_way(rows, window.seconds[-quarter:])
    between_s = len(window.seconds) - quarter
    started = sum(each.started for each in rows) / len(window.seconds)
    allowed = (1 - KEPT_UP) * started * between_s + _PILE_SIGMAS * math.sqrt(first + 1)
    if last - first <= allowed:
        return []
    return [f"they pile up: {first:.0f} journeys were under way at first, {last:.0f} at last"]


def _under_way(rows: Iterable[GeneratorSecond], seconds: range) -> float:
    return sum(each.in_flight for each in rows if each.second in seconds) / len(seconds)


def _objectives(trial: Trial, rows: Rows) -> list[str]:
    if not trial.objectives:
        return []
    phases = {trial.name: (trial.window,)}
    judged = thresholds.judge(trial.objectives, rows, phases, error=OBJECTIVE_ERROR)
    return [f"{each.threshold}: {each.reason}" for each in judged if each.verdict is Verdict.FAIL]
