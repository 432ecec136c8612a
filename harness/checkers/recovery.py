"""V8: how long until it is well again?"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from harness.checkers.before import own_warm_up, right_before
from harness.checkers.blame import blamed
from harness.checkers.found import finding
from harness.checkers.statistics import allowance
from harness.checkers.tally import judged
from harness.model.figures import GOOD, Histogram, counts, latencies, merged, percentile_s, seconds_in, share_over_s
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import JourneySecond, Outcome, Window, WindowKind
from harness.model.verdict import Verdict

CHECK = "recovery"

IN_A_ROW = 3
"""One-second windows that must be well, one after the other."""

MIN_JOURNEYS = 5
"""Fewer in a second say nothing about it."""

WINDOW_LIMIT_S = 2
"""A second that few were due in is looked at together with the next, and no longer than that."""

SLOWER_TIMES = 1.5
SLOWER_BY_S = 0.050
"""A journey is slow when it exceeds its baseline p95 by both of these (whichever allows more)."""

SLOW_SHARE = 0.05
"""The share of slow journeys that a p95 leaves."""

CHANCE = 0.01
"""A second with more bad journeys than come by chance at this rate is ill."""

NEITHER = "past the time allowed it was never well for 3 s in a row, nor certainly ill; a longer recovery tells"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is looked at in a stretch of time, over all journeys together."""

    n: int = 0
    bad: int = 0
    degraded: int = 0
    slow: int = 0

    def __add__(self, other: Signs) -> Signs:
        """Both stretches together."""
        return Signs(
            n=self.n + other.n,
            bad=self.bad + other.bad,
            degraded=self.degraded + other.degraded,
            slow=self.slow + other.slow,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wellness:
    """What well means: as in the baseline. Good answers, as few degraded ones, as fast."""

    slow_over_s: dict[str, float]
    """Journey → time above which it is slow."""
    bad_share: float
    degraded_share: float

    def well(self, signs: Signs) -> bool:
        """Whether a stretch equals the baseline; one with too few journeys does not."""
        return signs.n >= MIN_JOURNEYS and self.as_before(signs)

    def as_before(self, signs: Signs) -> bool:
        """Whether what there was, however little, was as in the baseline."""
        return (
            signs.bad <= allowance(signs.n, self.bad_share, CHANCE)
            and signs.degraded <= allowance(signs.n, self.degraded_share, CHANCE)
            and signs.slow <= max(1, math.floor(SLOW_SHARE * signs.n))
        )

    def ill(self, signs: Signs) -> bool:
        """Whether a stretch is certainly not as the baseline; what is neither well nor ill, chance may have made so."""
        return (
            signs.bad > allowance(signs.n, self.bad_share, CHANCE)
            or signs.degraded > allowance(signs.n, self.degraded_share, CHANCE)
            or signs.slow > allowance(signs.n, SLOW_SHARE, CHANCE)
        )


def wellness(
    journeys: Iterable[JourneySecond], baseline: Window, names: Collection[str], warm_up: Window | None = None
) -> Wellness | None:
    """What well means according to the baseline; None when that has no good journey.

    Under a load of the experiment's own, which `warm_up` bore, journeys may take as long as right before the fault,
    where that was longer. What is bad or degraded no load excuses.
    """
    rows = list(journeys)
    seconds = [each for each in seconds_in(rows, baseline) if each.journey in names]
    found = counts(seconds, baseline)
    n = sum(found.values())
    slow_over_s = {}
    for name in names:
        p95_s = percentile_s(latencies(seconds, baseline, name), 95)
        if p95_s is not None:
            slow_over_s[name] = _slow_over_s(p95_s, right_before(rows, warm_up, name))
    if not slow_over_s:
        return None
    # A baseline without a bad one among n is no proof of a share below 1 / n.
    return Wellness(
        slow_over_s=slow_over_s,
        bad_share=max(found[Outcome.FAILED] + found[Outcome.UNKNOWN], 1) / (n + 1),
        degraded_share=max(found[Outcome.DEGRADED], 1) / (n + 1),
    )


def _slow_over_s(p95_s: float, usual: Histogram | None) -> float:
    limit_s = max(SLOWER_TIMES * p95_s, p95_s + SLOWER_BY_S)
    usual_s = percentile_s(usual, 95) if usual is not None else None
    if usual_s is None:
        return limit_s
    # A warm-up ends when all is as in the baseline: few samples must not make believe that it was slower than that.
    usual_s = min(usual_s, limit_s)
    return max(limit_s, SLOWER_TIMES * usual_s, usual_s + SLOWER_BY_S)


def known_of(history: History) -> Wellness | None:
    """What well means after an experiment; None without a baseline, or when that has no good journey."""
    baseline = history.window(WindowKind.BASELINE)
    return wellness(history.journeys, baseline, judged(history), _warm_up(history)) if baseline else None


def back_at(history: History, since: float, until: float) -> float | None:
    """When an experiment's system was well again, of what was seen since a moment; None when it was not."""
    baseline = history.window(WindowKind.BASELINE)
    if baseline is None:
        return None
    return recovered_at(
        journeys=history.journeys,
        baseline=baseline,
        healed_at=since,
        until=until,
        names=judged(history),
        warm_up=_warm_up(history),
    )


def _warm_up(history: History) -> Window | None:
    return own_warm_up(history.experiment, history.journeys, history.windows)


def signs_by_second(
    journeys: Iterable[JourneySecond], known: Wellness, start: int, end: int, names: Collection[str]
) -> dict[int, Signs]:
    """The signs of each whole second from `start` until before `end`; seconds without journeys are there too."""
    signs = {second: Signs() for second in range(start, end)}
    slow: dict[tuple[int, str], list[str]] = {}
    for each in journeys:
        if each.second not in signs or each.journey not in names:
            continue
        signs[each.second] += Signs(
            n=each.count,
            bad=0 if each.outcome in GOOD else each.count,
            degraded=each.count if each.outcome is Outcome.DEGRADED else 0,
        )
        if each.outcome in GOOD:
            slow.setdefault((each.second, each.journey), []).append(each.latencies)
    for (second, name), parts in slow.items():
        histogram = merged(parts)
        if name not in known.slow_over_s:  # it never ended well in the baseline, so nobody knows what slow is
            continue
        over = share_over_s(histogram, known.slow_over_s[name]) or 0.0
        signs[second] += Signs(slow=round(over * histogram.count))
    return signs


def stays_ill(
    journeys: Iterable[JourneySecond], known: Wellness, since: float, until: float, names: Collection[str]
) -> bool:
    """Whether a stretch as a whole is certainly not as the baseline.

    Who never had three seconds in a row that were well may have had bad luck with one journey too many now and then.
    """
    signs = signs_by_second(journeys, known, math.ceil(since), math.floor(until), names)
    return known.ill(sum(signs.values(), Signs()))


def recovered_at(  # noqa: PLR0913 -- all by keyword
    *,
    journeys: Iterable[JourneySecond],
    baseline: Window,
    healed_at: float,
    until: float,
    names: Collection[str],
    warm_up: Window | None = None,
) -> float | None:
    """When the first of three windows in a row began that equal the baseline; None if none did yet.

    A window is a second, or two where the first brings too few journeys to say something.

    Each of the three must be well, and so must the three together (where a small journey that is dead shows).
    Only whole seconds between `healed_at` and `until` are looked at. A journey is filed under the second in
    which it was due once it has *ended*: whoever asks while the load still runs must let `until` lag behind now
    by the longest that a journey takes, or seconds look better (and emptier) than they are.
    For `warm_up` see `wellness`.
    """
    rows = list(journeys)
    known = wellness(rows, baseline, names, warm_up)
    if known is None:
        return None
    first, last = math.ceil(healed_at), math.floor(until)
    signs = signs_by_second(rows, known, first, last, names)
    for second in range(first, last):
        run = _windows(signs, second, last)
        if len(run) == IN_A_ROW and all(known.well(each) for each in run) and known.well(sum(run, Signs())):
            return float(second)
    return None


def _windows(signs: Mapping[int, Signs], start: int, end: int) -> list[Signs]:
    """As many windows as are asked in a row, from a second with journeys on, and fewer when the time is over.

    Each is as long as it takes to say something, within bounds: where few are due, a second may bring fewer by chance.
    """
    found: list[Signs] = []
    if not signs[start].n:
        return found
    window, seconds = Signs(), 0
    for second in range(start, end):
        window, seconds = window + signs[second], seconds + 1
        if window.n >= MIN_JOURNEYS:
            found.append(window)
            window, seconds = Signs(), 0
        if len(found) == IN_A_ROW or seconds == WINDOW_LIMIT_S:
            break
    return found


def recovery(history: History) -> tuple[Finding, ...]:
    """From the confirmed end of the last fault until three windows in a row equal the baseline, within the bound."""
    healed = [forced.healed_at for forced in history.forced]
    window = history.window(WindowKind.RECOVERY)
    if not healed or None in healed or history.window(WindowKind.BASELINE) is None or window is None:
        return (
            _found(
                history, Verdict.UNKNOWN, "it was not measured: no confirmed end of the fault, or no recovery window"
            ),
        )
    healed_at = max(at for at in healed if at is not None)
    at = back_at(history, healed_at, window.end)
    bound = history.experiment.recover_within
    told = _amplification(history, at if at is not None else window.end)
    if at is not None:
        verdict = Verdict.PASS if at - healed_at <= bound else Verdict.FAIL
        took = f"well again after {at - healed_at:.1f} s, allowed {bound}"
        return (_found(history, verdict, f"{took}; {told}"),)
    return (_found(history, *_never(history, healed_at, window.end, told)),)


def _never(history: History, healed_at: float, until: float, told: str) -> tuple[Verdict, str]:
    bound = history.experiment.recover_within
    known = known_of(history)
    first, last = math.ceil(healed_at), math.floor(until)
    if known is None:
        return Verdict.UNKNOWN, "there is no baseline to compare with"
    signs = signs_by_second(history.journeys, known, first, last, judged(history))
    empty = sum(each.n < MIN_JOURNEYS for each in signs.values())
    if last < math.floor(healed_at + bound) + IN_A_ROW:
        return Verdict.UNKNOWN, f"not well within the {last - first} s watched, too few for the {bound} allowed; {told}"
    if empty * 2 > len(signs):
        return (
            Verdict.UNKNOWN,
            f"fewer than {MIN_JOURNEYS} journeys in {empty} of {len(signs)} seconds; {told}",
        )
    state = _told(sum(signs.values(), Signs()))
    never = f"not well again within {last - first} s after the fault, allowed {bound}: {state}"
    if not stays_ill(history.journeys, known, healed_at + bound, until, judged(history)):
        return Verdict.UNKNOWN, f"{never}; {NEITHER}; {told}"
    return Verdict.FAIL, f"{never}; {told}"


def still_ill(history: History, healed_at: float) -> tuple[Finding, ...]:
    """Of an experiment that is asked again, and whose system does not come to look as in the baseline any more.

    The attempt before was disturbed when it watched it recover; but who is certainly ill now never did.

    Args:
        history: of the new attempt, which ended with its warm-up.
        healed_at: when the faults of the one before were gone.
    """
    window, known = history.window(WindowKind.WARM_UP), known_of(history)
    bound = history.experiment.recover_within
    if window is None or known is None or window.start < healed_at + bound:
        return ()
    if not stays_ill(history.journeys, known, window.start, window.end, judged(history)):
        return ()
    first, last = math.ceil(window.start), math.floor(window.end)
    state = _told(sum(signs_by_second(history.journeys, known, first, last, judged(history)).values(), Signs()))
    reason = f"not well {window.end - healed_at:.0f} s after the fault of the attempt before, allowed {bound}: {state}"
    return (_found(history, Verdict.FAIL, reason, window=WindowKind.WARM_UP),)


def _told(signs: Signs) -> str:
    return f"{signs.bad} of {signs.n} journeys bad, {signs.degraded} degraded, {signs.slow} slow"


def suffered_s(history: History, until: float) -> float | None:
    """Seconds from the first fault on in which journeys fared worse than before; None without a baseline or a fault."""
    window, known = history.window(WindowKind.FAULT), known_of(history)
    if window is None or known is None:
        return None
    signs = signs_by_second(history.journeys, known, math.ceil(window.start), math.floor(until), judged(history))
    return float(sum(not known.as_before(each) for each in signs.values()))


def _amplification(history: History, until: float) -> str:
    window, suffered = history.window(WindowKind.FAULT), suffered_s(history, until)
    if window is None or suffered is None or window.length_s <= 0:
        return "amplification unknown"
    told = f"users suffered {suffered:.0f} s, the fault lasted {window.length_s:.0f} s"
    return f"{told}, amplification {suffered / window.length_s:.2f}"


def _found(history: History, verdict: Verdict, reason: str, *, window: WindowKind = WindowKind.RECOVERY) -> Finding:
    blame = blamed(history, window=window)
    return finding(history, check=CHECK, verdict=verdict, reason=reason, subject="all journeys", blame=blame)
