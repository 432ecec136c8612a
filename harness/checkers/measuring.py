"""The figures that are told of every experiment."""

from __future__ import annotations

from harness.checkers.edge_calls import calls_on, faulted_edges, leading_to
from harness.checkers.recovery import suffered_s
from harness.checkers.suffering import healed_at, well_again_at
from harness.checkers.tally import Tally, judged, tally
from harness.model.history import History
from harness.model.measures import BUDGET_DAYS, EdgeCalls, JourneyMeasures, Measures
from harness.model.observation import Window, WindowKind

_DAY_S = 86_400.0


def measured(history: History) -> Measures | None:
    """Recovery, amplification, calls, degraded share, goodput, budget; None when no fault came into force."""
    window = history.window(WindowKind.FAULT)
    if window is None:
        return None
    healed, well = healed_at(history), well_again_at(history)
    recovery = history.window(WindowKind.RECOVERY)
    until = well if well is not None else (recovery or window).end
    return Measures(
        fault_s=window.length_s,
        suffered_s=suffered_s(history, until) or 0.0,
        recovery_s=None if well is None or healed is None else max(0.0, well - healed),
        journeys=tuple(_journey(history, name, window, until) for name in judged(history)),
        calls=_calls(history),
    )


def _journey(history: History, name: str, window: Window, until: float) -> JourneyMeasures:
    during, before = tally(history, window, name), tally(history, history.window(WindowKind.BASELINE), name)
    ill = tally(history, Window(kind=WindowKind.FAULT, start=window.start, end=max(until, window.end)), name)
    planned = _rate_of(history, name, window)
    good_share = before.good / before.n if before.n else 0.0
    objective = history.topology.journey(name).objectives.availability
    return JourneyMeasures(
        journey=name,
        degraded_share=during.degraded / during.good if during.good else None,
        goodput_before=good_share * planned,
        goodput=during.good / max(len(window.seconds), 1),
        bad=ill.bad,
        budget_share=None if objective is None else _budget(ill, objective, history.experiment.rate, history, name),
    )


def _rate_of(history: History, name: str, window: Window) -> float:
    """Journeys a second of one name that are due under the fault."""
    experiment = history.experiment
    part = experiment.weights[name] / sum(experiment.weights.values())
    return part * experiment.due_under_fault(window.length_s) / window.length_s if window.length_s > 0 else 0.0


def _budget(found: Tally, objective: float, rate: float, history: History, name: str) -> float | None:
    """Part of 30 days' allowance of bad journeys, at the experiment's rate, that these took."""
    weights = history.experiment.weights
    allowed = (1 - objective) * rate * weights[name] / sum(weights.values()) * BUDGET_DAYS * _DAY_S
    return found.bad / allowed if allowed > 0 else None


def _calls(history: History) -> tuple[EdgeCalls, ...]:
    faulted = faulted_edges(history.topology, history.experiment.injections)
    edges = dict.fromkeys((*faulted, *(each for edge in faulted for each in leading_to(history.topology, edge))))
    found = [calls for edge in edges if (calls := calls_on(history, edge)) is not None]
    return tuple(
        EdgeCalls(edge=each.edge, before=each.before / each.due_before, during=each.during / each.due)
        for each in found
        if each.due_before and each.due and (each.before or each.during)
    )
