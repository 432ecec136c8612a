"""V4: did anyone wait too long for an answer?"""

from __future__ import annotations

from harness.checkers.blame import at_customers, blamed
from harness.checkers.found import finding, percent, points, settling, told_percentile
from harness.checkers.statistics import Bounds, samples_needed, share
from harness.checkers.tally import DELTA, MIN_SAMPLES, answers_window, deadline_limit_s, judged
from harness.model.figures import Histogram, answer_latencies, merged, share_over_s
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import WindowKind
from harness.model.quantity import Duration
from harness.model.verdict import Verdict

CHECK = "deadline"

LATE_ALLOWED = 0.01
"""The share of late answers above which the p99 is certainly beyond the deadline."""


def deadline(history: History) -> tuple[Finding, ...]:
    """The share of answers later than the journey's deadline + 10 %: certainly above 1 % FAIL, below 5 % PASS.

    Journeys that may fail are held to it too: a failure must come in time.
    """
    return tuple(_journey(history, name) for name in judged(history))


def _journey(history: History, name: str) -> Finding:
    window, baseline = answers_window(history, name), history.window(WindowKind.BASELINE)
    during = answer_latencies(history.answers, window, name) if window else merged(())
    before = answer_latencies(history.answers, baseline, name) if baseline else merged(())
    late = _late(during, deadline_limit_s(history, name))
    bounds = share(late, during.count, history.alpha)
    figures = _figures(history, name, during, before)
    verdict = _verdict(bounds, during.count)
    late_before = before.count > 0 and _late(before, deadline_limit_s(history, name)) / before.count > LATE_ALLOWED
    limit = Duration(deadline_limit_s(history, name))
    if at_customers(history):
        verdict = Verdict.PASS
        reason = f"told, not judged, since the fault acts on the customers' own connection: {figures}"
    elif verdict is Verdict.PASS:
        reason = f"a share of answers above {limit} of {percent(DELTA)} or more is excluded, {figures}"
    elif verdict is Verdict.FAIL and late_before:
        verdict = Verdict.UNKNOWN
        reason = (
            f"the fault can't be told to be the cause of late answers, {figures}: settle those of the baseline first"
        )
    elif verdict is Verdict.FAIL:
        reason = f"{percent(bounds.estimate)} of the answers took longer than {limit}, {figures}"
    else:
        needed = samples_needed(DELTA, history.alpha) if late == 0 else None
        reason = f"{points(bounds.lower)} to {points(bounds.upper)} late is possible, {figures}"
        reason += f"; {settling(needed, during.count)}" if late == 0 else "; a longer window would settle it"
    return finding(history, check=CHECK, verdict=verdict, reason=reason, subject=name, blame=blamed(history, name))


def _verdict(bounds: Bounds, n: int) -> Verdict:
    if n < MIN_SAMPLES:
        return Verdict.UNKNOWN
    if bounds.lower > LATE_ALLOWED:
        return Verdict.FAIL
    return Verdict.PASS if bounds.upper < DELTA else Verdict.UNKNOWN


def _late(histogram: Histogram, limit_s: float) -> int:
    return round((share_over_s(histogram, limit_s) or 0.0) * histogram.count)


def _figures(history: History, name: str, during: Histogram, before: Histogram) -> str:
    limit_s = deadline_limit_s(history, name)
    objective = history.topology.journey(name).objectives.p99
    return (
        f"n = {during.count}, {_late(during, limit_s)} late, {told_percentile(during, 99)}; "
        f"baseline {_late(before, limit_s)} of {before.count}, {told_percentile(before, 99)}"
        + (f"; objective p99 {objective}" if objective is not None else "")
    )
