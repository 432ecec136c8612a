"""V2: how did it fail? Cleanly, or by a 500, a reset, a hang, an invalid or empty body?"""

from __future__ import annotations

from harness.checkers.blame import at_customers, blamed
from harness.checkers.found import answers_of, finding, percent
from harness.checkers.statistics import upper_bound
from harness.checkers.tally import MIN_SAMPLES, answers_window, judged
from harness.model.figures import answer_counts
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import AnswerClass, WindowKind
from harness.model.verdict import Verdict

CHECK = "answer-class"


def answer_class(history: History) -> tuple[Finding, ...]:
    """No dirty answer under the fault, whatever a journey owes, unless the customers' own connection is broken."""
    return tuple(_journey(history, name) for name in judged(history))


def _journey(history: History, name: str) -> Finding:
    window, baseline = answers_window(history, name), history.window(WindowKind.BASELINE)
    during = answer_counts(history.answers, window, name) if window else dict.fromkeys(AnswerClass, 0)
    before = answer_counts(history.answers, baseline, name) if baseline else dict.fromkeys(AnswerClass, 0)
    dirty, n = during[AnswerClass.DIRTY], sum(during.values())
    dirty0, n0 = before[AnswerClass.DIRTY], sum(before.values())
    figures = f"n = {n}, {dirty} dirty; baseline {dirty0} of {n0}"
    if at_customers(history):
        verdict = Verdict.PASS
        reason = f"told, not judged, since the fault breaks the customers' own connection: {figures}"
    elif dirty and not dirty0 and n0 >= MIN_SAMPLES:
        kinds = ", ".join(f"{count} {kind.value}" for kind, count in during.items() if count)
        verdict, reason = Verdict.FAIL, f"{dirty} dirty answers where none is allowed ({kinds}), {figures}"
    elif dirty:
        verdict = Verdict.UNKNOWN
        reason = (
            f"the fault can't be told to be the cause of dirty answers, {figures}: settle those of the baseline first"
        )
    elif n < MIN_SAMPLES:
        verdict, reason = Verdict.UNKNOWN, f"too few answers: {figures}; {MIN_SAMPLES} samples would settle it"
    else:
        excluded = percent(upper_bound(dirty, n, history.alpha))
        verdict, reason = Verdict.PASS, f"a share of dirty answers above {excluded} is excluded, {figures}"
    return finding(
        history,
        check=CHECK,
        verdict=verdict,
        reason=reason,
        subject=name,
        blame=blamed(history, name),
        evidence=answers_of(history, name, AnswerClass.DIRTY),
    )
