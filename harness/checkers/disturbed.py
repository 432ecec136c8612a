"""Was it the machine that kept an experiment from telling anything? Then it is worth asking again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.checkers.company import crowd, crowded, full, told, was_full
from harness.checkers.load_health import lateness
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.neighbours import Company, Neighbours
from harness.model.observation import GeneratorSecond, Window, WindowKind
from harness.model.verdict import Verdict, worst

SHOWN = 3
"""Findings that are named as left open."""


def disturbed(history: History, found: Iterable[Finding]) -> str:
    """Why an experiment that is UNKNOWN says nothing, if it was the machine or a load that came late; else empty.

    One that is FAIL, or PASS, is not asked again: nothing that was seen to be red becomes green by it. Nor is one that
    would be UNKNOWN again, since a part of the harness is in doubt, or the baseline that all hangs on came late.
    """
    counted = [each for each in found if not each.excused]
    if worst(each.verdict for each in counted) is not Verdict.UNKNOWN or history.trouble:
        return ""
    baseline = [each for each in history.windows if each.kind is WindowKind.BASELINE]
    if _machine(None, history.generator, baseline):
        return ""
    own = [each for each in history.windows if each.kind not in {WindowKind.BASELINE, WindowKind.REST}]
    why = _machine(crowd(history, [each.kind for each in own]) or full(history), history.generator, own)
    return f"{why}; left open: {_open(counted)}" if why else ""


def baseline_disturbed(
    baseline: Window, company: Company, generator: Iterable[GeneratorSecond], neighbours: Neighbours
) -> str:
    """The same of a baseline, on which all experiments hang."""
    counts = crowded(company, neighbours) or was_full(company, neighbours)
    return _machine(company if counts else None, tuple(generator), [baseline])


def _open(found: Iterable[Finding]) -> str:
    """What is UNKNOWN, each by its check and what that was asked of; what was asked of the run itself only if alone."""
    unknown = [each for each in found if each.verdict is Verdict.UNKNOWN]
    told_of = [each for each in unknown if each.part is not Part.VALIDITY] or unknown
    names = list(dict.fromkeys(f"{each.check} of {each.subject}" for each in told_of))
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _machine(company: Company | None, generator: Sequence[GeneratorSecond], windows: Iterable[Window]) -> str:
    """What the machine did to some windows, in words."""
    beside = [] if company is None else [f"{company.window.value}: {told(company)}"]
    late = [f"{window.kind.value}: {why}" for window in windows if (why := lateness(generator, window))]
    return "; ".join(beside + late)
