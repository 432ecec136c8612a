"""V7: did those who have nothing to do with the fault notice it?"""

from __future__ import annotations

from harness.checkers.before import right_before
from harness.checkers.blame import blamed
from harness.checkers.found import finding, told_percentile
from harness.checkers.statistics import BASELINE_PART, Bounds, quantile_ranks
from harness.checkers.tally import MIN_SAMPLES, judged
from harness.model.experiment import Expectation
from harness.model.figures import Histogram, latencies, merged, percentile_s
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import WindowKind
from harness.model.quantity import Duration
from harness.model.verdict import Verdict

CHECK = "isolation"

QUANTILE = 0.95
RATIO_ALLOWED = 1.25
RISE_ALLOWED_S = 0.020


def isolation(history: History) -> tuple[Finding, ...]:
    """The p95 of journeys that owe what they did before: FAIL when certainly 1.25 times and 20 ms slower.

    Slower than in the baseline, and than right before the fault: an experiment may bring a load of its own, under
    which everybody waits longer.
    """
    return tuple(
        _journey(history, name) for name in judged(history) if history.expectation(name) is Expectation.UNCHANGED
    )


def ratio_of_quantiles(during: Histogram, before: Histogram, quantile: float, alpha: float) -> Bounds | None:
    """How many times slower a quantile became, between distribution-free bounds; None without any sample.

    The upper bound is infinite when there are too few samples for one.
    """
    now = _quantile(during, quantile, alpha * (1 - BASELINE_PART))
    then = _quantile(before, quantile, alpha * BASELINE_PART)
    if now is None or then is None:
        return None
    return Bounds(
        lower=now.lower / then.upper,
        estimate=now.estimate / then.estimate,
        upper=now.upper / then.lower if then.lower else float("inf"),
    )


def _quantile(histogram: Histogram, quantile: float, alpha: float) -> Bounds | None:
    estimate = percentile_s(histogram, quantile * 100)
    if estimate is None:
        return None
    low, high = quantile_ranks(histogram.count, quantile, alpha)
    return Bounds(
        lower=_ranked(histogram, low) if low else 0.0,
        estimate=estimate,
        upper=_ranked(histogram, high) if high else float("inf"),
    )


def _ranked(histogram: Histogram, rank: int) -> float:
    return percentile_s(histogram, 100 * rank / histogram.count) or 0.0


def _journey(history: History, name: str) -> Finding:
    window, baseline = history.window(WindowKind.FAULT), history.window(WindowKind.BASELINE)
    during = latencies(history.journeys, window, name) if window else merged(())
    before = latencies(history.journeys, baseline, name) if baseline else merged(())
    ratio = ratio_of_quantiles(during, before, QUANTILE, history.alpha)
    figures = (
        f"n = {during.count}, {told_percentile(during, QUANTILE * 100)}; "
        f"baseline {before.count}, {told_percentile(before, QUANTILE * 100)}"
    )
    verdict, reason = _verdict(ratio, during, before)
    if verdict is not Verdict.PASS and (usual := _usual(history, name)) and not _slower(during, usual):
        verdict = Verdict.PASS
        reason = f"no slower than right before the fault ({told_percentile(usual, QUANTILE * 100)}, n = {usual.count})"
    return finding(
        history, check=CHECK, verdict=verdict, reason=f"{reason}, {figures}", subject=name, blame=blamed(history, name)
    )


def _usual(history: History, name: str) -> Histogram | None:
    """Right before the fault, under the experiment's own load."""
    return right_before(history.journeys, history.window(WindowKind.WARM_UP), name)


def _slower(during: Histogram, before: Histogram) -> bool:
    """Whether they were noticeably slower; where too few were good, nothing says that they were not."""
    now, then = (percentile_s(each, QUANTILE * 100) for each in (during, before))
    if now is None or then is None or during.count < MIN_SAMPLES:
        return True
    return now - then >= RISE_ALLOWED_S and now > RATIO_ALLOWED * then


def _verdict(ratio: Bounds | None, during: Histogram, before: Histogram) -> tuple[Verdict, str]:
    if ratio is None or min(during.count, before.count) < MIN_SAMPLES:
        return Verdict.UNKNOWN, f"too few good journeys to compare; {MIN_SAMPLES} samples in each window would do"
    slower_s = (percentile_s(during, QUANTILE * 100) or 0.0) - (percentile_s(before, QUANTILE * 100) or 0.0)
    beyond = slower_s >= RISE_ALLOWED_S
    if beyond and ratio.lower > RATIO_ALLOWED:
        return (
            Verdict.FAIL,
            f"slower by at least {ratio.lower:.2f} times ({Duration(slower_s)}), though it is no part of it",
        )
    if beyond and ratio.estimate > RATIO_ALLOWED:
        return (
            Verdict.UNKNOWN,
            f"slower by {ratio.estimate:.2f} times, which may be chance; a longer window would settle it",
        )
    if ratio.upper == float("inf"):
        return Verdict.PASS, f"no slow-down beyond {RATIO_ALLOWED} times and {Duration(RISE_ALLOWED_S)} seen"
    return Verdict.PASS, f"a slow-down beyond {ratio.upper:.2f} times is excluded"
