"""What a run's journal says of each thing that it judged, ready to be held against another run's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import JournalError
from harness.model.attempts import that_count
from harness.model.events import (
    Event,
    ExperimentEnded,
    ExperimentStarted,
    FindingMade,
    MatrixCellEnded,
    RunEnded,
    RunStarted,
    WindowEnded,
)
from harness.model.experiment import Role
from harness.model.finding import Part
from harness.model.load_events import Observed
from harness.model.matrix import CellVerdict, Kind
from harness.model.observation import JourneySecond, Outcome, WindowKind
from harness.model.verdict import Verdict

_APART = frozenset({Part.PACTS, Part.FUZZ, Part.SAFETY, Part.LOAD})
"""Findings that stand for themselves; those of cells and experiments are told with them."""
_BAD = frozenset({Outcome.FAILED, Outcome.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSeen:
    """An experiment, as often as it was conducted."""

    verdicts: tuple[Verdict, ...]
    recoveries_s: tuple[float | None, ...]
    bad: dict[str, tuple[int, int]]
    """Journey → how many under the fault were bad, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeen:
    """One run; what another run is held against."""

    header: RunStarted
    verdict: Verdict | None
    """None when the journal was cut short."""
    cells: dict[str, CellVerdict]
    experiments: dict[str, ExperimentSeen]
    findings: dict[tuple[str, str], Verdict]
    """Part, and check with subject → the worst of its verdicts."""


def run_seen(events: Sequence[Event]) -> RunSeen:
    """What a journal tells.

    Raises:
        JournalError: if it does not begin with `run-started`.
    """
    header = events[0] if events else None
    if not isinstance(header, RunStarted):
        raise JournalError("expected 'run-started' as a journal's first event; there is no run to compare")
    rest = that_count(each for each in events if not isinstance(each, Observed))
    cells = [each.result for each in rest if isinstance(each, MatrixCellEnded)]
    return RunSeen(
        header=header,
        verdict=next((each.verdict for each in rest if isinstance(each, RunEnded)), None),
        cells={str(each.cell): each for each in cells if each.cell.kind is not Kind.PLACEBO},
        experiments=_experiments(rest, [each for each in events if isinstance(each, Observed)]),
        findings=_findings(rest),
    )


def _findings(events: Sequence[Event]) -> dict[tuple[str, str], Verdict]:
    order = (Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL)
    found: dict[tuple[str, str], Verdict] = {}
    for each in events:
        if isinstance(each, FindingMade) and each.finding.part in _APART:
            finding = each.finding
            words = (finding.experiment, finding.edge, finding.check, finding.subject)
            key = (finding.part.value, " ".join(word for word in words if word))
            found[key] = max(found.get(key, Verdict.PASS), finding.verdict, key=order.index)
    return found


def _experiments(events: Sequence[Event], observed: Sequence[Observed]) -> dict[str, ExperimentSeen]:
    probes = {
        each.name
        for each in events
        if isinstance(each, ExperimentStarted) and each.role in {Role.PLACEBO, Role.CONTROL}
    }
    ended: dict[str, list[ExperimentEnded]] = defaultdict(list)
    for each in events:
        if isinstance(each, ExperimentEnded) and each.name not in probes:
            ended[each.name].append(each)
    faults: dict[str, set[int]] = defaultdict(set)
    for each in events:
        if isinstance(each, WindowEnded) and each.window.kind is WindowKind.FAULT:
            faults[each.experiment].update(each.window.seconds)
    by_second: dict[int, list[JourneySecond]] = defaultdict(list)
    for row in (row for each in observed for row in each.journeys):
        by_second[row.second].append(row)
    return {
        name: ExperimentSeen(
            verdicts=tuple(each.verdict for each in endings),
            recoveries_s=tuple(each.recovery_s for each in endings),
            bad=_bad([row for second in faults[name] for row in by_second.get(second, ())]),
        )
        for name, endings in ended.items()
    }


def _bad(rows: Sequence[JourneySecond]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        bad, total = found.get(row.journey, (0, 0))
        found[row.journey] = (bad + (row.count if row.outcome in _BAD else 0), total + row.count)
    return {name: of for name, of in sorted(found.items()) if of[1]}
